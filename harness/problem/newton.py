"""Newton's method on Huber's loss: which rows end inside its bend."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

_MOST_STEPS = 100
# What the gradient of rounding alone comes to, as a share of the sum of the sizes of its terms.
_FLAT = 1e-14
# Added to curvatures where some direction has next to none.
_RIDGE = 1e-8
_LEAST_CURVATURE = 1e-12


def side(residuals: Vector, delta: float) -> Vector:
    """0 inside the bend, else the sign of the residual."""
    return np.asarray(np.where(np.abs(residuals) < delta, 0.0, np.sign(residuals)))


def newton(q: Matrix, residuals: Vector, delta: float) -> Vector | None:
    """
    Minimise Huber's loss of `residuals - q w` over w.

    Between two bends the loss is a parabola; where a whole step ends on the one it began on,
    that is the minimum. Each other step goes to the least loss along its line, so the loss falls with each.

    Args:
        q: Orthonormal columns, shape (n, p).
        residuals: Where to begin, shape (n,).
        delta: The bend.

    Returns:
        The residuals at the minimum; None where it was not reached.

    References:
        Madsen & Nielsen (1990), Finite algorithms for robust linear regression,
        https://doi.org/10.1007/BF01933218
    """
    lengths = np.sqrt((q * q).sum(axis=1))
    for _ in range(_MOST_STEPS):
        slopes = np.clip(residuals, -delta, delta)
        pull = slopes @ q
        if float(np.abs(pull).max(initial=0.0)) <= _FLAT * float(np.abs(slopes) @ lengths):
            return residuals
        where = side(residuals, delta)
        inside = q[where == 0]
        curvature = inside.T @ inside
        bent = float(np.linalg.eigvalsh(curvature)[0]) > _LEAST_CURVATURE
        direction = np.linalg.solve(curvature if bent else curvature + _RIDGE * np.eye(q.shape[1]), pull)
        size = float(np.abs(direction).max())
        rates = q @ (direction / size)
        whole = residuals - size * rates
        if bent and (side(whole, delta) == where).all():
            return whole
        residuals = residuals - _least(residuals, rates, delta) * rates
    return None


def _least(residuals: Vector, rates: Vector, delta: float) -> float:
    """Where the loss of `residuals - t rates` is least over t > 0: its slope rises in straight pieces."""
    moving = rates != 0
    residuals, rates = residuals[moving], rates[moving]
    enter, leave = (residuals - np.sign(rates) * delta) / rates, (residuals + np.sign(rates) * delta) / rates
    inside = (enter <= 0) & (leave > 0)
    bend = rates * rates
    times = np.concatenate([enter[enter > 0], leave[leave > 0]])
    jumps = np.concatenate([bend[enter > 0], -bend[leave > 0]])
    order = np.argsort(times, kind="stable")
    times, jumps = times[order], jumps[order]
    start = -float(np.clip(residuals, -delta, delta) @ rates)
    curvatures = np.concatenate([[bend[inside].sum()], jumps]).cumsum()
    slopes = start + np.concatenate([[0.0], (np.diff(times, prepend=0.0) * curvatures[:-1]).cumsum()])
    piece = max(int(np.searchsorted(slopes, 0.0)) - 1, 0)
    begin = float(times[piece - 1]) if piece else 0.0
    if curvatures[piece] <= 0:
        return begin
    return begin - float(slopes[piece] / curvatures[piece])
