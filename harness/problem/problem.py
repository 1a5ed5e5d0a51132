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
from harness.scenario.model import Linear, Mlp
from harness.scenario.training import Loss, Sgd


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
        learning_rate: The grid's rate.
        batch_size: Rows of one update, or `full`.
        dtype: `float32` or `float64`; all arrays here have it.
        device: `cpu` or `cuda`.
        seed: The cell's seed, for the record; implementations draw nothing.
    """

    x: NDArray[Any]
    y: NDArray[Any]
    initial: Parameters
    loss: Loss
    model: Linear | Mlp
    optimizer: Sgd
    schedule: Callable[[int], float]
    orders: list[Order]
    learning_rate: float
    batch_size: int | Literal["full"]
    dtype: str
    device: str
    seed: int


def make_problem(spec: CellSpec, data: Data) -> Problem:
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
        schedule=lambda step: spec.learning_rate,
        orders=orders(spec),
        learning_rate=spec.learning_rate,
        batch_size=spec.batch_size,
        dtype=spec.dtype,
        device=spec.device,
        seed=spec.seed,
    )
