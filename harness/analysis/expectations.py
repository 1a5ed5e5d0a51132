"""What a scenario says must come out, set against what came out."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from harness.analysis.quantities import value
from harness.cell import Cell
from harness.frames import Run
from harness.grid import same
from harness.record import Arrays
from harness.scenario.check import named_places
from harness.scenario.expect import CONSTANTS, AtEpoch, Expect
from harness.scenario.read import Expectation, Scenario

Row = dict[str, Any]


@dataclass(frozen=True)
class Check:
    """
    One comparison.

    Args:
        cell: Id of the cell; of the first of its seeds, where the rule is over seeds.
        axes: The cell's axes, without the seed where the rule is over seeds.
        place: `end`, `start`, `epoch 3`, `step 100`; empty for words.
        found: What came out; over seeds the least and the largest (or mean and sd).
        wanted: What the scenario says.
        held: Whether the rule holds.
        distance: How far off, in units of what is allowed; 0 for words that hold.
    """

    cell: str
    axes: dict[str, Any]
    place: str
    found: Any
    wanted: Any
    held: bool
    distance: float


@dataclass(frozen=True)
class Result:
    """
    One expectation after the run.

    Args:
        scenario: Its scenario.
        number: Its place in the file, from 0.
        expect: What it says.
        checks: Every comparison made.
        not_checked: Why no comparison was made; empty where one was.
    """

    scenario: str
    number: int
    expect: Expect
    checks: tuple[Check, ...]
    not_checked: str = ""

    @property
    def missed(self) -> list[Check]:
        """Comparisons that do not hold, the farthest off first."""
        return sorted((check for check in self.checks if not check.held), key=lambda check: -check.distance)

    @property
    def closest_call(self) -> Check | None:
        """The comparison farthest off, held or not."""
        return max(self.checks, key=lambda check: (not check.held, check.distance), default=None)

    @property
    def status(self) -> str:
        """`held`, `missed` or `not checked`."""
        if not self.checks:
            return "not checked"
        return "missed" if self.missed else "held"

    @property
    def claim(self) -> str:
        """What is claimed, as one phrase: `weights[0] at the end = 2.98927619 to 8 digits`."""
        return f"{_what(self.expect)} {_rule(self.expect)}"


def check_all(run: Run) -> list[Result]:
    """Every expectation of every scenario of a run, in file order."""
    results: list[Result] = []
    for scenario in run.file.scenarios:
        rows = run.cells[run.cells["scenario"] == scenario.name].to_dict("records")
        by_cell: dict[str, list[Row]] = {}
        for row in rows:
            by_cell.setdefault(str(row["cell"]), []).append({str(key): item for key, item in row.items()})
        reader = _Reader(run, scenario, by_cell)
        results += [_check(reader, item) for item in scenario.expectations]
    return results


@dataclass(frozen=True)
class _Reader:
    """One scenario of a run, and what its cells left behind."""

    run: Run
    scenario: Scenario
    rows: dict[str, list[Row]]

    def trace(self, row: Row) -> Arrays:
        return self.run.file.trace(self.scenario.name, str(row["cell"]), int(row["replicate"]))

    def value(self, item: Expectation, cell: Cell, row: Row, step: int) -> float:
        """The expectation's quantity at a state of a cell; the trace is read only if it says it."""
        trace = {} if item.expect.name in CONSTANTS else self.trace(row)
        return float(value(item.expect, cell.spec, row, trace, step))


def _check(reader: _Reader, item: Expectation) -> Result:
    expect = item.expect
    matching = [
        cell for cell in reader.scenario.file_cells if all(same(cell.axes[a], v) for a, v in expect.where.items())
    ]
    check = _over_seeds if expect.over_seeds else _each_cell
    checks, reason = check(reader, item, matching)
    return Result(reader.scenario.name, item.number, expect, tuple(checks), "" if checks else reason)


def _each_cell(reader: _Reader, item: Expectation, matching: Sequence[Cell]) -> tuple[list[Check], str]:
    checks: list[Check] = []
    for cell in matching:
        for row in _one_of_each_digest(reader.rows.get(cell.id, [])):
            if row["status"] != "skipped" or "skipped" in _words(item.expect):
                checks += _of_row(reader, item, cell, row)
    return checks, _why_none(reader, matching)


def _why_none(reader: _Reader, matching: Sequence[Cell]) -> str:
    rows = [row for cell in matching for row in reader.rows.get(cell.id, [])]
    if rows:
        return f"skipped: {rows[0]['reason']}"
    return "none of its cells is in this run (left out by --quick, --only or --set, or not yet run)"


def _one_of_each_digest(rows: Iterable[Row]) -> list[Row]:
    """Replicates that ended on the same bits say the same; one of them is read."""
    return list({(row["status"], row["digest"]): row for row in reversed(list(rows))}.values())


def _of_row(reader: _Reader, item: Expectation, cell: Cell, row: Row) -> list[Check]:
    expect = item.expect
    if expect.name in ("outcome", "status"):
        return [_word_check(expect, cell, row)]
    wanted = _wanted(item)
    if row["status"] != "ok":
        return [Check(cell.id, cell.axes, place, row["status"], want, False, math.inf) for _, place, want in wanted]
    checks = []
    for step, place, want in _in_steps(wanted, cell):
        found = reader.value(item, cell, row, step)
        distance = _distance(expect, found, want)
        checks.append(Check(cell.id, cell.axes, place, found, want, distance <= 1, distance))
    return checks


def _word_check(expect: Expect, cell: Cell, row: Row) -> Check:
    wanted = expect.equals if expect.equals is not None else expect.not_equals
    ran = expect.name == "status" or row["status"] == "ok"
    found = row[expect.name] if ran else row["status"]
    held = ran and (found in _words(expect)) == (expect.equals is not None)
    return Check(cell.id, cell.axes, "", found, wanted, held, 0.0 if held else math.inf)


def _words(expect: Expect) -> tuple[str, ...]:
    """The words of `equals` or `not_equals`."""
    words = expect.equals if expect.equals is not None else expect.not_equals
    return words if isinstance(words, tuple) else (words or "",)


# A state as the user named it, and the number wanted there.
Wanted = tuple[tuple[str, int], str, float]


def _wanted(item: Expectation) -> list[Wanted]:
    """Every state that the expectation names, with the number wanted there."""
    expect = item.expect
    places = named_places(expect, item.rows) or [(str(expect.at), 0)]
    if item.rows is not None:
        values: Sequence[float] = item.rows.values
    elif isinstance(expect.value, tuple):
        values = expect.value
    else:
        limit = expect.value if expect.value is not None else expect.at_least
        values = [limit if limit is not None else float(expect.at_most or 0.0)] * len(places)
    texts = [unit if unit in ("start", "end") else f"{unit} {place}" for unit, place in places]
    return [(place, text, float(want)) for place, text, want in zip(places, texts, values, strict=True)]


def _in_steps(wanted: list[Wanted], cell: Cell) -> list[tuple[int, str, float]]:
    factor = {"start": 0, "end": 0, "step": 1, "epoch": cell.spec.batches_per_epoch}
    return [
        (cell.spec.steps if unit == "end" else place * factor[unit], text, want) for (unit, place), text, want in wanted
    ]


def _distance(expect: Expect, found: float, wanted: float) -> float:
    """How far `found` is from what is wanted, 1 being just allowed; inf where nothing can be said."""
    if math.isnan(found):
        return math.inf
    if expect.at_least is not None or expect.at_most is not None:
        low = expect.at_least if expect.at_least is not None else -math.inf
        high = expect.at_most if expect.at_most is not None else math.inf
        return 0.0 if low <= found <= high else math.inf
    allowed = _allowed(expect, wanted)
    if found == wanted:
        return 0.0
    return abs(found - wanted) / allowed if allowed else math.inf


def _allowed(expect: Expect, wanted: float) -> float:
    if expect.within is not None:
        return expect.within
    relative = expect.relative if expect.relative is not None else 10.0 ** -(expect.digits or 0.0)
    return relative * abs(wanted)


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
    least = expect.least_seeds if expect.inside is not None else 2
    if len(cells) < least:
        return f"{len(cells)} seeds; it takes {least}"
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
    bad = next((row for row in rows if row["status"] != "ok"), None)
    wanted = _wanted(item)
    if bad is not None:
        return [Check(str(bad["cell"]), axes, place, bad["status"], want, False, math.inf) for _, place, want in wanted]
    checks = []
    for step, place, want in _in_steps(wanted, first):
        found = [reader.value(item, cell, row, step) for cell, row in zip(cells, rows, strict=True)]
        checks.append(_spread_check(expect, first.id, axes, place, found, want))
    return checks


def _spread_check(
    expect: Expect, cell: str, axes: dict[str, Any], place: str, found: list[float], wanted: float
) -> Check:
    if not all(map(math.isfinite, found)):
        bad = next(item for item in found if not math.isfinite(item))
        return Check(cell, axes, place, bad, wanted, False, math.inf)
    if expect.inside is not None:
        low, high = min(found), max(found)
        middle, half = (low + high) / 2, (high - low) / 2
        held = low <= wanted <= high
        distance = abs(wanted - middle) / half if half and math.isfinite(half) else (0.0 if held else math.inf)
        return Check(cell, axes, place, (low, high), wanted, held, distance)
    mean, sd = statistics.fmean(found), statistics.stdev(found)
    allowed = (expect.sd or 0.0) * sd
    distance = abs(wanted - mean) / allowed if allowed else (0.0 if wanted == mean else math.inf)
    return Check(cell, axes, place, (mean, sd), wanted, distance <= 1, distance)


def _what(expect: Expect) -> str:
    name = expect.quantity
    if expect.name == "epoch_loss":
        name = f"{expect.reduce} of step losses"
    if expect.x is not None:
        name = f"prediction at ({', '.join(f'{item:g}' for item in expect.x)})"
    if expect.name in ("outcome", "status", "condition_number", "stable_learning_rate"):
        return name
    if expect.table is not None:
        return f"{name} at every row of {expect.table}"
    if isinstance(expect.at, str):
        return f"{name} at the {expect.at}"
    unit = "epoch" if isinstance(expect.at, AtEpoch) else "step"
    places = getattr(expect.at, unit)
    return f"{name} at {unit} {', '.join(map(str, places)) if isinstance(places, tuple) else places}"


def _rule(expect: Expect) -> str:
    if expect.equals is not None or expect.not_equals is not None:
        words = expect.equals if expect.equals is not None else expect.not_equals
        listed = " or ".join(words) if isinstance(words, tuple) else words
        return f"is {listed}" if expect.equals is not None else f"is not {listed}"
    if expect.at_least is not None or expect.at_most is not None:
        low = [f"at least {expect.at_least:g}"] if expect.at_least is not None else []
        high = [f"at most {expect.at_most:g}"] if expect.at_most is not None else []
        return f"is {' and '.join([*low, *high])}"
    wanted = "" if expect.value is None or isinstance(expect.value, tuple) else f"{expect.value!r} "
    if expect.inside is not None:
        return f"{wanted}lies within the seeds' minimum and maximum"
    if expect.sd is not None:
        return f"{wanted}lies within {expect.sd:g} standard deviations of the seeds' mean"
    return f"is {wanted}{_tolerance(expect)}"


def _tolerance(expect: Expect) -> str:
    if expect.within is not None:
        return f"within {expect.within:g}"
    if expect.relative is not None:
        return f"within a share of {expect.relative:g}"
    return f"to {expect.digits:g} digits"
