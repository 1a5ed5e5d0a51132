"""The page of a whole run: its verdict, a row for each scenario, failures, environment."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.analysis.verdict import Assessment, Verdict
from harness.record import STATUSES
from harness.report import findings, marks, numbers
from harness.report.parts import Content, Finding, Markup, Section, Table, table_of
from harness.report.sections import changes_run, environment, failures, verdict
from harness.report.view import View

_MOST_CAUSES = 20


@dataclass(frozen=True)
class Summary:
    """The first section."""

    verdict: Verdict
    kind: str
    sign: str
    gates: Table
    scenarios: Table


@dataclass(frozen=True)
class Counts:
    """Processes by status, and what failed or was skipped."""

    finding: Finding
    table: Table
    causes: Table | None


@dataclass(frozen=True)
class Machines:
    """Where it ran, and the files beside the page."""

    machines: tuple[Table, ...]
    long_facts: tuple[tuple[str, str], ...]
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
    rows = [_scenario(view, link(view.name)) for view in views]
    head = ("Scenario", "Verdict", "Processes with a record#", "Expectations held#", "Why")
    table = table_of("The scenarios of this run", head, rows, most=500)
    gates = verdict.gates(whole, {"cells": "processes", "accuracy": "changed", "bits": "changed"})
    return Section("run", "Verdict", whole.word, Summary(whole, kind, marks.sign(kind), gates, table), kind)


def _scenario(view: View, link: str) -> tuple[Content, ...]:
    result = view.assessment.verdict(view.name)
    by_name = {gate.name: gate for gate in result.gates}
    name = Markup('<a href="{}">{}</a><br><span class="note">{}</span>').format(link, view.name, view.scenario.title)
    word = marks.status("passed" if result.passed else "failed", result.word)
    return name, word, by_name["cells"].found, by_name["expectations"].found, result.sentence


def _counts(assessment: Assessment, views: Sequence[View], link: Callable[[str], str]) -> Section:
    rows = []
    for view in views:
        counts = assessment.run.counts(view.name)
        shown = (numbers.count(counts[status]) for status in (*STATUSES, "missing"))
        rows.append((view.name, numbers.count(counts["planned"]), *shown))
    head = ("Scenario", "planned#", *(f"{status.replace('_', ' ')}#" for status in STATUSES), "no record#")
    counts = assessment.run.counts()
    bad = sum(len(view.bad) for view in views)
    says = findings.of_failures(bad, len(assessment.failures), counts["planned"], counts["missing"])
    data = Counts(Finding(says), table_of("Processes by status", head, rows, most=500), _causes(views, link))
    mark = "fail" if assessment.failures or counts["missing"] else "ok"
    return Section("processes", "Failures", "Did every process leave its record?", data, mark)


def _causes(views: Sequence[View], link: Callable[[str], str]) -> Table | None:
    rows: list[tuple[Content, ...]] = []
    for view in views:
        section = failures.section(view)
        for cause in section.data.causes:
            name = Markup('<a href="{}#failures">{}</a>').format(link(view.name), view.name)
            rows.append((name, cause.status, cause.reason, cause.pattern, numbers.count(cause.count)))
        rows += [(view.name, marks.status("skipped", word), text, "", "") for word, text in section.data.said]
    head = ("Scenario", "Status", "Reason", "Where", "Processes#")
    return table_of("What failed, was skipped, or diverged", head, rows, most=_MOST_CAUSES) if rows else None


def _machines(assessment: Assessment) -> Section:
    machines, long_facts = environment.facts(assessment.run.environment)
    attempts = assessment.run.file.attempts
    with assessment.run.file.reading("the arguments of its attempts"):
        commands = tuple(shlex.join(["harness", *json.loads(attempt["arguments"])]) for attempt in attempts)
    data = Machines(machines, long_facts, environment.files(assessment.run), commands)
    return Section("machines", "Environment", "Where and with what was it run?", data)
