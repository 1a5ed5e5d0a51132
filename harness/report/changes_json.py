"""What changed since a baseline, for machines: a part of `summary.json`."""

from __future__ import annotations

import math
from typing import Any

from harness.analysis.compared import Compared
from harness.analysis.comparison import BETTER, WORSE, Change
from harness.analysis.comparison_speed import Speed
from harness.report.published import plain

# Changed cells of one scenario; more are found with the run files at hand.
MOST_ROWS = 500


def as_content(assessment: Compared) -> dict[str, Any]:
    """The comparison for machines."""
    names = [scenario.name for scenario in assessment.run.file.scenarios]
    return {
        "run": assessment.name,
        "differences": [
            {"kind": item.kind, "name": item.name, "was": item.was, "now": item.now, "cells": len(item.cells)}
            for item in (*assessment.said, *assessment.differences)
        ],
        "conclusion": assessment.attribution().conclusion(),
        "scenarios": {name: _scenario(assessment, name) for name in names},
    }


def _scenario(assessment: Compared, name: str) -> dict[str, Any]:
    found, unlike = assessment.comparison.of(name), assessment.unlike(name)
    return {
        "in_both": len(found.changes),
        "compared": len(found.compared),
        "same_bits": len(found.compared) - len(found.differing),
        "better": found.count(BETTER),
        "worse": found.count(WORSE),
        "only_in_baseline": len(found.gone),
        "only_in_run": len(found.new),
        "changed": [_change(change) for change in found.changed[:MOST_ROWS]],
        "changed_left_out": max(0, len(found.changed) - MOST_ROWS),
        "not_comparable_in": unlike,
        "speed": [] if unlike else [_speed(speed) for speed in assessment.speeds(name)[:MOST_ROWS]],
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "cell": change.now.cell,
        "axes": change.now.axes,
        "same_bits": change.same_bits if change.compared else None,
        "accuracy": change.accuracy or None,
        **{
            name: {"word": side.word, "digits": _number(side.digits), "loss": _number(side.loss)}
            for name, side in (("was", change.was), ("now", change.now))
        },
    }


def _speed(speed: Speed) -> dict[str, Any]:
    interval = None if speed.interval is None else [speed.interval.low, speed.interval.high]
    return {
        "axes": speed.axes,
        "was": {"seconds": speed.was.median, "processes": speed.was.processes},
        "now": {"seconds": speed.now.median, "processes": speed.now.processes},
        "ratio": _number(speed.ratio),
        "interval": interval,
        "canary": _number(speed.canary),
        "verdict": speed.verdict,
    }


def _number(value: float) -> Any:
    """None for what does not exist, words for inf."""
    return None if math.isnan(value) else plain(value)
