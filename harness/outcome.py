"""How a training that did all its steps ended."""

from __future__ import annotations

import statistics

import numpy as np
from numpy.typing import NDArray

from harness.problem.data import Rows
from harness.problem.evaluation import Evaluation, loss_of_error

Vector = NDArray[np.float64]

_LEAST_STEPS = 20
_DROP = 1e-12
_GRADIENT_DROP = 1e-3
# Residuals of so many roundings of the data's largest value are rounding itself.
_ROUNDINGS = 8


def outcome(
    losses: Vector,
    finite: bool,
    digits: float | None,
    gradients: tuple[float, float],
    wanted_digits: float,
    floor: float,
) -> str:
    """
    The first of diverged, converged, stalled, unfinished that fits.

    Args:
        losses: Loss of every state, start and end included.
        finite: Whether the last parameters are.
        digits: Correct digits at the end against the optimum; None where there is none.
        gradients: Gradient norm at the start and at the end.
        wanted_digits: Correct digits that count as converged.
        floor: A loss below this is rounding.
    """
    # Python's floats: twice a huge one is inf without a warning.
    start, end = float(losses[0]), float(losses[-1])
    if not finite or not np.isfinite(end) or end > max(2 * start, floor):
        return "diverged"
    if digits is not None and digits >= wanted_digits:
        return "converged"
    if digits is None and gradients[1] <= _GRADIENT_DROP * gradients[0]:
        return "converged"
    return "stalled" if _stalled(losses) else "unfinished"


def _stalled(losses: Vector) -> bool:
    """The median of the last tenth of the states is not below the least of the tenth before."""
    tenth = len(losses) // 10
    if len(losses) - 1 < _LEAST_STEPS or tenth < 1:
        return False
    before = np.min(losses[-2 * tenth : -tenth])
    # statistics, not np.median, which imports numpy.ma (30 ms) in every process.
    return bool(statistics.median(losses[-tenth:].tolist()) >= float(before) * (1 - _DROP))


def rounding_floor(evaluation: Evaluation, rows: Rows, dtype: str) -> float:
    """The loss of residuals that are a few roundings of the largest target."""
    size = _ROUNDINGS * np.finfo(dtype).eps * max(1e-300, float(np.max(np.abs(rows.y))))
    return float(loss_of_error(evaluation.spec.training.loss, np.full(len(rows.y), size)))
