"""Captions of the section on accuracy. Each is a pure function, and claims no more than its numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from harness.analysis.coverage import LEVEL, Covered
from harness.analysis.targets import median
from harness.analysis.timing import Interval
from harness.report import numbers
from harness.report.numbers import THIN, listed, plural

# Within so many digits of a dtype's limit the arithmetic may be what ends a training.
_NEAR = 1.0
# Of a standard error: a training that ends nearer than this adds next to nothing to the sampling error.
_LITTLE = 0.1
_MOST_NAMES = 3
_NONE = "No cell finished with parameters that could be compared with an optimum."


def of_digits(found: Mapping[str, float], limit: float) -> str:
    """
    Correct digits by implementation.

    Args:
        found: Median over seeds; minus infinity where most diverged, NaN where no cell of it has any.
        limit: The digits that count as converged.
    """
    known = {name: value for name, value in found.items() if value > -math.inf}
    lost = [name for name, value in found.items() if value == -math.inf]
    if not known:
        return "Every implementation diverges." if lost else _NONE
    none = [name for name, value in found.items() if math.isnan(value)]
    tail = f"; {listed(lost)} {'diverges' if len(lost) == 1 else 'diverge'}" if lost else ""
    tail += f"; {listed(none)} {'has' if len(none) == 1 else 'have'} none" if none else ""
    arrived = sum(value >= limit for value in known.values())
    span = _span(known)
    if not arrived:
        return f"No implementation arrives at the exact optimum: {span}, where {limit:g} count as converged{tail}."
    if arrived < len(known):
        subject = f"{arrived} of {len(known)} implementations {'arrives' if arrived == 1 else 'arrive'}"
        return f"{subject} at the exact optimum: {span}, where {limit:g} count as converged{tail}."
    if min(known.values()) == math.inf:
        return f"{_subject(known, len(found), 'ends', 'end')} on the exact optimum itself{tail}."
    reach = f"{_subject(known, len(found), 'finds', 'find')} the exact optimum to {span}"
    return f"{reach}{tail}; from {limit:g} on a cell counts as converged."


def _subject(known: Mapping[str, float], count: int, one: str, many: str) -> str:
    if len(known) == 1:
        return f"{next(iter(known))} {one}"
    if len(known) < count:
        return f"{len(known)} of {count} implementations {many}"
    return f"Both implementations {many}" if count == 2 else f"All {count} implementations {many}"


def _span(known: Mapping[str, float]) -> str:
    least, most = min(known, key=lambda name: known[name]), max(known, key=lambda name: known[name])
    low, high = (_digits(known[name]) for name in (least, most))
    return f"{low} correct digits" if low == high else f"{low} ({least}) to {high} ({most}) correct digits"


def _digits(value: float) -> str:
    return "all" if value == math.inf else numbers.digits(value)


def of_final_loss(losses: Mapping[str, float]) -> str:
    """The loss at the end by implementation, for a net."""
    finite = {name: value for name, value in losses.items() if math.isfinite(value)}
    if not finite:
        return "No cell ended with a finite loss."
    lost = [name for name in losses if name not in finite]
    tail = f"; it is not finite in {listed(lost)}" if lost else ""
    low, high = min(finite.values()), max(finite.values())
    if high - low <= 1e-3 * abs(low):
        where = {1: next(iter(finite)), 2: "both implementations"}.get(
            len(finite), f"all {len(finite)} implementations"
        )
        return f"The loss ends at {numbers.significant(low)} in {listed(finite) if lost else where}{tail}."
    best, worst = min(finite, key=lambda name: finite[name]), max(finite, key=lambda name: finite[name])
    return f"The loss ends between {numbers.significant(low)} ({best}) and {numbers.significant(high)} ({worst}){tail}."


def of_strips(strips: Mapping[str, Mapping[str, Sequence[float]]], dtype: str, limit: float) -> str:
    """
    How correct digits change along an axis.

    Args:
        strips: By axis, by level, the digits of every cell; minus infinity where it diverged.
        dtype: What they were computed in.
        limit: The digits that one rounding of it leaves.
    """
    medians = {
        axis: {name: median(values) for name, values in levels.items() if values} for axis, levels in strips.items()
    }
    parts = [text for axis, levels in strips.items() if (text := _strip(axis, levels, medians[axis]))]
    lost = [text for axis, middles in medians.items() if (text := _lost(axis, middles))]
    if not parts:
        return f"{numbers.upper('; '.join(lost))}." if lost else _NONE
    near = list(
        dict.fromkeys(name for middles in medians.values() for name, value in middles.items() if value > limit - _NEAR)
    )
    where = f"{_some(near, 'level')} {'comes' if len(near) == 1 else 'come'}" if near else "no level comes"
    both = ", and ".join(
        [parts[0], *(part.removeprefix("go ") if parts[0][:3] == "go " else part for part in parts[1:])]
    )
    changes = "; ".join([f"Median correct digits {both}", *lost])
    return f"{changes}. {numbers.upper(where)} within a digit of {dtype}'s limit, {numbers.digits(limit)}."


def _strip(axis: str, levels: Mapping[str, Sequence[float]], middles: Mapping[str, float]) -> str:
    known = {name: value for name, value in middles.items() if value > -math.inf}
    if not known:
        return ""
    least, most = min(known, key=lambda name: known[name]), max(known, key=lambda name: known[name])
    low, high = _digits(known[least]), _digits(known[most])
    if len(known) == 1:
        return f"are {high} with {most}"
    if low == high:
        return f"are {high} with every {axis}{' that does not diverge' if len(known) < len(middles) else ''}"
    overlap = "" if max(levels[least]) < min(levels[most]) else ", though their cells overlap"
    return f"go from {low} ({least}) to {high} ({most}){overlap}"


def _lost(axis: str, middles: Mapping[str, float]) -> str:
    lost = [name for name, value in middles.items() if value == -math.inf]
    if lost and len(lost) == len(middles):
        return f"every {axis} diverges"
    return f"{_some(lost, 'level')} {'diverges' if len(lost) == 1 else 'diverge'}" if lost else ""


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
    if math.isinf(far):
        return "A training ended at no finite distance from the optimum."
    away = f"{numbers.significant(far, 2)} standard errors"
    if far <= _LITTLE:
        what = "What separates the estimates from the truth is sampling error"
        return f"{what}: training ends within {away} of the optimum."
    if far <= 1:
        return f"Training ends up to {away} off the optimum: less than sampling error, yet not nothing."
    return f"Training ends up to {away} off the optimum: there optimisation error outweighs sampling error."


def _held(found: Sequence[Covered]) -> str:
    count, interval = found[0].count, f"The optimum's {_percent(LEVEL)} interval holds the truth"
    if count == 1:
        inside = numbers.share(sum(item.inside for item in found), len(found))
        return f"{interval} for {inside} parameters in the one data set, which says nothing about how often it does."
    text = f"{interval} in {_counts(found)} of {plural(count, 'data set')}"
    least = min(found, key=lambda item: item.inside)
    off = [item.name for item in found if not item.as_nominal]
    if not off:
        return f"{text}; that fits {_percent(LEVEL)}, and any share from {percent_range(least.interval)}."
    return f"{text}; that does not fit {_percent(LEVEL)} for {_some(off, 'parameter')}{_by_chance(off, found)}."


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
