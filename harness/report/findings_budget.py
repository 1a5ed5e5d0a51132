"""The caption of the error budget, computed."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

from harness.analysis.budget import Group, deciding_axis
from harness.frames.budget import PARTS
from harness.report import numbers
from harness.report.view import phrase

# What a part's being the largest means.
_MEANS = {
    "rounding": "arithmetic",
    "optimisation": "training that has not arrived",
    "estimation": "few and noisy data",
}


def of_budget(groups: Sequence[Group]) -> str:
    """Which part of the error dominates in these configurations, and where that changes."""
    told = [group for group in groups if group.largest is not None]
    if not told:
        diverged = sum(group.diverged for group in groups)
        return _of_one_part([group for group in groups if not group.diverged], diverged)
    parts = [part for part in PARTS if any(group.largest == part for group in told)]
    if len(parts) == 1:
        where = "" if len(told) == 1 else f" in all {len(told)} configurations"
        head = f"Most of the error comes from {_MEANS[parts[0]]}{where} ({parts[0]}, {_span(told, parts[0])})"
    else:
        head = _by_axis(told, parts) or _by_count(told, parts)
    return f"{head}.{_rounding(told, parts)}"


def left_aside(groups: Sequence[Group]) -> str:
    """How many configurations the finding says nothing of, for they diverged; empty for none."""
    diverged = sum(group.diverged for group in groups)
    if not diverged or diverged == len(groups):
        return ""
    return f" {numbers.plural(diverged, 'configuration')} diverged and {'is' if diverged == 1 else 'are'} left aside."


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
    """`With learning rate 0.001 most of the error comes from …, with 0.01 from …`, where one axis decides."""
    axis = deciding_axis(told)
    if axis is None:
        return None
    said: list[str] = []
    for part in parts:
        there = [group for group in told if group.largest == part]
        levels = list({json.dumps(group.axes[axis]): group.axes[axis] for group in there}.values())
        first, *rest = levels
        words = numbers.listed([phrase(axis, first), *(numbers.level(level) for level in rest)])
        most = "" if said else "most of the error comes "
        where = f"{'with' if axis != 'dtype' else 'in'} {words}"
        said.append(f"{where} {most}from {_MEANS[part]} ({part}, {_span(there, part)})")
    return numbers.upper(", ".join(said))


def _by_count(told: Sequence[Group], parts: Sequence[str]) -> str:
    """`4 of 8 configurations owe most of their error to …, 4 to …`."""
    counts = [sum(group.largest == part for group in told) for part in parts]
    first, *rest = (f"{count} to {_MEANS[part]} ({part})" for count, part in zip(counts, parts, strict=True))
    one = counts[0] == 1
    owe = f"{'owes' if one else 'owe'} most of {'its' if one else 'their'} error"
    head = first.replace(" to ", f" of {len(told)} configurations {owe} to ", 1)
    return numbers.listed([head, *rest]) if len(rest) > 1 else ", ".join([head, *rest])


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
