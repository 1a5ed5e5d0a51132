"""Where two paths of one cell part, and how far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.analysis.ulp import apart
from harness.problem.layout import Layout
from harness.record import Arrays
from harness.scenario.cell import CellSpec


@dataclass(frozen=True)
class Departure:
    """
    Where two paths of one cell part.

    Args:
        step: The first recorded state that differs.
        quantity: Its first parameter that differs, or `loss` or `step_loss`.
        then: The run file's value.
        now: The value that came out again.
        ulp: Their distance in units in the last place of the cell's dtype.
        largest_ulp: The largest distance of a parameter at any recorded state, in units in the last place of the
            largest parameter so far; infinite where one path overflows well before the other.
    """

    step: int
    quantity: str
    then: float
    now: float
    ulp: float
    largest_ulp: float


def departure(spec: CellSpec, then: Arrays, now: Arrays) -> Departure | None:
    """
    The first recorded state in which two traces of one cell differ.

    Args:
        spec: The cell.
        then: The run file's trace.
        now: The other.
    """
    if not then or not now or not np.array_equal(then["step"], now["step"]):
        return None
    names = [*Layout.of(spec).names, "loss", "step_loss"]
    ours, theirs = _table(then), _table(now)
    differs = ours.view(np.uint64) != theirs.view(np.uint64)
    if not differs.any():
        return None
    row, column = np.argwhere(differs)[0]
    before, after = ours[row, column], theirs[row, column]
    dtype = "float64" if names[column] == "loss" else spec.dtype  # losses of states are evaluated in float64
    return Departure(
        int(then["step"][row]),
        names[column],
        float(before),
        float(after),
        ulps(before, after, dtype),
        apart(then, now, spec.dtype).farthest[0],
    )


def _table(arrays: Arrays) -> NDArray[np.float64]:
    """One row a recorded state: parameters, loss, step loss."""
    table = np.column_stack([arrays["parameters"], arrays["loss"], arrays["step_loss"]])
    return np.ascontiguousarray(table, dtype=np.float64)


def ulps(one: np.float64, other: np.float64, dtype: str) -> float:
    """Distance in units in the last place of the larger; infinite where one is not finite."""
    largest: NDArray[Any] = np.maximum(np.abs(one), np.abs(other)).astype(dtype)
    if not np.isfinite(largest):
        return float("inf")
    return float(np.abs(one - other) / np.float64(np.spacing(largest)))
