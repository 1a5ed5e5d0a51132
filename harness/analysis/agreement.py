"""Do the implementations walk the same path, where the mathematics is the same?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.analysis.following import within_range
from harness.frames import Run
from harness.record import Arrays
from harness.scenario.cell import Cell
from harness.scenario.read import Scenario

# Of the largest parameter so far on either path.
TOLERANCE = 1e-12
# A value this close to a kink, as a share of what meets there, may round to either side.
_KINK = 1e-12
# Of a parameter's largest gradient so far. What such an optimiser divides by falls with the gradient, so its steps
# grow, until they are longer than the loss's curvature bears; rounding then grows by a factor a step. Paths were seen
# to part like this at shares of 1e-5 (rmsprop on full batches, rate 0.01) to 2e-4 (rate 0.002).
_VANISHING = 1e-3


@dataclass(frozen=True)
class Agreement:
    """
    Two implementations of one cell, compared at every recorded state.

    Args:
        scenario: The scenario.
        axes: The axes both share.
        pair: The two implementations.
        distance: Largest difference of a parameter, as a share of the largest parameter so far.
        step: The recorded state where that is.
        kink_step: The state whose update met a kink within rounding, where that parts the paths.
        compared: Recorded states compared: up to the first that is not finite, or the kink.
    """

    scenario: str
    axes: dict[str, Any]
    pair: tuple[str, str]
    distance: float
    step: int
    kink_step: int | None
    compared: int

    @property
    def agrees(self) -> bool:
        """Whether the paths agree as far as they are compared."""
        return self.distance <= TOLERANCE


def agreements(run: Run) -> Iterator[Agreement]:
    """Every implementation beside the first of its group, for each combination of the other axes."""
    replicates = {(row["scenario"], row["cell"]): row["replicate"] for row in run.finished()}
    for scenario in run.file.scenarios:
        groups: dict[Any, list[Cell]] = {}
        if len({cell.spec.implementation for cell in scenario.cells}) < 2:
            continue
        for cell in scenario.cells:
            if (scenario.name, cell.id) in replicates:
                groups.setdefault(cell.without("implementation"), []).append(cell)
        for cells in groups.values():
            yield from _of_group(run, scenario, cells, replicates)


def _of_group(run: Run, scenario: Scenario, cells: list[Cell], replicates: dict[Any, Any]) -> Iterator[Agreement]:
    if len(cells) < 2:
        return
    traces = [run.file.trace(scenario.name, cell.id, int(replicates[scenario.name, cell.id])) for cell in cells]
    axes = {axis: level for axis, level in cells[0].axes.items() if axis != "implementation"}
    for cell, trace in zip(cells[1:], traces[1:], strict=True):
        pair = (cells[0].spec.implementation, cell.spec.implementation)
        yield Agreement(scenario.name, axes, pair, *compare(traces[0], trace, cells[0].spec.dtype))


def compare(one: Arrays, other: Arrays, dtype: str = "float64") -> tuple[float, int, int | None, int]:
    """
    Two traces of the same states.

    Returns:
        Largest relative distance, the step where it is, the step of a kink that
        parts the paths (or None), and the number of states compared: up to the first that
        is not finite. Where one alone is, far below the dtype's end, it is infinitely far away.
        A gradient that has all but vanished counts as a kink where the optimiser blows it up.
    """
    a, b, steps = one["parameters"], other["parameters"], one["step"]
    finite = np.asarray(np.isfinite(a).all(axis=1) & np.isfinite(b).all(axis=1))
    count = len(finite) if finite.all() else int(np.argmin(finite))
    distances = _distances(a[:count], b[:count])
    if _lost_by_one(a[: count + 1], b[: count + 1], dtype):
        distances, count = np.append(distances, np.inf), count + 1
    if count == 0:
        return 0.0, 0, None, 0
    kink = None
    if distances.max() > TOLERANCE:
        first = int(np.argmax(distances > TOLERANCE))
        kink = _kink_between(one, other, int(steps[max(0, first - 1)]), int(steps[first]))
        if kink is None:
            kink = _vanished(one, other, int(steps[first]))
        if kink is not None:
            count = int(np.searchsorted(steps, kink, side="right"))
            distances = distances[:count]
    at = int(np.argmax(distances))
    return float(distances[at]), int(steps[at]), kink, count


def _lost_by_one(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any], dtype: str) -> bool:
    """Whether in the last state one path alone is not finite, and the other in no danger of that."""
    whole = [path for path in (a, b) if np.isfinite(path[-1]).all()]
    return len(whole) == 1 and bool(within_range(np.abs(whole[0]).max(), dtype))


def _vanished(one: Arrays, other: Arrays, apart: int) -> int | None:
    """
    The first update before the paths part whose gradient had all but vanished in a parameter, where the optimiser
    blows that up.

    A burst comes many steps after the rounding that it grew from, so all steps before count.
    """
    shares = [trace["gradient_share"][:apart] for trace in (one, other) if "gradient_share" in trace]
    if not shares:
        return None
    small = np.flatnonzero(np.min(shares, axis=0) <= _VANISHING)
    return int(small[0]) if small.size else None


def _distances(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    with np.errstate(over="ignore"):
        largest = np.maximum.accumulate(np.maximum(np.abs(a), np.abs(b)).max(axis=1))
        return np.asarray(np.abs(a - b).max(axis=1) / np.where(largest == 0, 1.0, largest))


def _kink_between(one: Arrays, other: Arrays, together: int, apart: int) -> int | None:
    """
    The first update that came within rounding of a kink on either path, from the last
    state where they were together on.

    A kink taken differently shows in the next state: an earlier one explains nothing.
    """
    margins = [trace["kink_margin"][together:apart] for trace in (one, other) if "kink_margin" in trace]
    if not margins:
        return None
    near = np.flatnonzero(np.min(margins, axis=0) <= _KINK)
    return together + int(near[0]) if near.size else None
