"""How a training ended: loss, parameters, digits, outcome."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.job import Job
from harness.outcome import outcome, rounding_floor
from harness.problem.data import Data
from harness.problem.evaluation import Evaluation
from harness.problem.layout import Layout
from harness.problem.optimum import Optimum, correct_digits, optimum
from harness.problem.truth import truth
from harness.record import Record
from harness.targets import steps_to_targets

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]


# What overflows on the way is inf in the record, and no warning.
@np.errstate(over="ignore", invalid="ignore")
def ending(job: Job, data: Data, losses: Vector, states: Matrix) -> Record:
    """
    Everything about the end of a training that the recorded pass alone tells.

    Args:
        job: The cell, and how many digits count as converged.
        data: Its rows in float64.
        losses: Loss of every state, shape (steps + 1,).
        states: Recorded parameters, the start first and the end last, shape (k, p).
    """
    spec, final = job.spec, states[-1]
    rows, evaluation = data.training, Evaluation.of(spec)
    best = optimum(spec, rows)
    wanted = best.parameters if best else None
    digits = correct_digits(final, wanted) if wanted is not None else None
    norms = [float(np.linalg.norm(evaluation.gradient(state, rows.x, rows.y))) for state in (states[0], final)]
    held_back = data.validation
    weights, bias = Layout.of(spec).unflatten(final)
    finite = bool(np.isfinite(final).all())
    floor = rounding_floor(evaluation, rows, spec.dtype)
    return Record(
        status="ok",
        outcome=outcome(losses, finite, digits, (norms[0], norms[1]), job.target_digits, floor),
        steps=spec.steps,
        loss=float(losses[-1]),
        validation_loss=float(evaluation.loss(final[None], held_back.x, held_back.y)[0]) if held_back else None,
        weights=_listed(weights),
        bias=_listed(bias) if spec.model.intercept else None,
        correct_digits=digits,
        gradient_norm=norms[1],
        optimum=wanted.tolist() if wanted is not None else None,
        truth=truth(spec, data.scaling),
        condition_number=best.condition_number if best else None,
        rank=best.rank if best else None,
        optimum_digits=best.digits if best else None,
        stable_learning_rate=best.stable_learning_rate if best else None,
        target_steps=_target_steps(job, losses, best),
    )


def _target_steps(job: Job, losses: Vector, best: Optimum | None) -> list[int | None] | None:
    if best is None or best.loss is None:
        return None
    return steps_to_targets(losses, best.loss, job.targets)


def _listed(value: Any) -> Any:
    return [_listed(item) for item in value] if isinstance(value, list) else np.asarray(value).tolist()
