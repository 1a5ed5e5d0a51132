"""Time per step: a process is one observation, and a claim needs six of them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from harness.scenario.level import level_text

# Below this many processes no interval is given: a bootstrap of five values has
# only a handful of medians to choose from.
LEAST_PROCESSES = 6
_RESAMPLES = 2_000
# Of thousands of values all resamples at once would take 100 MB.
_PICKS = 2_000_000
_SEED = 20_261_121


@dataclass(frozen=True)
class Interval:
    """A 95 % interval, both ends in the unit of what it is about."""

    low: float
    high: float

    def below(self, other: Interval) -> bool:
        """Whether all of it lies below the other."""
        return self.high < other.low


def median_interval(values: Sequence[float]) -> Interval | None:
    """
    The 95 % percentile bootstrap interval of the median.

    Resampled 2,000 times with a fixed seed, so the same values give the same interval.

    Args:
        values: One for each process.

    Returns:
        None below LEAST_PROCESSES values: not resolved.

    References:
        Efron (1979), Bootstrap Methods: Another Look at the Jackknife,
        https://doi.org/10.1214/aos/1176344552
    """
    if len(values) < LEAST_PROCESSES:
        return None
    sample = np.sort(np.asarray(values, dtype=np.float64))
    random, at_once = np.random.default_rng(_SEED), max(1, _PICKS // len(sample))
    medians = [
        np.median(sample[random.integers(0, len(sample), (min(at_once, _RESAMPLES - done), len(sample)))], axis=1)
        for done in range(0, _RESAMPLES, at_once)
    ]
    low, high = np.percentile(np.concatenate(medians), [2.5, 97.5])
    return Interval(float(low), float(high))


@dataclass(frozen=True)
class TimingGroup:
    """
    A cell without its seed, as it was timed.

    Args:
        axes: Its axes, the seed aside.
        seconds: Time per step, the median of each process.
        phases: Seconds by phase of each process, and `start and exit` for what no phase covers.
    """

    axes: dict[str, Any]
    seconds: tuple[float, ...]
    phases: tuple[dict[str, float], ...] = ()

    @property
    def processes(self) -> int:
        """The number of observations."""
        return len(self.seconds)

    @cached_property
    def median(self) -> float:
        """Over processes."""
        return float(np.median(self.seconds))

    @cached_property
    def interval(self) -> Interval | None:
        """Of the median; None where it is not resolved."""
        return median_interval(self.seconds)

    @cached_property
    def phase_medians(self) -> dict[str, float]:
        """The median over processes of each phase."""
        names = dict.fromkeys(name for phases in self.phases for name in phases)
        return {name: float(np.median([phases.get(name, 0.0) for phases in self.phases])) for name in names}


def timing_groups(rows: Iterable[dict[str, Any]]) -> list[TimingGroup]:
    """
    The timing groups of one scenario, in the order of their first row.

    Args:
        rows: Cells with `axes` (a dictionary), `status`, `step_seconds`, `seconds` and `phases`;
            those that are not ok or were not timed are left out.
    """
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if row["status"] == "ok" and math.isfinite(row["step_seconds"]):
            axes = {axis: level for axis, level in row["axes"].items() if axis != "seed"}
            groups.setdefault(level_text(axes), []).append(row)
    return [
        TimingGroup(
            json.loads(axes),
            tuple(float(row["step_seconds"]) for row in members),
            tuple(_phases(row) for row in members),
        )
        for axes, members in groups.items()
    ]


def _phases(row: dict[str, Any]) -> dict[str, float]:
    phases = dict(row["phases"] or {})
    # Loading the implementation's code is one of the things that are set up.
    if "code" in phases:
        phases["setup"] = phases.get("setup", 0.0) + phases.pop("code")
    return {**phases, "start and exit": max(0.0, float(row["seconds"]) - sum(phases.values()))}
