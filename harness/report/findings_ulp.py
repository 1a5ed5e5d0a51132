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
    """Whether two computations part by more than rounding explains, and how far at most in each panel."""
    if not lines:
        return "No two cells of the reference configuration can be compared."
    if all(line.first is None for line in lines):
        return "Every line has the same bits at every recorded step."
    beyond = [line for line in lines if line.beyond or math.isinf(line.largest)]
    if not beyond:
        return f"No line goes farther than rounding explains: {_of_panels(lines)}."
    others = len(lines) - len(beyond)
    rest = f"; the other{'s stay' if others > 1 else ' stays'} within it" if others else ""
    head = plural(len(beyond), "line goes", "lines go")
    return f"{head} farther than rounding explains: {_of_panels(beyond)}{rest}."


def _of_panels(lines: Sequence[Drawn]) -> str:
    panels = dict.fromkeys(line.panel for line in lines)
    return listed(_of_panel(panel, [line for line in lines if line.panel == panel]) for panel in panels)


def _of_panel(panel: str, lines: Sequence[Drawn]) -> str:
    """`at most 4 ULP from numpy in float32`."""
    apart = [line for line in lines if line.first is not None]
    if not apart:
        return f"the same bits {panel}"
    worst = max(apart, key=lambda line: line.largest)
    if math.isinf(worst.largest):
        return f"{worst.name} {panel} alone is not finite at step {numbers.count(worst.step)}"
    if worst.largest == 0:
        return f"other bits {panel}, but no distance"
    return f"at most {ulps(worst.largest)} {panel}"
