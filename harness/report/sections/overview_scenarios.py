"""The scenarios of a run beside its gates."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.report import marks, matrix
from harness.report.matrix import Matrix, Row, Why
from harness.report.parts import Markup
from harness.report.sections.verdict import ANCHORS
from harness.report.view import View


def scenarios(views: Sequence[View], link: Callable[[str], str]) -> Matrix:
    """A row a scenario, with a link to its page, and from each reason to the section that has the rest."""
    verdicts = {view.name: view.assessment.verdict(view.name) for view in views}
    shown = matrix.columns([verdict.gates for verdict in verdicts.values()])
    rows = []
    for view in views:
        result, page = verdicts[view.name], link(view.name)
        name = Markup('<a href="{}">{}</a><br><span class="note">{}</span>').format(
            page, view.name, view.scenario.title
        )
        word = marks.status("passed" if result.passed else "failed", result.word)
        why = tuple(
            Why(gate.note, gate.title, f"{page}#{ANCHORS.get(gate.name, 'verdict')}")
            for gate in result.gates
            if matrix.unsaid(gate)
        )
        rows.append(Row((name, word, *matrix.found(result.gates, shown)), why))
    return Matrix("The scenarios of this run, gate by gate", ("Scenario", "Verdict", *shown.values()), tuple(rows))
