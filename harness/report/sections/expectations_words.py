"""What an expectation is about, in the words of the page."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from harness.analysis.published import Row
from harness.analysis.result import Check
from harness.report import numbers
from harness.report.typeset import typeset
from harness.report.view import View, key, phrase
from harness.report.where import BETWEEN, axes_in_words, some
from harness.scenario.expect import Expect

_WORST = re.compile(r" at [^,]*, worst of \d+$")


def quantity(row: Row, *, every: bool = False) -> str:
    """What is compared, at the state that is shown or at every one: `weights[0] at the end`; without its cells."""
    bare = replace(row.result, expect=row.result.expect.model_copy(update={"where": {}}))
    states = {check.place for check in row.result.checks}
    label = replace(row, result=bare).label.replace(", raw", " of the unscaled columns").replace("_", " ")
    if every and len(states) > 1:
        label = f"{_WORST.sub('', label)} at {len(states)} states"
    return typeset(f"{label}{' at the end' if states == {'end'} else ''}")


def cells(view: View, where: dict[str, Any]) -> str:
    """The cells of a `where`; a list is any of its members, or one value of an axis of lists."""
    parts = []
    for axis, level in where.items():
        is_level = key(level) in map(key, view.levels.get(axis, ()))
        parts.append(some(axis, level) if isinstance(level, list) and not is_level else phrase(axis, level))
    return BETWEEN.join(parts)


def allowed(expect: Expect) -> str:
    """How far a measured number may be off, where a tolerance says so."""
    if 0.0 in (expect.within, expect.relative):
        return "exactly"
    if expect.within is not None:
        return typeset(f"± {expect.within:g}").replace("± ", "±\u00a0")
    if expect.relative is not None:
        return f"±\u00a0{100 * expect.relative:.10g}{numbers.THIN}%"
    if expect.digits is None:
        return ""
    return f"wanted to {expect.digits:g} {'digit' if expect.digits == 1 else 'digits'}"


def ends(expect: Expect, check: Check, seeds: int) -> str:
    """What the two ends of a measured range are."""
    if not isinstance(check.found, tuple):
        return ""
    if expect.sd is not None:
        return f"mean ± {expect.sd:g} standard deviations of {seeds} seeds"
    return f"least to largest of {seeds} seeds"


def differing(checks: Sequence[Check]) -> frozenset[str]:
    """The axes that differ among these comparisons, and `state` where that does."""
    first = {axis: key(level) for axis, level in checks[0].axes.items()}
    found = {axis for axis, level in first.items() if any(key(check.axes[axis]) != level for check in checks)}
    return frozenset(found | ({"state"} if any(check.place != checks[0].place for check in checks) else set()))


def place(check: Check, differing: Collection[str]) -> str:
    """Where a comparison was made: its value on the axes that differ among all of them, and the state."""
    axes = {axis: level for axis, level in check.axes.items() if axis in differing}
    return BETWEEN.join(filter(None, (axes_in_words(axes), check.place if "state" in differing else "")))


def off(check: Check) -> str:
    """A distance in units of what is allowed; words where nothing is, as beyond a limit."""
    if not math.isinf(check.distance):
        return numbers.significant(check.distance, 2)
    return "beyond" if isinstance(check.found, float) and math.isfinite(check.found) else "not comparable"


def wanted(expect: Expect, check: Check) -> str:
    """What is wanted, with the sign of its rule."""
    if expect.not_equals is not None:
        return f"not {numbers.found(check.wanted).replace(' to ', ' or ')}"
    if expect.equals is not None:
        return numbers.found(check.wanted).replace(" to ", " or ")
    low = f"≥ {numbers.found(expect.at_least)}" if expect.at_least is not None else ""
    high = f"≤ {numbers.found(expect.at_most)}" if expect.at_most is not None else ""
    return typeset(" and ".join(filter(None, (low, high))) or numbers.found(check.wanted))
