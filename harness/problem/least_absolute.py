"""The least sum of absolute errors: a linear program, solved at a vertex and proved by duality."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.problem.descent import Vertex, descend, start
from harness.problem.design import Design
from harness.problem.doubled import Factor, Pair, total
from harness.problem.least_squares import fit, moves, settled, unsure
from harness.problem.solution import Solution

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Indices = NDArray[np.intp]

# Vertices that are left again, each for one of a smaller sum.
_MOST_VERTICES = 60
_PERTURBATION = 1e-4
# Of the gradient, to see whether the optimum gives way.
_TILT = 1e-6


@dataclass(frozen=True)
class _Point:
    """
    A vertex to twice float64's precision.

    Args:
        w: Parameters, shape (p,).
        moved: How far they can move, in roundings, where the rows' numbers move by one, shape (p,).
        residuals: Of all rows, shape (n,).
        zero: Rows whose residual is 0, those of the basis among them, shape (n,).
    """

    w: Pair
    moved: Vector
    residuals: Pair
    zero: NDArray[np.bool_]


def least_absolute(design: Design) -> Solution:
    """
    The vertex of the least sum, where it is the only one.

    Float64 leads to a vertex of the slightly perturbed problem. There the residuals are computed to twice the
    precision; they are a problem of the same kind, whose ties, the zeros, are perturbed by far less than the smallest
    of the others. A descent that stays at the zeros proves the vertex: multipliers within ±1 that
    cancel each other, and equal the signs of all residuals, are a dual solution of the same sum.

    The optimum is unique where p independent rows have multipliers inside ±1, further than rounding of the data
    could move them. With more than p zeros the multipliers are not, and that some are ±1 says nothing; then the
    gradient is tilted a little and back, and a unique optimum stays where it is.
    """
    x = design.independent()
    q, triangle = np.linalg.qr(x)
    factor, draw = Factor(x), np.random.default_rng(0)
    nothing = np.zeros(len(x)), np.zeros(x.shape[1])
    # In pairs, for where there is no noise they are all rounding.
    rest = factor.taken_from((design.y, nothing[0]), (np.linalg.solve(triangle, q.T @ design.y), nothing[1]))[0]
    rest = rest - q @ (q.T @ rest)
    size = 1e-10 * float(np.abs(rest).max())
    basis = descend(q, rest + size * draw.uniform(-1, 1, len(rest)), start(q, rest)).basis
    for number in range(_MOST_VERTICES):
        point = _point(x, factor, design.y, basis)
        vertex = descend(q, _target(point, basis, number, draw), basis)
        if _stays(vertex, point):
            break
        basis = vertex.basis
    else:
        return Solution(None, None, reason="no vertex of the linear program could be proved to be its optimum")
    cost = _sum_of_sizes(point)
    if design.dependence:
        return Solution(None, cost, reason=design.dependence)
    if not (_inside(vertex) or (point.zero.sum() > len(basis) and _holds(q, point, vertex.basis, draw))):
        return Solution(None, cost, reason="other parameters have the same sum of absolute errors, up to rounding")
    return Solution(point.w, cost, point.moved)


def _point(x: Matrix, factor: Factor, y: Vector, basis: Indices) -> _Point:
    found = fit(x[basis], y[basis])
    # Interpolated rows have no residuals to pull at the parameters.
    moved = moves(x[basis], y[basis], found, np.zeros(x.shape[1]))
    w = settled(found.w, moved)
    high, low = factor.taken_from((y, np.zeros(len(y))), w)
    zero = np.abs(high) <= unsure(x, y, w, moved)
    zero[basis] = True
    return _Point(w, moved, (np.where(zero, 0.0, high), np.where(zero, 0.0, low)), zero)


def _target(point: _Point, basis: Indices, number: int, draw: np.random.Generator) -> Vector:
    """The residuals, zeros outside the basis perturbed by less than any other's size, and less each time."""
    others = np.abs(point.residuals[0][~point.zero])
    size = float(others.min(initial=1.0)) * _PERTURBATION ** min(number + 1, 20)
    moved = size * draw.uniform(0.5, 1.0, len(point.zero)) * draw.choice([-1.0, 1.0], len(point.zero))
    target = np.where(point.zero, moved, point.residuals[0])
    target[basis] = 0.0
    return target


def _stays(vertex: Vertex, point: _Point) -> bool:
    """Whether this optimum of the perturbed problem interpolates the same point, every other sign as it was."""
    same = point.zero | (vertex.signs == np.sign(point.residuals[0]))
    return vertex.optimal and bool(point.zero[vertex.basis].all() and same.all())


def _inside(vertex: Vertex) -> bool:
    return bool((np.abs(vertex.multipliers) < 1 - vertex.slack).all())


def _holds(q: Matrix, point: _Point, basis: Indices, draw: np.random.Generator) -> bool:
    """
    Whether the optimum stays under a tilt of the gradient, and under its opposite.

    Half the sum of the two sets of multipliers is then one of the untilted problem, with p independent rows inside ±1.
    """
    tilt = _TILT * draw.uniform(0.5, 1.0, len(basis)) * draw.choice([-1.0, 1.0], len(basis))
    targets = (_target(point, basis, number, draw) for number in (1, 1))
    tilted = [descend(q, target, basis, sign * tilt) for target, sign in zip(targets, (1, -1), strict=True)]
    return all(_stays(vertex, point) and _inside(vertex) for vertex in tilted)


def _sum_of_sizes(point: _Point) -> Pair:
    high, low = point.residuals
    sign = np.sign(high)
    return total(sign * high, sign * low)
