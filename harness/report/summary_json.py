"""
`summary.json`: the verdict for machines, which the index over all runs is made from too.

Numbers of its form (`summary_schema`):
    1   2026-11  first
"""

from __future__ import annotations

import json
from typing import Any

from harness.analysis.compared import Compared
from harness.analysis.expectations import Result
from harness.analysis.gates import Gate
from harness.analysis.published import published
from harness.analysis.verdict import Assessment, Verdict
from harness.frames.origin import Origin
from harness.report import changes_json
from harness.report.published import as_content, plain

SCHEMA = 1


def as_json(assessment: Assessment) -> str:
    """The verdict, gates, counts and expectations; also what `harness run --json` prints."""
    run = assessment.run
    content = {
        "summary_schema": SCHEMA,
        "run": run.file.name,
        "run_schema": Origin.of(run).schema,
        **_made(assessment),
        **_verdict(assessment.verdict()),
        "counts": run.counts(),
        "scenarios": {
            scenario.name: {**_verdict(assessment.verdict(scenario.name)), "counts": run.counts(scenario.name)}
            for scenario in run.file.scenarios
        },
        "expectations": [_expectation(result) for result in assessment.expectations],
        "published": [as_content(row) for row in published(run, assessment.expectations)],
        **({"baseline": changes_json.as_content(assessment)} if isinstance(assessment, Compared) else {}),
    }
    return json.dumps(content, indent=1, ensure_ascii=False)


def _made(assessment: Assessment) -> dict[str, Any]:
    """When, for how long, where, and with what."""
    origin, attempts = Origin.of(assessment.run), assessment.run.file.attempts
    return {
        "started": origin.started,
        "seconds": sum(attempt["finished"] - attempt["started"] for attempt in attempts),
        "quick": bool(assessment.run.file.meta.get("quick")),
        "hosts": list(origin.hosts),
        "commit": origin.facts.get("commit", ""),
        "versions": origin.versions,
    }


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
