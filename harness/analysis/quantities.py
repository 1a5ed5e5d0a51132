"""The value of a quantity at a state of one cell, from its record and trace."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.problem.data import Data, Rows, make_data
from harness.problem.evaluation import Evaluation
from harness.problem.features import features
from harness.problem.optimum import correct_digits
from harness.record import Arrays
from harness.scenario.cell import CellSpec
from harness.scenario.expect import Expect
from harness.scenario.inputs import Inputs

Vector = NDArray[np.float64]


def data_of(spec: CellSpec, inputs: Inputs) -> Data:
    """The data of a cell, made again and kept for its neighbours on the grid."""
    return _data(spec.model_copy(update=_NEUTRAL), inputs)


_NEUTRAL = {"implementation": "", "device": "", "dtype": "float64", "learning_rate": 0.0, "batch_size": "full"}


@lru_cache(maxsize=256)
def _data(spec: CellSpec, inputs: Inputs) -> Data:
    return make_data(spec, inputs)


def value(expect: Expect, spec: CellSpec, inputs: Inputs, record: dict[str, Any], trace: Arrays, step: int) -> Any:
    """
    The quantity of an expectation at state `step`, or at the exact optimum where it is about that.

    Args:
        expect: Names the quantity.
        spec: The cell.
        inputs: What the cell was handed beside its spec.
        record: Its row of the cells frame.
        trace: Its arrays; state `step` is among them.
        step: The state.

    Returns:
        A number, or a word for `outcome` and `status`.
    """
    if expect.of == "optimum":
        best = record["optimum"]
        return float("nan") if best is None else _of_parameters(expect, spec, inputs, record, np.array(best))
    match expect.name:
        case "outcome" | "status" | "condition_number" | "stable_learning_rate":
            return record[expect.name]
        case "epoch_loss":
            return float(trace[f"epoch_{expect.reduce}"][step // spec.batches_per_epoch - 1])
        case "loss" | "step_loss":
            return float(trace[expect.name][_row(trace, step)])
    return _of_parameters(expect, spec, inputs, record, trace["parameters"][_row(trace, step)])


def _row(trace: Arrays, step: int) -> int:
    steps = trace["step"]
    if steps[-1] == step:  # the end, which most are about
        return len(steps) - 1
    row = int(np.searchsorted(steps, step))
    if row >= len(steps) or steps[row] != step:
        raise LookupError(f"state {step} is not in the trace")
    return row


def _of_parameters(expect: Expect, spec: CellSpec, inputs: Inputs, record: dict[str, Any], state: Vector) -> float:
    if expect.space == "raw" and spec.model.standardize != "none":
        state = data_of(spec, inputs).scaling.raw(state, intercept=spec.model.intercept)
    match expect.name:
        case "weights":
            return float(state[expect.index or 0])
        case "bias":
            return float(state[-1])
        case "correct_digits":
            best = record["optimum"]
            return correct_digits(state, np.array(best)) if best is not None else float("nan")
    evaluation, data = Evaluation.of(spec), data_of(spec, inputs)
    rows = data.validation if expect.name.startswith("validation_") else data.training
    assert rows is not None, "checked when the scenario was read"
    match expect.name:
        case "gradient":
            return float(evaluation.gradient(state, rows.x, rows.y)[expect.index or 0])
        case "gradient_norm":
            return float(np.linalg.norm(evaluation.gradient(state, rows.x, rows.y)))
        case "prediction":
            raw = np.array([expect.x], dtype=np.float64)
            with np.errstate(over="ignore", invalid="ignore"):
                row = data.scaling.apply(features(raw, spec.model.powers))
            return float(evaluation.predict(state[None], row)[0, 0])
        case "loss" | "validation_loss":
            return float(evaluation.loss(state[None], rows.x, rows.y)[0])
        case "r2" | "validation_r2":
            return _r2(evaluation, state, rows)
    raise LookupError(f"no such quantity: {expect.quantity}")


def _r2(evaluation: Evaluation, state: Vector, rows: Rows) -> float:
    """1 - residual sum of squares / total sum of squares about the rows' own mean; nan where that is 0."""
    with np.errstate(over="ignore", invalid="ignore"):
        residual = evaluation.predict(state[None], rows.x)[0] - rows.y
        total = np.sum((rows.y - rows.y.mean()) ** 2)
        return float(1 - residual @ residual / total) if total > 0 else float("nan")
