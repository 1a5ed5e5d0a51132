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
    """

    heading: str
    finding: Finding
    tables: tuple[Table, ...] = ()
    figure: Figure | None = None
    folded: Table | None = None
    warns: bool = False


def evenly(levels: list[Any], most: int) -> list[Any]:
    """First, last, and evenly spaced ones between."""
    if len(levels) <= most:
        return levels
    return [levels[int(place)] for place in np.linspace(0, len(levels) - 1, most).round()]
