"""One cell that left its path, with what an explanation is held to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from harness.analysis.diagnosis.envelope import Envelope
from harness.analysis.diagnosis.training import Training, apart
from harness.analysis.following import distances_to, within_range
from harness.record import Arrays
from harness.reference.extended import Extended, extended, joined

# An explanation is followed so far beyond the first bad step: epochs, and at least steps.
_EPOCHS, _STEPS = 3, 30
# Changes this near to a multiple of each other, as a cosine, are along one line.
_ALONG = 1 - 1e-4


@dataclass(frozen=True)
class Case:
    """
    A cell beside its reference.

    Args:
        training: What it should do.
        trace: What it did.
        reference: The path.
        envelope: How far rounding takes this training.
        left: The number of the recorded state beyond all rounding.
    """

    training: Training
    trace: Arrays
    reference: Arrays
    envelope: Envelope
    left: int

    @property
    def found(self) -> NDArray[np.float64]:
        """Its recorded states."""
        return self.trace["parameters"]

    @property
    def steps(self) -> NDArray[np.int64]:
        """Their steps."""
        return self.trace["step"]

    @cached_property
    def path(self) -> Extended:
        """The states they should be."""
        return joined(self.reference["parameters"], self.reference["parameters_low"])

    @cached_property
    def end(self) -> int:
        """How many recorded states an explanation must give."""
        further = max(_EPOCHS * self.training.spec.batches_per_epoch, _STEPS)
        return int(np.searchsorted(self.steps, self.steps[self.left] + further, side="right"))

    @cached_property
    def explained(self) -> NDArray[np.float64]:
        """What rounding explains at each of these."""
        return self.envelope.explains(self.end)

    @cached_property
    def distances(self) -> NDArray[np.float64]:
        """Its own at each of these, inf where it has left all numbers."""
        arrays = {name: array[: self.end] for name, array in self.reference.items() if name.startswith("parameters")}
        away, _ = distances_to(self.training.spec.dtype, {"parameters": self.found[: self.end]}, arrays)
        return np.append(away, np.full(self.end - len(away), np.inf))

    @cached_property
    def first(self) -> int:
        """The number of the first bad state: nothing but rounding stands before it."""
        return int(np.argmax(~(self.distances[: self.left + 1] <= self.explained[: self.left + 1])))

    @property
    def before(self) -> int:
        """The number of the recorded state before that."""
        return max(0, self.first - 1)

    @cached_property
    def changes(self) -> tuple[Extended, Extended]:
        """What it did from the one to the other, and what it should have done."""
        with np.errstate(over="ignore", invalid="ignore"):
            made = extended(self.found[self.first]) - self.found[self.before]
        return made, self.path[self.first] - self.path[self.before]

    @cached_property
    def ratio(self) -> float | None:
        """The change made by the one expected, along that; None where there is none."""
        made, wanted = self.changes
        size = float((wanted * wanted).sum())
        if self.first == 0 or size == 0 or not np.isfinite(made).all():
            return None
        return float((made * wanted).sum() / size)

    @cached_property
    def along(self) -> bool:
        """Whether the change made is that multiple of the expected one in every parameter."""
        made, wanted = self.changes
        if self.ratio is None:
            return False
        if not made.any():
            return True
        sizes = np.sqrt((made * made).sum() * (wanted * wanted).sum())
        return bool(abs((made * wanted).sum()) >= _ALONG * sizes)

    def states(self, walk: Iterator[Extended], end: int, stride: int = 1) -> Iterator[Extended]:
        """Of a walk the states that are recorded, the first so many."""
        at = -1
        for step in self.steps[:end].tolist():
            skipped = step * stride - at - 1
            at = step * stride
            state = next(islice(walk, skipped, None), None)
            if state is None:
                return
            yield state

    def fits(self, walk: Iterator[Extended], stride: int = 1) -> float | None:
        """
        How near a walk comes, over all states that an explanation must give.

        Returns:
            The largest distance, as a share of the largest parameter so far; None where it is not this path.
        """
        largest, worst, compared = 0.0, 0.0, 0
        dtype = self.training.spec.dtype
        for number, state in enumerate(self.states(walk, self.end, stride)):
            sizes = np.abs(state)
            largest = max(largest, float(sizes[np.isfinite(sizes)].max(initial=0.0)))
            if not within_range(largest, dtype) and not np.isfinite(self.found[number]).all():
                break
            away = apart(self.found[number], state, largest)
            if not away <= self.explained[number]:
                return None
            worst, compared = max(worst, away), number + 1
        return worst if compared > self.first else None
