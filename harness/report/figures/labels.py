"""Labels beside what they name, where they cover least."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.report.figures.panel import TEXT_SIZE

Points = NDArray[np.float64]
_LETTER, _LINE = 0.56 * TEXT_SIZE, 1.15 * TEXT_SIZE
# How far from its anchor a label may stand, the nearest first.
_RINGS = (7.0, 12.0, 20.0)
_SIDES = ((1, 0), (-1, 0), (0, -1), (0, 1), (1, -1), (-1, -1), (1, 1), (-1, 1))


@dataclass(frozen=True)
class Label:
    """What to write, in which colour, and the points (k, 2) beside any of which it may stand, the best first."""

    words: str
    colour: str
    anchors: Points


@dataclass(frozen=True)
class Box:
    """A rectangle: middle, width and height."""

    x: float
    y: float
    wide: float
    high: float

    def holds(self, points: Points) -> int:
        """How many points lie in it."""
        x, y = np.abs(points[:, 0] - self.x), np.abs(points[:, 1] - self.y)
        return int(((x <= self.wide / 2) & (y <= self.high / 2)).sum())

    def overlaps(self, other: Box) -> bool:
        """Whether both share a point."""
        near = abs(self.x - other.x) * 2 < self.wide + other.wide
        return near and abs(self.y - other.y) * 2 < self.high + other.high

    def inside(self, other: Box) -> bool:
        """Whether it lies in the other one."""
        across = abs(self.x - other.x) * 2 <= other.wide - self.wide
        return across and abs(self.y - other.y) * 2 <= other.high - self.high


def placed(labels: Sequence[Label], paths: Sequence[Points], room: Box) -> list[tuple[float, float] | None]:
    """
    The middle of each label; None where it has no place in the room.

    Args:
        labels: The dearest first.
        paths: Lines (k, 2) that should stay visible.
        room: Where labels may stand.
    """
    covered = np.concatenate([along(path) for path in paths] or [np.empty((0, 2))])
    taken: list[Box] = []
    found: list[tuple[float, float] | None] = []
    for label in labels:
        best = min(_candidates(label, covered, taken, room), key=lambda item: item[0], default=None)
        found.append((best[1].x, best[1].y) if best else None)
        taken += [best[1]] if best else []
    return found


def _candidates(label: Label, covered: Points, taken: Sequence[Box], room: Box) -> list[tuple[float, Box]]:
    """Places in the room that no other label has, with what each costs."""
    wide = _LETTER * len(label.words) + 2
    result = []
    for place, (x, y) in enumerate(label.anchors):
        for gap in _RINGS:
            for across, up in _SIDES:
                box = Box(x + across * (gap + wide / 2), y + up * (gap + (_LINE / 2 if not across else 0)), wide, _LINE)
                if box.inside(room) and not any(box.overlaps(other) for other in taken):
                    result.append((box.holds(covered) + gap / 4 + place / 4, box))
    return result


def along(path: Points, apart: float = 4.0) -> Points:
    """Points on a line, so near each other that a label between two cannot miss it."""
    if len(path) < 2:
        return path
    parts = [path[:1]]
    for before, after in itertools.pairwise(path):
        count = int(np.clip(np.abs(after - before).max() / apart, 1, 100))
        parts.append(before + (after - before) * (np.arange(1, count + 1) / count)[:, None])
    return np.concatenate(parts)
