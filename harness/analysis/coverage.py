"""Of how many data sets the truth lies inside the optimum's confidence interval, and how far both are from training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from harness.analysis.timing import Interval
from harness.problem.design import Design

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

# The share of data sets whose interval should hold the truth.
LEVEL = 0.95
# The normal quantile of (1 + LEVEL) / 2.
_NORMAL = 1.959963984540054
# From here on three terms of an expansion give the quantile of t to six digits; below, its finite sum is used.
_MANY = 100


@dataclass(frozen=True)
class Sample:
    """
    One data set and what was fitted to it; all of shape (p,) but the last two.

    Args:
        truth: What the data were made with.
        optimum: The least-squares solution.
        errors: Its standard errors.
        degrees: Degrees of freedom of the residuals.
        found: Distance of the farthest training from the optimum, in each parameter; NaN where none has one.
    """

    truth: Vector
    optimum: Vector
    errors: Vector
    degrees: int
    found: Vector

    @property
    def away(self) -> Vector:
        """The truth's distance from the optimum, in standard errors."""
        return np.asarray(np.abs(self.optimum - self.truth) / self.errors)

    @property
    def inside(self) -> NDArray[np.bool_]:
        """Whether the truth lies in the interval, optimum plus or minus so many standard errors."""
        return np.asarray(self.away <= t_quantile(self.degrees))


@dataclass(frozen=True)
class Covered:
    """
    One parameter over the data sets.

    Args:
        name: The parameter.
        inside: Data sets whose interval holds the truth.
        count: Data sets.
        away: Median distance of the truth from the optimum, in standard errors.
        found: Largest distance of a training's end from it, likewise; NaN where none is finite.
    """

    name: str
    inside: int
    count: int
    away: float
    found: float

    @property
    def interval(self) -> Interval:
        """Of the share that holds it."""
        return wilson(self.inside, self.count)

    @property
    def as_nominal(self) -> bool:
        """Whether that interval holds the share that should."""
        return self.interval.low <= LEVEL <= self.interval.high


def standard_errors(columns: Matrix, y: Vector, optimum: Vector) -> Vector | None:
    """
    Standard errors of least squares: the roots of the diagonal of s² (X'X)⁻¹.

        s² = |y - X w|² / (n - p)

    Args:
        columns: X, shape (n, p).
        y: The target, shape (n,).
        optimum: w, the least-squares solution, shape (p,).

    Returns:
        None where they are not defined: no more rows than parameters, no residual, or dependent columns.
    """
    rows, count = columns.shape
    if rows <= count or not count:
        return None
    design = Design.of(columns, y)
    if design is None or design.rank < count:
        return None
    with np.errstate(all="ignore"):
        # X'X would square the condition number: its inverse is R⁻¹R⁻ᵀ of the columns brought to one size.
        inverse = np.linalg.inv(np.linalg.qr(design.x, mode="r"))
        residual = y - columns @ optimum
        spread = np.sqrt(residual @ residual / (rows - count))
        errors = np.ldexp(spread * np.sqrt((inverse**2).sum(axis=1)), -design.exponents)
    # What is left of data without noise is the rounding of the residuals, and no sampling error.
    least = 8 * np.finfo(np.float64).eps * math.sqrt(rows) * float(np.abs(y).max())
    noisy = bool(np.abs(residual).max() > least)
    return np.asarray(errors) if noisy and np.isfinite(errors).all() and errors.all() else None


def covered(names: Sequence[str], samples: Sequence[Sample]) -> list[Covered]:
    """Each parameter over the data sets; none without a data set."""
    if not samples:
        return []
    inside, away = (np.stack([getattr(sample, what) for sample in samples]) for what in ("inside", "away"))
    found = np.stack([sample.found / sample.errors for sample in samples])
    return [
        Covered(
            name, int(inside[:, place].sum()), len(samples), float(np.median(away[:, place])), _most(found[:, place])
        )
        for place, name in enumerate(names)
    ]


def _most(values: Vector) -> float:
    there = values[np.isfinite(values)]
    return float(there.max()) if there.size else math.nan


def wilson(part: int, whole: int) -> Interval:
    """
    The 95 % interval of a share.

    References:
        Wilson (1927), Probable inference, the law of succession, and statistical inference,
        https://doi.org/10.1080/01621459.1927.10502953
    """
    square = _NORMAL**2
    middle = (part + square / 2) / (whole + square)
    half = _NORMAL / (whole + square) * math.sqrt(part * (whole - part) / whole + square / 4)
    return Interval(max(0.0, middle - half), min(1.0, middle + half))


@lru_cache(maxsize=256)
def t_quantile(degrees: int) -> float:
    """Student's t has so much of its mass, LEVEL, between minus this and this."""
    if degrees > _MANY:
        z = _NORMAL
        return z + (z**3 + z) / (4 * degrees) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2)
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, degrees) < LEVEL else (low, middle)
    return math.sqrt(degrees) * math.tan((low + high) / 2)


def _within(angle: float, degrees: int) -> float:
    """
    Mass of t between minus and plus sqrt(degrees) tan(angle).

    References:
        Abramowitz & Stegun (1964), Handbook of Mathematical Functions, 26.7.3 and 26.7.4.
    """
    odd = degrees % 2
    cosine = math.cos(angle)
    term = cosine if odd else 1.0
    total = term if degrees > 1 else 0.0
    for place in range(2 + odd, degrees - 1, 2):
        term *= cosine**2 * (place - 1) / place
        total += term
    return 2 / math.pi * (angle + math.sin(angle) * total) if odd else math.sin(angle) * total
