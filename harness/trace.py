"""
The trace of a cell: which states are kept, and the digest that covers all of them.

State s is after s updates. What belongs to a state stands in its row: the loss
over all training rows, the parameters, and what the update leaving it returned.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.problem.data import Data
from harness.problem.evaluation import Evaluation
from harness.problem.layout import Layout, Parameters
from harness.record import Arrays
from harness.scenario.cell import CellSpec

_EVERY_STEP_UNTIL = 200
_PER_DECADE = 50
_BLOCK = 256
# Predictions of one block at once: states times rows.
_BLOCK_VALUES = 2**22


def kept_steps(steps: int, named: Iterable[int] = ()) -> NDArray[np.int64]:
    """States in the trace: every one to 200, then 50 a decade, the last, and those named."""
    dense = range(min(steps, _EVERY_STEP_UNTIL) + 1)
    sparse: list[int] = []
    if steps > _EVERY_STEP_UNTIL:
        decades = np.log10(steps / _EVERY_STEP_UNTIL)
        count = max(2, int(np.ceil(_PER_DECADE * decades)) + 1)
        sparse = [int(step) for step in np.geomspace(_EVERY_STEP_UNTIL, steps, count).round()]
    inside = [step for step in named if 0 <= step <= steps]
    return np.array(sorted({*dense, *sparse, *inside, steps}), dtype=np.int64)


class Recorder:
    """
    Takes every state and step loss of the recorded pass, block by block.

    Only the states in `kept_steps` stay in memory; losses of all states do, the
    outcome needs them.
    """

    def __init__(self, spec: CellSpec, data: Data, named: Iterable[int] = ()) -> None:
        self._spec, self._data = spec, data
        self._layout = Layout.of(spec)
        self._evaluation = Evaluation.of(spec)
        self._kept = set(kept_steps(spec.steps, named).tolist())
        self._digest = hashlib.blake2b(digest_size=16)
        self._block: list[NDArray[Any]] = []
        self._rows: list[tuple[int, NDArray[np.float64]]] = []
        self._losses: list[NDArray[np.float64]] = []
        self._step_losses: list[Any] = []
        self._margins: list[float] = []
        self._largest_gradient = np.zeros(self._layout.size)
        self._shares: list[float] = []
        self._states = 0
        self._block_size = max(1, min(_BLOCK, _BLOCK_VALUES // spec.training_rows))

    def state(self, parameters: Parameters) -> None:
        """The next state; the parameters are copied."""
        flat = self._layout.flatten(parameters)
        if flat.dtype != np.dtype(self._spec.dtype):
            raise TypeError(f"parameters() returned {flat.dtype}; the cell's dtype is {self._spec.dtype}.")
        self._block.append(flat)
        if len(self._block) == self._block_size:
            self._flush()

    def step(self, loss: Any, batch: Any) -> None:
        """What the update leaving the last state returned, and the rows it used."""
        self._step_losses.append(loss)
        if self._spec.dtype != "float64" or not (self._evaluation.has_kinks or self._evaluation.magnifies):
            return
        rows = self._data.training
        state = self._block[-1] if self._block else self._rows[-1][1]
        if self._evaluation.has_kinks:
            start = not self._margins
            self._margins.append(self._evaluation.kink_margin(state, rows.x[batch], rows.y[batch], start=start))
        if self._evaluation.magnifies:
            gradient = np.abs(self._evaluation.gradient(state, rows.x[batch], rows.y[batch]))
            self._largest_gradient = np.fmax(self._largest_gradient, gradient)
            self._shares.append(least_share(gradient, self._largest_gradient))

    def _flush(self) -> None:
        states = np.stack(self._block)
        self._digest.update(np.ascontiguousarray(states).tobytes())
        wide = states.astype(np.float64)
        self._losses.append(self._evaluation.loss(wide, self._data.training.x, self._data.training.y))
        # The last state of a block is kept until the next flush: a margin may need it.
        self._rows += [
            (number, state)
            for number, state in enumerate(wide, start=self._states)
            if number in self._kept or number == self._states + len(wide) - 1
        ]
        self._states += len(wide)
        self._block = []

    def finish(self) -> tuple[Arrays, NDArray[np.float64], str]:
        """
        End of the pass.

        Returns:
            The trace's arrays, the loss of every state, and the digest in hex.
        """
        if self._block:
            self._flush()
        losses = np.concatenate(self._losses)
        step_losses = np.array([float(loss) for loss in self._step_losses], dtype=np.dtype(self._spec.dtype))
        self._digest.update(step_losses.tobytes())
        rows = [(number, state) for number, state in self._rows if number in self._kept]
        step = np.array([number for number, _ in rows], dtype=np.int64)
        wide_losses = np.append(step_losses.astype(np.float64), np.nan)
        arrays: dict[str, Any] = {
            "step": step,
            "loss": losses[step],
            "step_loss": wide_losses[step],
            "parameters": np.stack([state for _, state in rows]),
            **_epoch_losses(step_losses, self._spec.batches_per_epoch),
        }
        if self._margins:
            arrays["kink_margin"] = np.array(self._margins, dtype=np.float32)
        if self._shares:
            arrays["gradient_share"] = np.array(self._shares)
        return arrays, losses, self._digest.hexdigest()


def least_share(gradient: NDArray[np.float64], largest: NDArray[np.float64]) -> float:
    """
    How far the gradient has vanished in the parameter where it has most: a share of its largest so far there.

    Exactly 0 is no rounding (a dead unit), and does not count.
    """
    there = gradient > 0
    return float(np.min(gradient[there] / largest[there], initial=1.0))


def _epoch_losses(step_losses: NDArray[Any], per_epoch: int) -> Arrays:
    """Sum, mean and last of the step losses of each whole epoch, in the cell's dtype, added in order."""
    whole = len(step_losses) // per_epoch
    by_epoch = step_losses[: whole * per_epoch].reshape(whole, per_epoch)
    with np.errstate(over="ignore", invalid="ignore"):
        # cumsum adds one by one, as a training loop does; sum would add in pairs.
        sums = np.cumsum(by_epoch, axis=1, dtype=step_losses.dtype)[:, -1]
        means = sums / step_losses.dtype.type(per_epoch)
    return {
        "epoch_sum": sums.astype(np.float64),
        "epoch_mean": means.astype(np.float64),
        "epoch_last": by_epoch[:, -1].astype(np.float64),
    }
