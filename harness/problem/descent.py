"""The least sum of absolute values, from vertex to vertex."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Indices = NDArray[np.intp]

# A row turns from a direction by more than this share of its length, or else not at all.
_PARALLEL = 1e-12
# Rows of a start leave at least this share of the longest remainder.
_APART = 0.1
# So many crossings are sorted at first.
_NEAREST = 64
_EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Vertex:
    """
    A point that interpolates p rows.

    Args:
        basis: Those rows, shape (p,).
        signs: Of the other rows' residuals; 0 in the basis, shape (n,).
        multipliers: The basis's share in the gradient, shape (p,); within ±1 at an optimum.
        slack: How near to ±1 rounding allows no verdict, shape (p,).
        optimal: Whether all multipliers are within ±1, up to rounding.
    """

    basis: Indices
    signs: Vector
    multipliers: Vector
    slack: Vector
    optimal: bool


def start(q: Matrix, residuals: Vector) -> Indices:
    """p rows of small residuals that span the space, shape (p,)."""
    rest, sizes, chosen = q.copy(), (q * q).sum(axis=1), []
    size = np.abs(residuals)
    for _ in range(q.shape[1]):
        row = int(np.argmin(np.where(sizes >= _APART * sizes.max(), size, np.inf)))
        chosen.append(row)
        unit = rest[row] / np.sqrt(sizes[row])
        rest = rest - np.outer(rest @ unit, unit)
        sizes = (rest * rest).sum(axis=1)
    return np.array(chosen, dtype=np.intp)


def descend(q: Matrix, y: Vector, basis: Indices, tilt: Vector | None = None) -> Vertex:
    """
    Minimise sum |y - q w| - tilt · w by the simplex method with exact line searches.

    At a vertex that interpolates the rows B, with s the signs of the other residuals, the multipliers u solve

        q_B' u + sum of s_i q_i + tilt = 0

    Where |u_j| > 1, the sum falls if the line that keeps the rest of B is followed, row j's
    residual taking the sign of u_j. Its slope, 1 - |u_j|, grows by 2 |rate| at each row that is crossed;
    the row where it is no longer negative takes the place of j.

    Args:
        q: Orthonormal columns, shape (n, p).
        y: Target without ties, shape (n,).
        basis: Rows to begin with, shape (p,).
        tilt: Added to the gradient, shape (p,).

    References:
        Barrodale & Roberts (1973), An improved algorithm for discrete l1 linear approximation.
    """
    basis, lengths = basis.copy(), np.sqrt((q * q).sum(axis=1))
    inverse = np.linalg.inv(q[basis])
    residuals = y - q @ (inverse @ y[basis])
    signs = np.where(residuals < 0, -1.0, 1.0)
    signs[basis] = 0.0
    for _ in range(100 + 20 * q.shape[1] + len(y)):
        pull = signs @ q if tilt is None else signs @ q + tilt
        multipliers = -(pull @ inverse)
        slack = 8 * _EPS * (lengths.sum() * np.abs(inverse).sum(axis=0))
        excess = np.abs(multipliers) - 1 - slack
        leaving = int(np.argmax(excess)) if len(excess) else 0
        if not (excess > 0).any():
            return Vertex(basis, signs, multipliers, slack, True)
        sign = 1.0 if multipliers[leaving] > 0 else -1.0
        direction = -sign * inverse[:, leaving]
        rates = (q @ direction) * signs
        passed = _crossed(residuals * signs, rates, lengths * np.linalg.norm(direction), abs(multipliers[leaving]) - 1)
        if passed is None:
            break
        signs[passed[:-1]] *= -1
        signs[basis[leaving]] = sign
        basis[leaving] = passed[-1]
        signs[basis[leaving]] = 0.0
        inverse = np.linalg.inv(q[basis])
        residuals = y - q @ (inverse @ y[basis])
    return Vertex(basis, signs, multipliers, slack, False)


def _crossed(sizes: Vector, rates: Vector, lengths: Vector, descent: float) -> Indices | None:
    """The rows whose residuals change sign on the way to the least sum, in order; there the last one is 0."""
    falling = np.flatnonzero(rates > _PARALLEL * lengths)
    times = np.maximum(sizes[falling], 0.0) / rates[falling]
    nearest = _NEAREST
    while True:
        near = np.argpartition(times, nearest)[:nearest] if nearest < len(times) else np.arange(len(times))
        order = near[np.argsort(times[near], kind="stable")]
        slopes = np.cumsum(2 * rates[falling[order]])
        stop = int(np.searchsorted(slopes, descent))
        if stop < len(order):
            return falling[order[: stop + 1]]
        if nearest >= len(times):
            return None
        nearest *= 8
