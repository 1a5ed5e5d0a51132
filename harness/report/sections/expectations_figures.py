"""A row of published values over states, in the range of the seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.analysis.expectations import Result
from harness.analysis.result import Check
from harness.report import numbers
from harness.report.figures import bands
from harness.report.figures.bands import Band, Limits
from harness.report.figures.panel import WIDE, WIDTH
from harness.report.findings_expectations import of_bands
from harness.report.parts import Figure, Finding
from harness.report.view import Axes, View, key
from harness.report.where import axes_in_words

# A page has 30, and the other sections may need 25.
MOST_PANELS = 5
_LEAST_PLACES = 3
_LONGEST_TITLE = 44


@dataclass(frozen=True)
class _Kind:
    """Configurations whose bands coincide: the first is drawn."""

    groups: tuple[tuple[Check, ...], ...]

    @property
    def first(self) -> tuple[Check, ...]:
        return self.groups[0]


def figure(view: View, result: Result, seeds: int, room: int = MOST_PANELS) -> Figure | None:
    """
    The figure of one expectation; None where it is no row of values held against the spread of the seeds.

    Args:
        view: The scenario.
        result: The expectation.
        seeds: How many the band spans.
        room: Panels that the page has left.
    """
    groups = _groups(result)
    if result.expect.inside != "seeds" or not any(len(group) >= _LEAST_PLACES for group in groups) or room < 1:
        return None
    limits = bands.limits_of([_band(group) for group in groups])
    kinds = _kinds(groups, limits)
    shown = kinds[: min(room, MOST_PANELS)]
    width = WIDE if len(shown) == 1 else WIDTH
    panels = tuple(
        bands.draw(f"expect-{result.number}-{place}", _title(view, kinds, kind, result), _unit(kind.first),
                   _band(kind.first), limits, width)
        for place, kind in enumerate(shown)
    )  # fmt: skip
    checks = [check for group in groups for check in group]
    says = of_bands(sum(check.held for check in checks), len(checks), len(groups))
    return Figure(Finding(says, _how(view, kinds, shown, result, seeds)), panels, id=f"expect-{result.number}")


def _groups(result: Result) -> list[tuple[Check, ...]]:
    """Comparisons by cell, with ranges found, the group with the most misses first."""
    groups: dict[str, list[Check]] = {}
    for check in result.checks:
        if isinstance(check.found, tuple):
            groups.setdefault(key(check.axes), []).append(check)
    return sorted(map(tuple, groups.values()), key=lambda group: -sum(not check.held for check in group))


def _band(group: Sequence[Check]) -> Band:
    low, high = zip(*(check.found for check in group), strict=True)
    places = tuple(int(check.place.split()[-1]) for check in group)
    return Band(places, low, high, tuple(check.wanted for check in group), tuple(check.held for check in group))


def _unit(group: Sequence[Check]) -> str:
    return group[0].place.split()[0]


def _kinds(groups: Sequence[tuple[Check, ...]], limits: Limits) -> list[_Kind]:
    found: list[list[tuple[Check, ...]]] = []
    for group in groups:
        same = next((kind for kind in found if bands.coincide(_band(kind[0]), _band(group), limits)), None)
        if same is None:
            found.append([group])
        else:
            same.append(group)
    return [_Kind(tuple(kind)) for kind in found]


def _axes(view: View, group: Sequence[Check], kinds: Sequence[_Kind], *, differ: bool) -> Axes:
    """Those axes that vary, and among the groups do or do not."""
    every = [other[0].axes for kind in kinds for other in kind.groups]
    return {
        axis: level
        for axis, level in group[0].axes.items()
        if axis in view.varied and (len({key(axes[axis]) for axes in every}) > 1) == differ
    }


def _title(view: View, kinds: Sequence[_Kind], kind: _Kind, result: Result) -> str:
    """What tells a panel from the others; the quantity, where it stands alone."""
    if len(kinds) == 1:
        return result.expect.quantity.replace("_", " ")
    names = [axes_in_words(_axes(view, group, kinds, differ=True)) for group in kind.groups]
    whole = numbers.listed(names)
    return whole if len(whole) <= _LONGEST_TITLE else f"{names[0]}{f' and {len(names) - 1} more' * (len(names) > 1)}"


def _how(view: View, kinds: Sequence[_Kind], shown: Sequence[_Kind], result: Result, seeds: int) -> str:
    merged = [kind for kind in shown if len(kind.groups) > 1]
    if len(kinds) == 1 and merged:
        alone = axes_in_words(_axes(view, kinds[0].first, kinds, differ=True))
        count = len(kinds[0].groups)
        one = f" {'Both bands' if count == 2 else f'The bands of all {count}'} coincide, so {alone} alone is drawn."
    else:
        one = " Configurations whose bands coincide share a panel." if merged else ""
    cut = f" {numbers.share(len(shown), len(kinds))} panels, those with the most misses." if shown != kinds else ""
    shared = axes_in_words(_axes(view, kinds[0].first, kinds, differ=False))
    where = f", {shared}" if shared else ""
    crosses = "" if all(check.held for check in result.checks) else " and crosses (missed)"
    name = result.expect.quantity.replace("_", " ")
    return (
        f"{numbers.upper(name)}{where}. Band: from the least to the largest of {seeds} seeds; "
        f"dots{crosses}: published.{one}{cut}"
    )
