"""Published values over the band of the seeds, state by state."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from harness.report.figures import panel
from harness.report.palette import hexadecimal

_HEIGHT = 190.0
# The width of a line, of the height of the axes: bands nearer than that are one.
_LINE = 1.5 / (_HEIGHT - 58)
# Spans that a log axis shows better.
_LOG = 30.0


@dataclass(frozen=True)
class Band:
    """
    One configuration.

    Args:
        places: The states.
        low: The least of the seeds at each.
        high: The largest.
        wanted: What was published.
        held: Whether that lies between them.
    """

    places: tuple[int, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    wanted: tuple[float, ...]
    held: tuple[bool, ...]

    @property
    def values(self) -> NDArray[np.float64]:
        """Its three lines."""
        return np.array([self.low, self.high, self.wanted], dtype=np.float64)


@dataclass(frozen=True)
class Limits:
    """The vertical axis that all panels of a figure share."""

    low: float
    high: float
    log: bool

    def heights(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """As shares of the axis; what a log axis cannot show is at its foot."""
        if not self.log:
            return np.asarray((values - self.low) / (self.high - self.low))
        inside = np.maximum(values, self.low)
        return np.asarray(np.log(inside / self.low) / math.log(self.high / self.low))


def limits_of(bands: Sequence[Band]) -> Limits:
    """What holds all values: a log axis where they are positive and span much."""
    every = np.concatenate([band.values.ravel() for band in bands])
    finite = every[np.isfinite(every)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    if low > 0 and high > _LOG * low:
        return Limits(low / 1.3, high * 1.3, log=True)
    room = max(0.05 * (high - low), 1e-9 * abs(high), 1e-12)
    return Limits(low - room, high + room, log=False)


def coincide(one: Band, other: Band, limits: Limits) -> bool:
    """Whether two could not be told apart: the same published values, bands less than a line's width apart."""
    if (one.places, one.wanted, one.held) != (other.places, other.wanted, other.held):
        return False
    gaps = np.abs(limits.heights(one.values) - limits.heights(other.values))
    return bool(np.all(gaps < _LINE))


def draw(key: str, title: str, unit: str, band: Band, limits: Limits, width: float = panel.WIDTH) -> Markup:
    """
    One panel; a published value that is missed is a cross.

    Args:
        key: Makes ids unique.
        title: Over it.
        unit: What states are counted in.
        band: What is drawn.
        limits: Of the vertical axis.
        width: Of the panel.
    """
    figure, axes = panel.new(_HEIGHT, 46, 62, title, width)
    x, wanted = np.array(band.places, dtype=np.float64), np.array(band.wanted, dtype=np.float64)
    held = np.array(band.held, dtype=bool)
    axes.fill_between(x, band.low, band.high, color=hexadecimal("muted"), alpha=0.3, linewidth=0)
    axes.plot(x[held], wanted[held], "o", color=hexadecimal("truth"), markersize=3, mew=0)
    axes.plot(x[~held], wanted[~held], "x", color=hexadecimal("fail"), markersize=6, mew=1.6)
    axes.set_ylim(limits.low, limits.high)
    if limits.log:
        panel.log_ticks(axes, "y", limits.low, limits.high)
    else:
        panel.linear_ticks(axes, "y")
    panel.linear_ticks(axes, "x")
    ends = [(float(wanted[-1]), "published", "truth"), (float(band.high[-1]), "seeds", "muted")]
    panel.end_labels(axes, [(min(max(end, limits.low), limits.high), name, colour) for end, name, colour in ends])
    panel.x_name(axes, unit)
    words = f"{int(held.sum())} of {len(held)} published values lie between the seeds' least and largest."
    return panel.finish(figure, key, f"Published values and the seeds' range, {title}", words)
