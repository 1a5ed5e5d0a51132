"""
Theory beside measurement, for gradient descent on all rows of a squared loss of a linear model.

What is predicted was computed beforehand, by the reference: the loss of every recorded state, the contraction and
the steps to each target. Here each cell is held to it, as far down as rounding lets it be compared.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.analysis.prediction import Prediction, predictions
from harness.frames import Run
from harness.record import Arrays

Vector = NDArray[np.float64]

# In float64 a relative 1e-10; in float32 as many roundings.
LIMIT = 1e-10
# Of the logarithm of the contraction over the window: 1 % of the way that the distance went.
CONTRACTION_LIMIT = 0.01
# A window whose rounding could move the logarithm by more than this share resolves nothing.
_RESOLVED = CONTRACTION_LIMIT / 4
# Distances are squared; beyond this their squares leave float64's range.
_LARGEST = 1e140
_LEAST_STEPS = 5


@dataclass(frozen=True)
class Contraction:
    """
    The factor a step by which the distance to the optimum changed between two recorded states.

    Args:
        predicted: By theory.
        measured: From the recorded parameters.
        first: The earlier state, at half of the way.
        last: The later one: the last before rounding, or overflow, blurs the distance.
    """

    predicted: float
    measured: float
    first: int
    last: int

    @property
    def error(self) -> float:
        """The difference of the logarithms as a share of the predicted one: how far the way falls short."""
        wanted = math.log(self.predicted)
        return abs(math.log(self.measured) - wanted) / abs(wanted)


@dataclass(frozen=True)
class Deviation:
    """
    The measured loss beside the predicted one, of every state but the start, which nothing has trained yet.

    Args:
        largest: Largest relative difference; inf where the loss is not finite and should be.
        step: The recorded state where that is.
        floor: The first recorded state that is not compared, since rounding alone may explain that much; None for none.
        compared: Recorded states compared.
    """

    largest: float
    step: int
    floor: int | None
    compared: int


@dataclass(frozen=True)
class Beside:
    """
    One cell beside its theory.

    Args:
        cell: Its id.
        axes: Its axes.
        diverged: Whether its training did.
        stable: The largest rate at which descent is stable.
        long_run: The contraction that is left when the slowest direction alone is; above 1 it diverges.
        contraction: Over a late window; None where rounding or a missing optimum leaves nothing to measure.
        deviation: Of the loss; None where no state can be compared.
        steps: Updates to each share of `target.tau`; None for a miss.
        predicted_steps: The same by theory; inf for never, None where that is not known.
    """

    cell: str
    axes: dict[str, Any]
    diverged: bool
    stable: float
    long_run: float
    contraction: Contraction | None
    deviation: Deviation | None
    steps: tuple[int | None, ...]
    predicted_steps: tuple[float | None, ...]

    @property
    def dtype(self) -> str:
        """Its precision."""
        return str(self.axes["dtype"])

    @property
    def follows(self) -> bool:
        """Whether its loss is the predicted one within the limit, as far as it is compared."""
        return self.deviation is None or self.deviation.largest <= limit(self.dtype)


def limit(dtype: str) -> float:
    """The relative deviation from the predicted loss that is let pass: 1e-10 in float64."""
    return LIMIT * float(np.finfo(dtype).eps) / float(np.finfo(np.float64).eps)


def besides(run: Run, scenario: str, seeds: Collection[int] | None = None) -> Iterator[Beside]:
    """
    Every cell of a scenario that did all its steps and that theory covers; the first of its replicates.

    Args:
        run: The run.
        scenario: Its name.
        seeds: Only cells of these; of a run of thousands of seeds each takes a millisecond.
    """
    predicted = predictions(run, scenario)
    for row in run.finished(scenario):
        if seeds is not None and row["seed"] not in seeds:
            continue
        prediction = predicted(str(row["cell"]), str(row["reference"]))
        if prediction is not None:
            trace = run.file.trace(scenario, str(row["cell"]), int(row["replicate"]))
            axes = run.file.axes[scenario, str(row["cell"])]
            yield _beside(str(row["cell"]), axes, row, trace, prediction)


def _beside(cell: str, axes: dict[str, Any], row: Any, trace: Arrays, prediction: Prediction) -> Beside:
    same = np.array_equal(trace["step"], prediction.step)
    return Beside(
        cell=cell,
        axes=axes,
        diverged=row["outcome"] == "diverged",
        stable=prediction.stable,
        long_run=prediction.contraction,
        contraction=contraction(str(axes["dtype"]), trace, prediction) if same else None,
        deviation=deviation(str(axes["dtype"]), trace["loss"], prediction) if same else None,
        steps=tuple(row["target_steps"] or ()),
        predicted_steps=prediction.steps,
    )


def deviation(dtype: str, loss: Vector, prediction: Prediction) -> Deviation | None:
    """
    How far measured losses are from the predicted ones, up to the first state where rounding may explain the limit.

    Args:
        dtype: Of the cell.
        loss: Measured, at the prediction's states.
        prediction: What theory says of them.
    """
    wanted, steps = prediction.loss, prediction.step
    clear = (prediction.rounding(dtype) <= limit(dtype)) & np.isfinite(wanted) & (wanted < prediction.largest(dtype))
    count = len(clear) if clear.all() else int(np.argmin(clear))
    if count < 2:
        return None
    with np.errstate(invalid="ignore", over="ignore"):
        away = np.abs(loss[1:count] - wanted[1:count]) / wanted[1:count]
    away = np.where(np.isfinite(away), away, np.inf)
    at = int(np.argmax(away))
    floor = None if count == len(steps) else int(steps[count])
    return Deviation(float(away[at]), int(steps[1 + at]), floor, count - 1)


def contraction(dtype: str, trace: Arrays, prediction: Prediction) -> Contraction | None:
    """The contraction over the second half of the states whose distance from the optimum rounding does not blur."""
    found = prediction.distances(trace["parameters"])
    if found is None:
        return None
    steps, blur = prediction.step, prediction.blur(dtype)
    with np.errstate(invalid="ignore"):
        clear = (found > blur / _RESOLVED) & (found < _LARGEST)
    last = (len(clear) if clear.all() else int(np.argmin(clear))) - 1
    first = int(np.searchsorted(steps, steps[max(last, 0)] / 2))
    if last < 1 or steps[last] - steps[first] < _LEAST_STEPS:
        return None
    count = int(steps[last] - steps[first])
    wanted = prediction.distance_after(int(steps[last])) / prediction.distance_after(int(steps[first]))
    noise = blur / found[first] + blur / found[last] + 8 * float(np.finfo(dtype).eps) * count
    if not 0 < wanted < math.inf or not noise <= _RESOLVED * abs(math.log(wanted)):
        return None
    measured = float(found[last] / found[first])
    return Contraction(wanted ** (1 / count), measured ** (1 / count), int(steps[first]), int(steps[last]))
