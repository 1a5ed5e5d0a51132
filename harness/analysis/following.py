"""Does a cell walk the path that the same training takes in extended precision?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from harness.frames import Run
from harness.packed import Arrays, Packed, stacked
from harness.scenario.cell import CellSpec

# Roundings of the largest parameter so far: 1e-12 in float64, 5e-4 in float32. Each step adds its own.
_ROUNDINGS = 4504
_ROUNDINGS_A_STEP = 8
# A kink nearer than so many times the distance of the two paths may be taken on either side.
_KINK = 10.0
# A path may leave the cell's range where the reference, which has more room, is still this far below its end.
_ROOM = 0.4
# TensorFloat-32 keeps 11 bits of what it multiplies; so many roundings of those.
TF32 = "tf32"
_TF32_ROUNDINGS, _TF32_EPS = 64, 2.0**-10
# Bytes of the references whose cells are compared in one go.
_AT_ONCE = 2**20
# Precision, trace and reference; what `compared` finds.
Path: TypeAlias = tuple[str, Packed, Packed]
Found: TypeAlias = tuple[float, int, int | None, int, int | None, int]


@dataclass(frozen=True)
class Following:
    """
    One cell beside its reference, at every recorded state.

    Args:
        scenario: The scenario.
        cell: The cell's id.
        replicate: Which of its records.
        axes: Its axes.
        distance: Largest difference of a parameter, as a share of the largest parameter so far.
        step: The recorded state where that is.
        left: The first recorded state beyond what rounding explains; None where there is none.
        before: The recorded state before that one; 0 where there is none.
        kink_step: The state whose update met a kink that the two paths may take differently; compared up to there.
        compared: Recorded states compared.
        amplified_step: The recorded state from which on it is that far away because this training makes much of
            rounding: a walk of the same in the cell's precision is as far away.
        walked: The cell whose walk says so: itself, or one that differs from it in the seed alone.
    """

    scenario: str
    cell: str
    replicate: int
    axes: dict[str, Any]
    distance: float
    step: int
    left: int | None
    before: int
    kink_step: int | None
    compared: int
    amplified_step: int | None = None
    walked: str = ""

    @property
    def dtype(self) -> str:
        """Its precision's name."""
        return str(self.axes["dtype"])

    @property
    def follows(self) -> bool:
        """Whether it stays on the path, as far as the two are compared."""
        return self.left is None


def tolerance(precision: str, steps: NDArray[np.int64]) -> NDArray[np.float64]:
    """What rounding explains after so many steps, as a share of the largest parameter so far."""
    if precision == TF32:
        return np.full(len(steps), _TF32_ROUNDINGS * _TF32_EPS)
    roundings = np.maximum(_ROUNDINGS, _ROUNDINGS_A_STEP * steps)
    return np.asarray(roundings * float(np.finfo(precision).eps), dtype=np.float64)


def precision_of(spec: CellSpec) -> str:
    """A cell's dtype, or `tf32` where its matrices are multiplied in that, because the scenario says so."""
    coarse = spec.tf32 and spec.device != "cpu" and spec.dtype == "float32"
    return TF32 if coarse else spec.dtype


def followings(run: Run) -> Iterator[Following]:
    """Every cell that finished and has a reference; of replicates the first of each digest."""
    keys: list[tuple[str, str, int]] = []
    paths: list[Path] = []
    for row in run.finished(by=("scenario", "cell", "digest")):
        reference = run.file.reference(row["scenario"], row["reference"])
        if reference:
            key = (str(row["scenario"]), str(row["cell"]), int(row["replicate"]))
            keys.append(key)
            paths.append((precision_of(run.file.specs[key[:2]]), run.file.trace(*key), reference))
        if paths and len(paths) * paths[-1][2].layout.size > _AT_ONCE:
            yield from _beside(run, keys, paths)
            keys, paths = [], []
    yield from _beside(run, keys, paths)


def _beside(run: Run, keys: Sequence[tuple[str, str, int]], paths: Sequence[Path]) -> Iterator[Following]:
    together = _together(paths)
    for place, key in enumerate(keys):
        found = together[place] if place in together else compared(*paths[place])
        if found is not None:
            distance, step, left, before, kink, count = found
            yield Following(*key, run.file.axes[key[:2]], distance, step, left, before, kink, count)


def _together(paths: Sequence[Path]) -> dict[int, Found]:
    """
    What `compared` gives of every cell within tolerance at every state, many cells at once; by place.

    Those that are not are left out, to be compared one by one.
    """
    alike: dict[Any, list[int]] = {}
    for place, (precision, trace, reference) in enumerate(paths):
        alike.setdefault((precision, trace.layout, reference.layout), []).append(place)
    found: dict[int, Found] = {}
    for (precision, *layouts), places in alike.items():
        if layouts[0].parts["parameters"][2] == layouts[1].parts["parameters"][2]:
            found.update(_within(precision, places, paths))
    return found


def _within(precision: str, places: Sequence[int], paths: Sequence[Path]) -> dict[int, Found]:
    """Of cells of one shape: those with the first one's recorded states that are within tolerance everywhere."""
    recorded, found = stacked([paths[place][1] for place in places], "step", "parameters")
    wanted, high, low = stacked([paths[place][2] for place in places], "step", "parameters", "parameters_low")
    steps = wanted[0]
    with np.errstate(over="ignore", invalid="ignore"):
        largest = np.maximum.accumulate(np.abs(high).max(axis=2), axis=1)
        away = np.abs((found - high) - low).max(axis=2) / np.where(largest == 0, 1.0, largest)
    # NaN passes no comparison.
    near = (away <= tolerance(precision, steps)).all(axis=1) & np.isfinite(found).all(axis=(1, 2))
    near &= (recorded == steps).all(axis=1) & (wanted == steps).all(axis=1)
    farthest = away.argmax(axis=1)
    return {
        places[row]: (float(away[row, farthest[row]]), int(steps[farthest[row]]), None, 0, None, len(steps))
        for row in np.flatnonzero(near).tolist()
    }


def compared(precision: str, trace: Arrays, reference: Arrays) -> Found | None:
    """
    A trace beside the reference's, at the same states.

    Returns:
        Largest relative distance, the step where it is, the first step beyond tolerance or None, the recorded step
        before it, the step of a kink or None, and the number of states compared; None where the states are others.
    """
    steps = reference["step"]
    if not np.array_equal(trace["step"], steps):
        return None
    dtype = "float32" if precision == TF32 else precision
    distances, count = distances_to(dtype, trace, reference)
    if count == 0:
        return 0.0, 0, None, 0, None, 0
    beyond = ~(distances <= tolerance(precision, steps[:count]))
    kink = None
    if beyond.any():
        first = int(np.argmax(beyond))
        kink = _kink(dtype, reference, distances, first)
        if kink is None:
            before = int(steps[max(0, first - 1)])
            at = int(np.argmax(np.where(np.isnan(distances), np.inf, distances)))
            return float(distances[at]), int(steps[at]), int(steps[first]), before, None, count
        count = int(np.searchsorted(steps, kink, side="right"))
        distances = distances[:count]
    at = int(np.argmax(distances))
    return float(distances[at]), int(steps[at]), None, 0, kink, count


def within_range(largest: Any, dtype: str) -> Any:
    """Whether a path whose largest parameter so far is this is so far below the dtype's end that none may overflow."""
    return largest <= float(np.finfo(dtype).max) ** _ROOM


def distances_to(dtype: str, trace: Arrays, reference: Arrays) -> tuple[NDArray[np.float64], int]:
    """
    The distance at each state, as a share of the largest parameter so far on the reference's path.

    Returns:
        Distances up to the first state that is beyond the dtype's range, and their number. A state that is not
        finite where the reference is well within range is infinitely far away.
    """
    found, high, low = trace["parameters"], reference["parameters"], reference["parameters_low"]
    with np.errstate(over="ignore", invalid="ignore"):
        largest = np.maximum.accumulate(np.abs(high).max(axis=1))
        away = np.abs((found - high) - low).max(axis=1) / np.where(largest == 0, 1.0, largest)
    # NaN passes no comparison: this is `not finite, and out of range`.
    out = ~np.isfinite(found).all(axis=1) & ~within_range(largest, dtype)
    count = int(np.argmax(out)) if out.any() else len(out)
    return np.where(np.isnan(away), np.inf, away)[:count], count


def _kink(dtype: str, reference: Arrays, distances: NDArray[np.float64], first: int) -> int | None:
    """The first update, from the last state where they were together on, near a kink for the distance they had."""
    if "kink_margin" not in reference or first == 0:
        return None
    together = int(reference["step"][first - 1])
    margins = reference["kink_margin"][together : int(reference["step"][first])]
    # Where the states are the same bit for bit, the data are still rounded.
    reach = _KINK * max(float(distances[first - 1]), float(np.finfo(dtype).eps))
    near = np.flatnonzero(margins <= reach)
    return together + int(near[0]) if near.size else None
