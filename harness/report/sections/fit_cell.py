"""The cell whose training is replayed, and the one at another rate that is drawn beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.analysis.quantities import data_of
from harness.frames.table import records
from harness.problem.data import Data
from harness.problem.evaluation import Evaluation
from harness.report.view import View, key

MOST_FRAMES = 48
# What another cell on the same surface may differ in, beside its rate: the dearest first.
_FREE = ("seed", "dtype", "device", "implementation")
Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Places = NDArray[np.int64]
Row = dict[str, Any]


@dataclass(frozen=True)
class Shown:
    """
    One cell with its data and its recorded states.

    Args:
        row: Of the cells frame.
        evaluation: Of its model and loss, with its spec.
        data: Its rows.
        step: The recorded states, shape (s,), from 0.
        states: Parameters of each, shape (s, p).
        loss: Of each over all training rows, shape (s,).
    """

    row: Row
    evaluation: Evaluation
    data: Data
    step: Places
    states: Matrix
    loss: Vector

    @staticmethod
    def of(view: View, row: Row) -> Shown:
        """From the run file."""
        spec, trace = view.spec(str(row["cell"])), view.trace(row)
        data = data_of(spec, view.inputs(spec))
        return Shown(row, Evaluation.of(spec), data, trace["step"], trace["parameters"], trace["loss"])

    @cached_property
    def optimum(self) -> Vector | None:
        """The exact one; None where there is none, or more than one."""
        return _vector(self.row["optimum"])

    @cached_property
    def truth(self) -> Vector | None:
        """What the data were made with, in the coordinates that are trained."""
        return _vector(self.row["truth"])

    @cached_property
    def least(self) -> float | None:
        """The loss of the optimum."""
        if self.optimum is None:
            return None
        rows = self.data.training
        return float(self.evaluation.loss(self.optimum[None], rows.x, rows.y)[0])

    @cached_property
    def height(self) -> Vector:
        """The loss above the least, 0 where that is no more than rounding; the loss itself where no least is known."""
        if self.least is None:
            return self.loss
        with np.errstate(invalid="ignore"):
            above = self.loss - self.least
            return np.where(above <= 8 * np.finfo(np.float64).eps * abs(self.least), 0.0, above)

    @cached_property
    def finite(self) -> int:
        """How many states, from the start, have finite parameters and a finite loss."""
        bad = ~(np.isfinite(self.loss) & np.isfinite(self.states).all(axis=1))
        return int(np.argmax(bad)) if bad.any() else len(bad)

    @cached_property
    def frames(self) -> Places:
        """Positions of the states that are replayed: finite ones, evenly spaced on a log scale, both ends kept."""
        last = max(self.finite, 1) - 1
        return spaced(self.step[: last + 1])


def spaced(step: Sequence[int] | Places, most: int = MOST_FRAMES) -> Places:
    """Positions of at most so many of the ascending steps, evenly spaced on a log scale, both ends kept."""
    count = len(step)
    if count <= most:
        return np.arange(count)
    # The first steps are whole numbers closer together than a log scale asks for, so ask for more until enough differ.
    chosen = np.array([0, count - 1])
    for wanted in range(most, 4 * most):
        places = np.searchsorted(step, np.append(0, np.geomspace(1, step[-1], wanted - 1)).round())
        found = np.unique(np.clip(places, 0, count - 1))
        if len(found) > most:
            break
        chosen = found
    return chosen


def chosen(view: View) -> Row | None:
    """Of the reference configuration the first arm's first seed that is ok."""
    done = view.at_reference[view.at_reference["status"] == "ok"]
    arms = {arm: place for place, arm in enumerate(view.arms)}
    rows: list[Row] = [{str(name): value for name, value in row.items()} for row in records(done)]
    return min(rows, key=lambda row: (arms[row["implementation"], row["device"]], row["seed"]), default=None)


def beside(view: View, row: Row) -> Row | None:
    """
    A cell on the same loss surface at another rate.

    At the highest of the others that is stable, else at the nearest. Where the same seed did not
    run there, another may have the same data.
    """
    others = [other for other in view.rows if _same_surface(row, other)]
    rate, stable = float(row["learning_rate"]), row["stable_learning_rate"]
    rates = sorted({float(other["learning_rate"]) for other in others})
    nearest = min(rates, key=lambda other: abs(math.log(other / rate)), default=rate)
    wanted = max([other for other in rates if other < stable], default=nearest)
    at = [other for other in others if other["learning_rate"] == wanted]
    return min(at, key=lambda other: _differences(row, other), default=None)


def _same_surface(row: Row, other: Row) -> bool:
    return (
        other["status"] == "ok"
        and other["learning_rate"] != row["learning_rate"]
        and min(other["learning_rate"], row["learning_rate"]) > 0
        and isinstance(row["optimum"], list)
        and row["optimum"] == other["optimum"]
        and _fixed(row) == _fixed(other)
    )


def _fixed(row: Row) -> str:
    return key({axis: level for axis, level in row["axes"].items() if axis not in (*_FREE, "learning_rate")})


def _differences(row: Row, other: Row) -> list[bool]:
    """In what else it differs, the dearest first."""
    return [key(row["axes"].get(axis)) != key(other["axes"].get(axis)) for axis in _FREE]


def _vector(value: Any) -> Vector | None:
    found = np.array(value, dtype=np.float64) if isinstance(value, list) else None
    return found if found is not None and np.isfinite(found).all() else None
