"""A training as plain data, and the loop that walks it in extended precision."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.problem.data import Data
from harness.problem.evaluation import Evaluation
from harness.problem.layout import Layout
from harness.problem.orders import batches, orders
from harness.problem.start import start
from harness.reference.extended import Extended, extended
from harness.reference.rules import Rule, new_rule
from harness.scenario.cell import CellSpec
from harness.scenario.inputs import NOTHING, Inputs
from harness.scenario.training import Inverse


@dataclass(frozen=True)
class Descent:
    """
    One training, each part of which may be replaced by a mistaken one.

    Args:
        start: The first state, shape (parameters,).
        batches: The rows of each update: an index, or all.
        gradient: Of the loss over a batch, by every parameter, at a state: (state, rows) -> (parameters,).
        rate: By step, from 0.
        rule: Makes the optimiser's rule at its start.
    """

    start: Extended
    batches: Sequence[Any]
    gradient: Callable[[Extended, Any], Extended]
    rate: Callable[[int], Any]
    rule: Callable[[], Rule]

    @staticmethod
    def of(spec: CellSpec, data: Data, inputs: Inputs = NOTHING) -> Descent:
        """The training of a cell, from its data in float64, taken as exact."""
        evaluation, rows = Evaluation.of(spec), data.training
        x, y = extended(rows.x), extended(rows.y)
        return Descent(
            start=extended(Layout.of(spec).flatten(start(spec))),
            batches=list(batches(spec, orders(spec, inputs))),
            gradient=lambda state, batch: evaluation.gradient(state, x[batch], y[batch]),
            rate=_rate(spec),
            rule=lambda: new_rule(spec.training.optimizer),
        )

    def walk(self) -> Iterator[Extended]:
        """Every state, from the start to the end; a new array each."""
        state, rule = self.start, self.rule()
        yield state
        for step, batch in enumerate(self.batches):
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                state = state - self.rate(step) * rule(self.gradient(state, batch))
            yield state


def _rate(spec: CellSpec) -> Callable[[int], Any]:
    schedule = spec.training.schedule
    if isinstance(schedule, Inverse):
        return lambda step: np.longdouble(schedule.t0) / (step + np.longdouble(schedule.t1))
    constant = np.longdouble(spec.learning_rate)
    return lambda _step: constant
