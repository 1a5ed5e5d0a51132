"""Cells of one training that differ in one axis of how it is computed, compared state by state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations, islice
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from harness.analysis import agreement, following, ulp
from harness.analysis.ulp import Apart, Growth
from harness.frames import Run
from harness.packed import Arrays
from harness.scenario.cell import Cell
from harness.scenario.read import Scenario
from harness.scenario.reference import HOW_AXES

# The axes that are compared; a pair is the same in all others.
AXES = ("run.threads", "implementation", "dtype", "device")
_COARSER = "float32"
# A kink nearer than so many times the distance of the two paths may be taken on either side.
_REACH = 10.0
# Pairs that are compared together.
_AT_ONCE = 1_024
# Cell and replicate of the two, and their axes; and with the axis in which they differ.
Keys: TypeAlias = tuple[tuple[str, int], tuple[str, int]]
BothAxes: TypeAlias = tuple[dict[str, Any], dict[str, Any]]
Two: TypeAlias = tuple[str, Keys, BothAxes]


@dataclass(frozen=True)
class Pair:
    """
    Two cells beside each other.

    Args:
        scenario: The scenario.
        axis: The one axis that they differ in; `replicate` for two processes of one cell.
        levels: Their two values on it.
        cells: Their ids.
        replicates: Which record of each.
        axes: The axes of the first.
        dtype: Whose units are counted.
        first: The first recorded step whose state differs in a bit; None where none does.
        ulp: Largest distance of a parameter, in units in the last place of the largest parameter so far.
        step: The step where that is.
        beyond: How they came to be farther apart than rounding of each step explains; None where they are not.
        kink: The step whose update met a kink that the two may take differently; compared up to there.
    """

    scenario: str
    axis: str
    levels: tuple[Any, Any]
    cells: tuple[str, str]
    replicates: tuple[int, int]
    axes: dict[str, Any]
    dtype: str
    first: int | None
    ulp: float
    step: int
    beyond: Growth | None
    kink: int | None

    @property
    def same(self) -> bool:
        """Whether every recorded state is the same to the last bit."""
        return self.first is None


def allowed(axis: str, dtype: str, steps: NDArray[np.int64]) -> NDArray[np.float64]:
    """
    What rounding explains at each step, as a share of the largest parameter so far.

    1e-12 in float64, as many roundings in float32; between two dtypes the rounding of every step is another, so there
    it grows with the steps.
    """
    if axis == "dtype":
        return following.tolerance(_COARSER, steps)
    share = agreement.TOLERANCE * float(np.finfo(dtype).eps) / float(np.finfo(np.float64).eps)
    return np.full(len(steps), share)


def pairs(run: Run, scenario: Scenario) -> Iterator[Pair]:
    """Every two cells of a scenario that did all their steps and differ in one axis of AXES alone."""
    replicates = {str(row["cell"]): int(row["replicate"]) for row in run.finished(scenario.name)}
    trainings: dict[Any, list[Cell]] = {}
    for cell in scenario.cells:
        if cell.id in replicates:
            trainings.setdefault(cell.without(*HOW_AXES), []).append(cell)
    two = _two(trainings.values(), replicates)
    while some := [*islice(two, _AT_ONCE)]:
        together = _together(run, scenario.name, some)
        for place, item in enumerate(some):
            yield together[place] if place in together else _pair(run, scenario.name, *item)


def _two(trainings: Iterable[Sequence[Cell]], replicates: Mapping[str, int]) -> Iterator[Two]:
    """The comparisons, all of a training after each other: each trace is then read once."""
    for cells in trainings:
        for one, other in combinations(cells, 2):
            differing = [axis for axis, level in one.axes.items() if level != other.axes[axis]]
            if len(differing) == 1 and differing[0] in AXES:
                keys = ((one.id, replicates[one.id]), (other.id, replicates[other.id]))
                yield differing[0], keys, (one.axes, other.axes)


def _together(run: Run, scenario: str, some: Sequence[Two]) -> dict[int, Pair]:
    """What `_pair` gives of those that are within what rounding explains at every state, many at once; by place."""
    alike: dict[Any, list[int]] = {}
    traces = [[run.file.trace(scenario, *key) for key in keys] for _, keys, _ in some]
    for place, (axis, _, axes) in enumerate(some):
        alike.setdefault((axis, _unit(axis, axes), *(trace.layout for trace in traces[place])), []).append(place)
    found: dict[int, Pair] = {}
    for (axis, dtype, *_), places in alike.items():
        ones, others = ([traces[place][side] for place in places] for side in (0, 1))
        near = ulp.near(ones, others, dtype, partial(allowed, axis, dtype))
        for at, (first, units, step) in near.items():
            _, keys, axes = some[places[at]]
            found[places[at]] = _paired(scenario, axis, keys, axes, (first, units, step, None, None))
    return found


def _unit(axis: str, axes: BothAxes) -> str:
    """The dtype whose units are counted: of two the coarser."""
    return _COARSER if axis == "dtype" else str(axes[0]["dtype"])


def replicas(run: Run, scenario: str, cell: str) -> Iterator[Pair]:
    """The first record of a cell beside one of each other digest."""
    rows = run.cells[(run.cells["scenario"] == scenario) & (run.cells["cell"] == cell) & (run.cells["status"] == "ok")]
    first, *others = rows.drop_duplicates("digest")["replicate"].tolist()
    axes = run.file.axes[scenario, cell]
    for other in others:
        yield _pair(run, scenario, "replicate", ((cell, int(first)), (cell, int(other))), (axes, axes))


def _pair(run: Run, scenario: str, axis: str, keys: Keys, axes: BothAxes) -> Pair:
    one, other = (run.file.trace(scenario, *key) for key in keys)
    dtype = _unit(axis, axes)
    found = ulp.apart(one, other, dtype)
    limit = allowed(axis, dtype, found.step[: len(found.share)])
    beyond, kink = _beyond(found, limit), None
    if beyond is not None:
        reference = run.file.reference(scenario, run.file.reference_of[scenario, keys[0][0]])
        kink = _kink(axis, dtype, found, beyond, (one, other, reference))
    if kink is not None:
        found, beyond = found.until(kink), None
    growth = None if beyond is None else found.growth(beyond)
    return _paired(scenario, axis, keys, axes, (found.first, *found.farthest, growth, kink))


def _paired(
    scenario: str,
    axis: str,
    keys: Keys,
    axes: BothAxes,
    found: tuple[int | None, float, int, Growth | None, int | None],
) -> Pair:
    levels = (axes[0].get(axis, keys[0][1]), axes[1].get(axis, keys[1][1]))
    cells, replicates = (keys[0][0], keys[1][0]), (keys[0][1], keys[1][1])
    return Pair(scenario, axis, levels, cells, replicates, axes[0], _unit(axis, axes), *found)


def _beyond(found: Apart, limit: NDArray[np.float64]) -> int | None:
    far = found.share > limit
    return int(found.step[np.argmax(far)]) if far.any() else None


def _kink(axis: str, dtype: str, found: Apart, beyond: int, traces: tuple[Arrays, Arrays, Arrays]) -> int | None:
    """
    The first update that came near a kink, from the last state where the two were together on.

    In float64 implementations are held to what the gate says. Elsewhere it is known of the exact path alone how near
    a kink it came, and the two may be as far from it as from each other.
    """
    one, other, reference = traces
    if axis == "implementation" and dtype == "float64":
        return agreement.compare(one, other)[2]
    if "kink_margin" not in reference:
        return None
    before = max(0, int(np.searchsorted(found.step, beyond)) - 1)
    together, reach = int(found.step[before]), _REACH * float(found.share[before])
    near = np.flatnonzero(reference["kink_margin"][together:beyond] <= reach)
    return together + int(near[0]) if near.size else None
