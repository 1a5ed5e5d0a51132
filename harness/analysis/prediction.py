"""What theory predicts of one training, from its reference, and how finely rounding lets a cell be held to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.analysis.quantities import data_of
from harness.frames import Run
from harness.frames.table import each
from harness.problem.evaluation import loss_of_error
from harness.problem.optimum import Optimum
from harness.record import Arrays
from harness.reference.extended import joined
from harness.reference.theory import Theory
from harness.scenario.cell import CellSpec

Vector = NDArray[np.float64]

# Roundings that a step, or a residual, may cost.
_ROUNDINGS = 8.0
# A training may leave its dtype's range where the loss is beyond this power of its largest number.
_ROOM = 0.4
# Of a row of the references.
_OF_THEORY = (
    "reference", "rank", "stable_learning_rate", "smallest_curvature", "contraction", "predicted_steps",
)  # fmt: skip


@dataclass(frozen=True)
class Prediction:
    """
    Theory of one training.

    Args:
        step: The recorded states.
        loss: Predicted at each.
        contraction: A step, in the long run.
        stable: The largest stable rate.
        curvature: The smallest of the loss that is not 0.
        steps: To each share of `target.tau`; inf for never, None where not known.
        reached: The largest loss of residuals that are one rounding of what they are made of, in units of eps².
        path: The reference's parameters at the states, and what rounding took from them, each (k, p).
        optimum: The optimum, and what rounding took from it, each (p,); None where there is no single one.
        theory: The loss along its eigenvectors, made when first asked for.
    """

    step: NDArray[np.int64]
    loss: Vector
    contraction: float
    stable: float
    curvature: float
    steps: tuple[float | None, ...]
    reached: float
    path: tuple[Vector, Vector]
    optimum: tuple[Vector, Vector] | None
    theory: Callable[[], Theory | None]

    def distances(self, parameters: Vector) -> Vector | None:
        """2-norms of the distances of states (k, p) from the optimum, shape (k,); None where there is none."""
        if self.optimum is None:
            return None
        high, low = self.optimum
        with np.errstate(over="ignore", invalid="ignore"):
            return np.asarray(np.linalg.norm((parameters - high) - low, axis=1))

    def distance_after(self, steps: int) -> float:
        """The predicted 2-norm of the distance after so many steps."""
        theory = self._made
        if theory is None or theory.matrices is None:
            return float("nan")
        distance = theory.distance.astype(np.float64)
        start = np.stack([distance, np.zeros_like(distance)], axis=1)[:, :, None]
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            after = np.linalg.matrix_power(theory.matrices.astype(np.float64), steps) @ start
            return float(np.linalg.norm(after[:, 0, 0]))

    @cached_property
    def _made(self) -> Theory | None:
        return self.theory()

    def blur(self, dtype: str) -> float:
        """
        How far rounding may keep a state from the optimum.

        Each step adds roundings of the largest parameter, of which the slowest direction keeps a share
        `contraction` to the next: their sum is that of a geometric series.
        """
        largest = max(float(np.abs(side).max()) for side in (self.path[0][0], (self.optimum or self.path)[0]))
        return _ROUNDINGS * float(np.finfo(dtype).eps) * largest / max(abs(1 - self.contraction), 1e-12)

    def rounding(self, dtype: str) -> Vector:
        """
        How far rounding alone may move the loss from the predicted one at each state, as a share of it.

        Roundings of each step's factor add up; those of residuals and of slow directions count by the root of the
        loss, for the loss is their square.
        """
        eps = float(np.finfo(dtype).eps)
        slow = np.sqrt(self.curvature / 2) * self.blur(dtype) if self.contraction < 1 else 0.0
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            of_roots = 2 * (eps * np.sqrt(self.reached) + slow) / np.sqrt(self.loss)
        return np.asarray(_ROUNDINGS * eps * self.step + of_roots)

    def largest(self, dtype: str) -> float:
        """Up to this loss a cell has room for all that it computes."""
        return float(float(np.finfo(dtype).max) ** _ROOM)


def predictions(run: Run, scenario: str) -> Callable[[str, str], Prediction | None]:
    """
    Predictions by cell and reference, each made once for all cells that share it.

    Returns:
        A function that gives None for a cell that theory does not cover.
    """
    frame = run.reference
    rows = {row["reference"]: row for row in each(frame.loc[frame["scenario"] == scenario, list(_OF_THEORY)])}
    made: dict[str, Prediction | None] = {}

    def of(cell: str, reference: str) -> Prediction | None:
        if reference not in made:
            arrays = run.file.reference(scenario, reference)
            made[reference] = None
            if "predicted_loss" in arrays and reference in rows:
                spec = run.file.specs[scenario, cell]
                made[reference] = _prediction(run, scenario, spec, arrays, rows[reference])
        return made[reference]

    return of


def _prediction(run: Run, scenario: str, spec: CellSpec, arrays: Arrays, row: Any) -> Prediction:
    rows = data_of(spec, run.file.inputs(scenario, spec)).training
    optimum = (arrays["optimum"], arrays["optimum_low"]) if "optimum" in arrays else None
    start = joined(arrays["parameters"][0], arrays["parameters_low"][0])

    def theory() -> Theory | None:
        if optimum is None:
            return None
        best = Optimum(optimum[0], None, None, optimum[1], int(row["rank"]), None, 0.0, "", "")
        return Theory.of(spec, rows, start, best)

    state = np.maximum(np.abs(arrays["parameters"][0]), np.abs(optimum[0]) if optimum else 0.0)
    bias = state[rows.x.shape[1] :].sum()
    sizes = _ROUNDINGS * (np.abs(rows.x) @ state[: rows.x.shape[1]] + bias + np.abs(rows.y))
    return Prediction(
        step=arrays["step"],
        loss=arrays["predicted_loss"],
        contraction=float(row["contraction"]),
        stable=float(row["stable_learning_rate"]),
        curvature=float(row["smallest_curvature"]),
        steps=tuple(row["predicted_steps"]) if isinstance(row["predicted_steps"], list) else (),
        reached=float(loss_of_error(spec.training.loss, sizes)),
        path=(arrays["parameters"], arrays["parameters_low"]),
        optimum=optimum,
        theory=theory,
    )
