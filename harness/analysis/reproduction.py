"""Does a cell, run again, give the same bits as the run file says?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.problem.layout import Layout
from harness.record import Arrays
from harness.scenario.cell import CellSpec

# What a clock, a gauge of memory or a reader of outputs says differs from process to process.
MEASURED = (
    "step_seconds", "cpu_step_seconds", "setup_seconds", "first_step_seconds", "peak_bytes", "device_peak_bytes",
    "phases", "timings", "stdout", "stderr",
)  # fmt: skip
# Of a cell that did not finish only this can be compared: reasons name amounts of memory.
_OF_UNFINISHED = ("status",)


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
    """

    step: int
    quantity: str
    then: float
    now: float
    ulp: float


@dataclass(frozen=True)
class Reproduction:
    """
    One cell, run again.

    Args:
        scenario: Its scenario.
        cell: Its id.
        replicate: Which of its records was compared with.
        axes: Its values on the axes.
        status: The run file's status.
        now: The status this time.
        reason: Why, this time, where it is not ok.
        differing: Fields of the record that are not the same to the last bit.
        departure: Where the paths part; None where they do not, or one has none.
    """

    scenario: str
    cell: str
    replicate: int
    axes: dict[str, Any]
    status: str
    now: str
    reason: str
    differing: tuple[str, ...]
    departure: Departure | None

    @property
    def reproduced(self) -> bool:
        """Whether everything that can be compared is the same."""
        return not self.differing


def differing_fields(then: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, ...]:
    """
    Names of the fields that are not the same to the last bit.

    Args:
        then: A record's fields, as the run file holds them.
        now: The other's; what JSON cannot tell apart (tuple and list) is the same.
    """
    finished = then["status"] == now["status"] == "ok"
    names = [name for name in then if name not in MEASURED] if finished else _OF_UNFINISHED
    return tuple(name for name in names if _text(then.get(name)) != _text(now.get(name)))


def _text(value: Any) -> str:
    """Every bit of a number, and nan equal to nan."""
    return json.dumps(value, sort_keys=True)


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
    apart = ours.view(np.uint64) != theirs.view(np.uint64)
    if not apart.any():
        return None
    row, column = np.argwhere(apart)[0]
    before, after = ours[row, column], theirs[row, column]
    dtype = "float64" if names[column] == "loss" else spec.dtype  # losses of states are evaluated in float64
    return Departure(int(then["step"][row]), names[column], float(before), float(after), ulps(before, after, dtype))


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
