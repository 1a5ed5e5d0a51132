"""
Times of two runs. They were not interleaved, so nothing is ever more than suspected.

Two blocks of the same code, minutes apart, were seen to differ by 2 to 9 % on one machine. The canary, a fixed cell run
in every round of both, tells how much of a difference is the machine's; the rest must be beyond MOVED in all of its
interval.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from harness.analysis.comparison_ended import Key
from harness.analysis.timing import LEAST_PROCESSES, Interval, TimingGroup, timing_groups
from harness.frames import Run

MOVED = 0.10
SLOWER, FASTER, UNMOVED, UNRESOLVED = "suspected slower", "suspected faster", "no change seen", "not resolved"
_RESAMPLES, _SEED = 2_000, 20_261_122
# Facts of a machine that must be the same before a ratio of times means anything.
_MACHINE = ("machine", "cpu", "cpus", "isolation")
_THREADS = "_NUM_THREADS"


@dataclass(frozen=True)
class Speed:
    """
    A timing group in both runs.

    Args:
        was: In the baseline.
        now: In the run.
        canary: What the canary took now, as a multiple of then; NaN where one has none.
    """

    was: TimingGroup
    now: TimingGroup
    canary: float

    @property
    def axes(self) -> dict[str, Any]:
        """The group's."""
        return self.now.axes

    @property
    def ratio(self) -> float:
        """Of the medians; above 1 is slower now."""
        return self.now.median / self.was.median if self.was.median else math.nan

    @cached_property
    def interval(self) -> Interval | None:
        """Of the ratio, 95 %; None where a run has too few processes."""
        return ratio_interval(self.was.seconds, self.now.seconds)

    @property
    def verdict(self) -> str:
        """Slower or faster where, the canary's change taken out, all of the interval is beyond MOVED."""
        if self.interval is None:
            return UNRESOLVED
        canary = self.canary if math.isfinite(self.canary) and self.canary > 0 else 1.0
        low, high, most = self.interval.low / canary, self.interval.high / canary, 1 + MOVED
        if low > most:
            return SLOWER
        if high < 1 / most:
            return FASTER
        return UNMOVED if 1 / most <= low and high <= most else UNRESOLVED


def ratio_interval(was: Sequence[float], now: Sequence[float]) -> Interval | None:
    """
    The 95 % percentile bootstrap interval of the ratio of two medians, with a fixed seed.

    Args:
        was: One value for each process of the baseline; as many as there are.
        now: The same of the run.
    """
    if min(len(was), len(now)) < LEAST_PROCESSES or min(*was, *now) <= 0:
        return None
    rng = np.random.default_rng(_SEED)
    medians = [
        np.median(np.sort(values)[rng.integers(0, len(values), (_RESAMPLES, len(values)))], axis=1)
        for values in (np.asarray(was, dtype=np.float64), np.asarray(now, dtype=np.float64))
    ]
    low, high = np.percentile(medians[1] / medians[0], [2.5, 97.5])
    return Interval(float(low), float(high))


def speeds(then: Run, now: Run, scenario: str, common: set[Key]) -> list[Speed]:
    """The timing groups of one scenario that both runs have, over the cells that both have."""
    before, after = ({str(g.axes): g for g in _groups(run, scenario, common)} for run in (then, now))
    ratios = canary_ratios(_canaries(then), _canaries(now))
    return [
        Speed(before[axes], group, ratios.get(outfit_of(now, str(group.axes["implementation"])), math.nan))
        for axes, group in after.items()
        if axes in before
    ]


def _groups(run: Run, scenario: str, common: set[Key]) -> list[TimingGroup]:
    rows = run.cells[run.cells["scenario"] == scenario].to_dict("records")
    mine = ({str(name): value for name, value in row.items()} for row in rows if (scenario, row["cell"]) in common)
    return timing_groups({**row, "axes": run.file.axes[scenario, row["cell"]]} for row in mine)


def outfit_of(run: Run, implementation: str) -> str:
    """What its process has imported: `numpy` or `torch`."""
    entry = run.file.plugins.get(implementation)
    return entry.outfit if entry else "numpy" if implementation == "numpy" else "torch"


def _canaries(run: Run) -> dict[str, list[float]]:
    """Times of the canary by outfit: NumPy's own, autograd's for torch."""
    done = run.canary[run.canary["status"] == "ok"]
    found: dict[str, list[float]] = {}
    for name, seconds in zip(done["implementation"], done["step_seconds"], strict=True):
        if seconds is not None and math.isfinite(seconds):
            found.setdefault("numpy" if name == "numpy" else "torch", []).append(float(seconds))
    return found


def canary_ratios(then: Mapping[str, Sequence[float]], now: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """What each canary took now, as a multiple of then; medians over its rounds."""
    both = [name for name in now if name in then and now[name] and then[name]]
    medians = {name: (float(np.median(then[name])), float(np.median(now[name]))) for name in both}
    return {name: after / before for name, (before, after) in medians.items() if before > 0}


def unlike(then: Mapping[str, str], now: Mapping[str, str], devices: set[str]) -> list[str]:
    """
    What keeps times from being compared, a phrase each; none where they may be.

    Args:
        then: Facts of the baseline's machines.
        now: Facts of the run's.
        devices: Those that timed cells of both ran on.
    """
    names = [*_MACHINE, *(["gpu"] if "cuda" in devices else [])]
    names += sorted(name for name in {*then, *now} if name.endswith(_THREADS))
    changed = [name for name in names if then.get(name) != now.get(name)]
    return [f"{name} ({then.get(name, 'not known')}, now {now.get(name, 'not known')})" for name in changed]
