"""The page of a whole run: its verdict, a row for each scenario, failures, environment."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.analysis.verdict import Assessment, Verdict
from harness.record import STATUSES
from harness.report import findings, marks, numbers, where
from harness.report.matrix import Matrix
from harness.report.parts import Finding, Section, Table, table_of
from harness.report.sections import changes_run, environment, overview_causes, overview_scenarios, verdict
from harness.report.sections.overview_causes import Causes
from harness.report.view import View

_MISSING = "missing"


@dataclass(frozen=True)
class Summary:
    """The first section."""

    verdict: Verdict
    kind: str
    sign: str
    gates: Table
    scenarios: Matrix


@dataclass(frozen=True)
class Counts:
    """What failed, was not run, or diverged, by reason; processes by status, folded; the command that goes on."""

    finding: Finding
    causes: Causes
    table: Table
    resume: str


@dataclass(frozen=True)
class Machines:
    """Where it ran, and the files beside the page."""

    facts: environment.Facts
    files: environment.Files
    commands: tuple[str, ...]


def sections(assessment: Assessment, views: Sequence[View], link: Callable[[str], str]) -> list[Section]:
    """In the order of the page."""
    return [
        _summary(assessment, views, link),
        *changes_run.sections(assessment, views, link),
        _counts(assessment, views, link),
        _machines(assessment),
    ]


def _summary(assessment: Assessment, views: Sequence[View], link: Callable[[str], str]) -> Section:
    whole = assessment.verdict()
    kind = verdict.kind_of(whole)
    gates = verdict.gates(whole, {"cells": "processes", "accuracy": "changed", "bits": "changed"})
    data = Summary(whole, kind, marks.sign(kind), gates, overview_scenarios.scenarios(views, link))
    return Section("run", "Verdict", whole.word, data, kind)


def _counts(assessment: Assessment, views: Sequence[View], link: Callable[[str], str]) -> Section:
    counts = assessment.run.counts()
    bad = sum(len(view.bad) for view in views)
    says = findings.of_failures(bad, len(assessment.failures), counts["planned"], counts[_MISSING])
    resume = where.resume(assessment) if counts[_MISSING] else ""
    data = Counts(Finding(says), overview_causes.causes(views, link), _by_status(assessment, views), resume)
    mark = "fail" if assessment.failures or counts[_MISSING] else "ok"
    return Section("processes", "Failures", "Did every process leave its record?", data, mark)


def _by_status(assessment: Assessment, views: Sequence[View]) -> Table:
    """Statuses that no process has are no column."""
    counts = {view.name: assessment.run.counts(view.name) for view in views}
    seen = [status for status in (*STATUSES, _MISSING) if any(found[status] for found in counts.values())]
    rows = [(name, *(numbers.count(found[status]) for status in ("planned", *seen))) for name, found in counts.items()]
    words = ("no record" if status == _MISSING else status.replace("_", " ") for status in seen)
    return table_of("Processes by status", ("Scenario", "planned#", *(f"{word}#" for word in words)), rows, most=500)


def _machines(assessment: Assessment) -> Section:
    attempts = assessment.run.file.attempts
    with assessment.run.file.reading("the arguments of its attempts"):
        commands = tuple(shlex.join(["harness", *json.loads(attempt["arguments"])]) for attempt in attempts)
    data = Machines(environment.facts(assessment.run.environment), environment.files(assessment.run), commands)
    return Section("machines", "Environment", "Where and with what was it run?", data)
