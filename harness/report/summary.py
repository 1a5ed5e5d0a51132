"""The verdict in words for the terminal; its words serve the summaries for a CI job page and for machines too."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.analysis.expectations import Check, Result
from harness.analysis.published import no_number, published
from harness.analysis.verdict import Assessment
from harness.report import table
from harness.report.glance import views_of
from harness.report.published import table as published_table
from harness.report.summary_json import as_json
from harness.report.view import View

SIGNS = {"passed": "✓", "failed": "✕", "not checked": "○"}
_MOST_MISSES = 10


def as_terminal(assessment: Assessment, page: Path | None, views: Sequence[View] = ()) -> str:
    """
    Verdict, gates, each implementation at a glance, published numbers, missed expectations, where the page is.

    Args:
        assessment: The run and what was checked of it.
        page: The run's page; None where none was written.
        views: Its scenarios, where they are at hand already.
    """
    verdict = assessment.verdict()
    lines = [f"{SIGNS['passed' if verdict.passed else 'failed']} {verdict.word}. {verdict.sentence}", ""]
    width = max(len(gate.title) for gate in verdict.gates)
    lines += [f"  {SIGNS[gate.status]} {gate.title:<{width}}  {gate.found}" for gate in verdict.gates]
    lines += table.blocks(views or views_of(assessment))
    lines += published_table(published(assessment.run, assessment.expectations))
    missed = missed_results(assessment)
    lines += ["", *(f"  ✕ {missed_line(result)}" for result in missed[:_MOST_MISSES])] if missed else []
    if page is not None:
        lines += ["", f"  Report: {page}"]
    return "\n".join(lines)


def missed_results(assessment: Assessment) -> list[Result]:
    """Expectations that do not hold."""
    return [result for result in assessment.expectations if result.status == "missed"]


def missed_line(result: Result) -> str:
    """A missed expectation in one line: what was claimed, what came out, where."""
    worst = result.missed[0]
    state = f"the {worst.place}" if worst.place in ("start", "end") else worst.place
    place = f" at {state}" if state else ""
    found = no_number(result.expect, worst.found) or number(worst.found)
    return (
        f"{result.scenario} expect[{result.number}]: {result.claim}; found {found}{place} "
        f"in {where(worst)} ({len(result.missed)} of {len(result.checks)} comparisons missed)"
    )


def where(check: Check) -> str:
    """The axes of a comparison: `implementation=numpy, seed=3`."""
    return ", ".join(f"{axis}={level}" for axis, level in check.axes.items())


def number(value: Any) -> str:
    """A found or wanted value with as many digits as it has."""
    if isinstance(value, tuple):
        return " to ".join(number(item) for item in value)
    if isinstance(value, float):
        return f"{value:.10g}"
    return str(value)


__all__ = ["SIGNS", "as_json", "as_terminal", "missed_line", "missed_results", "number", "where"]
