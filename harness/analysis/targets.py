"""
Steps, rows and seconds to each target, over the seeds.

The targets are fixed before the race: of the possible loss reduction, so much may be left. A miss is a result: it
counts as infinite, what it spent is kept and never ranked, and no mean is over the successes alone.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.scenario.cell import CellSpec
from harness.scenario.level import level_text


@dataclass(frozen=True)
class Attempt:
    """
    One training and one target.

    Args:
        seed: Its seed.
        steps: Updates to the target; inf for a miss.
        spent: Updates done for it: those to the target, of a miss all.
        rows: Training rows seen in them.
        seconds: Their time, steps times the cell's time per step; NaN where it was not timed.
    """

    seed: int
    steps: float
    spent: int
    rows: int
    seconds: float

    @property
    def reached(self) -> bool:
        """Whether the target was."""
        return math.isfinite(self.steps)

    @property
    def ranked_seconds(self) -> float:
        """The seconds; inf for a miss."""
        return self.seconds if self.reached else math.inf


@dataclass(frozen=True)
class Target:
    """
    One target over the seeds of a configuration.

    Args:
        share: Of the possible loss reduction, what may be left.
        attempts: One for each seed.
    """

    share: float
    attempts: tuple[Attempt, ...]

    @property
    def reached(self) -> int:
        """Seeds that reached it."""
        return sum(attempt.reached for attempt in self.attempts)

    @property
    def count(self) -> int:
        """Seeds that tried."""
        return len(self.attempts)

    @property
    def steps(self) -> float:
        """The median over the seeds, a miss infinite."""
        return median([attempt.steps for attempt in self.attempts])

    @property
    def rows(self) -> float:
        """Training rows seen, likewise."""
        return median([float(attempt.rows) if attempt.reached else math.inf for attempt in self.attempts])

    @property
    def seconds(self) -> float:
        """Seconds, likewise; NaN where a seed that reached it was not timed."""
        return median([attempt.ranked_seconds for attempt in self.attempts])

    @property
    def expected_steps(self) -> float:
        """
        The expected running time: steps that all seeds spent, the misses their whole budget, for each success.

        References:
            Hansen et al. (2016), COCO: Performance Assessment, https://arxiv.org/abs/1605.03560
        """
        spent = sum(attempt.spent for attempt in self.attempts)
        return spent / self.reached if self.reached else math.inf

    @property
    def budget(self) -> int:
        """The most steps that a miss had; 0 where there is none."""
        return max((attempt.spent for attempt in self.attempts if not attempt.reached), default=0)


@dataclass(frozen=True)
class Reaching:
    """
    A configuration and its targets.

    Args:
        axes: Its axes, the seed aside.
        targets: One for each share.
    """

    axes: dict[str, Any]
    targets: tuple[Target, ...]


def median(values: Sequence[float]) -> float:
    """The median, infinities counted: of an even number the mean of the middle two, −inf where one is; NaN if any."""
    if not values or any(math.isnan(value) for value in values):
        return math.nan
    ordered = sorted(values)
    low, high = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    return low if low in (high, -math.inf) else (low + high) / 2


def rows_seen(spec: CellSpec, steps: int) -> int:
    """Training rows that so many updates used; a short last batch counts its own, a dropped one none."""
    if spec.batch_size == "full":
        return spec.training_rows * steps
    each = spec.batches_per_epoch
    kept = min(spec.training_rows, each * spec.batch_size)
    return (steps // each) * kept + (steps % each) * spec.batch_size


def reachings(cells: Iterable[tuple[CellSpec, dict[str, Any]]], shares: Sequence[float]) -> list[Reaching]:
    """
    The configurations of one scenario, in the order of their first cell.

    Args:
        cells: Its cells that ran, one of each: what it is, and its row with `axes`, `status`, `outcome`,
            `target_steps` and `step_seconds` (NaN where it was not timed). One that failed is a miss.
        shares: The scenario's `target.tau`.
    """
    groups: dict[str, list[tuple[CellSpec, dict[str, Any]]]] = {}
    for spec, row in cells:
        axes = {axis: level for axis, level in row["axes"].items() if axis != "seed"}
        groups.setdefault(level_text(axes), []).append((spec, row))
    return [
        Reaching(json.loads(axes), tuple(_target(members, place, share) for place, share in enumerate(shares)))
        for axes, members in groups.items()
    ]


def _target(members: Sequence[tuple[CellSpec, dict[str, Any]]], place: int, share: float) -> Target:
    return Target(share, tuple(_attempts(members, place)))


def _attempts(members: Sequence[tuple[CellSpec, dict[str, Any]]], place: int) -> Iterator[Attempt]:
    # They differ in the seed alone, so that these are the same for all.
    first, rows = members[0][0], dict[int, int]()
    budget = first.steps
    for spec, row in members:
        found = found_steps(row, place)
        spent = budget if math.isinf(found) else int(found)
        if spent not in rows:
            rows[spent] = rows_seen(first, spent)
        # A float of numpy's own would make the time of no step, 0 times inf, a warning.
        seconds = spent * float(row["step_seconds"])
        yield Attempt(int(spec.seed), found, spent, rows[spent], seconds)


def found_steps(row: dict[str, Any], place: int) -> float:
    """Steps to the target at this place; inf for a miss, of a cell that failed too."""
    steps = row["target_steps"] if row["status"] == "ok" else None
    return math.inf if not steps or steps[place] is None else float(steps[place])


def least_found(losses: Iterable[np.ndarray[Any, Any]]) -> float:
    """
    The least loss of any recorded state, which stands in where no least loss is known.

    References:
        Moré & Wild (2009), Benchmarking derivative-free optimization algorithms, https://doi.org/10.1137/080724083
    """
    return min((float(loss[np.isfinite(loss)].min(initial=math.inf)) for loss in losses), default=math.inf)
