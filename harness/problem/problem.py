"""What an implementation is given: everything of one cell, in the cell's dtype."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from harness.problem.data import Data
from harness.problem.layout import Layout, Parameters
from harness.problem.orders import Order, orders
from harness.problem.start import start
from harness.scenario.cell import CellSpec
from harness.scenario.inputs import NOTHING, Inputs
from harness.scenario.model import Linear, Mlp
from harness.scenario.training import Constant, Inverse, Loss, Optimizer


@dataclass(frozen=True)
class Problem:
    """
    One training problem.

    Args:
        x: Model columns of the training rows, shape (n, p).
        y: Target, shape (n,).
        initial: (weights, bias): shapes (p,) and (); for a net lists per layer, (units, inputs) and (units,).
        loss: The loss's table; `loss.kind` is its name.
        model: The model's table; `model.kind` is `linear` or `mlp`.
        optimizer: The optimiser's table; `optimizer.kind` is its name.
        schedule: The rate by step, from 0.
        orders: One order of the rows an epoch; empty for full batches.
        learning_rate: The grid's rate; with a schedule that has its own, the rate of step 0.
        batch_size: Rows of one update, or `full`.
        dtype: `float32` or `float64`; all arrays here have it.
        device: `cpu` or `cuda`.
        seed: The cell's seed, for the record; implementations draw nothing.
        constant_rate: Whether the schedule gives `learning_rate` at every step.
    """

    x: NDArray[Any]
    y: NDArray[Any]
    initial: Parameters
    loss: Loss
    model: Linear | Mlp
    optimizer: Optimizer
    schedule: Callable[[int], float]
    orders: list[Order]
    learning_rate: float
    batch_size: int | Literal["full"]
    dtype: str
    device: str
    seed: int
    constant_rate: bool = False


def make_problem(spec: CellSpec, data: Data, inputs: Inputs = NOTHING) -> Problem:
    """The problem of a cell: made once in float64, then cast; what the dtype cannot hold is inf there."""
    layout = Layout.of(spec)
    with np.errstate(over="ignore"):
        x, y, initial = (
            array.astype(spec.dtype) for array in (data.training.x, data.training.y, layout.flatten(start(spec)))
        )
    return Problem(
        x=x,
        y=y,
        initial=layout.unflatten(initial),
        loss=spec.training.loss,
        model=spec.model,
        optimizer=spec.training.optimizer,
        schedule=_schedule(spec),
        orders=orders(spec, inputs),
        learning_rate=spec.learning_rate,
        batch_size=spec.batch_size,
        dtype=spec.dtype,
        device=spec.device,
        seed=spec.seed,
        constant_rate=isinstance(spec.training.schedule, Constant),
    )


def _schedule(spec: CellSpec) -> Callable[[int], float]:
    schedule = spec.training.schedule
    if isinstance(schedule, Inverse):
        return lambda step: schedule.t0 / (step + schedule.t1)
    return lambda _step: spec.learning_rate
