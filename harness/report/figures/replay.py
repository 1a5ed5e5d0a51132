"""What moves in a panel: parts in front of it, and where they are at each frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from numpy.typing import NDArray

from harness.report.figures import panel
from harness.report.palette import hexadecimal

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
# Nowhere on the panel, and not so far that a browser minds.
_FAR = 900.0
_RADIUS = 4.5


@dataclass(frozen=True)
class Move:
    """
    An attribute that changes from frame to frame.

    Args:
        id: Of the element.
        attribute: Its name.
        values: One a frame.
    """

    id: str
    attribute: str
    values: tuple[float, ...]


@dataclass(frozen=True)
class Curve:
    """
    A path that changes from frame to frame.

    Args:
        id: Of the element.
        x: Of its points, the same in all frames.
        y: Of its points, by frame; None where one is no number.
        join: What stands between two points: `L` for a line, `h0M` for dots.
    """

    id: str
    x: tuple[float, ...]
    y: tuple[tuple[float, ...] | None, ...]
    join: str

    def path(self, frame: int) -> str:
        """The `d` of a frame, as the page's script writes it too."""
        y = self.y[frame]
        if y is None:
            return ""
        points = self.join.join(f"{here:g} {there:g}" for here, there in zip(self.x, y, strict=True))
        return f"M{points}{'' if self.join == 'L' else 'h0'}"


@dataclass(frozen=True)
class Panel:
    """
    A panel that can be replayed.

    Args:
        svg: With its moving parts where they are in the last frame.
        moves: Of its parts.
        curve: Its path that moves, or None.
    """

    svg: Markup
    moves: tuple[Move, ...] = ()
    curve: Curve | None = None


def pixels(axes: Axes, points: Matrix) -> Matrix:
    """Points (k, 2) of the axes in the units of the panel's SVG, a tenth apart; far off where they are no numbers."""
    with np.errstate(all="ignore"):
        found = axes.transData.transform(np.asarray(points, dtype=np.float64))
    found[:, 1] = _height(axes) - found[:, 1]
    near = np.clip(np.nan_to_num(found, nan=_FAR, posinf=_FAR, neginf=-_FAR), -_FAR, _FAR)
    return np.asarray(np.round(near, 1) + 0.0)


def dots(axes: Axes, points: Matrix, colour: str, size: float, alpha: float = 1.0) -> None:
    """Round dots as one path of points without length: the page counts its elements."""
    points = points[np.isfinite(points).all(axis=1)]
    codes = np.tile([Path.MOVETO, Path.LINETO], len(points))
    path = Path(np.repeat(points, 2, axis=0), codes)
    path.should_simplify = False
    axes.add_patch(
        PathPatch(path, fill=False, edgecolor=hexadecimal(colour), linewidth=size, capstyle="round", alpha=alpha)
    )


def label(axes: Axes, middle: tuple[float, float], words: str, colour: str) -> None:
    """Text around a place in the units of the panel's SVG."""
    left, up = axes.get_position().x0 * panel.WIDTH, _height(axes) - middle[1]
    panel.text(axes, middle[0] - left, up - panel.TEXT_SIZE * 0.35, words, colour, align="center")


def size(axes: Axes) -> tuple[float, float]:
    """Width and height of the axes in the units of the panel's SVG."""
    box = axes.get_position()
    return float(box.width * panel.WIDTH), float(box.height * _height(axes))


def _height(axes: Axes) -> float:
    figure = axes.get_figure(root=True)
    assert figure is not None
    return float(figure.get_size_inches()[1] * 72)


class Front:
    """
    Collects the moving parts of one panel and puts them in front of it.

    Args:
        key: Of the panel; goes before each id.
        axes: Its axes, with their limits set.
    """

    def __init__(self, key: str, axes: Axes) -> None:
        self._key, self._axes = key, axes
        self._clipped: list[str] = []
        self._free: list[str] = []
        self._moves: list[Move] = []
        self._curve: Curve | None = None

    def dot(self, points: Matrix) -> None:
        """A dot at one point a frame."""
        at = pixels(self._axes, points)
        name = f"{self._key}-dot"
        self._moves += [Move(name, f"c{axis}", tuple(at[:, place].tolist())) for place, axis in enumerate("xy")]
        self._clipped.append(
            f'<circle id="{name}" cx="{at[-1, 0]:g}" cy="{at[-1, 1]:g}" r="{_RADIUS:g}" '
            'style="fill:var(--accent);stroke:var(--bg);stroke-width:1.5"/>'
        )

    def curve(self, x: Vector, y: Matrix, *, scattered: bool) -> None:
        """A line, or dots, whose heights (frames, m) change."""
        at = [pixels(self._axes, np.column_stack([x, row])) for row in y]
        heights = [tuple(p[:, 1].tolist()) if np.isfinite(row).all() else None for p, row in zip(at, y, strict=True)]
        curve = Curve(f"{self._key}-curve", tuple(at[0][:, 0].tolist()), tuple(heights), "h0M" if scattered else "L")
        width = 4 if scattered else 2.6
        self._curve = curve
        self._clipped.append(
            f'<path id="{curve.id}" d="{curve.path(-1)}" style="fill:none;stroke:var(--accent);stroke-width:{width};'
            'stroke-linecap:round;stroke-linejoin:round"/>'
        )

    def line(self, points: Matrix, colour: str) -> None:
        """A dashed line that does not move, with a pale edge so that it is seen over what does."""
        path = "L".join(f"{x:g} {y:g}" for x, y in pixels(self._axes, points))
        self._clipped += [
            f'<path d="M{path}" style="fill:none;stroke:var(--{name});stroke-width:{width};stroke-dasharray:5 3.5"/>'
            for name, width in (("bg", 3.2), (colour, 1.8))
        ]

    def name(self, words: str, y: Sequence[float]) -> None:
        """A label at the right edge whose height changes; outside the clipped part."""
        box, name = self._axes.get_position(), f"{self._key}-name"
        self._moves.append(Move(name, "y", tuple(y)))
        self._free.append(
            f'<text id="{name}" x="{(box.x0 + box.width) * panel.WIDTH + 4:g}" y="{y[-1]:g}" '
            f'style="fill:var(--accent);font-size:{panel.TEXT_SIZE:g}px">{escape(words)}</text>'
        )

    def over(self, svg: Markup) -> Panel:
        """The finished panel; what moves is cut a dot's radius beyond the axes."""
        box, more = self._axes.get_position(), _RADIUS + 1
        wide, high = size(self._axes)
        x, y = box.x0 * panel.WIDTH - more, (1 - box.y1) * _height(self._axes) - more
        clip = (
            f'<clipPath id="{self._key}-front">'
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{wide + 2 * more:.1f}" height="{high + 2 * more:.1f}"/></clipPath>'
        )
        body = f'{clip}<g clip-path="url(#{self._key}-front)">{"".join(self._clipped)}</g>{"".join(self._free)}'
        text = f"{str(svg).removesuffix('</svg>')}{body}</svg>"
        return Panel(Markup(text), tuple(self._moves), self._curve)  # noqa: S704 - our own numbers
