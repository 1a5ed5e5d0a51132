"""The parts of an error beside each other: a row of its own and a shape for each, so that no colour is needed."""

from __future__ import annotations

import math
from collections.abc import Mapping

from markupsafe import Markup

from harness.frames.budget import PARTS
from harness.report.marks import Scale

_WIDTH, _ROW, _EDGE = 96, 9, 5
_HEIGHT = _ROW * len(PARTS) + 1
# Around the middle of each shape.
_SHAPES = {
    "rounding": "M{left} {y}a3 3 0 1 0 6 0a3 3 0 1 0-6 0z",
    "optimisation": "M{left} {top}h6v6h-6z",
    "estimation": "M{x} {high}l4 4-4 4-4-4z",
}


def mark(sizes: Mapping[str, float], scale: Scale) -> Markup:
    """Each part on a row of its own, on one log scale; those that are 0 or not finite have no place on it."""
    drawn = []
    for row, part in enumerate(PARTS):
        y = _ROW * row + _ROW / 2 + 0.5
        size = sizes.get(part, math.nan)
        if math.isfinite(size) and size > 0:
            line = f'<path class="budget-line" d="M{_EDGE} {y}H{_WIDTH - _EDGE}"/>'
            drawn.append(line + _shape(part, scale.at(size), y))
    return _svg("".join(drawn), _WIDTH, _HEIGHT) if drawn else Markup("")


def sample(part: str) -> Markup:
    """The shape of a part, for the key."""
    return _svg(_shape(part, 5.0, 5.0), 10, 10)


def _shape(part: str, x: float, y: float) -> str:
    path = _SHAPES[part].format(x=x, y=y, left=round(x - 3, 1), top=y - 3, high=y - 4)
    return f'<path class="budget-{part}" d="{path}"/>'


def _svg(body: str, width: int, height: int) -> Markup:
    return Markup(  # noqa: S704 - numbers and our own names
        f'<svg class="mark" aria-hidden="true" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
        f"{body}</svg>"
    )
