"""Captions on how time grows with the batch. Pure functions that claim no more than their intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from harness.analysis.timing import LEAST_PROCESSES, TimingGroup
from harness.report import numbers
from harness.report.numbers import THIN, listed, plural

# One implementation on one device, by rows in a batch, ascending.
Scaling = Sequence[tuple[int, TimingGroup]]


def of_scaling(arms: Mapping[str, Scaling]) -> str:
    """
    How much longer a step takes with the largest batch than with the smallest.

    Args:
        arms: By name; those that lack the smallest or the largest batch of all say nothing.
    """
    usable = {name: points for name, points in arms.items() if len(points) > 1}
    if not usable:
        return "One batch size was timed, so nothing is said of how time grows with it."
    low, high = min(points[0][0] for points in usable.values()), max(points[-1][0] for points in usable.values())
    whole = {name: points for name, points in usable.items() if (points[0][0], points[-1][0]) == (low, high)}
    if not whole:
        return "No implementation was timed at both the smallest and the largest batch."
    usable = whole
    few = min(group.processes for points in usable.values() for _, group in points)
    ratios = {name: points[-1][1].median / points[0][1].median for name, points in usable.items()}
    span = _span(ratios)
    start = f"With {_times(high / low)} the rows in a batch a step takes {span} as long"
    if few < LEAST_PROCESSES:
        return f"{start} by the medians; with {plural(few, 'process', 'processes')} no difference is resolved."
    flat = [name for name, points in usable.items() if not _apart(points[0][1], points[-1][1])]
    if len(flat) == len(usable):
        return f"{start} by the medians, but no interval of the largest batch is apart from that of the smallest."
    tail = f"; not told apart: {listed(flat)}" if flat else ""
    return f"{start}{tail}."


def _span(ratios: Mapping[str, float]) -> str:
    least, most = min(ratios, key=lambda name: ratios[name]), max(ratios, key=lambda name: ratios[name])
    low, high = _times(ratios[least]), _times(ratios[most])
    if low == high:
        return f"{low}"
    return f"{low} ({least}) to {high} ({most})"


def _times(ratio: float) -> str:
    return f"{numbers.significant(ratio, 2)}{THIN}×"


def _apart(one: TimingGroup, other: TimingGroup) -> bool:
    a, b = one.interval, other.interval
    return a is not None and b is not None and (a.below(b) or b.below(a))


def of_crossover(first: str, second: str, one: Scaling, other: Scaling) -> str:
    """
    Whether the faster of two devices changes with the batch; said only where intervals carry it on both sides.

    Args:
        first: Name of the one device.
        second: Name of the other.
        one: An implementation on the first, by rows.
        other: The same on the second.
    """
    beside = {rows: (group, dict(other)[rows]) for rows, group in one if rows in dict(other)}
    if not beside:
        return ""
    faster = {rows: _faster(*groups) for rows, groups in beside.items()}
    known = [(rows, who) for rows, who in faster.items() if who is not None]
    for (before, a), (after, b) in pairwise(known):
        if a != b:
            names = (first, second)
            return f"{names[b]} overtakes {names[a]} between {before:,} and {after:,} rows"
    if len(known) == len(faster):
        return f"no crossover: {(first, second)[known[0][1]]} is the faster at every batch size"
    return "no crossover is resolved"


def _faster(one: TimingGroup, other: TimingGroup) -> int | None:
    if not _apart(one, other):
        return None
    return 0 if one.median < other.median else 1
