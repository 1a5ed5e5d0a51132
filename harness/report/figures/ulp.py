"""Distances in units in the last place over steps: an axis of log2(1 + ULP), which has a true 0."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter
from numpy.typing import NDArray

from harness.report import numbers
from harness.report.figures import panel
from harness.report.findings_levels import ulps
from harness.report.palette import hexadecimal

Vector = NDArray[np.float64]
_MOST_POINTS = 60
_MOST_TICKS = 6


@dataclass(frozen=True)
class Line:
    """
    One line.

    Args:
        name: Its label, at its end.
        colour: Its colour's name.
        step: Recorded steps, from 1.
        ulp: The largest distance there; inf where one path alone is not finite.
    """

    name: str
    colour: str
    step: Vector
    ulp: Vector

    @property
    def largest(self) -> float:
        """Over all steps."""
        return float(self.ulp.max(initial=0.0))

    def thinned(self) -> tuple[Vector, Vector]:
        """At most 60 steps, each with the largest distance since the one before: no peak is lost."""
        if len(self.step) <= _MOST_POINTS:
            return self.step, self.ulp
        wanted = np.geomspace(1, len(self.step), _MOST_POINTS).round().astype(np.int64)
        ends = np.unique(wanted)
        starts = np.concatenate([[0], ends[:-1]])
        return self.step[ends - 1], np.maximum.reduceat(self.ulp, starts)


@dataclass(frozen=True)
class Limit:
    """What is allowed at each step, and what it is called."""

    name: str
    step: Vector
    ulp: Vector


def ceiling(lines: Sequence[Line], limit: Limit) -> float:
    """The largest finite distance that a panel has to hold, its limit included."""
    finite = [float(line.ulp[np.isfinite(line.ulp)].max(initial=0.0)) for line in lines]
    return max([*finite, float(limit.ulp.max(initial=1.0))])


def draw(key: str, title: str, lines: Sequence[Line], limit: Limit, most: float) -> Markup:
    """
    One panel.

    Args:
        key: Makes ids unique.
        title: Over it.
        lines: At most seven.
        limit: Drawn dashed.
        most: What the axis holds, the same in all panels of a figure.
    """
    figure, axes = panel.new(196, 46, 74, title)
    last = max([float(line.step[-1]) for line in lines if len(line.step)], default=2.0)
    top = _height(most) * 1.1
    panel.log_ticks(axes, "x", 1.0, max(last, 2.0))
    _scale(axes, top)
    axes.plot(limit.step, np.log2(1 + limit.ulp), color=hexadecimal("muted"), linewidth=1, linestyle=(0, (3, 2)))
    axes.annotate(limit.name, (1.0, _height(float(limit.ulp[0]))), xytext=(3, 3), textcoords="offset points",
                  color=hexadecimal("muted"), fontsize=9.5, annotation_clip=False)  # fmt: skip
    for below, line in enumerate(reversed(lines)):
        step, ulp = line.thinned()
        # Thinner from below to above, so that lines on top of each other are all seen.
        axes.plot(step, np.minimum(np.log2(1 + ulp), top), color=hexadecimal(line.colour), drawstyle="steps-pre",
                  linewidth=1.2 + 0.7 * (len(lines) - 1 - below), clip_on=False)  # fmt: skip
    ends = [(_end(line, top), line.name, line.colour) for line in lines if len(line.step)]
    panel.end_labels(axes, ends)
    panel.x_name(axes, "step")
    words = "; ".join(f"{line.name} at most {ulps(line.largest)}" for line in lines)
    return panel.finish(figure, key, f"Distance by step, {title}", f"Largest distance: {words}. {limit.name}.")


def _end(line: Line, top: float) -> float:
    return min(_height(float(line.ulp[-1])), top)


def _height(ulp: float) -> float:
    return math.log2(1 + ulp)


def _scale(axes: Axes, top: float) -> None:
    axes.set_ylim(-0.02 * top, top)
    powers = range(math.floor(top * math.log10(2)) + 1)
    stride = max(1, math.ceil(len(powers) / _MOST_TICKS))
    heights = [_height(10.0**power) for power in powers[::stride]]
    # Where 1 would stand on the 0 it is left out.
    axes.yaxis.set_major_locator(FixedLocator([0.0, *(height for height in heights if height > 0.06 * top)]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda height, _: _tick(2.0**height - 1)))


def _tick(ulp: float) -> str:
    return "0" if ulp < 0.5 else numbers.power_of_ten(round(math.log10(ulp)))
