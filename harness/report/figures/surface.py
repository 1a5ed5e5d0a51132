"""The loss surface from above: contours, and the ways down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from harness.report import numbers
from harness.report.figures import contours, panel
from harness.report.figures.contours import Ground
from harness.report.figures.fit import HEIGHT
from harness.report.figures.labels import Box, Label, placed
from harness.report.figures.replay import Front, Matrix, Panel, Vector, dots, label, pixels, size
from harness.report.palette import hexadecimal

Limits = tuple[Vector, Vector]
_LEAST_APART = 6.0


@dataclass(frozen=True)
class Way:
    """A descent path: its name, its colour, and its points (s, 2), one a recorded state."""

    name: str
    colour: str
    points: Matrix


@dataclass(frozen=True, eq=False)
class Mark:
    """A point (2,) with its name and colour."""

    name: str
    colour: str
    point: Vector


@dataclass(frozen=True)
class Surface:
    """
    What the panel shows.

    Args:
        names: Of the horizontal and the vertical axis.
        ways: The cell's path, then another or none.
        marks: The optimum, and what the data were made with.
        frames: Points of the dot, shape (frames, 2).
        ground: The loss.
    """

    names: tuple[str, str]
    ways: tuple[Way, ...]
    marks: tuple[Mark, ...]
    frames: Matrix
    ground: Ground


@dataclass(frozen=True)
class Drawn:
    """A panel, the levels of its contours, and what of paths and marks does not lie in it, in words."""

    panel: Panel
    levels: tuple[float, ...]
    cut: tuple[str, ...]


def draw(key: str, surface: Surface) -> Drawn:
    """Contours at round levels of the loss above its least, paths, marks, and a dot."""
    across, up = surface.names
    figure, axes = panel.new(HEIGHT, 46, 14, f"loss surface, {up} up")
    low, high = box = limits(surface)
    axes.set_xlim(low[0], high[0])
    axes.set_ylim(low[1], high[1])
    panel.linear_ticks(axes, "x")
    panel.linear_ticks(axes, "y")
    levels = contours.draw(axes, surface.ground)
    for way in reversed(surface.ways):
        _draw_way(axes, way, box, first=way is surface.ways[0])
    inside = [mark for mark in surface.marks if within(mark.point[None], box).all()]
    for mark in inside:
        x, y = mark.point
        axes.plot([x], [y], "+", color=hexadecimal(mark.colour), markersize=9, markeredgewidth=1.6)
    _name(axes, surface.ways, inside, box)
    panel.x_name(axes, across)
    front = Front(key, axes)
    front.dot(surface.frames)
    svg = panel.finish(figure, key, f"Loss surface over {across} and {up}", _says(surface, levels))
    cut = [f"{item.name} leaves the panel" for item in surface.ways if not within(item.points, box).all()]
    cut += [f"the {mark.name} lies outside the panel" for mark in surface.marks if mark not in inside]
    return Drawn(front.over(svg), levels, tuple(cut))


def limits(surface: Surface) -> Limits:
    """
    The lower left and the upper right corner of what holds the cell's path and the marks.

    Of what lies far outside the span of its start and the first mark nothing counts, so that a path that
    diverges leaves the panel instead of filling it; of the other path only what is near.
    """
    own = surface.ways[0].points
    anchor = surface.marks[0].point if surface.marks else own[-1]
    span, unit = np.abs(own[0] - anchor), 1e-9 * float(np.abs(anchor).max()) + 1e-12
    reach = 4 * np.maximum(span, max(0.25 * float(span.max()), unit))
    # A bit beyond the anchor, or the contours around it would be cut.
    beyond = anchor - 0.3 * (own[0] - anchor)
    points = np.concatenate([own, *(mark.point[None] for mark in surface.marks), [anchor, beyond]])
    low, high = _around(points, (anchor - reach, anchor + reach))
    for way in surface.ways[1:]:
        near = 0.35 * (high - low)
        low, high = _around(np.concatenate([way.points, [low, high]]), (low - near, high + near))
    # Neither a line nor a point fills a panel.
    half = 0.58 * np.maximum(high - low, max(0.05 * float((high - low).max()), unit))
    return (low + high) / 2 - half, (low + high) / 2 + half


def _around(points: Matrix, box: Limits) -> Limits:
    inside = points[within(points, box)]
    return inside.min(axis=0), inside.max(axis=0)


def within(points: Matrix, box: Limits) -> NDArray[np.bool_]:
    """Which points (k, 2) lie in the box; those that are no numbers do not."""
    with np.errstate(invalid="ignore"):
        return np.asarray(((points >= box[0]) & (points <= box[1])).all(axis=1))


def _draw_way(axes: Axes, way: Way, box: Limits, *, first: bool) -> None:
    """A line with a dot a state."""
    points = way.points[: _drawn(way.points, box)]
    axes.plot(points[:, 0], points[:, 1], color=hexadecimal(way.colour), linewidth=1.8 if first else 0.9)
    dots(axes, _apart(axes, points[within(points, box)]), way.colour, 3.6 if first else 2.6)


def _drawn(points: Matrix, box: Limits) -> int:
    """How many states: up to the first one outside where the path ends outside, and none that is far off."""
    wide = box[1] - box[0]
    outside = ~within(points, box)
    far = ~within(points, (box[0] - 1e3 * wide, box[1] + 1e3 * wide))
    if not outside[-1]:
        return len(points) if not far.any() else int(np.argmax(far))
    last = int(np.argmax(outside))
    return last if far[last] else last + 1


def _apart(axes: Axes, points: Matrix) -> Matrix:
    """The points, the first first, without those so near another that their dots would become a bar."""
    at, kept = pixels(axes, points), [0] if len(points) else []
    for place in range(1, len(points)):
        if np.abs(at[place] - at[kept]).max(axis=1).min() >= _LEAST_APART:
            kept.append(place)
    return np.asarray(points[kept])


def _name(axes: Axes, ways: Sequence[Way], marks: Sequence[Mark], box: Limits) -> None:
    """Names beside marks and paths; that of a path only where there are two."""
    paths = [pixels(axes, way.points[within(way.points, box)]) for way in ways]
    crosses = [pixels(axes, mark.point[None]) for mark in marks]
    labels = [Label(mark.name, mark.colour, at) for mark, at in zip(marks, crosses, strict=True)]
    if len(ways) > 1:
        labels += [Label(way.name, way.colour, path[:40]) for way, path in zip(ways, paths, strict=True)]
    wide, high = size(axes)
    place = axes.get_position()
    room = Box((place.x0 + place.x1) / 2 * panel.WIDTH, (1 - (place.y0 + place.y1) / 2) * HEIGHT, wide, high)
    for item, middle in zip(labels, placed(labels, [*paths, *crosses], room), strict=True):
        if middle is not None:
            label(axes, middle, item.words, item.colour)


def _says(surface: Surface, levels: Sequence[float]) -> str:
    found = numbers.listed(numbers.significant(level, 1) for level in levels) or "no round level"
    marks = [
        f"{mark.name} at ({', '.join(numbers.significant(float(value)) for value in mark.point)})"
        for mark in surface.marks
    ]
    return f"Contours of the loss above its least at {found}. Marked: {numbers.listed(marks) or 'nothing'}."
