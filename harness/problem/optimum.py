"""The exact optimum of a linear model over its training rows, to twice float64's precision."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from harness.problem.curvature import Curvature
from harness.problem.data import Rows
from harness.problem.design import Design, columns_of
from harness.problem.doubled import Pair
from harness.problem.evaluation import loss_scale
from harness.problem.huber import huber
from harness.problem.least_absolute import least_absolute
from harness.problem.least_squares import least_squares
from harness.problem.solution import Solution
from harness.scenario.cell import CellSpec
from harness.scenario.model import Linear
from harness.scenario.training import AbsoluteLoss, HuberLoss, Loss, SquaredLoss

Vector = NDArray[np.float64]

# A relative error of one rounding is as many digits as float64 holds.
_SMALLEST = 2.0**-53


@dataclass(frozen=True)
class Optimum:
    """
    The minimum of a loss over the training rows, whose float64 numbers count as exact.

    Args:
        parameters: Weights, then the bias, shape (p,); None where they are not unique, or not known.
        condition_number: Largest over smallest eigenvalue of the Hessian of a squared loss; inf where that is
            singular; None for other losses, whose Hessian jumps.
        stable_learning_rate: Gradient descent on full batches diverges above it; None for other losses and
            other optimisers.
        low: What rounding took from the parameters, at most half a unit in their last place, shape (p,).
        rank: Of the design matrix with columns of one size; p where it is full.
        digits: Of each parameter, at least so many digits are the same for all data that round to these.
        loss: At the optimum; it is unique where the parameters are not. None where it is not known.
        kind: How it was found: `least squares`, `linear program` or `newton`.
        reason: Why there are no parameters, one sentence; empty where there are.
    """

    parameters: Vector | None
    condition_number: float | None
    stable_learning_rate: float | None
    low: Vector | None
    rank: int
    digits: float | None
    loss: float | None
    kind: str
    reason: str


def optimum(spec: CellSpec, rows: Rows) -> Optimum | None:
    """The optimum of a cell; None for a net, whose loss has no single one."""
    if not isinstance(spec.model, Linear):
        return None
    loss = spec.training.loss
    columns = columns_of(rows, intercept=spec.model.intercept)
    # Numbers at the far end of float64's range overflow or vanish on the way back from the scaled columns.
    with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
        found = _found(loss, Design.of(columns, rows.y))
        if not isinstance(loss, SquaredLoss):
            return found
        full = found.rank == columns.shape[1] and len(columns) >= columns.shape[1]
        curvature = Curvature.of(spec.training, columns, full=full)
    rate = curvature.stable_learning_rate(spec.training.optimizer)
    return replace(found, condition_number=curvature.condition_number, stable_learning_rate=rate)


def _found(loss: Loss, design: Design | None) -> Optimum:
    if design is None:
        return Optimum(None, None, None, None, 0, None, None, _KINDS[loss.kind], "the scaled columns are not finite")
    solution = _solved(loss, design)
    least = _loss(solution.cost, loss, design)
    bare = Optimum(None, None, None, None, design.rank, None, least, _KINDS[loss.kind], solution.reason)
    if solution.w is None:
        return bare
    # Scaling by powers of two is exact, unless the result leaves float64's range.
    high, low = (design.unscaled(part) for part in solution.w)
    if not np.isfinite(high).all():
        return replace(bare, reason="a parameter is beyond float64's range")
    return replace(bare, parameters=high, low=low, digits=_digits(solution))


_KINDS = {"mae": "linear program", "huber": "newton"} | dict.fromkeys(
    ("mse", "half_mse", "sse", "half_sse"), "least squares"
)


def _solved(loss: Loss, design: Design) -> Solution:
    match loss:
        case AbsoluteLoss():
            return least_absolute(design)
        case HuberLoss():
            return huber(design, loss.delta)
        case _:
            return least_squares(design)


def _loss(cost: Pair | None, loss: Loss, design: Design) -> float | None:
    """The sum of the rows' costs in units of the scaled target, as the loss that is asked for, rounded once."""
    if cost is None:
        return None
    total = Fraction(float(cost[0])) + Fraction(float(cost[1]))
    mean = float(total / round(1 / loss_scale(loss, len(design.y))))
    return float(np.ldexp(mean, design.exponent * (1 if loss.kind == "mae" else 2)))


def _digits(solution: Solution) -> float:
    """
    Digits of each parameter, at least, that data rounded once leave unchanged.

    -log10 of a rounding, 2⁻⁵³, times the relative move of the parameter for every rounding of the data
    (`Solution.moves`); absolute where it is 0, as in `correct_digits`; from 0 to 15.95.
    """
    assert solution.w is not None
    assert solution.moves is not None
    wanted = np.abs(solution.w[0])
    share = _SMALLEST * solution.moves / np.where(wanted == 0, 1.0, wanted)
    worst = float(np.max(share))
    return float(np.clip(-np.log10(max(worst, _SMALLEST)), 0.0, None)) if worst == worst else 0.0


def correct_digits(found: Vector, wanted: Vector) -> float:
    """
    The least, over parameters, of -log10 of the relative error; absolute where `wanted` is 0.

    An exact hit counts as one rounding (15.95 digits); a parameter that is not finite as minus infinity.
    """
    if found.shape != wanted.shape:
        raise ValueError(f"found has shape {found.shape} but wanted has shape {wanted.shape}; both must be (p,).")
    if not np.isfinite(found).all():
        return float("-inf")
    error = np.abs(found - wanted) / np.where(wanted == 0, 1.0, np.abs(wanted))
    return float(np.min(-np.log10(np.maximum(error, _SMALLEST))))
