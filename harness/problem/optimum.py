"""The exact least-squares optimum of a linear model, its condition and its largest stable rate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.problem.data import Rows
from harness.problem.evaluation import loss_scale
from harness.scenario.cell import CellSpec
from harness.scenario.model import Linear
from harness.scenario.training import Optimizer, Sgd, SquaredLoss

Vector = NDArray[np.float64]

# A relative error of one rounding is as many digits as float64 holds.
_SMALLEST = 2.0**-53


@dataclass(frozen=True)
class Optimum:
    """
    The minimum of a squared loss over the training rows.

    Args:
        parameters: Weights, then the bias, shape (p,); None where the optimum is not unique.
        condition_number: Largest over smallest eigenvalue of the loss's Hessian; inf where that is singular.
        stable_learning_rate: Gradient descent on full batches diverges above it; None for other optimisers.
    """

    parameters: Vector | None
    condition_number: float
    stable_learning_rate: float | None


def optimum(spec: CellSpec, rows: Rows) -> Optimum | None:
    """
    By QR of the column-scaled design matrix in float64.

    Returns:
        None where the loss is not squared or the model not linear: there is no such formula.

    References:
        Golub & Van Loan, Matrix Computations, 4th ed., 5.3.2 (QR) and 5.3.7 (column scaling).
    """
    loss = spec.training.loss
    if not isinstance(loss, SquaredLoss) or not isinstance(spec.model, Linear):
        return None
    design = np.column_stack([rows.x, np.ones(len(rows.y))]) if spec.model.intercept else rows.x
    # Units of the columns must not decide the rank: 1 and x**3 differ by 18 decades where x is in millions.
    scale = np.linalg.norm(design, axis=0)
    scaled = design / np.where(scale > 0, scale, 1.0)
    singular = np.linalg.svd(scaled, compute_uv=False)
    unique = len(rows.y) >= design.shape[1] and singular[-1] > singular[0] * len(rows.y) * np.finfo(float).eps
    curvature = 2 * loss_scale(loss, len(rows.y)) * np.linalg.svd(design, compute_uv=False) ** 2
    with np.errstate(divide="ignore"):
        return Optimum(
            _least_squares(scaled, rows.y) / scale if unique else None,
            float(curvature[0] / curvature[-1]) if unique else float("inf"),
            _stable_learning_rate(spec.training.optimizer, curvature[0]),
        )


def _stable_learning_rate(optimizer: Optimizer, curvature: np.float64) -> float | None:
    """
    Where the iteration along the steepest direction gets a factor of -1 a step.

    With curvature c and momentum b, of the roots of

        z² - (1 + b - rate c) z + b                         momentum
        z² - (1 + b) (1 - rate c) z + b (1 - rate c)        nesterov

    one is -1 at the rate 2 (1 + b) / c, with nesterov at 2 (1 + b) / ((1 + 2 b) c).

    Returns:
        None where a step does not grow in proportion to the gradient.

    References:
        Polyak (1964), Some methods of speeding up the convergence of iteration methods,
        https://doi.org/10.1016/0041-5553(64)90137-5
    """
    if not isinstance(optimizer, Sgd):
        return None
    limit = 2 * (1 + optimizer.momentum)
    if optimizer.nesterov:
        limit /= 1 + 2 * optimizer.momentum
    return float(limit / curvature)


def _least_squares(design: NDArray[np.float64], y: Vector) -> Vector:
    q, r = np.linalg.qr(design)
    return np.asarray(np.linalg.solve(r, q.T @ y))


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
