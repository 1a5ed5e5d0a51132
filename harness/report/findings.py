"""Captions: what the numbers say, computed. Each is a pure function, and claims no more than its numbers carry."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from harness.analysis.agreement import TOLERANCE, Agreement
from harness.analysis.repeatability import Repeated
from harness.analysis.timing import LEAST_PROCESSES, TimingGroup
from harness.report import numbers
from harness.report.numbers import listed, plural


def of_convergence(
    ends: Mapping[str, float], diverged: int, cells: int, excess: bool, *, cut: bool = False, one: bool = False
) -> str:
    """
    Where the lines end.

    Args:
        ends: Median over seeds at the last step, by line; NaN where nothing finite is left, 0 where it is
            within rounding of the optimum.
        diverged: Cells of the scenario that diverged.
        cells: Cells of the scenario that did all their steps.
        excess: Whether the values are losses above the optimum's.
        cut: Whether there are lines that are not drawn, and so not among the ends.
        one: Whether there is one seed, and so no median.
    """
    finite = {name: value for name, value in ends.items() if math.isfinite(value)}
    if not cells:
        return "No cell finished, so there is no loss to draw."
    tail = f" {numbers.upper(numbers.share(diverged, cells))} cells diverged." if diverged else ""
    if not finite:
        return tail.strip() or "No line ends at a positive, finite loss."
    what = "excess loss" if excess else "loss"
    of = "Of the configurations drawn, " if cut else ""
    best, worst = min(finite, key=lambda name: finite[name]), max(finite, key=lambda name: finite[name])
    if len(finite) > 1 and finite[best] == finite[worst] == 0:
        return f"All lines {'drawn ' if cut else ''}that do not diverge end within rounding of the optimum.{tail}"
    if finite[best] == 0:
        reached = listed(name for name in finite if finite[name] == 0)
        rest = f"; the highest ends at {numbers.significant(finite[worst])}, with {worst}" if finite[worst] else ""
        return numbers.upper(f"{of}within rounding of the optimum at the end: {reached}{rest}.{tail}")
    if len(finite) == 1:
        return numbers.upper(f"{of}the {what} ends at {numbers.significant(finite[best])} with {best}.{tail}")
    return numbers.upper(
        f"{of}the {'' if one else 'median '}{what} ends lowest, at {numbers.significant(finite[best])}, with {best}, "
        f"and highest, at {numbers.significant(finite[worst])}, with {worst}.{tail}"
    )


def of_times(groups: Mapping[str, TimingGroup]) -> str:
    """
    Time per step. A name is called the fastest only where its interval lies below all others.

    Args:
        groups: One timing group for each implementation and device.
    """
    if not groups:
        return "No cell was timed here."
    order = sorted(groups, key=lambda name: groups[name].median)
    first = groups[order[0]]
    if len(order) == 1:
        return f"A step takes {numbers.seconds(first.median)} in {order[0]}{_unresolved(groups)}."
    low, high = numbers.seconds(first.median), numbers.seconds(groups[order[-1]].median)
    if _fastest(groups, order):
        ratio = numbers.significant(groups[order[-1]].median / first.median, 2)
        return (
            f"{order[0]} is the fastest at {low} a step: its interval lies below all others; "
            f"{order[-1]} takes {ratio} times as long."
        )
    return f"Median steps take from {low} ({order[0]}) to {high} ({order[-1]}){_unresolved(groups)}."


def _fastest(groups: Mapping[str, TimingGroup], order: Sequence[str]) -> bool:
    intervals = [groups[name].interval for name in order]
    first = intervals[0]
    return first is not None and all(other is not None and first.below(other) for other in intervals[1:])


def _unresolved(groups: Mapping[str, TimingGroup]) -> str:
    few = min(group.processes for group in groups.values())
    if few < LEAST_PROCESSES:
        return f"; with {plural(few, 'process', 'processes')} no difference is resolved"
    return "; no interval lies below all others" if len(groups) > 1 else ""


def of_phases(phases: Mapping[str, Mapping[str, float]]) -> str:
    """What takes the largest share of a process's time, by implementation and device."""
    if not phases:
        return "No cell was timed here."
    tops = {name: max(parts, key=lambda phase: parts[phase]) for name, parts in phases.items()}
    total = {name: sum(parts.values()) for name, parts in phases.items()}
    if len(set(tops.values())) == 1:
        phase = next(iter(tops.values()))
        shares = [phases[name][phase] / total[name] for name in phases]
        low, high = (_percent(value) for value in (min(shares), max(shares)))
        span = low if low == high else f"{low} to {high}"
        return (
            f"{numbers.upper(phase)} takes the largest share of a timed process: {span}{numbers.THIN}% of its seconds."
        )
    parts = [
        f"{phase} in {listed(name for name in tops if tops[name] == phase)}" for phase in dict.fromkeys(tops.values())
    ]
    return f"The largest share of a timed process goes to {'; to '.join(parts)}."


def _percent(share: float) -> str:
    """What is left is not nothing."""
    return "over 99" if 0.995 <= share < 1 else f"{100 * share:.0f}"


def of_repeats(repeated: Sequence[Repeated]) -> str:
    """Whether replicates left the same bits."""
    if not repeated:
        return "No cell ran twice, so repeatability was not checked."
    same = sum(item.bitwise for item in repeated)
    if same == len(repeated):
        subject = "The one cell that ran" if same == 1 else f"All {numbers.count(same)} cells that ran"
        return f"{subject} more than once left the same bits in every process."
    differing = len(repeated) - same
    return f"{numbers.share(differing, len(repeated))} cells that ran more than once left different bits."


def of_agreement(pairs: Sequence[Agreement]) -> str:
    """How far apart the implementations' paths are, by dtype."""
    if not pairs:
        return "No cell ran in two implementations, so there is no pair to compare."
    parts = []
    for dtype in dict.fromkeys(str(pair.axes.get("dtype")) for pair in pairs):
        worst = max(pair.distance for pair in pairs if pair.axes.get("dtype") == dtype)
        near = "are bit for bit the same" if worst == 0 else f"differ by at most {numbers.significant(worst, 2)}"
        limit = f" (limit {TOLERANCE:g})" if dtype == "float64" else ""
        parts.append(f"in {dtype} the paths {near}{limit}")
    kinks = sum(pair.kink_step is not None for pair in pairs)
    tail = f"; {plural(kinks, 'pair')} part at a kink and are compared up to it" if kinks else ""
    return f"{numbers.upper(', '.join(parts))}{tail}."


def of_failures(bad: int, unexpected: int, planned: int, missing: int) -> str:
    """How many processes failed."""
    parts = []
    if unexpected:
        parts.append(f"{numbers.share(unexpected, planned)} processes failed")
    if bad - unexpected:
        parts.append(f"{plural(bad - unexpected, 'failure')} {'was' if bad - unexpected == 1 else 'were'} expected")
    if missing:
        parts.append(f"{plural(missing, 'planned process', 'planned processes')} left no record")
    return f"{numbers.upper('; '.join(parts))}." if parts else "Nothing failed."
