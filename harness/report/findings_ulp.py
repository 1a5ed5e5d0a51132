"""Captions of the figure of distances by step. Pure functions that claim no more than their numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.report import numbers
from harness.report.findings_levels import ulps
from harness.report.numbers import listed, plural


@dataclass(frozen=True)
class Drawn:
    """
    One line of the figure.

    Args:
        panel: `numpy beside the others, float64`.
        name: What the line is of.
        first: The first recorded step at which the two differ in a bit; None where none does.
        largest: Their largest distance, in units in the last place; inf where one path alone is not finite.
        step: The step where it is.
        beyond: Whether they are farther apart than rounding explains.
    """

    panel: str
    name: str
    first: int | None
    largest: float
    step: int
    beyond: bool = False


def of_distances(lines: Sequence[Drawn]) -> str:
    """Where two computations part, how far, and whether that is beyond rounding."""
    if not lines:
        return "No two cells of the reference configuration can be compared."
    parts = []
    for panel in dict.fromkeys(line.panel for line in lines):
        mine = [line for line in lines if line.panel == panel]
        parts.append(f"{panel}: {_of_panel(mine)}")
    beyond = [line for line in lines if line.beyond]
    tail = (
        f" {numbers.upper(plural(len(beyond), 'line goes', 'lines go'))} beyond what rounding explains."
        if beyond
        else " None goes beyond what rounding explains."
    )
    return f"{numbers.upper('; '.join(parts))}.{tail if any(line.first is not None for line in lines) else ''}"


def _of_panel(lines: Sequence[Drawn]) -> str:
    apart = [line for line in lines if line.first is not None]
    if not apart:
        return "the same bits at every recorded step"
    worst = max(apart, key=lambda line: line.largest)
    if math.isinf(worst.largest):
        return f"{worst.name} alone is not finite at step {numbers.count(worst.step)}"
    if worst.largest == 0:
        return "bits differ, but no distance is known"
    same = [line.name for line in lines if line.first is None]
    tail = f", {listed(same)} not at all" if same and len(same) < len(lines) else ""
    most = "at most " if len(apart) > 1 else ""
    who = f" ({worst.name})" if len(lines) > 1 else ""
    return f"{most}{ulps(worst.largest)} apart at step {numbers.count(worst.step)}{who}{tail}"
