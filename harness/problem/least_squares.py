"""Least squares to twice float64's precision: QR, and refinement of the augmented system."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.problem.design import Design
from harness.problem.doubled import Factor, Pair, plus, total, two_product
from harness.problem.solution import Solution

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

# Corrections shrink by the condition times a rounding; those that do not have reached the last digit.
_MOST_ROUNDS = 20
_LAST_DIGIT = 2.0**-104
# Rounding's share in sums that are computed in pairs of float64 numbers.
PAIR = 2.0**-96


def least_squares(design: Design) -> Solution:
    """The least sum of squares; the parameters too where the design has full rank."""
    x = design.independent()
    found = fit(x, design.y)
    moved = moves(x, design.y, found, np.abs(found.r[0]) @ np.abs(x))
    zero = np.abs(found.r[0]) <= unsure(x, design.y, found.w, moved)
    cost = sum_of_squares((np.where(zero, 0.0, found.r[0]), np.where(zero, 0.0, found.r[1])))
    if design.dependence:
        return Solution(None, cost, reason=design.dependence)
    return Solution(settled(found.w, moved), cost, moved)


@dataclass(frozen=True)
class Fit:
    """
    The solution of r + X w = y, X' r = g.

    Args:
        w: Parameters, shape (p,).
        r: Residuals y - X w, shape (n,).
        inverse: R⁻¹ of the triangle of X = Q R, shape (p, p).
        q: Q, shape (n, p).
    """

    w: Pair
    r: Pair
    inverse: Matrix
    q: Matrix


def fit(x: Matrix, y: Vector, g: Pair | None = None) -> Fit:
    """
    Solve the augmented system; with g = 0 that is least squares.

    Each round computes the residuals of both equations to twice float64's precision and
    corrects w and r together, with X = Q R:

        f = y - r - X w,  h = R⁻ᵀ (g - X' r),  d = Q' f
        r += f + Q (h - d),  w += R⁻¹ (d - h)

    What is lost is the condition, and not its square as with the normal equations.

    Args:
        x: Of full rank, scaled, shape (n, p).
        y: Target, shape (n,).
        g: Right side of the second equation, shape (p,); zeros where left out.

    References:
        Björck (1967), Iterative refinement of linear least squares solutions I,
        https://doi.org/10.1007/BF01939321
    """
    q, triangle = np.linalg.qr(x)
    factor = Factor(x)
    inverse = np.linalg.solve(triangle, np.eye(x.shape[1]))
    zeros = np.zeros(x.shape[1])
    right = (zeros, zeros) if g is None else g
    w: Pair = (inverse @ (q.T @ y - inverse.T @ right[0]), zeros)
    target = (y, np.zeros(len(y)))
    r = factor.taken_from(target, w)
    before, largest = float(np.abs(w[0]).max(initial=0.0)), 0.0
    for _ in range(_MOST_ROUNDS):
        f = _difference(factor.taken_from(target, w), r)
        of_r = factor.transposed(r)
        step = inverse.T @ ((right[0] - of_r[0]) + (right[1] - of_r[1])) - q.T @ f
        change = -(inverse @ step)
        size = float(np.abs(change).max(initial=0.0))
        if not size < before / 2:
            break
        w, r = plus(w, change), plus(r, f + q @ step)
        largest = max(largest, float(np.abs(w[0]).max(initial=0.0)))
        # What the next round would change, by the rate of this one.
        if size * (size / before) <= _LAST_DIGIT * largest:
            break
        before = size
    return Fit(w, factor.taken_from(target, w), inverse, q)


def _difference(a: Pair, b: Pair) -> Vector:
    """Of two pairs near each other, rounded once."""
    return np.asarray((a[0] - b[0]) + (a[1] - b[1]))


def sum_of_squares(r: Pair) -> Pair:
    """Of a vector of pairs, to twice float64's precision."""
    square, error = two_product(r[0], r[0])
    return total(square, error + 2 * r[0] * r[1])


def moves(x: Matrix, y: Vector, found: Fit, pull: Vector) -> Vector:
    """
    How far each parameter can move, in roundings, where every number of the data moves by one.

        |X⁺| (|y| + |X| |w|)  +  |(X' X)⁻¹| |X|' |s|

    to first order, with s the slopes of the rows' costs: for least squares the residuals. The first term grows with
    the condition, the second with its square times the residual; neither depends on the units of the columns.

    Args:
        x: Rows that curve the loss, shape (m, p).
        y: Their target, shape (m,).
        found: The solution of these rows.
        pull: |X|' |s| over all rows, shape (p,); zeros where the rows are interpolated.

    References:
        Björck (1991), Component-wise perturbation analysis and error bounds for linear least squares solutions.
        Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., 20.1.
    """
    first = np.abs(found.inverse @ found.q.T) @ (np.abs(y) + np.abs(x) @ np.abs(found.w[0]))
    return np.asarray(first + np.abs(found.inverse @ found.inverse.T) @ pull)


def settled(w: Pair, moved: Vector) -> Pair:
    """Parameters with an exact 0 where nothing but rounding in pairs is left of one."""
    zero = np.abs(w[0]) <= PAIR * moved
    return np.where(zero, 0.0, w[0]), np.where(zero, 0.0, w[1])


def unsure(x: Matrix, y: Vector, w: Pair, moved: Vector) -> Vector:
    """What rounding in pairs can make of the residuals y - x w, shape (n,)."""
    return np.asarray(PAIR * (np.abs(y) + np.abs(x) @ (np.abs(w[0]) + moved)))
