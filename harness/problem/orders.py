"""The order in which training rows are used, and how it is cut into batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.problem.seeds import order_generator
from harness.scenario.cell import CellSpec

Order = NDArray[np.intp]


def orders(spec: CellSpec) -> list[Order]:
    """
    One order an epoch, each a permutation of the training rows, shape (n,).

    Full batches are in file order and never permuted, so they need none: the list is empty.
    """
    if spec.batch_size == "full":
        return []
    rows = spec.data.training_rows
    epochs = -(-spec.steps // spec.batches_per_epoch)
    if spec.training.order == "sequential":
        return [np.arange(rows)] * epochs
    draw = order_generator(spec)
    return [draw.permutation(rows) for _ in range(epochs)]


def batches(spec: CellSpec, per_epoch: list[Order]) -> Iterator[Any]:
    """
    The rows of each update: an index array, or `slice(None)` for a full batch
    (indexing all rows costs 11 µs, a slice 0.2).
    """
    if spec.batch_size == "full":
        yield from (slice(None) for _ in range(spec.steps))
        return
    remaining = spec.steps
    for order in per_epoch:
        for batch in range(min(spec.batches_per_epoch, remaining)):
            yield order[batch * spec.batch_size : (batch + 1) * spec.batch_size]
        remaining -= spec.batches_per_epoch
