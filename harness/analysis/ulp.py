"""How far two paths are apart, state by state, in units in the last place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.packed import Arrays, Packed, stacked

Vector = NDArray[np.float64]

# A distance of this many units is the usual size of what rounding leaves behind.
_USUAL = 64.0
# Rounding that a training amplifies grows from step to step by no more than this.
_FASTEST = 2.0
# A path may overflow where the other is still this far below: diverging, they are not quite at the same place.
_ROOM = 0.4


@dataclass(frozen=True)
class Growth:
    """
    How two paths came apart.

    Args:
        since: The last recorded step at which they were no farther apart than rounding usually leaves them.
        was: Their distance there, in units in the last place.
        step: The step until which they grew apart.
        now: Their distance there.
        factor: By how much it grew each step, on average.
    """

    since: int
    was: float
    step: int
    now: float
    factor: float

    @property
    def amplified(self) -> bool:
        """Whether it grew over many steps, and did not jump."""
        return self.factor <= _FASTEST


@dataclass(frozen=True)
class Apart:
    """
    Two paths beside each other, at the recorded states that both have.

    The unit is that of the largest parameter so far on either path: a parameter that passes through zero has tiny
    units there, in which rounding of the usual size looks like millions.

    Args:
        step: The states, shape (k,).
        differs: Whether any parameter differs in a bit there, shape (k,); nan is nan, whatever its bits.
        ulp: Largest distance of a parameter in those units, up to the first state that is not finite on either path;
            infinite where the other is well within range there.
        share: The same as a share of the largest parameter so far.
    """

    step: NDArray[np.int64]
    differs: NDArray[np.bool_]
    ulp: Vector
    share: Vector

    @property
    def first(self) -> int | None:
        """The first recorded step whose state differs; None where none does."""
        return int(self.step[np.argmax(self.differs)]) if self.differs.any() else None

    def until(self, step: int) -> Apart:
        """The same, with distances no further than this step."""
        count = int(np.searchsorted(self.step, step, side="right"))
        return Apart(self.step, self.differs, self.ulp[:count], self.share[:count])

    def growth(self, beyond: int) -> Growth:
        """How the distance came to be what it is at a step, since it was last of a usual size."""
        at = int(np.searchsorted(self.step, beyond))
        usual = np.flatnonzero(self.ulp[:at] <= _USUAL)
        since = int(usual[-1]) if usual.size else 0
        steps, was, now = int(self.step[at] - self.step[since]), float(self.ulp[since]), float(self.ulp[at])
        return Growth(int(self.step[since]), was, beyond, now, (now / max(was, 1.0)) ** (1 / max(steps, 1)))

    @property
    def farthest(self) -> tuple[float, int]:
        """The largest distance in units, and the step where it is."""
        if not self.ulp.size:
            return 0.0, 0
        at = int(np.argmax(self.ulp))
        return float(self.ulp[at]), int(self.step[at])


def apart(one: Arrays, other: Arrays, dtype: str) -> Apart:
    """
    Compare two traces.

    Args:
        one: A trace.
        other: Another of the same model.
        dtype: Whose units are counted: of two dtypes the coarser.
    """
    steps, a, b = _common(one, other)
    same = (a.view(np.uint64) == b.view(np.uint64)) | (np.isnan(a) & np.isnan(b))
    finite = np.asarray(np.isfinite(a).all(axis=1)), np.asarray(np.isfinite(b).all(axis=1))
    both = finite[0] & finite[1]
    count = len(both) if both.all() else int(np.argmin(both))
    alone = count < len(both) and bool(finite[0][count] != finite[1][count])
    with np.errstate(over="ignore"):
        largest = np.maximum.accumulate(np.maximum(np.abs(a[:count]), np.abs(b[:count])).max(axis=1, initial=0.0))
        away = np.abs(a[:count] - b[:count]).max(axis=1, initial=0.0)
        ulp, share = _distances(away, largest, dtype)
    if alone and np.abs(a if finite[0][count] else b)[count].max() <= float(np.finfo(dtype).max) ** _ROOM:
        ulp, share = np.append(ulp, np.inf), np.append(share, np.inf)
    return Apart(steps, ~same.all(axis=1), ulp, share)


def near(
    ones: Sequence[Packed], others: Sequence[Packed], dtype: str, limit: Callable[[NDArray[np.int64]], Vector]
) -> dict[int, tuple[int | None, float, int]]:
    """
    What `apart` says of many at once, by place; only of those that are within a limit at every state.

    Args:
        ones: Traces of one layout.
        others: The traces beside them, of one layout too, and as many parameters.
        dtype: Whose units are counted.
        limit: The largest share that is let pass at these steps.

    Returns:
        The first step that differs, the largest distance in units and its step. Left out are those that recorded other
        states than the first, are not finite somewhere, or are farther apart.
    """
    (step, a), (steps, b) = (stacked(traces, "step", "parameters") for traces in (ones, others))
    if a.shape != b.shape:
        return {}
    alike = (step == step[0]).all(axis=1) & (steps == step[0]).all(axis=1)
    with np.errstate(over="ignore", invalid="ignore"):
        largest = np.maximum.accumulate(np.maximum(np.abs(a), np.abs(b)).max(axis=2), axis=1)
        away = np.abs(a - b).max(axis=2)
        ulp, share = _distances(away, largest, dtype)
    close = alike & np.isfinite(a).all(axis=(1, 2)) & np.isfinite(b).all(axis=(1, 2))
    close &= (share <= limit(step[0])).all(axis=1)
    differs, at = (a.view(np.uint64) != b.view(np.uint64)).any(axis=2), ulp.argmax(axis=1)
    first = [int(step[0][row.argmax()]) if row.any() else None for row in differs]
    return {
        row: (first[row], float(ulp[row, at[row]]), int(step[0][at[row]])) for row in np.flatnonzero(close).tolist()
    }


def _distances(away: Vector, largest: Vector, dtype: str) -> tuple[Vector, Vector]:
    """Distances in units of the largest parameter so far, and as shares of it."""
    # In a coarser dtype than the path's own, what is nearly too large for it rounds to inf.
    scale = np.minimum(largest, float(np.finfo(dtype).max)).astype(dtype)
    return away / np.spacing(scale).astype(np.float64), away / np.where(largest == 0, 1.0, largest)


def _common(one: Arrays, other: Arrays) -> tuple[NDArray[np.int64], Vector, Vector]:
    """The steps that both recorded, and the parameters of each there."""
    a, b = (np.ascontiguousarray(trace["parameters"], dtype=np.float64) for trace in (one, other))
    if np.array_equal(one["step"], other["step"]):
        return one["step"], a, b
    found: Any = np.intersect1d(one["step"], other["step"], assume_unique=True, return_indices=True)
    return found[0], a[found[1]], b[found[2]]
