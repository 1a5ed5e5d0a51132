"""A run assessed against a baseline: what is checked of it alone, and whether it is no worse."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from harness.analysis.attribution import Attribution, Difference
from harness.analysis.comparison import Change, Comparison, compare
from harness.analysis.comparison_ended import ended
from harness.analysis.comparison_environment import differences, facts, said
from harness.analysis.comparison_gates import accuracy_gate, bits_gate
from harness.analysis.comparison_speed import Speed, speeds, unlike
from harness.analysis.ulp import apart
from harness.analysis.verdict import Assessment, Verdict
from harness.frames import Run

MOST_PATHS = 6


@dataclass(frozen=True)
class Parted:
    """
    Where the paths of one cell part.

    Args:
        change: The cell.
        first: The first recorded step whose state differs; None where none does, or a path is not there.
        ulp: Largest distance of a parameter, in units in the last place of the largest parameter so far.
        step: The step where that is.
    """

    change: Change
    first: int | None
    ulp: float
    step: int


class Compared(Assessment):
    """
    A run beside a baseline.

    Attributes:
        baseline: The other run.
    """

    def __init__(self, run: Run, baseline: Run) -> None:
        super().__init__(run)
        self.baseline = baseline

    @property
    def name(self) -> str:
        """The baseline's name."""
        return self.baseline.file.name

    @cached_property
    def comparison(self) -> Comparison:
        """Every cell of both."""
        return compare(ended(self.baseline), ended(self.run))

    @cached_property
    def said(self) -> list[Difference]:
        """Commit, harness, host where they are others."""
        return said(self.baseline, self.run)

    @cached_property
    def differences(self) -> list[Difference]:
        """Of versions, code and machines, with the cells that rest on each."""
        return differences(self.baseline, self.run, self.comparison.compared)

    def attribution(self, scenario: str | None = None) -> Attribution:
        """The cells whose bits differ, beside the differences that they rest on."""
        found = self.comparison.of(scenario)
        differ = frozenset(change.now.key for change in found.differing)
        keys = frozenset(change.now.key for change in found.compared)
        return Attribution([item for item in self.differences if item.cells & keys], keys - differ, differ)

    def parted(self, scenario: str) -> list[Parted]:
        """Where the paths part, of a few cells: of each implementation and dtype the first, then others."""
        differing = self.comparison.of(scenario).differing
        firsts: dict[tuple[str, str], Change] = {}
        for change in differing:
            firsts.setdefault((str(change.now.axes["implementation"]), str(change.now.axes["dtype"])), change)
        order = [*firsts.values(), *(change for change in differing if change not in firsts.values())]
        return [self._parted(change) for change in order[:MOST_PATHS]]

    def _parted(self, change: Change) -> Parted:
        then, now = (
            run.file.trace(*side.key, side.replicate)
            for run, side in ((self.baseline, change.was), (self.run, change.now))
        )
        if not then or not now:
            return Parted(change, None, 0.0, 0)
        found = apart(then, now, str(change.now.axes["dtype"]))
        return Parted(change, found.first, *found.farthest)

    def speeds(self, scenario: str) -> list[Speed]:
        """Times of the cells in both."""
        keys = {change.now.key for change in self.comparison.of(scenario).compared}
        return speeds(self.baseline, self.run, scenario, keys) if keys else []

    def unlike(self, scenario: str) -> list[str]:
        """What keeps its times from being compared."""
        devices = {str(change.now.axes["device"]) for change in self.comparison.of(scenario).compared}
        return unlike(facts(self.baseline), facts(self.run), devices)

    def verdict(self, scenario: str | None = None) -> Verdict:
        """With the two gates against the baseline."""
        found = self.comparison.of(scenario)
        gates = super().verdict(scenario).gates
        return Verdict((*gates, accuracy_gate(found, self.name), bits_gate(found, self.name)))
