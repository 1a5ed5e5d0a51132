"""Captions and words of what changed since a baseline: pure functions, which claim no more than their numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from harness.analysis.attribution import Difference
from harness.analysis.compared import Compared, Parted
from harness.analysis.comparison import BETTER, WORSE, Change, Comparison
from harness.analysis.comparison_speed import FASTER, MOVED, SLOWER, UNRESOLVED, Speed
from harness.analysis.timing import LEAST_PROCESSES
from harness.report import numbers
from harness.report.numbers import plural
from harness.report.view import phrases

_MOST_FILES = 6


def of_cells(found: Comparison, baseline: str) -> str:
    """`Of 16 cells in both runs all left the same bits, and none is less accurate.`"""
    if not found.changes:
        return f"No cell left a record in {baseline} too: nothing can be compared."
    if not found.compared:
        if len(found.changes) == 1:
            return "The one cell in both runs does not have numbers in both."
        return f"None of the {plural(len(found.changes), 'cell')} in both runs has numbers in both."
    differing, count = len(found.differing), len(found.compared)
    bits = "all left the same bits" if not differing else f"{numbers.count(differing)} left other bits"
    cells = "The one cell with numbers in both runs" if count == 1 else f"Of {count:,} cells with numbers in both runs"
    if count == 1:
        bits = "left other bits" if differing else "left the same bits"
    return f"{cells} {bits}; {_accuracy(found)}{_outcomes(found)}."


def _accuracy(found: Comparison) -> str:
    worse, better = found.count(WORSE), found.count(BETTER)
    also = f", {numbers.count(better)} more" if better else ""
    verb = "is" if worse < 2 else "are"
    return f"{numbers.count(worse) if worse else 'none'} {verb} less accurate beyond rounding{also}"


def _outcomes(found: Comparison) -> str:
    count = sum(change.was.word != change.now.word for change in found.changes)
    return f"; {plural(count, 'outcome')} changed" if count else ""


def of_speed(found: Sequence[Speed], unlike: Sequence[str], baseline: str) -> str:
    """What times say; two runs were not interleaved, so it is a suspicion at most."""
    if unlike:
        return f"Times are not set against those of {baseline}: the runs differ in {numbers.listed(unlike)}."
    if not found:
        return f"No cell was timed in {baseline} too."
    resolved = [speed for speed in found if speed.verdict != UNRESOLVED]
    if not resolved:
        return (
            f"Whether the speed changed is not resolved: it takes {LEAST_PROCESSES} processes in both runs, and times "
            f"that vary by less than {MOVED * 100:.0f}\u202f%."
        )
    slower, faster = (sum(speed.verdict == word for speed in resolved) for word in (SLOWER, FASTER))
    parts = [f"{numbers.count(count)} {word}" for count, word in ((slower, SLOWER), (faster, FASTER)) if count]
    said = f"{numbers.upper(numbers.listed(parts))} of {numbers.count(len(found))}"
    if not parts:
        said = _unmoved(len(found) - len(resolved), len(found))
    return f"{said}; two runs are not interleaved, so no more than a suspicion is ever said."


def of_speed_in(assessment: Compared, scenario: str) -> str:
    """The same of one scenario."""
    unlike = assessment.unlike(scenario)
    return of_speed([] if unlike else assessment.speeds(scenario), unlike, assessment.name)


def _unmoved(unresolved: int, count: int) -> str:
    left = f"; {numbers.share(unresolved, count)} not resolved" if unresolved else ""
    return f"No change of speed is seen{left}"


SPEED_HOW = (
    "Ratio of the medians, this run to the baseline: above 1 is slower now. The canary is one fixed cell that ran in "
    "every round of both; its ratio is what the machine alone changed. Suspected: the whole 95\u202f% interval, the "
    f"canary taken out, is beyond {MOVED * 100:.0f}\u202f%; no change seen: all of it is within."
)


def of_difference(item: Difference) -> tuple[str, str]:
    """What it was and is; of files only whether they changed."""
    was, now = item.in_short
    return (was, now) if was else (numbers.MISSING, now)


def grouped(found: Sequence[Difference]) -> list[tuple[str, str, str, int]]:
    """Name, then, now and cells of each difference; the harness's own files that the same cells rest on are one."""
    rows = [(item.name, *of_difference(item), len(item.cells)) for item in found if item.kind != "code"]
    files: dict[frozenset[Any], list[Difference]] = {}
    for item in found:
        if item.kind == "code":
            files.setdefault(item.cells, []).append(item)
    for cells, items in files.items():
        names = [item.name.removeprefix("harness/") for item in items]
        more = f" and {len(names) - _MOST_FILES} more" if len(names) > _MOST_FILES else ""
        words = ", ".join(names[:_MOST_FILES]) + more
        rows.append((f"the harness's code: {words}", numbers.MISSING, "changed", len(cells)))
    return rows


def where(change: Change, varied: Sequence[str]) -> str:
    """The axes that tell a cell apart, in words."""
    axes = {axis: level for axis, level in change.now.axes.items() if axis in varied}
    return phrases(axes) or "the only cell"


def ulps(item: Parted) -> str:
    """`3 ULP at step 800`."""
    if item.first is None:
        return "no recorded parameter differs"
    if math.isinf(item.ulp):
        return f"one is not finite at step {numbers.count(item.step)}"
    return f"{numbers.significant(item.ulp)} ULP at step {numbers.count(item.step)}"


def line(change: Change) -> str:
    """A changed cell in one line, for summary.md and terminals."""
    axes = ", ".join(f"{axis}={level}" for axis, level in change.now.axes.items())
    was, now = (word.replace("_", " ") for word in (change.was.word, change.now.word))
    said = [f"{was} → {now}" if was != now else now]
    if change.compared:
        said.append("same bits" if change.same_bits else "other bits")
        said.append(f"digits {numbers.digits(change.was.digits)} → {numbers.digits(change.now.digits)}")
        said.append(f"loss {change.was.loss:.6g} → {change.now.loss:.6g}")
    accuracy = f"; accuracy {change.accuracy}" if change.accuracy else ""
    return f"{change.now.scenario} {change.now.cell} ({axes}): {', '.join(said)}{accuracy}"
