"""Published numbers beside the measured ones, and how far they agree, in words."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.analysis.result import Check, Result
from harness.analysis.rules import beyond
from harness.frames import Run
from harness.scenario.cell import Cell
from harness.scenario.expansion import same
from harness.scenario.expect import CONSTANTS, AtEpoch, Expect
from harness.scenario.read import Scenario

# One rounding of a float64 is a relative error of 2^-53: what is not the very same number has no more digits.
_MOST_DIGITS = 15
_IN_THE_CELLS_DTYPE = ("weights", "bias", "step_loss", "epoch_loss")


@dataclass(frozen=True)
class Row:
    """
    One expectation with a source, after the run.

    Args:
        scenario: Its scenario.
        scenario_source: What that scenario says of its source.
        result: The expectation and its comparisons.
        published: Every number or word that was published, one for each state; empty for limits and for what was not
            checked by a table.
        worst: The comparison that agrees least; None where there is none.
        verdict: How far they agree: `bitwise`, `to 8 digits`, `within the spread of 50 seeds`, `holds`,
            `not: off by 1e-08`, `not checked: none of its cells is in this run`.
    """

    scenario: str
    scenario_source: str
    result: Result
    published: tuple[Any, ...]
    worst: Check | None
    verdict: str

    @property
    def label(self) -> str:
        """What is compared, in few words: `optimum's bias, raw`, `weights[0] at step 501, worst of 4 (float32)`."""
        expect = self.result.expect
        cells = ", ".join(_level(level) for axis, level in expect.where.items() if axis != "seed")
        return f"{_subject(expect)}{self._place()}{f' ({cells})' if cells else ''}"

    def _place(self) -> str:
        """Where; the end is not said."""
        places = list(dict.fromkeys(check.place for check in self.result.checks)) or _places(self.result.expect)
        place = self.worst.place if self.worst is not None else places[0]
        at = "" if place in ("", "end") else f" at {'the start' if place == 'start' else place}"
        return f"{at}, worst of {len(places)}" if len(places) > 1 and self.worst is not None else at


def _places(expect: Expect) -> list[str]:
    """The states of what was not checked, as they are named where it is."""
    if expect.table is not None or expect.of is not None or expect.name in CONSTANTS:
        return [""]
    if isinstance(expect.at, str):
        return [expect.at]
    unit, places = ("epoch", expect.at.epoch) if isinstance(expect.at, AtEpoch) else ("step", expect.at.step)
    return [f"{unit} {place}" for place in (places if isinstance(places, tuple) else (places,))]


def _subject(expect: Expect) -> str:
    name = expect.quantity
    if expect.x is not None:
        name = f"prediction({', '.join(f'{item:g}' for item in expect.x)})"
    if expect.name == "epoch_loss":
        name = f"{expect.reduce} of an epoch's losses"
    name = f"optimum's {name}" if expect.of is not None else name
    name = f"{name}, raw" if expect.space == "raw" else name
    if expect.statistic == "start_correlation":
        return f"correlation of {name} with its start"
    return f"{expect.statistic} of {name}" if expect.statistic is not None else name


def _level(level: Any) -> str:
    return "/".join(map(str, level)) if isinstance(level, list) else str(level)


def published(run: Run, results: Iterable[Result]) -> list[Row]:
    """A row for every expectation that says where its number was published, in the order of the results."""
    scenarios = {scenario.name: scenario for scenario in run.file.scenarios}
    return [_row(result, scenarios[result.scenario]) for result in results if result.expect.source]


def _row(result: Result, scenario: Scenario) -> Row:
    seeds = least_seeds(scenario, result.expect)
    source = scenario.document.source
    return Row(scenario.name, source, result, numbers(result), worst(result), verdict(result, seeds))


def least_seeds(scenario: Scenario, expect: Expect) -> int:
    """The seeds over which an expectation looks; the fewest, where it looks over several groups of cells."""
    where = dict(expect.where)
    seeds = {"seed": where.pop("seed")} if "seed" in where else {}
    points = [cells for cells in scenario.points if _is_in(where, cells[0])]
    counts = [sum(_is_in(seeds, cell) for cell in cells) if seeds else len(cells) for cells in points]
    return min(filter(None, counts), default=0)


def _is_in(where: Mapping[str, Any], cell: Cell) -> bool:
    return all(same(cell.axes[axis], level) for axis, level in where.items())


def numbers(result: Result) -> tuple[Any, ...]:
    """What was published, each state once; limits are no numbers that were published as such."""
    expect = result.expect
    if expect.at_least is not None or expect.at_most is not None:
        return ()
    if result.checks:
        wanted = {check.place: check.wanted for check in result.checks}
        return tuple(_flat(wanted.values()))
    given = [item for item in (expect.value, expect.equals, expect.not_equals) if item is not None]
    return tuple(_flat(given))


def _flat(items: Iterable[Any]) -> Iterable[Any]:
    for item in items:
        yield from item if isinstance(item, tuple) else (item,)


def worst(result: Result) -> Check | None:
    """The comparison that does not hold and is farthest off; where all hold, that with the fewest digits."""
    if result.missed:
        return result.missed[0]
    if _counts_digits(result.expect):
        return min(result.checks, key=lambda check: _digits(result.expect, check), default=None)
    return result.closest_call


def verdict(result: Result, seeds: int = 1) -> str:
    """
    How far the published and the measured numbers agree.

    Args:
        result: The expectation after the run.
        seeds: Over how many it looks, where it looks at all seeds together.
    """
    expect, least = result.expect, worst(result)
    if least is None:
        return f"not checked: {result.not_checked}"
    if result.missed:
        return f"not: {_how_far_off(expect, least)}"
    if expect.value is None and expect.table is None:
        return "holds"
    if expect.over_seeds and expect.statistic is None and seeds > 1:
        return f"within the spread of {seeds} seeds"
    return _agreement(expect, least)


def _counts_digits(expect: Expect) -> bool:
    over_seeds = expect.inside is not None or expect.sd is not None
    return not over_seeds and (expect.value is not None or expect.table is not None)


def _agreement(expect: Expect, check: Check) -> str:
    if not _counts_digits(expect):
        return "holds"
    if _is_same(expect, check):
        return "bitwise"
    digits = _digits(expect, check)
    if digits < 1:
        return "holds"
    unit = "digit" if check.wanted else "decimal"
    return f"to {math.floor(digits)} {unit}{'' if digits < 2 else 's'}"


def _digits(expect: Expect, check: Check) -> float:
    """-log10 of the relative error, absolute where the published number is 0; inf for the same bits."""
    if _is_same(expect, check):
        return math.inf
    digits = -math.log10(abs(check.found - check.wanted) / (abs(check.wanted) or 1.0))
    return min(digits, _MOST_DIGITS) if check.wanted else digits


def _is_same(expect: Expect, check: Check) -> bool:
    """The very same float64; in a float32 cell the same float32, where the quantity is one."""
    if check.found == check.wanted:
        return True
    of_the_cell = expect.name in _IN_THE_CELLS_DTYPE and expect.of is None and expect.space == "trained"
    if not of_the_cell or expect.statistic is not None or check.axes.get("dtype") != "float32":
        return False
    with np.errstate(over="ignore"):
        return bool(np.float32(check.found) == np.float32(check.wanted))


def _how_far_off(expect: Expect, check: Check) -> str:
    if isinstance(check.found, str):
        return check.found
    off = _off(expect, check)
    if not math.isfinite(off):
        return no_number(expect, check.found) or "not finite"
    has_size = _counts_digits(expect) and math.isfinite(check.distance)
    times = f", {_short(check.distance)} times what is allowed" if has_size else ""
    return f"off by {_short(off)}{times}"


def _short(value: float) -> str:
    """To two digits, from 1 to a million without an exponent: `3,600`."""
    text = f"{value:.2g}"
    return f"{float(text):,.15g}" if 1 <= value < 1e6 else text


def no_number(expect: Expect, found: Any) -> str:
    """What is found where a number is not finite, in words; of a statistic `undefined`. Empty for all else."""
    if not isinstance(found, float) or math.isfinite(found):
        return ""
    return "undefined" if expect.statistic is not None and math.isnan(found) else "not finite"


def _off(expect: Expect, check: Check) -> float:
    """The distance to the published number, to the limit, or to the nearer end of the seeds' spread."""
    if expect.at_least is not None or expect.at_most is not None:
        return beyond(expect, check.found)
    ends: Sequence[float] = check.found if isinstance(check.found, tuple) else (check.found,)
    return min(abs(float(end) - float(check.wanted)) for end in ends)


def off_by(row: Row) -> float | None:
    """How far a row that does not hold is off; None for words, for what holds and for what is not finite."""
    if row.worst is None or row.worst.held or isinstance(row.worst.found, str):
        return None
    off = _off(row.result.expect, row.worst)
    return off if math.isfinite(off) else None


__all__ = ["Row", "least_seeds", "no_number", "numbers", "off_by", "published", "verdict", "worst"]
