"""One reference, in a process of its own: the training in extended precision, and what theory says of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.ending import ending
from harness.job import Job
from harness.problem.data import Data, make_data
from harness.problem.evaluation import Evaluation
from harness.problem.optimum import Optimum, optimum
from harness.record import Arrays, Record, replace
from harness.reference.descent import Descent
from harness.reference.extended import Extended, extended, missing, split
from harness.reference.theory import Theory
from harness.scenario.cell import CellSpec
from harness.trace import kept_steps

# Losses of so many values at once: states times rows.
_BLOCK_VALUES = 2**20


def run(job: Job) -> tuple[Record, Arrays]:
    """
    Walk the path of a job's training.

    Returns:
        Its record, with `theory`, and its trace: `parameters` and `parameters_low` are together the extended
        parameters, `optimum` and `optimum_low` likewise, `centre` and `scale` are the columns' scaling, `kink_margin`
        is that of every step, `predicted_loss` what theory says of each recorded state.
    """
    reason = missing()
    if reason:
        return Record("skipped", reason), {}
    spec = job.spec
    data = make_data(spec, job.inputs)
    descent = Descent.of(spec, data, job.inputs)
    kept = kept_steps(spec.steps, job.record_steps)
    states, losses, margins = _walked(spec, data, descent, kept)
    high, low = split(np.stack(states))
    best = optimum(spec, data.training)
    theory = Theory.of(spec, data.training, descent.start, best)
    record = ending(job, data, losses, high)
    arrays: dict[str, Any] = {"step": kept, "loss": losses[kept], "parameters": high, "parameters_low": low, **margins}
    arrays |= _landmarks(data, best)
    if theory is None:
        return record, arrays
    predicted = theory.losses(kept)
    if predicted is not None:
        arrays["predicted_loss"] = predicted
    return replace(record, theory=_said(theory, job.targets)), arrays


def _landmarks(data: Data, best: Optimum | None) -> Arrays:
    """What the end of the path is compared with: the optimum to twice float64's precision, and the columns' scaling."""
    found = {"centre": data.scaling.centre, "scale": data.scaling.scale}
    if best is not None and best.parameters is not None and best.low is not None:
        found |= {"optimum": best.parameters, "optimum_low": best.low}
    return found


def _walked(
    spec: CellSpec, data: Data, descent: Descent, kept: NDArray[np.int64]
) -> tuple[list[Extended], NDArray[np.float64], Arrays]:
    """The kept states, the loss of every state, and the margins of every step."""
    evaluation, rows = Evaluation.of(spec), data.training
    x, y = extended(rows.x), extended(rows.y)
    wanted = set(kept.tolist())
    states: list[Extended] = []
    losses: list[Any] = []
    margins: list[float] = []
    block: list[Extended] = []
    size = max(1, _BLOCK_VALUES // len(rows.y))
    for step, state in enumerate(descent.walk()):
        block.append(state)
        if step in wanted:
            states.append(state)
        if evaluation.has_kinks and step < len(descent.batches):
            batch = descent.batches[step]
            margins.append(evaluation.kink_margin(split(state)[0], rows.x[batch], rows.y[batch], start=step == 0))
        if len(block) == size:
            losses.append(evaluation.loss(np.stack(block), x, y))
            block = []
    if block:
        losses.append(evaluation.loss(np.stack(block), x, y))
    with np.errstate(over="ignore"):
        found = np.concatenate(losses).astype(np.float64)
    return states, found, {"kink_margin": np.array(margins, dtype=np.float32)} if margins else {}


def _said(theory: Theory, shares: tuple[float, ...]) -> dict[str, Any]:
    there = theory.curvature[theory.curvature > 0]
    return {
        "largest_curvature": float(theory.curvature[0]),
        "smallest_curvature": float(there[-1]) if len(there) else 0.0,
        "contraction": theory.contraction,
        "predicted_steps": None if theory.matrices is None else [theory.steps_to(share) for share in shares],
    }
