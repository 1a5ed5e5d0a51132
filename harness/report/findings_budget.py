"""The caption of the error budget, computed."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

from harness.analysis.budget import Group, deciding_axis
from harness.frames.budget import PARTS
from harness.report import numbers
from harness.report.view import phrase, phrases

# What a part's being the largest means.
_MEANS = {
    "rounding": "arithmetic",
    "optimisation": "training that has not arrived",
    "estimation": "few and noisy data",
}


def of_budget(groups: Sequence[Group], varied: Sequence[str]) -> str:
    """
    Which part of the error dominates, and where that changes.

    Args:
        groups: The configurations.
        varied: The axes that vary among them.
    """
    told = [group for group in groups if group.largest is not None]
    diverged = sum(group.diverged for group in groups)
    if not told:
        return _of_one_part([group for group in groups if not group.diverged], diverged)
    parts = [part for part in PARTS if any(group.largest == part for group in told)]
    if len(parts) == 1:
        where = "" if len(told) == 1 else f" in all {len(told)} configurations"
        head = f"Most of the error comes from {_MEANS[parts[0]]}{where} ({parts[0]}, {_span(told, parts[0])})"
    else:
        head = _by_axis(told, parts) or _by_count(told, parts, varied)
    aside = f" {numbers.plural(diverged, 'configuration')} diverged and {_is(diverged)} left aside." if diverged else ""
    return f"{head}.{_rounding(told, parts)}{aside}"


def _is(number: int) -> str:
    return "is" if number == 1 else "are"


def _of_one_part(groups: Sequence[Group], diverged: int) -> str:
    if diverged and not groups:
        return "Training diverged in every configuration, so there is no error to split."
    known = [part for part in PARTS if any(part in group.known for group in groups)]
    if not known:
        return "The error of no parameter could be split: there is neither a reference nor an optimum nor a truth."
    if known == ["rounding"]:
        return f"Only rounding is known here, {_span(groups, 'rounding')}: there is neither an optimum nor a truth."
    return f"All that is known of the error is 0, or one part alone: {numbers.listed(known)}."


def _by_axis(told: Sequence[Group], parts: Sequence[str]) -> str | None:
    """`At learning rate 0.001 …; at learning rate 0.01 …`, where one axis decides."""
    axis = deciding_axis(told)
    if axis is None:
        return None
    said = []
    for part in parts:
        there = [group for group in told if group.largest == part]
        levels = list({json.dumps(group.axes[axis]): group.axes[axis] for group in there}.values())
        first, *rest = levels
        words = numbers.listed([phrase(axis, first), *(numbers.level(level) for level in rest)])
        said.append(f"{'at' if axis != 'dtype' else 'in'} {words} from {_MEANS[part]} ({part}, {_span(there, part)})")
    return f"Most of the error comes {'; '.join(said)}"


def _by_count(told: Sequence[Group], parts: Sequence[str], varied: Sequence[str]) -> str:
    said = []
    for part in parts:
        there = [group for group in told if group.largest == part]
        example = phrases({axis: there[0].axes[axis] for axis in varied if axis in there[0].axes})
        said.append(f"in {len(there)} from {_MEANS[part]} ({part}; first at {example})")
    return f"Most of the error comes, of {len(told)} configurations, {'; '.join(said)}"


def _rounding(told: Sequence[Group], parts: Sequence[str]) -> str:
    """How little rounding is, where it never dominates."""
    worst = max((group for group in told if "rounding" in group.known), key=_size_of_rounding, default=None)
    if "rounding" in parts or worst is None or not math.isfinite(_size_of_rounding(worst)):
        return ""
    dtype = f", in {worst.axes['dtype']}" if "dtype" in worst.axes else ""
    return f" Rounding is at most {numbers.significant(_size_of_rounding(worst), 2)}{dtype}."


def _size_of_rounding(group: Group) -> float:
    return group.sizes["rounding"]


def _span(groups: Sequence[Group], part: str) -> str:
    sizes = [group.sizes[part] for group in groups if math.isfinite(group.sizes[part])]
    if not sizes:
        return "not finite"
    low, high = numbers.significant(min(sizes), 2), numbers.significant(max(sizes), 2)
    return low if low == high else f"{low} to {high}"
