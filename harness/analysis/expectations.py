"""What a scenario says must come out, set against what came out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from harness.analysis import many, rules
from harness.analysis.quantities import value
from harness.analysis.result import Check, Result
from harness.analysis.statistic import statistic
from harness.frames import Run
from harness.packed import EMPTY, Packed
from harness.scenario.cell import Cell
from harness.scenario.check import named_places
from harness.scenario.expansion import same
from harness.scenario.expect import CONSTANTS, LEAST_SEEDS, Expect
from harness.scenario.read import Expectation, Scenario

Row = dict[str, Any]
# Cells whose traces are looked at together.
_AT_ONCE = 2_048
# A state as the user named it, its name, and the number wanted there.
Wanted = tuple[tuple[str, int], str, Any]


def check_all(run: Run) -> list[Result]:
    """Every expectation of every scenario of a run, in file order."""
    return _results(run, lambda scenario: scenario.expectations)


def check_limits(run: Run) -> list[Result]:
    """Every limit of every scenario's `[gates]`."""
    return _results(run, lambda scenario: scenario.limits)


def _results(run: Run, items: Callable[[Scenario], Sequence[Expectation]]) -> list[Result]:
    results: list[Result] = []
    for scenario in run.file.scenarios:
        by_cell: dict[str, list[Row]] = {}
        for row in run.cell_rows:
            if row["scenario"] == scenario.name:
                by_cell.setdefault(str(row["cell"]), []).append(row)
        reader = _Reader(run, scenario, by_cell)
        results += [_check(reader, item) for item in items(scenario)]
    return results


@dataclass(frozen=True)
class _Reader:
    """One scenario of a run, and what its cells left behind."""

    run: Run
    scenario: Scenario
    rows: dict[str, list[Row]]

    def trace(self, row: Row) -> Packed:
        return self.run.file.trace(self.scenario.name, str(row["cell"]), int(row["replicate"]))

    def values(self, item: Expectation, asked: Sequence[tuple[Cell, Row, int]]) -> list[float]:
        """The expectation's quantity at states of cells."""
        found: list[float] = []
        for start in range(0, len(asked), _AT_ONCE):
            part = asked[start : start + _AT_ONCE]
            together: dict[int, float] = {}
            if not _alone(item.expect):
                together = many.values(item.expect, [(cell.spec, row, self.trace(row), at) for cell, row, at in part])
            found += [
                together[place] if place in together else self.value(item, *one) for place, one in enumerate(part)
            ]
        return found

    def value(self, item: Expectation, cell: Cell, row: Row, step: int) -> float:
        """The expectation's quantity at a state of a cell; the trace is read only if it says it."""
        trace = EMPTY if _alone(item.expect) else self.trace(row)
        inputs = self.run.file.inputs(self.scenario.name, cell.spec)
        return float(value(item.expect, cell.spec, inputs, row, trace, step))


def _alone(expect: Expect) -> bool:
    """Whether it is about no state of the training."""
    return expect.name in CONSTANTS or expect.of is not None


def _check(reader: _Reader, item: Expectation) -> Result:
    expect = item.expect
    matching = [
        cell for cell in reader.scenario.file_cells if all(same(cell.axes[a], v) for a, v in expect.where.items())
    ]
    check = _over_seeds if expect.over_seeds else _each_cell
    checks, reason = check(reader, item, matching)
    return Result(reader.scenario.name, item.number, expect, tuple(checks), "" if checks else reason)


def _each_cell(reader: _Reader, item: Expectation, matching: Sequence[Cell]) -> tuple[list[Check], str]:
    expect = item.expect
    rows = [
        (cell, row)
        for cell in matching
        for row in _one_of_each_digest(reader.rows.get(cell.id, []))
        if row["status"] != "skipped" or "skipped" in rules.words(expect)
    ]
    if expect.name in ("outcome", "status"):
        return [_word_check(expect, cell, row) for cell, row in rows], _why_none(reader, matching)
    return _of_rows(reader, item, rows), _why_none(reader, matching)


def _why_none(reader: _Reader, matching: Sequence[Cell]) -> str:
    rows = [row for cell in matching for row in reader.rows.get(cell.id, [])]
    if rows:
        return f"skipped: {rows[0]['reason']}"
    return "none of its cells is in this run (left out by --quick, --only or --set, or not yet run)"


def _one_of_each_digest(rows: Iterable[Row]) -> list[Row]:
    """Replicates that ended on the same bits say the same; one of them is read."""
    found = list(rows)
    return list({(row["status"], row["digest"]): row for row in reversed(found)}.values()) if found[1:] else found


def _of_rows(reader: _Reader, item: Expectation, rows: Sequence[tuple[Cell, Row]]) -> list[Check]:
    wanted = _wanted(item)
    places = [(cell, row, *place) for cell, row in rows for place in _in_steps(wanted, cell)]
    asked = [(cell, row, step) for cell, row, step, _, _ in places if row["status"] == "ok"]
    values = iter(reader.values(item, asked))
    checks = []
    for cell, row, _, place, want in places:
        if row["status"] != "ok":
            checks.append(Check(cell.id, cell.axes, place, row["status"], want, False, math.inf))
            continue
        found = next(values)
        distance = rules.distance(item.expect, found, want)
        checks.append(Check(cell.id, cell.axes, place, found, want, distance <= 1, distance))
    return checks


def _word_check(expect: Expect, cell: Cell, row: Row) -> Check:
    wanted = expect.equals if expect.equals is not None else expect.not_equals
    ran = expect.name == "status" or row["status"] == "ok"
    found = row[expect.name] if ran else row["status"]
    held = ran and (found in rules.words(expect)) == (expect.equals is not None)
    return Check(cell.id, cell.axes, "", found, wanted, held, 0.0 if held else math.inf)


def _over_seeds(reader: _Reader, item: Expectation, matching: Sequence[Cell]) -> tuple[list[Check], str]:
    """The rule over all seeds, for each combination of the other axes."""
    groups: dict[Any, list[Cell]] = {}
    for cell in matching:
        groups.setdefault(cell.without("seed"), []).append(cell)
    checks: list[Check] = []
    reasons = []
    for cells in groups.values():
        reason = _incomplete(reader, item.expect, cells)
        if reason:
            reasons.append(reason)
        else:
            checks += _of_group(reader, item, cells)
    return checks, reasons[0] if reasons else ""


def _incomplete(reader: _Reader, expect: Expect, cells: Sequence[Cell]) -> str:
    least = expect.least_seeds if expect.inside is not None else LEAST_SEEDS.get(expect.statistic or "sd", 1)
    if len(cells) < least:
        return f"{len(cells)} seed{'s' * (len(cells) != 1)}; it takes {least}"
    rows = [reader.rows.get(cell.id) for cell in cells]
    absent = sum(not found for found in rows)
    if absent:
        return f"{absent} of its {len(cells)} seeds are not in this run"
    skipped = next((found[0] for found in rows if found and found[0]["status"] == "skipped"), None)
    return f"skipped: {skipped['reason']}" if skipped else ""


def _of_group(reader: _Reader, item: Expectation, cells: Sequence[Cell]) -> list[Check]:
    expect, first = item.expect, cells[0]
    axes = {axis: level for axis, level in first.axes.items() if axis != "seed"}
    rows = [reader.rows[cell.id][0] for cell in cells]
    bad = next((row for cell in cells for row in reader.rows[cell.id] if row["status"] != "ok"), None)
    wanted = _wanted(item)
    if bad is not None:
        return [Check(str(bad["cell"]), axes, place, bad["status"], want, False, math.inf) for _, place, want in wanted]
    checks = []
    for step, place, want in _in_steps(wanted, first):
        found = reader.values(item, [(cell, row, step) for cell, row in zip(cells, rows, strict=True)])
        if expect.statistic is not None:
            starts = [0.0] * len(found)
            if expect.statistic == "start_correlation":
                starts = reader.values(item, [(cell, row, 0) for cell, row in zip(cells, rows, strict=True)])
            shown: Any = statistic(expect.statistic, found, starts)
            distance = rules.distance(expect, shown, want)
        else:
            shown, distance = rules.spread(expect, found, want)
        checks.append(Check(first.id, axes, place, shown, want, distance <= 1, distance))
    return checks


def _wanted(item: Expectation) -> list[Wanted]:
    """Every state that the expectation names, with the number wanted there."""
    expect = item.expect
    places = named_places(expect, item.rows) or [(str(expect.at), 0)]
    if item.rows is not None:
        values: Sequence[Any] = item.rows.values
    elif isinstance(expect.value, tuple):
        values = expect.value
    else:
        values = [_one_wanted(expect)] * len(places)
    texts = [unit if unit in ("start", "end") else f"{unit} {place}" for unit, place in places]
    return [
        (place, "" if _alone(expect) else text, want) for place, text, want in zip(places, texts, values, strict=True)
    ]


def _one_wanted(expect: Expect) -> Any:
    """The one value or limit; both where there are two limits."""
    given = [item for item in (expect.value, expect.at_least, expect.at_most) if item is not None]
    return given[0] if len(given) == 1 else tuple(given)


def _in_steps(wanted: Sequence[Wanted], cell: Cell) -> list[tuple[int, str, Any]]:
    return [(_step(cell, unit, place), text, want) for (unit, place), text, want in wanted]


def _step(cell: Cell, unit: str, place: int) -> int:
    if unit == "end":
        return cell.spec.steps
    return place * {"start": 0, "step": 1, "epoch": cell.spec.batches_per_epoch}[unit]


__all__ = ["Check", "Result", "check_all", "check_limits"]
