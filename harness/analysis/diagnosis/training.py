"""The training of a cell once more, from what the run holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from harness.frames import Run
from harness.problem.data import Data, Rows, make_data
from harness.problem.evaluation import Evaluation
from harness.problem.layout import Layout
from harness.reference.descent import Descent
from harness.reference.extended import Extended, extended
from harness.scenario.cell import CellSpec
from harness.scenario.inputs import Inputs

# Trainings of one scenario come one after the other; each holds its data.
_KEPT = 32
States: TypeAlias = Iterator[Extended]


@dataclass(frozen=True)
class Training:
    """
    One training, whoever computes it.

    Args:
        spec: That of a cell.
        inputs: What its data come from beside the spec.
    """

    spec: CellSpec
    inputs: Inputs

    @cached_property
    def data(self) -> Data:
        """Its data in float64."""
        return make_data(self.spec, self.inputs)

    @property
    def rows(self) -> Rows:
        """The training rows."""
        return self.data.training

    @cached_property
    def descent(self) -> Descent:
        """As it should be done."""
        return Descent.of(self.spec, self.data, self.inputs)

    @cached_property
    def evaluation(self) -> Evaluation:
        """Of its model and loss."""
        return Evaluation.of(self.spec)

    @cached_property
    def layout(self) -> Layout:
        """Of its parameters."""
        return Layout.of(self.spec)

    def size(self, batch: Any) -> int:
        """How many rows an update is done on."""
        return len(batch) if isinstance(batch, np.ndarray) else len(self.rows.y)

    @property
    def batch_size(self) -> int:
        """Rows of a batch that is not short."""
        return len(self.rows.y) if self.spec.batch_size == "full" else int(self.spec.batch_size)


def trainings(run: Run) -> Callable[[str, str], Training]:
    """Gives the training of a cell by scenario and id; those of one reference are one."""

    @lru_cache(maxsize=_KEPT)
    def of_reference(scenario: str, _reference: str, cell: str) -> Training:
        spec = run.file.specs[scenario, cell]
        return Training(spec, run.file.inputs(scenario, spec))

    first: dict[tuple[str, str], str] = {}

    def of(scenario: str, cell: str) -> Training:
        reference = run.file.reference_of[scenario, cell]
        return of_reference(scenario, reference, first.setdefault((scenario, reference), cell))

    return of


def apart(
    found: NDArray[np.float64], wanted: Extended, largest: float, low: NDArray[np.float64] | float = 0.0
) -> float:
    """
    Largest difference of two states, as a share of the largest parameter so far; inf where one alone is not finite.

    Args:
        found: A recorded state.
        wanted: Where it should be.
        largest: The largest parameter so far; 0 counts as 1.
        low: What `wanted` holds beyond its own precision.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        away = float(np.abs((extended(found) - wanted) - low).max()) / (largest or 1.0)
    return away if away == away else np.inf
