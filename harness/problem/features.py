"""From raw columns to the model's columns: powers, then standardisation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.scenario.base import FaultAtKeyError

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]


def features(raw: Matrix, powers: tuple[int, ...]) -> Matrix:
    """All first powers given, then all second: shape (n, columns * len(powers))."""
    return np.concatenate([np.power(raw, power) for power in powers], axis=1)


@dataclass(frozen=True)
class Scaling:
    """
    Standardisation of the model's columns: (x - centre) / scale.

    Args:
        centre: Subtracted from each column, shape (p,); zeros without an intercept.
        scale: Divides each column, shape (p,); ones without standardisation.
    """

    centre: Vector
    scale: Vector

    @staticmethod
    def fitted(x: Matrix, kind: str, *, centred: bool) -> Scaling:
        """
        The scaling of these training rows.

        Args:
            x: Model columns, shape (n, p).
            kind: `none`, `population` (ddof 0) or `sample` (ddof 1).
            centred: Whether the mean is subtracted; not where there is no intercept to take it up.

        Raises:
            FaultAtKeyError: If a column to be standardised is constant.
            ValueError: If the squares of one overflow.
        """
        columns = x.shape[1]
        if kind == "none":
            return Scaling(np.zeros(columns), np.ones(columns))
        if len(x) < 2:
            raise _constant(0, len(x))
        with np.errstate(over="ignore", invalid="ignore"):
            scale = x.std(axis=0, ddof=1 if kind == "sample" else 0)
        if not np.isfinite(scale).all():
            raise ValueError("the data overflow: a column's spread is not finite. Check data.x and model.powers.")
        # Rounding may leave a constant column a spread, and underflow leave a narrow one none.
        constant = np.flatnonzero((np.ptp(x, axis=0) == 0) | (scale == 0))
        if constant.size:
            raise _constant(int(constant[0]), len(x))
        return Scaling(x.mean(axis=0) if centred else np.zeros(columns), scale)

    def raw(self, parameters: Vector, *, intercept: bool) -> Vector:
        """
        Coefficients of the unscaled columns from those of the scaled ones.

            w (x - c) / s + b  =  (w / s) x + (b - sum of w c / s)

        Args:
            parameters: Weights, then the bias if there is one, shape (p,).
            intercept: Whether there is one.
        """
        count = len(self.scale)
        weights = parameters[:count] / self.scale
        if not intercept:
            return np.asarray(weights)
        return np.append(weights, parameters[count] - weights @ self.centre)

    def apply(self, x: Matrix) -> Matrix:
        """The scaled columns; bit for bit `x` where nothing is standardised."""
        return (x - self.centre) / self.scale


def _constant(column: int, rows: int) -> FaultAtKeyError:
    return FaultAtKeyError(
        "model.standardize",
        f"column {column} of the model is constant over the {rows} training rows and has no spread to divide by; "
        'leave it out or set standardize = "none".',
    )
