"""How far rounding takes a training, found by doing it again in the same precision."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from harness.analysis.diagnosis.precision import Precision, Rounded
from harness.analysis.diagnosis.training import Training, apart
from harness.record import Arrays
from harness.reference.extended import Extended, extended

# Walks of one training, each rounded by its own luck, before a cell is held to be off.
_WALKS = 3
# Where rounding explains such a share of the largest parameter, two paths that are right have parted for good: what
# was a small difference, growing evenly, is another way from there on.
_PARTED = 0.02


class Envelope:
    """
    How far rounding takes a training from its reference, state by state, walked only as far as asked.

    Args:
        training: What is walked.
        precision: In which.
        reference: The reference's arrays.
    """

    def __init__(self, training: Training, precision: Precision, reference: Arrays) -> None:
        self.precision = precision
        self._walks = [_Walk(Rounded(training, precision, luck).walk(), reference, precision) for luck in range(_WALKS)]

    def beyond(self, distances: NDArray[np.float64], first: int) -> int | None:
        """
        The first state, from `first` on, that is farther away than rounding takes any walk.

        Args:
            distances: A cell's, at every recorded state up to the last that is compared.
            first: The number of a recorded state.
        """
        before = -1
        # A walk that was left early may reach as far by the time that another is left.
        while first > before:
            before = first
            for walk in self._walks:
                at = walk.beyond(distances, first)
                if at is None:
                    return None
                first = at
        return first

    def explains(self, count: int) -> NDArray[np.float64]:
        """The distances that rounding explains at the first so many recorded states."""
        return np.array([max(walk.explains(number) for walk in self._walks) for number in range(count)])

    def least(self, count: int) -> float:
        """How near a walk stays over the first so many recorded states."""
        return min(walk.farthest(count - 1) for walk in self._walks)


class _Walk:
    """The largest distance so far of one walk from the reference."""

    def __init__(self, states: Iterator[Extended], reference: Arrays, precision: Precision) -> None:
        self._states, self._reference, self._precision = states, reference, precision
        self._step, self._largest, self._so_far = -1, 0.0, list[float]()

    def beyond(self, distances: NDArray[np.float64], first: int) -> int | None:
        """The first state, from `first` on, that it does not explain; None where all are, or paths part before."""
        for number in range(first, len(distances)):
            explains = self.explains(number)
            if not distances[number] <= explains:
                return number
            if explains >= _PARTED:
                return None
        return None

    def explains(self, number: int) -> float:
        """How far away another that rounds by other luck may be, at the recorded state of this number."""
        # A start that needs no rounding is no measure: what follows it is rounded.
        return self._precision.like * max(self.farthest(number), self._precision.eps)

    def farthest(self, number: int) -> float:
        """How far it has been away up to this recorded state."""
        while len(self._so_far) <= number:
            self._so_far.append(max([self._next(), *self._so_far[-1:]]))
        return self._so_far[number]

    def _next(self) -> float:
        number = len(self._so_far)
        skipped = int(self._reference["step"][number]) - self._step - 1
        state = next(islice(self._states, skipped, None))
        self._step += skipped + 1
        high, low = self._reference["parameters"][number], self._reference["parameters_low"][number]
        self._largest = max(self._largest, float(np.abs(high).max()))
        return apart(state.astype(np.float64), extended(high), self._largest, low)
