"""Caption of the replay: from where to where, and by which kind of path."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile

from harness.report import numbers

# Fewer moves are no path to speak of.
_LEAST_MOVES = 3
# Of its moves, so many must change sides to be called a zigzag.
_ZIGZAG = 0.9
# Beside the least loss, less is rounding.
_ROUNDING = 2.0**-49


@dataclass(frozen=True)
class Journey:
    """
    One training.

    Args:
        steps: Updates done.
        first: Loss at the start.
        last: Loss at the end; may be no number.
        least: Loss of the exact optimum, or None.
        along: Signed distances from the optimum along the steepest direction, at steps 0, 1, 2, …; empty
            where none is known.
        floor: Distances up to this one are rounding.
    """

    steps: int
    first: float
    last: float
    least: float | None = None
    along: Sequence[float] = ()
    floor: float = 0.0

    @property
    def resolved(self) -> list[float]:
        """The distances up to the first that is no number or within rounding."""
        return list(takewhile(lambda distance: math.isfinite(distance) and abs(distance) > self.floor, self.along))


def of_fit(shown: Journey, rate: str = "", other: Journey | None = None) -> str:
    """
    The loss from start to end, and whether the path glides or zigzags.

    Args:
        shown: The cell that is replayed.
        rate: Of the other path, in words.
        other: A cell on the same surface at another rate.
    """
    word = _path(shown)
    text = f"{_way(shown)}{f'; the path {word}' if word else ''}."
    if other is None:
        return text
    also, word = word, _path(other)
    if word:
        return f"{text} At {rate} it {word}{' too' if word == also else ''}."
    if not math.isfinite(other.last):
        return f"{text} At {rate} it ends at no finite number."
    return f"{text} At {rate} it ends at {numbers.significant(other.last)}{_above(other)}."


def of_sides(shown: Journey, rate: str = "", other: Journey | None = None) -> str:
    """The counts behind the words for both paths; empty where there are none."""
    own, beside = _crossing(shown), _crossing(other) if other is not None else None
    what = "to the optimum's other side"
    if own is None:
        return (
            "" if beside is None else f"At {rate}, {beside[0]} moves {beside[1]} {what} along the steepest direction."
        )
    text = f"Along the steepest direction {own[0]} moves {own[1]} {what}"
    if beside is None:
        return f"{text}."
    return f"{text}; at {rate}, {beside[0]} {'does' if beside[1] == 'crosses' else 'do'}."


def _way(journey: Journey) -> str:
    steps, first = numbers.plural(journey.steps, "step"), numbers.significant(journey.first)
    if not math.isfinite(journey.first):
        return "The loss is no finite number from the start"
    if not math.isfinite(journey.last):
        return f"The loss starts at {first}, and within {steps} it is no finite number any more"
    one = journey.steps == 1
    last = numbers.significant(journey.last)
    if journey.last > journey.first:
        return f"{steps} {'takes' if one else 'take'} the loss from {first} up to {last}{_above(journey)}"
    if journey.last == journey.first:
        return f"{steps} {'leaves' if one else 'leave'} the loss at {first}{_above(journey)}"
    return f"{steps} {'brings' if one else 'bring'} the loss from {first} down to {last}{_above(journey)}"


def _above(journey: Journey) -> str:
    if journey.least is None:
        return ""
    excess = journey.last - journey.least
    if excess <= _ROUNDING * abs(journey.least):
        return ", its least within rounding"
    return f", {numbers.significant(excess)} above its least"


def _path(journey: Journey) -> str:
    """What the signs along the steepest direction say, and nothing where they are too few."""
    places, moves, crossings = _counted(journey)
    if moves < _LEAST_MOVES:
        return ""
    farther = abs(places[-1]) > abs(places[0])
    if not crossings:
        return "moves away" if farther else "glides"
    if crossings >= _ZIGZAG * moves:
        return "zigzags ever farther out" if farther else "zigzags"
    return "wanders"


def _crossing(journey: Journey) -> tuple[str, str] | None:
    """How many moves do so, and the verb; None where they are too few."""
    _, moves, crossings = _counted(journey)
    if moves < _LEAST_MOVES:
        return None
    count = numbers.count(crossings) if crossings else "none"
    return f"{count} of {numbers.count(moves)}", "crosses" if crossings < 2 else "cross"


def _counted(journey: Journey) -> tuple[list[float], int, int]:
    """Distances, moves between them, and how many of these change their sign."""
    places = journey.resolved
    # Products of distances may vanish or overflow; those of signs do not.
    signs = [math.copysign(1.0, place) for place in places]
    return places, max(0, len(places) - 1), sum(before != after for before, after in pairwise(signs))
