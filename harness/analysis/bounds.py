"""Between which bounds rounding leaves the gradient of a linear model."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.problem.evaluation import Evaluation, loss_scale
from harness.reference.extended import extended
from harness.scenario.cell import CellSpec

# Roundings of the slope of one row's cost by its error, in whatever order its factors are multiplied.
_OF_SLOPE = 4
# The exact gradient is rounded too, in extended precision: by 1/2,048 of what float64 is.
_ROOM = 1.001


def gradient_bounds(
    spec: CellSpec, state: NDArray[np.float64], x: NDArray[Any], y: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any]] | None:
    """
    The least and the largest gradient of a linear model that rounding allows, in whatever order the sums are added.

    With u half a unit in the last place, a sum of n terms is off by at most n u / (1 - n u) of the sum of their sizes.

    Args:
        spec: The cell.
        state: The parameters.
        x: The batch, in the cell's dtype, shape (n, p).
        y: Its targets, shape (n,).

    Returns:
        Bounds by parameter, infinite where there are too many rows for any; None where an error is within rounding
        of a kink of the loss, beside which the gradient jumps.

    References:
        Higham (2002), Accuracy and Stability of Numerical Algorithms, section 3.1,
        https://doi.org/10.1137/1.9780898718027
    """
    evaluation, loss = Evaluation.of(spec), spec.training.loss
    wide, targets, exact = extended(x), extended(y), extended(state)
    count, columns = x.shape
    u = _ROOM * np.longdouble(np.finfo(spec.dtype).eps) / 2
    left = 1 - (count + columns + 8) * u
    u = u / left if left > 0 else np.longdouble(np.inf)
    error = evaluation.predict(exact[None], wide)[0] - targets
    off = (columns + 2) * u * (evaluation.predict(np.abs(exact)[None], np.abs(wide))[0] + np.abs(targets))
    scale = loss_scale(loss, count)
    if loss.kind == "mae" and (np.abs(error) <= off).any():
        return None
    # The slope of a row's cost, how far it is off, and that of the sum over rows.
    slope = np.full(count, scale) if loss.kind == "mae" else 2 * scale * np.abs(error)
    slope_off = (0.0 if loss.kind == "mae" else 2 * scale) * off + _OF_SLOPE * u * slope
    terms = slope_off + (count + 2) * u * slope + np.finfo(spec.dtype).smallest_subnormal
    reach = np.concatenate([np.abs(wide).T @ terms, [terms.sum()] if evaluation.layout.biases else []])
    gradient = evaluation.gradient(exact, wide, targets)
    return gradient - reach, gradient + reach
