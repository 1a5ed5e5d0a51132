"""Passed or not, and why: the gates of a run or of one of its scenarios."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from harness.analysis.agreement import TOLERANCE, Agreement, agreements
from harness.analysis.expectations import Result, check_all
from harness.analysis.repeatability import Repeated, repeated_cells
from harness.frames import Run

BAD = ("failed", "crashed", "timed_out", "out_of_memory")
PASSED, FAILED, NOT_CHECKED = "passed", "failed", "not checked"


@dataclass(frozen=True)
class Gate:
    """
    One condition of the verdict.

    Args:
        name: A word for machines: `cells`, `expectations`, `repeatability`, `agreement`.
        title: What must be true, for people.
        found: What was found.
        limit: What is allowed.
        status: `passed`, `failed` or `not checked`.
        note: Why it failed or was not checked, one phrase; empty where it passed.
        held: What its passing says, one phrase; empty where it did not.
    """

    name: str
    title: str
    found: str
    limit: str
    status: str
    note: str = ""
    held: str = ""


@dataclass(frozen=True)
class Verdict:
    """The gates, and what follows from them."""

    gates: tuple[Gate, ...]

    @property
    def passed(self) -> bool:
        """No gate failed."""
        return all(gate.status != FAILED for gate in self.gates)

    @property
    def word(self) -> str:
        """`Passed` or `Not passed`."""
        return "Passed" if self.passed else "Not passed"

    @property
    def sentence(self) -> str:
        """Why, in one sentence."""
        failed = [gate for gate in self.gates if gate.status == FAILED]
        held = [gate for gate in self.gates if gate.status == PASSED]
        unchecked = [gate for gate in self.gates if gate.status == NOT_CHECKED]
        if failed:
            return f"{_upper('; '.join(gate.note for gate in failed))}."
        tail = f" Not checked: {'; '.join(gate.note for gate in unchecked)}." if unchecked else ""
        return f"{_upper('; '.join(gate.held for gate in held))}.{tail}"


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


class Assessment:
    """Everything that is checked of a run, computed once and shared by terminal, page and summaries."""

    def __init__(self, run: Run) -> None:
        self.run = run

    @cached_property
    def expectations(self) -> list[Result]:
        """Every expectation after the run."""
        return check_all(self.run)

    @cached_property
    def repeated(self) -> list[Repeated]:
        """Every cell that ran more than once."""
        return repeated_cells(self.run)

    @cached_property
    def agreements(self) -> list[Agreement]:
        """Every pair of implementations, in every dtype."""
        return list(agreements(self.run))

    @cached_property
    def failures(self) -> list[dict[str, Any]]:
        """Rows of the cells frame that failed and that no expectation of `status` names."""
        rows = self.run.cells[self.run.cells["status"].isin(BAD)].to_dict("records")
        named = {
            (result.scenario, check.cell)
            for result in self.expectations
            if result.expect.name == "status"
            for check in result.checks
        }
        return [
            {str(key): item for key, item in row.items()} for row in rows if (row["scenario"], row["cell"]) not in named
        ]

    def verdict(self, scenario: str | None = None) -> Verdict:
        """The verdict over the run, or over one of its scenarios."""
        return Verdict(
            (
                self._cells_gate(scenario),
                self._expectations_gate(_of(self.expectations, scenario)),
                self._repeatability_gate(_of(self.repeated, scenario)),
                self._agreement_gate(_of(self.agreements, scenario)),
            )
        )

    def _cells_gate(self, scenario: str | None) -> Gate:
        counts = self.run.counts(scenario)
        failures = [row for row in self.failures if scenario in (None, row["scenario"])]
        recorded = counts["planned"] - counts["missing"]
        by_status = {status: sum(row["status"] == status for row in failures) for status in BAD}
        parts = [f"{number} {status.replace('_', ' ')}" for status, number in by_status.items() if number]
        if counts["missing"]:
            parts.append(f"{counts['missing']} without a record")
        skipped = f", {counts['skipped']} skipped" if counts["skipped"] else ""
        note = f"{', '.join(parts)} of {counts['planned']} processes" if parts else ""
        found = f"{recorded - len(failures):,} of {counts['planned']:,}"
        held = "" if parts else f"all {counts['planned']:,} processes left their record and none failed"
        title = "Every planned cell left its record"
        return Gate("cells", title, found + skipped, "all", FAILED if parts else PASSED, note, held)

    def _expectations_gate(self, results: list[Result]) -> Gate:
        title = "Expected numbers come out"
        if not results:
            return Gate(
                "expectations", title, "none declared", "all", NOT_CHECKED, "the scenarios declare no expectation"
            )
        missed = [result for result in results if result.status == "missed"]
        held = [result for result in results if result.status == "held"]
        checked = len(missed) + len(held)
        if not checked:
            return Gate(
                "expectations", title, f"0 of {len(results)} checked", "all", NOT_CHECKED, results[0].not_checked
            )
        unchecked = f", {len(results) - checked} not checked" if checked < len(results) else ""
        note = f"{len(missed)} of {checked} expectations missed, first {_where(missed[0])}" if missed else ""
        found = f"{len(held)} of {checked}{unchecked}"
        held_text = "" if missed else f"{len(held)} of {checked} expectations hold"
        return Gate("expectations", title, found, "all", FAILED if missed else PASSED, note, held_text)

    def _repeatability_gate(self, repeated: list[Repeated]) -> Gate:
        title = "The same cell gives the same bits in another process"
        if not repeated:
            return Gate("repeatability", title, "no cell ran twice", "all", NOT_CHECKED, "no cell ran twice")
        differing = [cell for cell in repeated if not cell.bitwise]
        note = f"{len(differing)} cells differ between processes, first {differing[0].cell}" if differing else ""
        found = f"{len(repeated) - len(differing):,} of {len(repeated):,}"
        held = "" if differing else f"{len(repeated):,} cells repeat bit for bit"
        return Gate("repeatability", title, found, "all", FAILED if differing else PASSED, note, held)

    def _agreement_gate(self, pairs: list[Agreement]) -> Gate:
        title = "Implementations walk the same path in float64"
        limit = f"≤ {TOLERANCE:g} of the largest parameter"
        double = [pair for pair in pairs if pair.axes.get("dtype") == "float64"]
        if not double:
            reason = "no float64 cell ran in two implementations"
            return Gate("agreement", title, "no pair", limit, NOT_CHECKED, reason)
        apart = [pair for pair in double if not pair.agrees]
        worst = max(double, key=lambda pair: pair.distance)
        parted = sum(pair.kink_step is not None for pair in double)
        kinks = f", {parted} up to a kink" if parted else ""
        note = f"{' and '.join(worst.pair)} differ by {worst.distance:.2g} at step {worst.step} in {worst.scenario}"
        found = f"{len(double) - len(apart):,} of {len(double):,}{kinks}"
        if apart:
            return Gate("agreement", title, found, limit, FAILED, note)
        held = f"{len(double):,} pairs of implementations agree in float64"
        return Gate("agreement", title, found, limit, PASSED, "", held)


def _of(items: Iterable[Any], scenario: str | None) -> list[Any]:
    return [item for item in items if scenario in (None, item.scenario)]


def _where(result: Result) -> str:
    return f"{result.scenario} expect[{result.number}]: {result.claim}"
