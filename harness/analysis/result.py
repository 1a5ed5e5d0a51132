"""What came of an expectation."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from harness.analysis.claims import claim
from harness.analysis.rules import beyond
from harness.scenario.expect import Expect


@dataclass(frozen=True)
class Check:
    """
    One comparison.

    Args:
        cell: Id of the cell; of the first of its seeds, where the rule is over seeds.
        axes: The cell's axes, without the seed where the rule is over seeds.
        place: `end`, `start`, `epoch 3`, `step 100`; empty for words.
        found: What came out; over seeds the least and the largest (or the ends of what lies so many sd about the mean).
        wanted: What the scenario says.
        held: Whether the rule holds.
        distance: How far off, in units of what is allowed; 0 for words that hold.
    """

    cell: str
    axes: dict[str, Any]
    place: str
    found: Any
    wanted: Any
    held: bool
    distance: float


@dataclass(frozen=True)
class Result:
    """
    One expectation after the run.

    Args:
        scenario: Its scenario.
        number: Its place in the file, from 0.
        expect: What it says.
        checks: Every comparison made.
        not_checked: Why no comparison was made; empty where one was.
    """

    scenario: str
    number: int
    expect: Expect
    checks: tuple[Check, ...]
    not_checked: str = ""

    @cached_property
    def missed(self) -> list[Check]:
        """Comparisons that do not hold, the farthest off first."""
        return sorted((check for check in self.checks if not check.held), key=self._far, reverse=True)

    @cached_property
    def closest_call(self) -> Check | None:
        """The comparison farthest off, held or not."""
        return max(self.checks, key=lambda check: (not check.held, *self._far(check)), default=None)

    def _far(self, check: Check) -> tuple[float, float]:
        """To sort by: the distance, and where a limit is broken, which allows none, how far beyond it."""
        return check.distance, beyond(self.expect, check.found)

    @property
    def status(self) -> str:
        """`held`, `missed` or `not checked`."""
        if not self.checks:
            return "not checked"
        return "missed" if self.missed else "held"

    @property
    def claim(self) -> str:
        """What is claimed, as one phrase: `weights[0] at the end is 2.98927619 to 8 digits`."""
        return claim(self.expect)
