"""Lines over steps: the loss on log axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from numpy.typing import NDArray

from harness.report import numbers
from harness.report.figures import panel
from harness.report.palette import hexadecimal

Vector = NDArray[np.float64]
_MOST_POINTS = 60


@dataclass(frozen=True)
class Line:
    """
    One line of a panel.

    Args:
        name: Its label, at its end.
        colour: Its colour's name.
        step: The states, from 1.
        middle: The median over seeds.
        low: The 10 % quantile, or None: no band.
        high: The 90 % quantile.
        diverged: At least half of its seeds diverged; it has no end.
        theory: What theory says, drawn dashed over what was measured.
    """

    name: str
    colour: str
    step: Vector
    middle: Vector
    low: Vector | None = None
    high: Vector | None = None
    diverged: bool = False
    theory: bool = False

    @property
    def end(self) -> float:
        """The last value; NaN where it is not finite and positive, or diverged."""
        value = float(self.middle[-1]) if self.middle.size and not self.diverged else math.nan
        return value if math.isfinite(value) and value > 0 else math.nan

    @property
    def rounded(self) -> bool:
        """Whether it ends within rounding of the optimum's loss, below what a log axis shows."""
        return bool(self.middle.size) and not self.diverged and self.middle[-1] <= 0

    @property
    def last(self) -> tuple[float, float] | None:
        """The last state and value that a log axis shows; None for a line that diverged."""
        with np.errstate(invalid="ignore"):
            shown = np.flatnonzero(np.isfinite(self.middle) & (self.middle > 0))
        if self.diverged or not shown.size:
            return None
        return float(self.step[shown[-1]]), float(self.middle[shown[-1]])


def thin(step: Vector) -> NDArray[np.int64]:
    """Positions of at most 60 states, evenly spaced on a log scale, first and last kept."""
    if len(step) <= _MOST_POINTS:
        return np.arange(len(step))
    wanted = np.geomspace(max(step[0], 1), step[-1], _MOST_POINTS)
    return np.unique(np.clip(np.searchsorted(step, wanted), 0, len(step) - 1))


def limits(lines: Sequence[Line]) -> tuple[float, float] | None:
    """What holds all lines; a line that diverges is cut a thousandfold above the largest start."""
    values = np.concatenate([line.middle for line in lines] or [np.array([])])
    values = values[np.isfinite(values) & (values > 0)]
    if not values.size:
        return None
    starts = [line.middle[0] for line in lines if line.middle.size and np.isfinite(line.middle[0])]
    top = min(float(values.max()), 1e3 * max([start for start in starts if start > 0], default=math.inf))
    low = min(float(values.min()), top)
    # At least a factor of two, so that a flat line does not become a mountain range.
    room = max(1.0, 2.0 / (top / low)) ** 0.5
    return low / 1.25 / room, top * 1.25 * room


def loss(
    key: str, title: str, lines: Sequence[Line], bounds: tuple[float, float], words: str, note: str,
    width: float = panel.WIDTH,
) -> Markup:  # fmt: skip
    """
    Loss against step on log axes.

    Args:
        key: Makes ids unique.
        title: Over the panel.
        lines: At most seven, and theory's.
        bounds: Of the vertical axis, shared by all panels of a figure.
        words: What is drawn, for the description.
        note: One sentence inside the panel; empty for none.
        width: Of the panel.
    """
    figure, axes = panel.new(196 if width == panel.WIDTH else 220, 40, 58, title, width)
    last = max([float(line.step[-1]) for line in lines if line.step.size], default=1.0)
    panel.log_ticks(axes, "x", 1.0, max(last, 2.0))
    panel.log_ticks(axes, "y", *bounds)
    for line in lines:
        _draw(axes, line, bounds)
    # Not so low that a label would stand on the ticks.
    lowest = bounds[0] * (bounds[1] / bounds[0]) ** 0.06
    ends = [
        (max(lowest, min(line.last[1], bounds[1])), line.name, line.colour) for line in lines if line.last is not None
    ]
    panel.end_labels(axes, ends)
    panel.x_name(axes, "step")
    if note:
        axes.annotate(note, (0.03, 0.05), xycoords="axes fraction", color=hexadecimal("muted"),
                      fontsize=panel.TEXT_SIZE)  # fmt: skip
    parts = [f"{line.name or 'the line'} {_ends(line)}" for line in lines]
    return panel.finish(figure, key, f"{words} by step, {title}", f"{words}: {'; '.join(parts)}. {note}".strip())


def _draw(axes: Axes, line: Line, bounds: tuple[float, float]) -> None:
    keep = thin(line.step)
    colour = hexadecimal(line.colour)
    ceiling = bounds[1] * 10
    if line.low is not None and line.high is not None:
        low, high = (_positive(side[keep], ceiling) for side in (line.low, line.high))
        axes.fill_between(line.step[keep], low, high, color=colour, alpha=0.16, linewidth=0)
    middle = _positive(line.middle[keep], ceiling)
    if line.theory:
        # A pale edge, or the dashes would be lost on the line that they cover.
        axes.plot(line.step[keep], middle, color=hexadecimal("bg"), linewidth=4.2, linestyle=(0, (1.4, 1.6)), zorder=3)
        axes.plot(line.step[keep], middle, color=colour, linewidth=2.2, linestyle=(0, (2.67, 3.05)), zorder=3)
        return
    axes.plot(line.step[keep], middle, color=colour, linewidth=1.5)
    if line.last is not None:
        # Where it stops: runs with larger batches have fewer steps.
        at, value = line.last
        axes.plot([at], [min(value, bounds[1])], "o", color=colour, markersize=3.5, mew=0, clip_on=False)


def _positive(values: Vector, ceiling: float) -> Vector:
    """NaN, a gap, where a log axis has no place; what overflows leaves through the top."""
    with np.errstate(invalid="ignore"):
        return np.where(np.isfinite(values) & (values > 0), np.minimum(values, ceiling), np.nan)


def _ends(line: Line) -> str:
    if line.rounded:
        return "ends within rounding of the optimum"
    return "has no end on these axes" if math.isnan(line.end) else f"ends at {numbers.significant(line.end)}"
