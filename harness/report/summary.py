"""The verdict in words: for the terminal, for a CI job page, for machines. One source for all three."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from harness.analysis.expectations import Check, Result
from harness.analysis.gates import Gate
from harness.analysis.published import published
from harness.analysis.verdict import Assessment, Verdict
from harness.frames.origin import Origin
from harness.report.published import as_content, plain, table

SIGNS = {"passed": "✓", "failed": "✕", "not checked": "○"}
_MOST_MISSES = 10


def as_terminal(assessment: Assessment, page: Path | None) -> str:
    """Verdict, gates, published numbers beside the measured ones, missed expectations, where the page is."""
    verdict = assessment.verdict()
    lines = [f"{SIGNS['passed' if verdict.passed else 'failed']} {verdict.word}. {verdict.sentence}", ""]
    width = max(len(gate.title) for gate in verdict.gates)
    lines += [f"  {SIGNS[gate.status]} {gate.title:<{width}}  {gate.found}" for gate in verdict.gates]
    lines += table(published(assessment.run, assessment.expectations))
    missed = [result for result in assessment.expectations if result.status == "missed"]
    lines += (
        ["", *(f"  ✕ {line}" for result in missed[:_MOST_MISSES] for line in [missed_line(result)])] if missed else []
    )
    if page is not None:
        lines += ["", f"  Report: {page}"]
    return "\n".join(lines)


def missed_line(result: Result) -> str:
    """A missed expectation in one line: what was claimed, what came out, where."""
    worst = result.missed[0]
    state = f"the {worst.place}" if worst.place in ("start", "end") else worst.place
    place = f" at {state}" if state else ""
    return (
        f"{result.scenario} expect[{result.number}]: {result.claim}; found {number(worst.found)}{place} "
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


def as_markdown(assessment: Assessment) -> str:
    """The verdict, the gates and every expectation, for a CI job page."""
    verdict = assessment.verdict()
    lines = [f"# {SIGNS['passed' if verdict.passed else 'failed']} {verdict.word}", "", verdict.sentence, ""]
    lines += ["| Gate | Found | Limit | Status |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {gate.title} | {gate.found} | {gate.limit} | {SIGNS[gate.status]} {gate.status} |" for gate in verdict.gates
    ]
    missed = [result for result in assessment.expectations if result.status == "missed"]
    if missed:
        lines += ["", "## Missed", "", *(f"- {missed_line(result)}" for result in missed[:50])]
    return "\n".join(lines) + "\n"


def as_json(assessment: Assessment) -> str:
    """The same for machines; also what `harness run --json` prints."""
    run = assessment.run
    content = {
        "run": run.file.name,
        "run_schema": Origin.of(run).schema,
        **_verdict(assessment.verdict()),
        "counts": run.counts(),
        "scenarios": {
            scenario.name: {**_verdict(assessment.verdict(scenario.name)), "counts": run.counts(scenario.name)}
            for scenario in run.file.scenarios
        },
        "expectations": [_expectation(result) for result in assessment.expectations],
        "published": [as_content(row) for row in published(run, assessment.expectations)],
    }
    return json.dumps(content, indent=1, ensure_ascii=False)


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "passed": verdict.passed,
        "sentence": verdict.sentence,
        "gates": [_gate(gate) for gate in verdict.gates],
    }


def _gate(gate: Gate) -> dict[str, Any]:
    return dict(vars(gate))


def _expectation(result: Result) -> dict[str, Any]:
    worst = result.closest_call
    return {
        "scenario": result.scenario,
        "number": result.number,
        "claim": result.claim,
        "source": result.expect.source,
        "status": result.status,
        "not_checked": result.not_checked,
        "comparisons": len(result.checks),
        "missed": len(result.missed),
        "worst": None if worst is None else {
            "cell": worst.cell,
            "axes": worst.axes,
            "place": worst.place,
            "found": plain(worst.found),
            "wanted": plain(worst.wanted),
            "distance": plain(worst.distance),
        },
    }  # fmt: skip
