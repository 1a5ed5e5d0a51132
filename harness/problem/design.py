"""The rows of a linear model as a matrix whose columns are of one size, and its rank."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.problem.data import Rows

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Exponents = NDArray[np.intc]


@dataclass(frozen=True)
class Design:
    """
    Columns and target scaled by powers of two, which rounds nothing.

    Args:
        x: Columns, the one of the intercept last, shape (n, p); the 2-norm of each lies in [1/2, 1), or is 0.
        y: Target, shape (n,); its largest size lies in [1/2, 1), or is 0.
        exponents: Column j was 2**exponents[j] times as large, shape (p,).
        exponent: The target was 2**exponent times as large.
        rank: Singular values of `x` above n roundings of the largest.
    """

    x: Matrix
    y: Vector
    exponents: Exponents
    exponent: int
    rank: int

    @staticmethod
    def of(columns: Matrix, y: Vector) -> Design | None:
        """
        The scaled design; None where a number is not finite.

        Units of the columns must not decide the rank: 1 and x**3 differ by 18 decades where x is in millions.

        References:
            Golub & Van Loan, Matrix Computations, 4th ed., 5.3.7 (column scaling).
        """
        if not (np.isfinite(columns).all() and np.isfinite(y).all()):
            return None
        # First by the largest number, so that the squares neither overflow nor vanish.
        exponents = np.frexp(np.abs(columns).max(axis=0))[1]
        x = np.ldexp(columns, -exponents)
        finer = np.frexp(np.sqrt((x * x).sum(axis=0)))[1]
        x = np.ldexp(x, -finer)
        exponent = int(np.frexp(np.abs(y).max())[1])
        return Design(x, np.ldexp(y, -exponent), exponents + finer, exponent, _rank(x))

    def independent(self) -> Matrix:
        """So many columns of `x` as its rank says, which span what all of them do, shape (n, rank)."""
        if self.rank == self.x.shape[1]:
            return self.x
        left, chosen = self.x.copy(), []
        for _ in range(self.rank):
            sizes = (left * left).sum(axis=0)
            chosen.append(int(np.argmax(sizes)))
            unit = left[:, chosen[-1]] / np.sqrt(sizes[chosen[-1]])
            left = left - np.outer(unit, unit @ left)
            left[:, chosen] = 0.0
        return self.x[:, sorted(chosen)]

    @property
    def dependence(self) -> str:
        """Why no parameters are unique; empty where the rank is full."""
        columns = self.x.shape[1]
        return f"the design matrix has rank {self.rank} of {columns}" if self.rank < columns else ""

    def unscaled(self, scaled: Vector) -> Vector:
        """Parameters of the rows as they were given."""
        return np.asarray(np.ldexp(scaled, self.exponent - self.exponents))


def columns_of(rows: Rows, *, intercept: bool) -> Matrix:
    """The model's columns, and one of ones for the intercept, shape (n, p)."""
    return np.column_stack([rows.x, np.ones(len(rows.y))]) if intercept else rows.x


def _rank(x: Matrix) -> int:
    # Of the triangle, which has the same singular values and p rows only.
    singular = np.linalg.svd(np.linalg.qr(x, mode="r"), compute_uv=False)
    return int(np.count_nonzero(singular > singular[0] * len(x) * np.finfo(np.float64).eps))
