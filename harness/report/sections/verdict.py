"""Passed or not, why, the gates, and the implementations at a glance."""

from __future__ import annotations

from dataclasses import dataclass

from harness.analysis.gates import Gate
from harness.analysis.timing import TimingGroup
from harness.analysis.verdict import Verdict
from harness.report import marks, numbers, palette
from harness.report.glance import Arm, glance
from harness.report.parts import Content, Markup, Section, Table
from harness.report.view import View

# Where on the page a gate is looked at more closely.
ANCHORS = {
    "cells": "failures",
    "expectations": "expectations",
    "repeatability": "repeatability",
    "agreement": "repeatability",
    "accuracy": "changes",
    "bits": "changes",
}


@dataclass(frozen=True)
class Data:
    """What the template shows."""

    verdict: Verdict
    kind: str
    sign: str
    gates: Table
    glance: Table
    how: str


@dataclass(frozen=True)
class Scales:
    """What the marks of the table at a glance are drawn on, and its unit of time."""

    digits: marks.Scale
    time: marks.Scale
    unit: tuple[float, str] | None


def section(view: View) -> Section:
    """The first screen of a scenario's page."""
    verdict = view.assessment.verdict(view.name)
    how = (
        f"Digits, steps and times at the reference configuration: {view.reference_words or 'the only one'}. "
        "Steps to a target: updates until that share of the possible loss reduction is left, a miss infinite. "
        "Dots are medians over seeds and processes, bars 95\u202f% bootstrap intervals of the median; "
        "no bar: below 6 processes, not resolved. Outcomes count every cell of the row."
    )
    kind = kind_of(verdict)
    return Section(
        "verdict",
        "Verdict",
        verdict.word,
        Data(verdict, kind, marks.sign(kind), gates(verdict, ANCHORS), _glance(view), how),
        kind,
    )


def kind_of(verdict: Verdict) -> str:
    """`ok` or `fail`."""
    return "ok" if verdict.passed else "fail"


def gates(verdict: Verdict, anchors: dict[str, str]) -> Table:
    """The gates as a table; a gate links to its section where the page has one."""
    rows = [(_title(gate, anchors), _found(gate), gate.limit, _status(gate)) for gate in verdict.gates]
    return Table("The gates of the verdict", ("Gate", "Found#", "Limit#", "Status"), tuple(rows), silent=True)


def _title(gate: Gate, anchors: dict[str, str]) -> Content:
    if gate.name not in anchors:
        return gate.title
    return Markup('<a href="#{}">{}</a>').format(anchors[gate.name], gate.title)


def _found(gate: Gate) -> Content:
    """With the limit below it on a phone, where its column is hidden."""
    return Markup('{}<span class="narrow note">limit {}</span>').format(gate.found, gate.limit)


def _status(gate: Gate) -> Content:
    note = Markup(' <span class="note">{}</span>').format(gate.note) if gate.note else ""
    return marks.status(gate.status) + note


def _glance(view: View) -> Table:
    """Implementation by device, with a mark beside each number."""
    found = glance(view)
    timed = [arm.timing for arm in found.arms if arm.timing is not None]
    scales = Scales(
        marks.Scale.over([0.0, *(arm.digits for arm in found.arms)]),
        marks.Scale.over([end for group in timed for end in _ends(group)], log=True),
        numbers.unit_for([group.median for group in timed]),
    )
    head = (
        "Implementation", "Device", "Correct digits", f"{found.steps_head}#", "Time per step, log scale", "n#",
        "Outcomes of its cells",
    )  # fmt: skip
    rows = tuple(_arm(arm, scales) for arm in found.arms)
    return Table("Each implementation on each device; n is the number of timed processes", head, rows, silent=True)


def _arm(arm: Arm, scales: Scales) -> tuple[Content, ...]:
    colour = palette.of_implementation(arm.implementation)
    group = arm.timing
    time: Content = "not timed"
    if group is not None:
        mark = marks.dot(group.median, scales.time, colour, group.interval)
        time = marks.beside(numbers.seconds(group.median, scales.unit), mark)
    return (
        marks.named(palette.label(arm.implementation), colour),
        arm.device,
        marks.beside(numbers.digits(arm.digits), marks.dot(arm.digits, scales.digits, colour)),
        arm.steps_words,
        time,
        f"{group.processes}" if group else numbers.MISSING,
        arm.outcomes,
    )


def _ends(group: TimingGroup) -> list[float]:
    return [group.median, *([group.interval.low, group.interval.high] if group.interval else [])]
