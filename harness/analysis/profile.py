"""
Which arm reaches the targets in the least time, over all problems at once.

References:
    Dolan & Moré (2002), Benchmarking optimization software with performance profiles,
    https://doi.org/10.1007/s101070100263
    Gould & Scott (2016), A note on performance profiles for benchmarking software, https://doi.org/10.1145/2950048:
    with the best arm removed the order of the others may change, so no second and third is read from a profile.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.analysis.divergence import DIVERGED
from harness.analysis.targets import found_steps, median
from harness.analysis.timing import LEAST_PROCESSES

Arm = tuple[str, str]
_ARM_AXES = ("implementation", "device")
# The processes of a problem share all axes but the arm's and the seed: data, start and order of a seed are the same.
_NOT_OF_PROBLEM = (*_ARM_AXES, "seed")


@dataclass(frozen=True)
class Profile:
    """
    A performance profile: for each arm the times as multiples of the best arm's.

    Args:
        ratios: By arm (implementation, device), one for each problem, ascending; inf where it was not solved.
        unsolved: Problems that no arm solved; they rank nobody.
        unmatched: Problems that not every arm ran, likewise.
        processes: The fewest timed processes behind one time.
        failed: Arms of which no timed process is ok, left out.
    """

    ratios: Mapping[Arm, tuple[float, ...]]
    unsolved: int
    unmatched: int
    processes: int
    failed: tuple[Arm, ...] = ()

    @property
    def problems(self) -> int:
        """Problems that are ranked."""
        return len(next(iter(self.ratios.values()), ()))

    @property
    def resolved(self) -> bool:
        """Whether each time rests on enough processes for a claim."""
        return self.processes >= LEAST_PROCESSES

    def share(self, arm: Arm, ratio: float) -> float:
        """Share of the problems that the arm solved in at most so many times the best arm's time."""
        ratios = self.ratios[arm]
        return sum(item <= ratio for item in ratios) / len(ratios) if ratios else math.nan

    def solved(self, arm: Arm) -> float:
        """Share of the problems that the arm solved at all: the right end."""
        return self.share(arm, 1e300)


def profile(rows: Iterable[dict[str, Any]], shares: Sequence[float], wrong: Collection[str] = ()) -> Profile | None:
    """
    The profile of one scenario.

    A problem is a configuration without its implementation, device and seed, and one of the targets. Its time is
    the median over the timed processes of steps to the target times the process's time per step; a process that
    missed, failed or diverged counts as infinite, for only what is right is ranked.

    Args:
        rows: Processes with `cell`, `axes`, `phase`, `status`, `outcome`, `target_steps` and `step_seconds`.
        shares: The scenario's `target.tau`.
        wrong: Cells that left the path of their reference: whatever they reached, they are not ranked.

    Returns:
        None with fewer than two arms of which a process is ok, or where no process was timed.
    """
    timed = [row for row in rows if row["phase"] == "timed" and row["status"] != "skipped"]
    arms, failed = finished(timed)
    if len(arms) < 2 or all(math.isnan(row["step_seconds"]) for row in timed):
        return None
    times: dict[tuple[str, int], dict[Arm, list[float]]] = {}
    for row in (row for row in timed if arm_of(row) in arms):
        problem = json.dumps({axis: level for axis, level in row["axes"].items() if axis not in _NOT_OF_PROBLEM})
        for place in range(len(shares)):
            times.setdefault((problem, place), {}).setdefault(arm_of(row), []).append(
                math.inf if row["cell"] in wrong else _seconds(row, place)
            )
    matched = [by_arm for by_arm in times.values() if len(by_arm) == len(arms)]
    medians = [{arm: median(values) for arm, values in by_arm.items()} for by_arm in matched]
    solved = [problem for problem in medians if any(map(math.isfinite, problem.values()))]
    return Profile(
        ratios={arm: tuple(sorted(_ratio(problem, arm) for problem in solved)) for arm in arms},
        unsolved=len(medians) - len(solved),
        unmatched=len(times) - len(matched),
        processes=min((len(values) for by_arm in matched for values in by_arm.values()), default=0),
        failed=failed,
    )


def arm_of(row: dict[str, Any]) -> Arm:
    """The implementation and the device of a process."""
    return str(row["axes"]["implementation"]), str(row["axes"]["device"])


def finished(rows: Collection[dict[str, Any]]) -> tuple[tuple[Arm, ...], tuple[Arm, ...]]:
    """The arms of which a row is ok, and those of which none is."""
    some = {arm_of(row) for row in rows if row["status"] == "ok"}
    arms = dict.fromkeys(map(arm_of, rows))
    return tuple(arm for arm in arms if arm in some), tuple(arm for arm in arms if arm not in some)


def _seconds(row: dict[str, Any], place: int) -> float:
    steps, each = found_steps(row, place), float(row["step_seconds"])
    if row["outcome"] == DIVERGED or math.isinf(steps) or math.isnan(each):
        return math.inf
    return steps * each


def _ratio(problem: Mapping[Arm, float], arm: Arm) -> float:
    best, here = min(problem.values()), problem[arm]
    # A start that is at the target takes no time in any arm.
    return 1.0 if here == best else math.inf if best == 0 else here / best
