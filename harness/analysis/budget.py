"""The error budgets of a scenario's cells, gathered by configuration: which part is the largest, and where."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from harness.analysis.targets import median
from harness.frames.budget import PARTS
from harness.scenario.level import level_text

Axes = dict[str, Any]


@dataclass(frozen=True)
class CellBudget:
    """
    The budget of one cell, as trained.

    Args:
        axes: Its axes.
        lines: One a parameter: parameter, total and PARTS; None for a part that does not exist.
        diverged: Whether it did; its error says nothing then but that.
        trusted: To what the optimum itself can be trusted, in the units of the parameters; 0 where that is not known.
    """

    axes: Axes
    lines: tuple[Mapping[str, Any], ...]
    diverged: bool = False
    trusted: float = 0.0

    def norm(self, part: str) -> float:
        """2-norm of a part over the parameters; NaN where it does not exist, inf where it is not finite."""
        values = [line[part] for line in self.lines]
        if not values or any(value is None for value in values):
            return math.nan
        if not all(map(math.isfinite, values)):
            return math.inf
        return math.hypot(*values)


@dataclass(frozen=True)
class Group:
    """
    All cells of one configuration.

    Args:
        axes: The axes that they share.
        cells: Their budgets.
    """

    axes: Axes
    cells: tuple[CellBudget, ...]

    @cached_property
    def sizes(self) -> dict[str, float]:
        """The median over cells of each part's norm; NaN for a part that does not exist."""
        return {part: _median([cell.norm(part) for cell in self.cells]) for part in PARTS}

    @property
    def diverged(self) -> bool:
        """Whether at least half of its cells did."""
        return 2 * sum(cell.diverged for cell in self.cells) >= len(self.cells)

    @property
    def known(self) -> dict[str, float]:
        """Those parts that exist."""
        return {part: size for part, size in self.sizes.items() if not math.isnan(size)}

    @property
    def trusted(self) -> float:
        """To what the optimum can be trusted, the median over cells."""
        return median([cell.trusted for cell in self.cells])

    @property
    def only_rounding(self) -> bool:
        """Whether no part is larger than what the optimum can be trusted to, so that none of them says anything."""
        return len(self.known) > 1 and not self.diverged and max(self.known.values()) <= self.trusted

    @property
    def largest(self) -> str | None:
        """The part that dominates; None where there are not two, none says anything, or training diverged."""
        known = self.known
        if len(known) < 2 or self.only_rounding or self.diverged:
            return None
        return max(known, key=lambda part: known[part])


def _median(values: Sequence[float]) -> float:
    """Of those that exist, infinities counted."""
    there = [value for value in values if not math.isnan(value)]
    return median(there)


def grouped(budgets: Iterable[CellBudget], shared: Sequence[str]) -> list[Group]:
    """
    The budgets by configuration, in the order of their first cell.

    Args:
        budgets: Of cells that finished.
        shared: The axes that make a configuration.
    """
    groups: dict[str, list[CellBudget]] = {}
    for budget in budgets:
        groups.setdefault(level_text({axis: budget.axes[axis] for axis in shared}), []).append(budget)
    return [Group({axis: cells[0].axes[axis] for axis in shared}, tuple(cells)) for cells in groups.values()]


def deciding_axis(groups: Sequence[Group]) -> str | None:
    """The one axis whose value alone tells which part dominates; None where none does, or nothing changes."""
    told = [group for group in groups if group.largest is not None]
    if len({group.largest for group in told}) < 2:
        return None
    for axis in told[0].axes:
        by_level: dict[str, set[str | None]] = {}
        for group in told:
            by_level.setdefault(json.dumps(group.axes[axis]), set()).add(group.largest)
        if all(len(parts) == 1 for parts in by_level.values()):
            return axis
    return None
