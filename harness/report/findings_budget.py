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
    if not groups:
        return "No cell finished, so there is no error to split."
    there = [group for group in groups if not group.diverged]
    if not there:
        return "Training diverged in every configuration, so there is no error to split."
    told = [group for group in there if group.largest is not None]
    exact = [group for group in there if group.only_rounding]
    if not told:
        return f"{_of_none(exact, there)}." if exact else _of_one_part(there)
    parts = [part for part in PARTS if any(group.largest == part for group in told)]
    if len(parts) == 1:
        head = (
            f"Most of the error comes from {_MEANS[parts[0]]}{_in(len(told), len(there))} "
            f"({parts[0]}, {_span(told, parts[0])})"
        )
    else:
        head = _by_axis(told, parts) or _by_count(told, parts)
    rest = f" {_of_none(exact, there)}." if exact else ""
    return f"{head}.{rest}{_rounding(told, parts)}"


def left_aside(groups: Sequence[Group]) -> str:
    """How many configurations the finding says nothing of, for they diverged; empty for none."""
    diverged = sum(group.diverged for group in groups)
    if not diverged or diverged == len(groups):
        return ""
    return f" {numbers.plural(diverged, 'configuration')} diverged and {'is' if diverged == 1 else 'are'} left aside."


def _in(count: int, whole: int) -> str:
    """` in both configurations`, ` in 2 of 3 configurations`; empty where there is only one."""
    if count < whole:
        return f" in {numbers.share(count, whole)} configurations"
    return {1: "", 2: " in both configurations"}.get(count, f" in all {count} configurations")


def _of_none(exact: Sequence[Group], groups: Sequence[Group]) -> str:
    """That no part of their error says anything."""
    there = f"The error is no more than rounding{_in(len(exact), len(groups))}"
    size, trusted = (max(of(group) for group in exact) for of in (_most, lambda group: group.trusted))
    if not trusted:
        return there
    much, far = (numbers.significant(value, 2) for value in (size, trusted))
    return f"{there}: its largest part is {much}, and the optimum can be trusted to {far}"


def _most(group: Group) -> float:
    return max(group.known.values())


def _of_one_part(groups: Sequence[Group]) -> str:
    known = [part for part in PARTS if any(part in group.known for group in groups)]
    if not known:
        return "The error of no parameter could be split: there is neither a reference nor an optimum nor a truth."
    if known == ["rounding"]:
        return f"Only rounding is known here, {_span(groups, 'rounding')}: there is neither an optimum nor a truth."
    return f"One part alone of the error is known: {numbers.listed(known)}."


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
    if not _size_of_rounding(worst):
        return " Rounding is 0."
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
