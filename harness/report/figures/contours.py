"""Contours of a loss at round levels: ellipses of a parabola, else from a grid."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from harness.report.figures.replay import Matrix, Vector, size
from harness.report.palette import hexadecimal

_MOST_LEVELS = 8
# A curve less wide than this is a smear.
_LEAST_HALF = 2.0
_GRID_VALUES = 4_000_000
_COLOUR, _ALPHA, _WIDTH = "muted", 0.5, 0.8


@dataclass(frozen=True)
class Ground:
    """
    A loss over a plane.

    Args:
        excess: From points (k, 2) to the loss above its least, shape (k,).
        bend: The Hessian where that is a parabola, shape (2, 2), else None.
        centre: The least point of the parabola, shape (2,).
        rows: How many rows the loss is made of, which says how fine a grid may be.
    """

    excess: Callable[[Matrix], Vector]
    bend: Matrix | None
    centre: Vector
    rows: int


def draw(axes: Axes, ground: Ground) -> tuple[float, ...]:
    """Draws contours over the limits of the axes; at which levels."""
    if ground.bend is None:
        return _of_grid(axes, ground)
    corners = np.array([(x, y) for x in axes.get_xlim() for y in axes.get_ylim()])
    return _of_parabola(axes, ground.bend, ground.centre, float(ground.excess(corners).max()))


def _of_parabola(axes: Axes, bend: Matrix, centre: Vector, highest: float) -> tuple[float, ...]:
    wide, high = size(axes)
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    unit = np.array([wide / (right - left), high / (top - bottom)])
    steepest = float(np.linalg.eigvalsh(bend / np.outer(unit, unit))[-1])
    found = levels(_LEAST_HALF**2 * steepest / 2, highest)
    values, directions = np.linalg.eigh(bend)
    circle = Path.unit_circle()
    for level in found:
        # The half-axes: along each eigenvector the square root of twice the level over its eigenvalue.
        ellipse = (np.asarray(circle.vertices) * np.sqrt(2 * level / values)) @ directions.T + centre
        axes.add_patch(
            PathPatch(Path(ellipse, circle.codes), fill=False, edgecolor=hexadecimal(_COLOUR), linewidth=_WIDTH,
                      alpha=_ALPHA)
        )  # fmt: skip
    return found


def _of_grid(axes: Axes, ground: Ground) -> tuple[float, ...]:
    side = int(np.clip(math.sqrt(_GRID_VALUES / max(ground.rows, 1)), 12, 48))
    x, y = np.meshgrid(np.linspace(*axes.get_xlim(), side), np.linspace(*axes.get_ylim(), side))
    with np.errstate(over="ignore", invalid="ignore"):
        z = ground.excess(np.column_stack([x.ravel(), y.ravel()])).reshape(x.shape)
    positive = z[np.isfinite(z) & (z > 0)]
    found = levels(float(np.quantile(positive, 0.003)), float(positive.max())) if positive.size else ()
    if found:
        axes.contour(x, y, z, levels=found, colors=hexadecimal(_COLOUR), linewidths=_WIDTH, alpha=_ALPHA)
    return found


def levels(low: float, high: float) -> tuple[float, ...]:
    """Between these, 1 and 3 of each power of ten, or of every so many powers where they would be too many."""
    if not 0 < low < high < math.inf:
        return ()
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    tens = [exponent for exponent in range(first, last + 1) if low <= 10.0**exponent <= high]
    halves = sorted(m * 10.0**e for e in range(first, last + 1) for m in (1, 3) if low <= m * 10.0**e <= high)
    if len(halves) <= _MOST_LEVELS:
        return tuple(halves)
    return tuple(10.0**exponent for exponent in tens[:: -math.ceil(len(tens) / _MOST_LEVELS)][::-1])
