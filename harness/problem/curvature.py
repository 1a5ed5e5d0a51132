"""The curvature of a squared loss of a linear model: its condition, and the largest stable rate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.problem.evaluation import loss_scale
from harness.scenario.training import Optimizer, Sgd, Training

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Curvature:
    """
    Eigenvalues of the loss's Hessian.

    Args:
        largest: Of them; inf where it overflows.
        smallest: Of them; 0 where the Hessian is singular.
    """

    largest: float
    smallest: float

    @staticmethod
    def of(training: Training, columns: Matrix, *, full: bool) -> Curvature:
        """From the design matrix (n, p); `full` says whether it has full rank."""
        if not np.isfinite(columns).all():
            return Curvature(float("inf"), 0.0)
        scale = 2 * loss_scale(training.loss, len(columns))
        with np.errstate(over="ignore"):
            values = scale * np.linalg.svd(columns, compute_uv=False) ** 2
        return Curvature(float(values[0]), float(values[-1]) if full else 0.0)

    @property
    def condition_number(self) -> float:
        """Largest over smallest; inf where the Hessian is singular."""
        ratio = self.largest / self.smallest if self.smallest > 0 else float("inf")
        return ratio if ratio == ratio else float("inf")

    def stable_learning_rate(self, optimizer: Optimizer) -> float | None:
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
        return limit / self.largest if self.largest > 0 else float("inf")
