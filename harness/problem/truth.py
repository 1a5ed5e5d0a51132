"""What the data were made with, in the coordinates that are trained."""

from __future__ import annotations

import numpy as np

from harness.problem.features import Scaling
from harness.scenario.cell import CellSpec


def truth(spec: CellSpec, scaling: Scaling) -> list[float] | None:
    """
    Weights, then the bias if there is one, that the data were made with.

    With the scaled columns z = (x - c) / s:

        w x + b  =  (w s) z + (b + sum of w c)

    Args:
        spec: The cell.
        scaling: How its columns were standardised; without an intercept c is 0.

    Returns:
        None where the model cannot say the data's formula.
    """
    raw = spec.raw_truth()
    if raw is None:
        return None
    weights, bias = np.array(raw[0]), raw[1]
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = [*(weights * scaling.scale), *([bias + weights @ scaling.centre] if spec.model.intercept else [])]
    return [float(value) for value in scaled] if np.isfinite(scaled).all() else None
