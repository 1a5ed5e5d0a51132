"""What the parts of the section on convergence share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.report.parts import Figure, Finding, Table


@dataclass(frozen=True)
class Block:
    """
    A question under the section's own, and its answer.

    Args:
        heading: The question.
        finding: The answer.
        tables: In the open.
        figure: Under a finding of its own.
        folded: Behind a click, with what it is called there.
        warns: Whether the answer is a fault.
        is_quiet: Whether it only says why there is no answer.
    """

    heading: str
    finding: Finding
    tables: tuple[Table, ...] = ()
    figure: Figure | None = None
    folded: Table | None = None
    warns: bool = False
    is_quiet: bool = False


def evenly(levels: list[Any], most: int, best: Any = None) -> list[Any]:
    """First, last, evenly spaced ones between, and the best in place of the one next to it."""
    if len(levels) <= most:
        return levels
    places = [int(place) for place in np.linspace(0, len(levels) - 1, most).round()]
    if best in levels and (wanted := levels.index(best)) not in places:
        nearest = min(range(1, most - 1), key=lambda here: abs(places[here] - wanted), default=most - 1)
        places[nearest] = wanted
    return [levels[place] for place in sorted(places)]
