"""Captions of the section on accuracy. Each is a pure function, and claims no more than its numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from harness.analysis.coverage import LEVEL, Covered
from harness.analysis.timing import Interval
from harness.report import numbers
from harness.report.numbers import THIN, listed, plural

# Within so many digits of a dtype's limit the arithmetic may be what ends a training.
_NEAR = 1.0
# Of a standard error: a training that ends nearer than this adds next to nothing to the sampling error.
_LITTLE = 0.1
_MOST_NAMES = 3


def of_strips(strips: Mapping[str, Mapping[str, Sequence[float]]], dtype: str, limit: float) -> str:
    """
    How correct digits change along an axis.

    Args:
        strips: By axis, by level, the digits of every cell; minus infinity where it diverged.
        dtype: What they were computed in.
        limit: The digits that one rounding of it leaves.
    """
    parts = [text for axis, levels in strips.items() if (text := _strip(axis, levels))]
    if not parts:
        return "No cell finished with parameters that could be compared with an optimum."
    near = list(
        dict.fromkeys(
            name for levels in strips.values() for name, values in levels.items() if _middle(values) > limit - _NEAR
        )
    )
    where = f"{_some(near, 'level')} {'comes' if len(near) == 1 else 'come'}" if near else "No level comes"
    reach = f"{numbers.upper(where)} within a digit of {dtype}'s limit, {numbers.digits(limit)}."
    return f"{' '.join(numbers.upper(part) + '.' for part in parts)} {reach}"


def _strip(axis: str, levels: Mapping[str, Sequence[float]]) -> str:
    middles = {name: _middle(values) for name, values in levels.items() if values}
    known = {name: value for name, value in middles.items() if math.isfinite(value)}
    lost = [name for name, value in middles.items() if value == -math.inf]
    tail = f"; {_some(lost, 'level')} {'diverges' if len(lost) == 1 else 'diverge'}" if lost else ""
    if not known:
        return f"by {axis} every level diverges" if lost else ""
    least, most = min(known, key=lambda name: known[name]), max(known, key=lambda name: known[name])
    low, high = numbers.digits(known[least]), numbers.digits(known[most])
    if len(known) == 1:
        return f"by {axis} the median is {high} correct digits with {most}{tail}"
    if low == high:
        return f"by {axis} the median is {high} correct digits throughout{tail}"
    overlap = "" if max(levels[least]) < min(levels[most]) else ", though their cells overlap"
    return f"by {axis} the median goes from {low} correct digits ({least}) to {high} ({most}){overlap}{tail}"


def _middle(values: Sequence[float]) -> float:
    return float(np.percentile(values, 50, method="lower")) if values else math.nan


def _some(names: Sequence[str], what: str) -> str:
    return listed(names) if len(names) <= _MOST_NAMES else plural(len(names), what)


def of_coverage(found: Sequence[Covered]) -> str:
    """What separates the estimates from the truth, and how often the optimum's interval holds it."""
    if not found:
        return "There are no standard errors to hold the estimates against."
    return f"{_separated(found)} {_held(found)}"


def _separated(found: Sequence[Covered]) -> str:
    far = max((item.found for item in found if not math.isnan(item.found)), default=math.nan)
    if math.isnan(far):
        return "No training ended, so the optimum alone is held against the truth."
    away = numbers.significant(far, 2)
    if far <= _LITTLE:
        return (
            "What separates the estimates from the truth is sampling error, not optimisation error: "
            f"training ends within {away} standard errors of the optimum."
        )
    if far <= 1:
        return f"Training ends up to {away} standard errors off the optimum: less than sampling error, yet not nothing."
    return f"Training ends up to {away} standard errors off the optimum: optimisation error outweighs sampling error."


def _held(found: Sequence[Covered]) -> str:
    count = found[0].count
    if count == 1:
        inside = numbers.share(sum(item.inside for item in found), len(found))
        return (
            f"The truth lies inside the optimum's interval for {inside} parameters of the one data set, "
            "which says nothing about how often."
        )
    text = f"The truth lies inside the optimum's interval in {_counts(found)} of {plural(count, 'data set')}"
    least = min(found, key=lambda item: item.inside)
    off = [item.name for item in found if not item.as_nominal]
    if not off:
        return f"{text}: a share of {percent_range(least.interval)}, which holds the {_percent(LEVEL)} it should be."
    where = f"{_some(off, 'parameter')}{_by_chance(off, found)}"
    return f"{text}; the share's interval leaves out {_percent(LEVEL)} for {where}."


def _by_chance(off: Sequence[str], found: Sequence[Covered]) -> str:
    """Of many intervals of 95 % some are off by chance."""
    return f", one of {len(found)} looked at" if len(off) == 1 and len(found) > 1 else ""


def _counts(found: Sequence[Covered]) -> str:
    low, high = min(item.inside for item in found), max(item.inside for item in found)
    return f"{low}" if low == high else f"{low} to {high}"


def percent_range(interval: Interval) -> str:
    """`76 to 99 %`."""
    return f"{100 * interval.low:.0f} to {100 * interval.high:.0f}{THIN}%"


def _percent(share: float) -> str:
    return f"{100 * share:g}{THIN}%"
