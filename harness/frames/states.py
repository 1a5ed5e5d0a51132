"""The states of a training, as rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from harness import dictionary
from harness.problem.layout import Layout
from harness.record import Arrays
from harness.scenario.cell import CellSpec

COLUMNS = dictionary.names("traces")


def states(spec: CellSpec, arrays: Arrays) -> pd.DataFrame:
    """
    One row a recorded state of one cell.

    Args:
        spec: The cell's.
        arrays: Its trace, n states.

    Returns:
        n rows: step, epoch, loss, step_loss, weights, bias.
    """
    weights, biases = zip(*(_as_lists(spec, state) for state in arrays["parameters"]), strict=True)
    return pd.DataFrame(
        {
            "step": arrays["step"],
            "epoch": arrays["step"] / spec.batches_per_epoch,
            "loss": arrays["loss"],
            "step_loss": arrays["step_loss"],
            "weights": list(weights),
            "bias": list(biases),
        }
    )


def _as_lists(spec: CellSpec, state: np.ndarray[Any, Any]) -> tuple[Any, Any]:
    weights, bias = Layout.of(spec).unflatten(state)
    if spec.model.kind == "mlp":
        return [w.tolist() for w in weights], [b.tolist() for b in bias]
    return weights.tolist(), float(bias) if spec.model.intercept else None
