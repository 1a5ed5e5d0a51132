"""
How many problems are solved within a budget of steps, over all problems at once.

References:
    Moré & Wild (2009), Benchmarking derivative-free optimization algorithms, https://doi.org/10.1137/080724083: the
    share of problems solved within a budget, none left out because nobody solved it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.analysis.profile import Arm, arm_of, finished
from harness.analysis.targets import found_steps, median


@dataclass(frozen=True)
class DataProfile:
    """
    The steps that each arm needs, problem by problem.

    Args:
        steps: By arm (implementation, device), one for each problem, ascending; inf where it was not solved.
        same: Whether all arms need the same steps in each problem.
        unmatched: Problems that not every arm ran, left out.
        budget: The most steps that a cell did.
        failed: Arms of which no cell is ok, left out.
    """

    steps: Mapping[Arm, tuple[float, ...]]
    same: bool
    unmatched: int
    budget: int
    failed: tuple[Arm, ...] = ()

    @property
    def problems(self) -> int:
        """Problems in all, the unsolved ones among them."""
        return len(next(iter(self.steps.values()), ()))

    def solved(self, arm: Arm, within: float = 1e300) -> int:
        """Problems that the arm solves in at most so many steps."""
        return sum(steps <= within for steps in self.steps[arm])


def data_profile(rows: Iterable[dict[str, Any]], shares: Sequence[float], wrong: Collection[str] = ()) -> DataProfile:
    """
    The profile of one scenario.

    A problem is a configuration without its implementation, device and seed, and one of the targets. Its steps are
    the median over seeds, of replicates the first that is ok.

    Args:
        rows: Processes with `cell`, `axes`, `config`, `status`, `steps` and `target_steps`.
        shares: The scenario's `target.tau`.
        wrong: Cells that left the path of their reference: whatever they reached, they solve nothing.
    """
    cells: dict[str, dict[str, Any]] = {}
    for row in rows:
        if row["status"] != "skipped" and (row["cell"] not in cells or cells[row["cell"]]["status"] != "ok"):
            cells[row["cell"]] = row
    arms, failed = finished(cells.values())
    found: dict[tuple[str, int], dict[Arm, list[float]]] = {}
    for cell, row in ((cell, row) for cell, row in cells.items() if arm_of(row) in arms):
        for place in range(len(shares)):
            steps = math.inf if cell in wrong else found_steps(row, place)
            found.setdefault((row["config"], place), {}).setdefault(arm_of(row), []).append(steps)
    matched = [by_arm for by_arm in found.values() if len(by_arm) == len(arms)]
    medians = [{arm: median(values) for arm, values in by_arm.items()} for by_arm in matched]
    return DataProfile(
        steps={arm: tuple(sorted(problem[arm] for problem in medians)) for arm in arms},
        same=all(len({*problem.values()}) == 1 for problem in medians),
        unmatched=len(found) - len(matched),
        budget=max((int(row["steps"]) for row in cells.values() if row["status"] == "ok"), default=0),
        failed=failed,
    )
