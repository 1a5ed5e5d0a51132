"""Passed or not, why, the gates, and the implementations at a glance."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from harness.analysis.gates import Gate
from harness.analysis.timing import TimingGroup
from harness.analysis.verdict import Verdict
from harness.record import OUTCOMES
from harness.report import marks, numbers, palette
from harness.report.parts import Content, Markup, Section, Table
from harness.report.view import View

# Where on the page a gate is looked at more closely.
ANCHORS = {
    "cells": "failures",
    "expectations": "expectations",
    "repeatability": "repeatability",
    "agreement": "repeatability",
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


def section(view: View) -> Section:
    """The first screen of a scenario's page."""
    verdict = view.assessment.verdict(view.name)
    how = (
        f"Digits and times at the reference configuration: {view.reference_words or 'the only one'}. "
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
    """Implementation by device."""
    at = view.at_reference
    groups = {(g.axes["implementation"], g.axes["device"]): g for g in view.timings_at(view.reference)}
    digits = {arm: _digits(at, arm) for arm in view.arms}
    digit_scale = marks.Scale.over([0.0, *digits.values()])
    time_scale = marks.Scale.over([end for g in groups.values() for end in _ends(g)], log=True)
    unit = numbers.unit_for([group.median for group in groups.values()])
    rows: list[tuple[Content, ...]] = []
    for implementation, device in view.arms:
        colour = palette.of_implementation(implementation)
        group = groups.get((implementation, device))
        value = digits[implementation, device]
        rows.append(
            (
                marks.named(palette.label(implementation), colour),
                device,
                marks.beside(numbers.digits(value), marks.dot(value, digit_scale, colour)),
                marks.beside(
                    numbers.seconds(group.median, unit), marks.dot(group.median, time_scale, colour, group.interval)
                )
                if group
                else "not timed",
                f"{group.processes}" if group else numbers.MISSING,
                _outcomes(view.first_replicates, implementation, device),
            )
        )
    head = ("Implementation", "Device", "Correct digits", "Time per step, log scale", "n#", "Outcomes of its cells")
    return Table(
        "Each implementation on each device; n is the number of timed processes", head, tuple(rows), silent=True
    )


def _ends(group: TimingGroup) -> list[float]:
    return [group.median, *([group.interval.low, group.interval.high] if group.interval else [])]


def _digits(at: pd.DataFrame, arm: tuple[str, str]) -> float:
    rows = at[(at["implementation"] == arm[0]) & (at["device"] == arm[1])]
    value = rows["correct_digits"].median()
    return float(value) if not rows.empty and not math.isnan(value) else math.nan


def _outcomes(cells: pd.DataFrame, implementation: str, device: str) -> str:
    """`18 converged, 2 diverged`, then those that are not ok, in words."""
    mine = cells[(cells["implementation"] == implementation) & (cells["device"] == device)]
    words = [*mine["outcome"][mine["status"] == "ok"], *mine["status"][mine["status"] != "ok"]]
    order = [*OUTCOMES, *dict.fromkeys(word for word in words if word not in OUTCOMES)]
    counts = [(words.count(word), str(word).replace("_", " ")) for word in order if word in words]
    return ", ".join(f"{numbers.count(number)} {word}" for number, word in counts) or "no record"
