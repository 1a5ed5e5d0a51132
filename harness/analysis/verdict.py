"""Passed or not, and why: the verdict over a run or one of its scenarios."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from harness.analysis import gates
from harness.analysis.agreement import Agreement, agreements
from harness.analysis.cut import why_cut
from harness.analysis.diagnosis.diagnose import Diagnosis
from harness.analysis.diagnosis.finding import Finding
from harness.analysis.expectations import Result, check_all, check_limits
from harness.analysis.following import Following
from harness.analysis.gates import FAILED, NOT_CHECKED, PASSED, Gate
from harness.analysis.repeatability import Repeated, repeated_cells
from harness.frames import Run
from harness.record import BAD_STATUSES


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
        self._verdicts: dict[str | None, Verdict] = {}

    @cached_property
    def expectations(self) -> list[Result]:
        """Every expectation after the run."""
        return check_all(self.run)

    @cached_property
    def limits(self) -> list[Result]:
        """Every limit of the scenarios' `[gates]` after the run."""
        return check_limits(self.run)

    @cached_property
    def repeated(self) -> list[Repeated]:
        """Every cell that ran more than once."""
        return repeated_cells(self.run)

    @cached_property
    def agreements(self) -> list[Agreement]:
        """Every pair of implementations, in every dtype."""
        return list(agreements(self.run))

    @cached_property
    def diagnosis(self) -> Diagnosis:
        """Every cell beside its reference."""
        return Diagnosis(self.run)

    @property
    def followings(self) -> list[Following]:
        """Every cell that has a reference: whether it follows that, or what keeps it from it."""
        return self.diagnosis.followings

    @property
    def findings(self) -> list[Finding]:
        """Cells that are wrong, and what explains it."""
        return self.diagnosis.findings

    @cached_property
    def failures(self) -> list[dict[str, Any]]:
        """Rows of the cells frame that failed and that no expectation of `status` names."""
        named = {
            (result.scenario, check.cell)
            for result in self.expectations
            if result.expect.name == "status"
            for check in result.checks
        }
        bad = [row for row in self.run.cell_rows if row["status"] in BAD_STATUSES]
        return [row for row in bad if (row["scenario"], row["cell"]) not in named]

    def verdict(self, scenario: str | None = None) -> Verdict:
        """The verdict over the run, or over one of its scenarios."""
        if scenario not in self._verdicts:
            self._verdicts[scenario] = self._verdict(scenario)
        return self._verdicts[scenario]

    def _verdict(self, scenario: str | None) -> Verdict:
        failures = [row for row in self.failures if scenario in (None, row["scenario"])]
        retried = [row for row in self.run.file.retried if scenario in (None, row["scenario"])]
        counts = self.run.counts(scenario)
        why = why_cut(self.run) if counts["missing"] else ""
        return Verdict(
            (
                gates.cells_gate(counts, failures, len(retried), why),
                gates.expectations_gate(_of(self.expectations, scenario), scenario),
                gates.repeatability_gate(_of(self.repeated, scenario)),
                gates.agreement_gate(
                    _of(self.agreements, scenario),
                    _of(self.followings, scenario),
                    _of(self.findings, scenario),
                    {(row["scenario"], row["cell"]) for row in self.run.finished(scenario)},
                ),
                *(gates.limit_gate(result, scenario) for result in _of(self.limits, scenario)),
            )
        )


def _of(items: Iterable[Any], scenario: str | None) -> list[Any]:
    return [item for item in items if scenario in (None, item.scenario)]
