"""The least Huber loss: least squares of the rows inside the bend, pulled by those outside."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.problem.descent import descend, start
from harness.problem.design import Design
from harness.problem.doubled import Factor, Pair, total, two_product
from harness.problem.least_squares import fit, moves, settled, unsure
from harness.problem.newton import newton, side
from harness.problem.solution import Solution

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

# Where fewer rows than this share lie inside the bend at the least squares, the least absolute errors are nearer.
_FEW = 0.2
_MOST_ROUNDS = 20


@dataclass(frozen=True)
class _Point:
    """
    The minimum, if these rows are inside the bend and those outside.

    Args:
        w: Parameters, shape (p,).
        moved: How far they can move, in roundings, where the data move by one, shape (p,).
        residuals: Of all rows, shape (n,).
        margin: How far each row is on its side of the bend, negative where it is not, shape (n,).
        unsure: What rounding may make of that, shape (n,).
    """

    w: Pair
    moved: Vector
    residuals: Pair
    margin: Vector
    unsure: Vector


def huber(design: Design, delta: float) -> Solution:
    """
    The minimum, where it is the only one.

    Newton's method says which rows end inside; with them the optimum solves

        X_I' (y - X w)_I + delta (sum of sign times x of the rows outside) = 0

    to twice float64's precision. It is the optimum if then, in that precision, the rows inside have |r| <= delta
    and those outside |r| >= delta with their signs; else Newton's method goes on from there.

    It is unique if the rows with |r| < delta have full rank: a sum of convex costs that is constant along a line is
    made of costs that are straight there, and those of these rows are not unless the line leaves their residuals as
    they are, which full rank forbids. A row at |r| = delta is straight on its outer side, and so counts as outside.
    """
    x, bend = design.independent(), float(np.ldexp(delta, -design.exponent))
    if bend == 0:
        return Solution(None, None, reason="delta vanishes beside the target")
    (q, triangle), factor = np.linalg.qr(x), Factor(x)
    w = np.linalg.solve(triangle, q.T @ design.y)
    residuals = _residuals(factor, design.y, (w, np.zeros(len(w))))
    begin = _begin(q, residuals[0], bend)
    for _ in range(_MOST_ROUNDS):
        end = newton(q, begin, bend)
        if end is None:
            break
        where = side(end, bend)
        if not _full(q[where == 0]):
            w = w + np.linalg.solve(triangle, q.T @ (residuals[0] - end))
            cost = _cost(_residuals(factor, design.y, (w, np.zeros(len(w)))), bend)
            return Solution(None, cost, reason=design.dependence or _LOOSE)
        point = _point(x, factor, design.y, where, bend)
        if (point.margin >= -point.unsure).all():
            return _solution(design, q, point, where, bend)
        w, residuals = point.w[0], point.residuals
        begin = residuals[0]
    return Solution(None, None, reason="Newton's method did not arrive at the optimum")


_LOOSE = "the rows inside the bend do not tell all parameters apart"


def _residuals(factor: Factor, y: Vector, w: Pair) -> Pair:
    return factor.taken_from((y, np.zeros(len(y))), w)


def _begin(q: Matrix, residuals: Vector, bend: float) -> Vector:
    """Residuals of the least squares, or of a vertex near the least absolute errors."""
    rest = residuals - q @ (q.T @ residuals)
    if np.count_nonzero(np.abs(rest) < bend) >= _FEW * len(rest):
        return rest
    basis = descend(q, rest, start(q, rest)).basis
    rest = rest - q @ np.linalg.solve(q[basis], rest[basis])
    rest[basis] = 0.0
    return rest


def _full(inside: Matrix) -> bool:
    count, columns = inside.shape
    if count < columns:
        return False
    singular = np.linalg.svd(inside, compute_uv=False)
    return bool((singular > singular[:1] * count * np.finfo(np.float64).eps).all())


def _point(x: Matrix, factor: Factor, y: Vector, where: Vector, bend: float) -> _Point:
    inside = where == 0
    outer = factor.transposed((where, np.zeros(len(where))))
    high, low = two_product(bend, outer[0]) if where.any() else outer
    found = fit(x[inside], y[inside], (-high, -(low + bend * outer[1]) if where.any() else low))
    slopes = np.where(inside, 0.0, bend)
    slopes[inside] = np.abs(found.r[0])
    moved = moves(x[inside], y[inside], found, slopes @ np.abs(x))
    w = settled(found.w, moved)
    rounding = unsure(x, y, w, moved)
    high, low = _residuals(factor, y, w)
    zero = np.abs(high) <= rounding
    residuals = np.where(zero, 0.0, high), np.where(zero, 0.0, low)
    size = np.where(inside, np.abs(residuals[0]), where * residuals[0])
    rest = np.where(inside, np.sign(residuals[0]), where) * residuals[1]
    margin = np.where(inside, -1.0, 1.0) * ((size - bend) + rest)
    return _Point(w, moved, residuals, margin, rounding)


def _solution(design: Design, q: Matrix, point: _Point, where: Vector, bend: float) -> Solution:
    cost = _cost(point.residuals, bend)
    if design.dependence:
        return Solution(None, cost, reason=design.dependence)
    if not _full(q[(where == 0) & (point.margin > point.unsure)]):
        return Solution(None, cost, reason=_LOOSE)
    return Solution(point.w, cost, point.moved)


def _cost(residuals: Pair, bend: float) -> Pair:
    """Sum of r²/2 where |r| < bend, and of bend (|r| - bend/2) beyond."""
    high, low = residuals
    sign = np.where(high < 0, -1.0, 1.0)
    size, rest = sign * high, sign * low
    inside = size < bend
    # bend (size - bend / 2) = size² / 2 - (size - bend)² / 2, of which the first form has one product less.
    a, b = np.where(inside, size, bend), np.where(inside, size / 2, size - bend / 2)
    lost = np.where(inside, 0.0, (size - b) - bend / 2)
    product, error = two_product(a, b)
    return total(product, error + a * (lost + rest))
