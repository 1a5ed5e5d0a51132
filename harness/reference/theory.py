"""
What theory says of gradient descent on a squared loss of a linear model.

The loss is a parabola in every eigenvector of its Hessian H. With curvature c (an eigenvalue of H),
distance z from the optimum along its vector, and what momentum remembers along it, u,

    u' = b u + c z        z' = z - rate u'                 gradient descent, with momentum b
    u' = b u + c z        z' = z - rate (c z + b u')       Nesterov's form
    loss = least loss + sum of c z² / 2

so each direction is a 2 x 2 matrix, applied once a step, and the loss after any number of steps is known beforehand.

References:
    Polyak (1964), Some methods of speeding up the convergence of iteration methods,
    https://doi.org/10.1016/0041-5553(64)90137-5
    Goh (2017), Why Momentum Really Works, https://doi.org/10.23915/distill.00006
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.problem.data import Rows
from harness.problem.evaluation import Evaluation, loss_scale
from harness.problem.optimum import Optimum
from harness.reference.extended import Extended, extended
from harness.scenario.cell import CellSpec
from harness.scenario.model import Linear
from harness.scenario.training import Constant, Sgd, SquaredLoss

Vector = NDArray[np.float64]

# With momentum the loss may rise on its way, so its steps are looked through one by one, up to so many.
_MOST_STEPS = 2**17
_BLOCK = 256


@dataclass(frozen=True)
class Theory:
    """
    The loss along the eigenvectors of its Hessian.

    Args:
        curvature: Eigenvalues of the Hessian, the largest first, shape (p,); those that are 0 within rounding are 0.
        distance: Of the start from the optimum along each eigenvector, shape (p,).
        least: The least loss.
        matrices: What one step does to (z, u) in each direction, shape (p, 2, 2); None where the steps are not
            those of full-batch gradient descent at a constant rate.
    """

    curvature: Vector
    distance: Extended
    least: float
    matrices: Extended | None

    @staticmethod
    def of(spec: CellSpec, rows: Rows, start: Extended, best: Optimum | None) -> Theory | None:
        """The theory of a cell; None where its loss is no parabola."""
        loss = spec.training.loss
        if best is None or best.loss is None or not isinstance(loss, SquaredLoss) or not isinstance(spec.model, Linear):
            return None
        design = np.column_stack([rows.x, np.ones(len(rows.y))]) if spec.model.intercept else rows.x
        # Only with fewer rows than columns are there directions that the reduced form leaves out.
        _, singular, vectors = np.linalg.svd(design, full_matrices=len(design) < design.shape[1])
        curvature = np.zeros(len(vectors))
        curvature[: len(singular)] = 2 * loss_scale(loss, len(rows.y)) * singular**2
        curvature[best.rank :] = 0.0
        if best.parameters is None or best.low is None:
            gradient = _gradient(spec, rows, start)
            with np.errstate(divide="ignore", invalid="ignore"):
                distance = np.where(curvature > 0, (vectors @ gradient) / curvature, 0.0)
        else:
            distance = extended(vectors) @ (start - (extended(best.parameters) + best.low))
        return Theory(curvature, distance, best.loss, _matrices(spec, curvature))

    @property
    def contraction(self) -> float | None:
        """What the slowest direction is multiplied with in each step, in the long run; above 1 it diverges."""
        if self.matrices is None:
            return None
        there = (self.curvature > 0) & (self.distance != 0)
        radii = np.abs(np.linalg.eigvals(self.matrices[there].astype(np.float64))).max(axis=1, initial=0.0)
        return float(radii.max(initial=0.0))

    def losses(self, steps: Sequence[int] | NDArray[np.int64]) -> Vector | None:
        """The loss at these states, ascending; None where it is not known beforehand."""
        if self.matrices is None:
            return None
        state = np.stack([self.distance, np.zeros_like(self.distance)], axis=1)[:, :, None]
        at, found = 0, []
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            for step in steps:
                state, at = np.matmul(_power(self.matrices, int(step) - at), state), int(step)
                found.append(self._excess(state[:, 0, 0]))
            return np.array(found, dtype=np.float64) + self.least

    def _excess(self, distance: Extended) -> Any:
        return (extended(self.curvature) * distance**2).sum() / 2

    def steps_to(self, share: float) -> float | None:
        """
        Steps until so much of the possible loss reduction is left.

        Returns:
            inf where that is never; None where it is not known, or takes more than 131,072 steps with momentum.
        """
        if self.matrices is None:
            return None
        if not self.matrices[:, 0, 1].any():
            return self._monotone(share)
        return self._looked_through(share)

    def _monotone(self, share: float) -> float:
        """Without momentum each direction only shrinks, or only grows."""
        assert self.matrices is not None
        factors = np.abs(self.matrices[:, 0, 0]) ** 2
        weights = extended(self.curvature) * self.distance**2
        wanted = share * weights.sum()

        def left(step: int) -> Any:
            with np.errstate(over="ignore", invalid="ignore", under="ignore"):
                return (weights * factors**step)[weights > 0].sum()

        if left(0) <= wanted:
            return 0.0
        if not (factors[weights > 0] < 1).all():
            # A direction that grows may yet start small enough for the others to arrive first.
            return self._looked_through(share) or math.inf
        low, high = 0, 1
        while left(high) > wanted:
            low, high = high, 2 * high
            if high > 2**62:
                return math.inf
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if left(middle) <= wanted else (middle, high)
        return float(high)

    def _looked_through(self, share: float) -> float | None:
        assert self.matrices is not None
        powers = [np.broadcast_to(extended(np.eye(2)), self.matrices.shape)]
        for _ in range(_BLOCK):
            powers.append(np.matmul(self.matrices, powers[-1]))
        block = np.stack(powers[:-1])  # (block, p, 2, 2)
        state = np.stack([self.distance, np.zeros_like(self.distance)], axis=1)[:, :, None]
        wanted = share * self._excess(self.distance)
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            for first in range(0, _MOST_STEPS, _BLOCK):
                distances = np.matmul(block, state)[:, :, 0, 0]
                left = (self.curvature * distances**2).sum(axis=1) / 2
                reached = left <= wanted
                if reached.any():
                    return float(first + int(np.argmax(reached)))
                if not np.isfinite(left).all():
                    return math.inf
                state = np.matmul(powers[-1], state)
        return math.inf if (self.contraction or 0.0) >= 1 else None


def _gradient(spec: CellSpec, rows: Rows, start: Extended) -> Extended:
    return Evaluation.of(spec).gradient(start, extended(rows.x), extended(rows.y))


def _matrices(spec: CellSpec, curvature: Vector) -> Extended | None:
    """What one step does to (z, u), or None where that changes from step to step."""
    optimizer = spec.training.optimizer
    constant = isinstance(spec.training.schedule, Constant)
    if not isinstance(optimizer, Sgd) or not constant or not _uses_all_rows(spec):
        return None
    c, rate, b = extended(curvature), np.longdouble(spec.learning_rate), np.longdouble(optimizer.momentum)
    ones = np.ones_like(c)
    if optimizer.nesterov:
        first, second = 1 - rate * c * (1 + b), -rate * b * b * ones
    else:
        first, second = 1 - rate * c, -rate * b * ones
    return np.stack([np.stack([first, second], axis=1), np.stack([c, b * ones], axis=1)], axis=1)


def _uses_all_rows(spec: CellSpec) -> bool:
    """Each row once in every update."""
    if spec.batch_size == "full":
        return True
    return spec.batch_size >= spec.training_rows and spec.training.order in ("shuffle", "sequential")


def _power(matrices: Extended, exponent: int) -> Extended:
    """The matrices' power; numpy.linalg has none in extended precision."""
    result = np.broadcast_to(extended(np.eye(2)), matrices.shape)
    square = matrices
    while exponent:
        if exponent & 1:
            result = np.matmul(square, result)
        square = np.matmul(square, square)
        exponent >>= 1
    return result
