"""The timed passes of a cell: the same steps again, with nothing recorded between the clock reads."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.devices import Device
from harness.implementations.base import Implementation
from harness.problem.layout import Layout
from harness.problem.problem import Problem
from harness.record import Timing
from harness.training import timed_pass

# A span shorter than this is measured as the sum of several passes.
_LEAST_SECONDS = 1e-3
# A recorded pass this short says little about how short a timed one is.
_CALIBRATED_SECONDS = 5e-2


@dataclass(frozen=True)
class Timed:
    """
    What every timed pass needs.

    Args:
        implementation: Has done the recorded pass.
        problem: Makes a fresh problem, so that a step that writes into its data cannot help the next pass.
        rows: The index of each update.
        device: Synchronised around every pass.
        layout: Of the parameters.
    """

    implementation: Implementation
    problem: Callable[[], Problem]
    rows: Sequence[Any]
    device: Device
    layout: Layout

    def passes(self, repeats: int, final: NDArray[np.float64], estimate: float) -> list[Timing]:
        """
        The measurements.

        Args:
            repeats: How many; none for 0.
            final: The parameters that every pass must end on, to the last bit.
            estimate: Seconds of the recorded pass.

        Raises:
            RuntimeError: If a pass ends elsewhere.
        """
        result: list[Timing] = []
        if repeats and estimate < _CALIBRATED_SECONDS:
            result.append(self._measured("warm_up", 0, 1, final))
            estimate = result[0].seconds
        loops = loops_for(estimate)
        return [*result, *(self._measured("pass", number, loops, final) for number in range(repeats))]

    def _measured(self, kind: str, number: int, loops: int, final: NDArray[np.float64]) -> Timing:
        wall = cpu = 0.0
        for _ in range(loops):
            self.implementation.load(self.problem())
            seconds, cpu_seconds = timed_pass(self.implementation, self.rows, self.device)
            wall, cpu = wall + seconds, cpu + cpu_seconds
            self._must_be_the_same(f"{kind.replace('_', '-')} {number}", final)
        return Timing(kind, number, wall / loops, cpu / loops, loops)

    def _must_be_the_same(self, name: str, final: NDArray[np.float64]) -> None:
        end = self.layout.flatten(self.implementation.parameters()).astype(np.float64)
        if end.tobytes() == final.tobytes():
            return
        with np.errstate(over="ignore", invalid="ignore"):
            difference = float(np.max(np.abs(end - final)))
        raise RuntimeError(
            f"timed {name} ended on other parameters than the recorded pass (largest difference "
            f"{difference:.3g}); load() does not reset everything, or a step is not deterministic"
        )


def loops_for(seconds: float) -> int:
    """How many passes of this length make a span that the clock resolves."""
    return max(1, math.ceil(_LEAST_SECONDS / max(seconds, 1e-7)))
