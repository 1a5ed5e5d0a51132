"""Profiles: share of problems solved within so many times the best arm's time, and within so many steps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from harness.report import numbers
from harness.report.figures import panel
from harness.report.palette import hexadecimal

# Beyond so many times the best all arms that solve anything have done so, or the axis would show little else.
_WIDEST = 64.0


@dataclass(frozen=True)
class Curve:
    """
    One arm.

    Args:
        name: Its label, at its end.
        colour: Its colour's name.
        ratios: Times as multiples of the best, or steps; ascending, inf where a problem was not solved.
        dashed: A device that is not the first.
    """

    name: str
    colour: str
    ratios: tuple[float, ...]
    dashed: bool = False


def times(key: str, title: str, curves: Sequence[Curve]) -> Markup:
    """Times as multiples of the best: one line an arm, a step up at each problem that it solved."""
    figure, axes = panel.new(196, 40, 76, title)
    largest = max([r for curve in curves for r in curve.ratios if math.isfinite(r)], default=1.0)
    right = min(_WIDEST, 2.0 ** math.ceil(math.log2(max(largest * 1.05, 2.0))))
    _scales(axes, right)
    _draw(axes, curves, 1.0, right)
    panel.x_name(axes, "time, times the best arm's")
    words = "; ".join(f"{curve.name} {_said(curve)}" for curve in curves)
    return panel.finish(figure, key, f"Performance profile, {title}", f"Share of problems solved: {words}.")


def steps(key: str, title: str, curves: Sequence[Curve], budget: int, width: float = panel.WIDTH) -> Markup:
    """The same over steps, from 1 to the largest budget."""
    figure, axes = panel.new(196, 40, 76, title, width)
    right = max(2.0, float(budget))
    panel.log_ticks(axes, "x", 1.0, right)
    _shares(axes)
    _draw(axes, curves, 1.0, right)
    panel.x_name(axes, "steps")
    words = "; ".join(
        f"{curve.name} {sum(map(math.isfinite, curve.ratios))} of {len(curve.ratios)}" for curve in curves
    )
    return panel.finish(figure, key, f"Data profile, {title}", f"Problems solved in the end: {words}.")


def _draw(axes: Axes, curves: Sequence[Curve], left: float, right: float) -> None:
    ends = []
    for curve in curves:
        x, y = _corners(curve.ratios, left, right)
        style = (0, (4, 2)) if curve.dashed else "-"
        axes.plot(x, y, color=hexadecimal(curve.colour), linewidth=1.6, linestyle=style, drawstyle="steps-post",
                  clip_on=False)  # fmt: skip
        ends.append((y[-1], curve.name, curve.colour))
    panel.end_labels(axes, ends)


def _scales(axes: Axes, right: float) -> None:
    axes.set_xscale("log", base=2)
    axes.set_xlim(1.0, right)
    # Every doubling, or every other one where there are many.
    powers = range(0, round(math.log2(right)) + 1, 1 if right <= 16 else 2)
    axes.xaxis.set_major_locator(FixedLocator([2.0**power for power in powers]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    _shares(axes)


def _shares(axes: Axes) -> None:
    axes.set_ylim(0.0, 1.03)
    axes.set_yticks([0.0, 0.5, 1.0], ["0", f"50{numbers.THIN}%", f"100{numbers.THIN}%"])


def _corners(ratios: Sequence[float], left: float, right: float) -> tuple[list[float], list[float]]:
    """From the left edge on, one at each ratio that is shown, and the right edge."""
    count = len(ratios)
    inside = sorted({ratio for ratio in ratios if left < ratio <= right})
    x = [left, *inside, right]
    return x, [sum(ratio <= at for ratio in ratios) / count for at in x]


def _said(curve: Curve) -> str:
    count = len(curve.ratios)
    first, solved = sum(ratio <= 1.0 for ratio in curve.ratios), sum(map(math.isfinite, curve.ratios))
    return f"first in {numbers.share(first, count)}, solved {solved}"
