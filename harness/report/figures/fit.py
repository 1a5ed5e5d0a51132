"""Data with the fit that moves, and the loss with a dot on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter

from harness.report import numbers
from harness.report.figures import lines, panel
from harness.report.figures.lines import Line
from harness.report.figures.replay import Front, Matrix, Panel, Vector, dots, pixels
from harness.report.palette import hexadecimal

HEIGHT = 236.0
_GAP = 12.0


@dataclass(frozen=True)
class Fit:
    """
    What the panel of the data shows.

    Args:
        title: Over the panel.
        across: Name of the horizontal axis.
        rows: Observed points, shape (n, 2); none where the fit itself is dots.
        dashed: A line (m, 2) to compare with, and its name and colour; None where nothing is known.
        x: Where the fit is evaluated, shape (m,).
        y: The fit at each frame, shape (frames, m).
        scattered: Whether the fit is dots and no line.
        says: The description.
    """

    title: str
    across: str
    rows: Matrix
    dashed: tuple[Matrix, str, str] | None
    x: Vector
    y: Matrix
    scattered: bool
    says: str


def data(key: str, fit: Fit) -> Panel:
    """The rows, what they were made with, and the fit of the last frame."""
    figure, axes = panel.new(HEIGHT, 40, 44, fit.title)
    axes.set_xlim(*_room(fit.rows[:, 0] if len(fit.rows) else fit.x))
    axes.set_ylim(*_heights(fit))
    for which in ("x", "y"):
        panel.linear_ticks(axes, which)
    dots(axes, fit.rows, "p3", 3.2, 0.6)
    panel.x_name(axes, fit.across)
    front = Front(key, axes)
    front.curve(fit.x, fit.y, scattered=fit.scattered)
    ends = _ends(axes, fit)
    if fit.dashed is not None:
        line, words, colour = fit.dashed
        front.line(line, colour)
        at = float(pixels(axes, line[-1:])[0, 1])
        box = axes.get_position()
        panel.text(axes, box.width * panel.WIDTH + 4, HEIGHT - at - panel.TEXT_SIZE * 0.35, words, colour)
        ends = [_apart(end, at) for end in ends]
    if not fit.scattered:
        front.name("fit", [round(end + panel.TEXT_SIZE * 0.35, 1) for end in ends])
    return front.over(panel.finish(figure, key, fit.title, fit.says))


def _room(values: Vector) -> tuple[float, float]:
    """From the least to the largest value, with some room; a single value gets some too."""
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    room = (high - low) * 0.04 or abs(high) * 0.1 or 1.0
    return low - room, high + room


def _heights(fit: Fit) -> tuple[float, float]:
    """The rows' range, and of the first and the last fit what lies within half of it beyond."""
    rows = fit.rows[:, 1] if len(fit.rows) else fit.x
    low, high = _room(rows)
    near = (high - low) / 2
    ends = np.concatenate([fit.y[0], fit.y[-1], *([fit.dashed[0][:, 1]] if fit.dashed else [])])
    ends = np.clip(ends[np.isfinite(ends)], low - near, high + near)
    return _room(np.concatenate([ends, rows]))


def _ends(axes: Axes, fit: Fit) -> list[float]:
    """Where the fit leaves the panel at the right, by frame; the edge where it does so above or below."""
    box = axes.get_position()
    top, bottom = (1 - box.y1) * HEIGHT, (1 - box.y0) * HEIGHT
    ends = pixels(axes, np.column_stack([np.full(len(fit.y), fit.x[-1]), fit.y[:, -1]]))[:, 1]
    return [float(end) for end in np.clip(ends, top, bottom)]


def _apart(end: float, other: float) -> float:
    """At least a line of text from the other label, on its own side."""
    return end if abs(end - other) >= _GAP else other + (_GAP if end >= other else -_GAP)


def loss(key: str, title: str, own: Line, other: Line | None, frames: Sequence[int]) -> Panel:
    """
    The loss by step on log axes, a place for step 0 left of them.

    Args:
        key: Makes ids unique.
        title: Over the panel.
        own: The cell's, from step 0.
        other: Of the cell beside it.
        frames: Positions of the frames in `own`.
    """
    figure, axes = panel.new(HEIGHT, 40, 30 if other is None else 76, title)
    both = [line for line in (other, own) if line is not None]
    low, high = lines.limits(both) or (0.1, 10.0)
    last = max(2.0, *(float(line.step[-1]) for line in both))
    start = _steps(axes, last)
    panel.log_ticks(axes, "y", low, high)
    for line in both:
        keep = np.append(0, 1 + lines.thin(line.step[1:])) if line.step.size > 1 else np.array([0])
        shown = _shown(line.middle[keep], high * 10)
        width = 1.8 if line is own else 1.1
        axes.plot(np.maximum(line.step[keep], start), shown, color=hexadecimal(line.colour), linewidth=width)
    if other is not None:
        names = [(min(max(line.last[1], low * (high / low) ** 0.06), high), line.name, line.colour)
                 for line in both if line.last is not None]  # fmt: skip
        panel.end_labels(axes, names)
    panel.x_name(axes, "step")
    heights = np.clip(np.where(own.middle[frames] > 0, own.middle[frames], low), low, high)
    front = Front(key, axes)
    front.dot(np.column_stack([np.maximum(own.step[frames], start), heights]))
    says = "; ".join(f"{line.name} {_said(line)}" for line in both)
    return front.over(panel.finish(figure, key, f"{title} by step", f"{numbers.upper(title)} by step: {says}."))


def _steps(axes: Axes, last: float) -> float:
    """A log axis from 1 with a tick for 0 before it; where that stands."""
    panel.log_ticks(axes, "x", 1.0, last)
    locator, formatter = axes.xaxis.get_major_locator(), axes.xaxis.get_major_formatter()
    start = float(last**-0.12)
    # Room for half a dot.
    axes.set_xlim(start, last ** (1 + 5 / panel.WIDTH))
    axes.xaxis.set_major_locator(FixedLocator([start, *(tick for tick in locator() if tick >= 1)]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: "0" if value < 1 else formatter(value)))
    return start


def _shown(values: Vector, ceiling: float) -> Vector:
    with np.errstate(invalid="ignore"):
        return np.where(np.isfinite(values) & (values > 0), np.minimum(values, ceiling), np.nan)


def _said(line: Line) -> str:
    first = numbers.significant(float(line.middle[0]))
    if line.diverged:
        return f"starts at {first} and diverges"
    last = "within rounding of 0" if line.rounded else numbers.significant(float(line.middle[-1]))
    return f"goes from {first} to {last}"
