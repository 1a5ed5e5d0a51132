"""What came out of a run as test cases: a suite a scenario, one of expectations, one of gates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from harness.analysis.gates import FAILED, NOT_CHECKED, Gate
from harness.analysis.result import Result
from harness.analysis.verdict import Assessment
from harness.report.summary import missed_line

Row = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """
    One test case.

    Args:
        group: Its class, in the words of JUnit.
        name: The same in every run of the same scenario, as tools follow a case by it.
        kind: `passed`, `failure`, `error` or `skipped`.
        type: A word for machines.
        message: Why it did not pass, in a sentence.
        seconds: How long it took.
        stdout: What it wrote there.
        stderr: What it wrote there.
    """

    group: str
    name: str
    kind: str = "passed"
    type: str = ""
    message: str = ""
    seconds: float = 0.0
    stdout: str = ""
    stderr: str = ""


@dataclass(frozen=True)
class Suite:
    """
    Cases that belong together.

    Args:
        name: Its name.
        cases: In the order of the run's tables.
        started: Seconds since 1970; None where nothing of it ran.
    """

    name: str
    cases: tuple[Case, ...]
    started: float | None = None

    def count(self, kind: str) -> int:
        """Cases that ended so."""
        return sum(case.kind == kind for case in self.cases)

    @property
    def seconds(self) -> float:
        """Of all cases together."""
        return sum(case.seconds for case in self.cases)


def suites(assessment: Assessment) -> list[Suite]:
    """All suites of a run; one of them has a failure or an error where the run did not pass, and else none."""
    expectations = tuple(_expectation(result) for result in assessment.expectations)
    gates = tuple(_gate(gate) for gate in assessment.verdict().gates)
    return [*_scenarios(assessment), Suite("expectations", expectations), Suite("gates", gates)]


def _scenarios(assessment: Assessment) -> Iterator[Suite]:
    run = assessment.run
    failures = {(row["scenario"], row["cell"], row["replicate"]) for row in assessment.failures}
    cells, missing = _by_scenario(run.cells.to_dict("records")), _by_scenario(run.missing.to_dict("records"))
    for scenario in run.file.scenarios:
        name, done = scenario.name, cells.get(scenario.name, [])
        cases = [_process(row, run.file.axes[name, row["cell"]], failures) for row in done]
        cases += [_absent(row, run.file.axes[name, row["cell"]]) for row in missing.get(name, [])]
        yield Suite(name, tuple(cases), min((row["started"] for row in done), default=None))


def _by_scenario(rows: list[dict[Any, Any]]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["scenario"], []).append(row)
    return found


def _process(row: Row, axes: Row, failures: set[tuple[str, str, int]]) -> Case:
    kind, status = "passed", row["status"]
    if (row["scenario"], row["cell"], row["replicate"]) in failures:
        kind = "failure"
    elif status == "skipped":
        kind = "skipped"
    return Case(
        row["scenario"], _named(row, axes), kind, status, row["reason"], row["seconds"], row["stdout"], row["stderr"]
    )


def _absent(row: Row, axes: Row) -> Case:
    message = "no record: the run was interrupted, or is still going on"
    return Case(row["scenario"], _named(row, axes), "error", "missing", message)


def _named(row: Row, axes: Row) -> str:
    levels = ", ".join(f"{axis}={level}" for axis, level in axes.items())
    return f"{levels}, replicate={row['replicate']} ({row['cell']})"


def _expectation(result: Result) -> Case:
    name = f"expect[{result.number}]: {result.claim}"
    if result.status == "missed":
        return Case(result.scenario, name, "failure", "missed", missed_line(result))
    return Case(result.scenario, name, "passed" if result.checks else "skipped", result.status, result.not_checked)


def _gate(gate: Gate) -> Case:
    kind = {FAILED: "failure", NOT_CHECKED: "skipped"}.get(gate.status, "passed")
    return Case("gates", gate.title, kind, gate.name, gate.note)
