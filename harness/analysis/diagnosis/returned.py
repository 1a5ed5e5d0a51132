"""The losses that updates return, beside those of the same batch at the same parameters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.analysis.diagnosis.finding import times
from harness.analysis.diagnosis.precision import Precision
from harness.analysis.diagnosis.training import Training
from harness.problem.evaluation import loss_of_error
from harness.record import Arrays

# Roundings of a prediction or its target that a loss may be off by.
_ROUNDINGS = 1000.0
# The states whose losses are computed again, besides those before a short batch.
_STATES = 8
# Losses of which every one is the same multiple of what it should be.
_ALIKE = 1e-3
_SINGLE = float(np.finfo(np.float32).eps)


@dataclass(frozen=True)
class Returned:
    """
    What one update returned.

    Args:
        step: The state it left.
        found: What it returned.
        wanted: The loss of its batch there.
        allowed: How far rounding may take one from the other.
    """

    step: int
    found: float
    wanted: float
    allowed: float

    @property
    def right(self) -> bool:
        """Whether rounding explains what they differ by."""
        return abs(self.found - self.wanted) <= self.allowed

    @property
    def ratio(self) -> float:
        """What it returned by what it should have; nan where that is 0."""
        return self.found / self.wanted if self.wanted else float("nan")


def returned(training: Training, trace: Arrays, precision: Precision, among: int = _STATES) -> list[Returned]:
    """Of so many recorded states, spread over the training, what the updates leaving them returned."""
    steps = trace["step"][:-1]
    first_batches = steps[: training.spec.batches_per_epoch + 1]
    short = [number for number in range(len(first_batches)) if _is_short(training, int(steps[number]))]
    spread = np.linspace(0, len(steps) - 1, min(among, len(steps))).round().astype(int).tolist()
    return list(_at(training, trace, precision, sorted({*spread, *short[:1]})))


def returned_at(training: Training, trace: Arrays, precision: Precision, number: int) -> Returned | None:
    """What the update leaving this recorded state returned; None where that is no number, or should be none."""
    return next(_at(training, trace, precision, [number]), None)


def explanation(training: Training, trace: Arrays, precision: Precision, wrong: list[Returned]) -> str:
    """What the losses returned are instead; empty where that is not known."""
    ratios = np.array([item.ratio for item in wrong])
    if np.allclose(ratios, ratios[0], rtol=_ALIKE, atol=0) and abs(ratios[0] - 1) > _ALIKE:
        return f"the loss that an update returns is scaled by {times(ratios[0])}"
    if _all_near(training, trace, precision, wrong, ahead=1):
        return "the loss that an update returns is that after it, not before it"
    if training.spec.batch_size != "full" and _all_near(training, trace, precision, wrong, rows=slice(None)):
        return "the loss that an update returns is that of all rows, not of its batch"
    if precision.name == "float64" and (np.abs(ratios - 1) <= _ROUNDINGS * _SINGLE).all():
        return "the loss that an update returns is computed or kept in a lower precision"
    return ""


def _is_short(training: Training, step: int) -> bool:
    return training.size(training.descent.batches[step]) < training.batch_size


def _at(training: Training, trace: Arrays, precision: Precision, numbers: list[int]) -> Iterator[Returned]:
    for number in numbers:
        step, state = int(trace["step"][number]), trace["parameters"][number]
        if not np.isfinite(state).all():
            return
        wanted, allowed = _loss(training, state, training.descent.batches[step], precision)
        found = float(trace["step_loss"][number])
        # A loss squares what is still within range.
        if np.isfinite(found) or wanted < float(np.finfo(training.spec.dtype).max) ** 0.5:
            yield Returned(step, found, wanted, allowed)


def _loss(training: Training, state: NDArray[np.float64], batch: Any, precision: Precision) -> tuple[float, float]:
    """The loss of a batch, and how far rounding may take it."""
    x, y, loss = training.rows.x[batch], training.rows.y[batch], training.spec.training.loss
    with np.errstate(over="ignore", invalid="ignore"):
        prediction = training.evaluation.predict(state[None], x)[0]
        size = np.abs(prediction) + np.abs(y) + np.abs(x) @ _sizes(training, state)
        reach = np.abs(prediction - y) + _ROUNDINGS * precision.eps * size
        least, most = (float(loss_of_error(loss, error)) for error in (prediction - y, reach))
        return least, most - least + _ROUNDINGS * precision.eps * least


def _sizes(training: Training, state: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of the terms that a prediction is summed from, by column of x."""
    weights, _ = training.layout.unflatten(np.abs(state))
    if not training.layout.layered:
        return np.asarray(weights)
    product = weights[-1]
    for layer in reversed(weights[:-1]):
        product = product @ layer
    return np.asarray(product[0])


def _all_near(
    training: Training, trace: Arrays, precision: Precision, wrong: list[Returned], ahead: int = 0, rows: Any = None
) -> bool:
    """Whether each is the loss of these rows (or its batch's) so many recorded states later."""
    numbers = {int(step): number for number, step in enumerate(trace["step"])}
    known = [item for item in wrong if item.step + ahead in numbers]
    for item in known:
        state = trace["parameters"][numbers[item.step + ahead]]
        batch = training.descent.batches[item.step] if rows is None else rows
        wanted, allowed = _loss(training, state, batch, precision)
        if not abs(item.found - wanted) <= allowed:
            return False
    return bool(known)
