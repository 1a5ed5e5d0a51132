"""Passed or not, why, the gates, and the implementations at a glance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.analysis.comparison_speed import Speed
from harness.analysis.gates import Gate
from harness.analysis.timing import Interval
from harness.analysis.verdict import Verdict
from harness.report import marks, numbers, palette
from harness.report.glance import Arm, Glance, glance
from harness.report.parts import Content, Markup, Section, Table
from harness.report.sections import changes_speed
from harness.report.typeset import typeset
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
    several: bool

    @property
    def kind_of_glance(self) -> str:
        """Its classes: on a phone there is no room for a column that says the same in each row."""
        return "wide glance" if self.several else "wide glance glance-one"


@dataclass(frozen=True)
class Scales:
    """What the marks of the table at a glance are drawn on, and its unit of time."""

    digits: marks.Scale
    steps: marks.Scale
    time: marks.Scale
    unit: tuple[float, str] | None


def section(view: View) -> Section:
    """The first screen of a scenario's page."""
    verdict, found = view.assessment.verdict(view.name), glance(view)
    own = "" if found.shared_outcomes else " Outcomes count every cell of the row."
    how = (
        f"Digits, steps and times at the reference configuration: {view.reference_words or 'the only one'}. "
        "Steps to a target: updates until that share of the possible loss reduction is left, a miss infinite. "
        "Dots are medians, of digits and steps over seeds, of times over n processes; bars their 95\u202f% bootstrap "
        f"intervals, none below 6: not resolved. Each column has its own scale.{own}"
    )
    kind, table = kind_of(verdict), _glance(found, changes_speed.at(view))
    data = Data(verdict, kind, marks.sign(kind), gates(verdict, ANCHORS), table, how, len(view.devices) > 1)
    return Section("verdict", "Verdict", verdict.word, data, kind)


def kind_of(verdict: Verdict) -> str:
    """`ok` or `fail`."""
    return "ok" if verdict.passed else "fail"


def gates(verdict: Verdict, anchors: dict[str, str]) -> Table:
    """The gates as a table; a gate links to its section where the page has one."""
    rows = [(_title(gate, anchors), _found(gate), typeset(gate.limit), _status(gate)) for gate in verdict.gates]
    return Table("The gates of the verdict", ("Gate", "Found#", "Limit#", "Status"), tuple(rows), silent=True)


def _title(gate: Gate, anchors: dict[str, str]) -> Content:
    if gate.name not in anchors:
        return typeset(gate.title)
    return Markup('<a href="#{}">{}</a>').format(anchors[gate.name], typeset(gate.title))


def _found(gate: Gate) -> Content:
    """With the limit below it on a phone, where its column is hidden."""
    return Markup('{}<span class="narrow note">limit {}</span>').format(typeset(gate.found), typeset(gate.limit))


def _status(gate: Gate) -> Content:
    note = Markup(' <span class="note">{}</span>').format(typeset(gate.note)) if gate.note else ""
    return marks.status(gate.status) + note


def _glance(found: Glance, since: Mapping[tuple[str, str], Speed] | None) -> Table:
    """Implementation by device, with a mark beside each number; without those of which nothing ran."""
    timed = [arm.timing for arm in found.ran if arm.timing is not None]
    scales = Scales(
        marks.Scale.over([0.0, *(end for arm in found.ran for end in _of(arm.digits, arm.digits_interval))]),
        marks.Scale.over([0.0, *(end for arm in found.ran for end in _of(arm.steps, arm.steps_interval))]),
        marks.Scale.over([end for group in timed for end in _of(group.median, group.interval)], log=True),
        numbers.unit_for([group.median for group in timed]),
    )
    own = not found.shared_outcomes
    head = (
        "Implementation", "Device", "Correct digits", found.steps_head, "Time per step, log scale", "n#",
        *(["Than in the baseline"] if since is not None else []), *(["Outcomes of its cells"] if own else []),
    )  # fmt: skip
    rows = tuple((*_arm(arm, scales), *_since(arm, since), *([arm.outcomes] if own else [])) for arm in found.ran)
    caption = "Each implementation on each device; n is the number of timed processes"
    return Table(caption, head, rows, _below(found), silent=True)


def _since(arm: Arm, since: Mapping[tuple[str, str], Speed] | None) -> list[Content]:
    """Whether its step takes another time than in the baseline; nothing without one."""
    if since is None:
        return []
    speed = since.get((arm.implementation, arm.device))
    return [numbers.MISSING if speed is None else changes_speed.suspicion(speed)]


def _below(found: Glance) -> str:
    """What is the same in all rows, and what was skipped, with the reason."""
    lines = [f"Outcomes of each: {found.shared_outcomes}."] if found.shared_outcomes else []
    for (_, reason), arms in found.skipped.items():
        names = numbers.listed(palette.label(arm.implementation) for arm in arms)
        lines.append(f"Skipped: {names} on {arms[0].device} ({reason.rstrip('.')}).")
    return " ".join(lines)


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
        marks.beside(arm.digits_words, marks.dot(arm.digits, scales.digits, colour, arm.digits_interval)),
        marks.beside(arm.steps_words, marks.dot(arm.steps, scales.steps, colour, arm.steps_interval)),
        time,
        f"{group.processes}" if group else numbers.MISSING,
    )


def _of(middle: float, interval: Interval | None) -> list[float]:
    return [middle, *([interval.low, interval.high] if interval else [])]
