"""What changed since a baseline, over all scenarios of a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.analysis.compared import Compared
from harness.analysis.comparison import WORSE, Comparison
from harness.analysis.verdict import Assessment
from harness.report import changes as words
from harness.report import marks, numbers
from harness.report.parts import Content, Finding, Markup, Section, Table, table_of
from harness.report.sections.changes import made_with
from harness.report.view import View


@dataclass(frozen=True)
class Data:
    """What the template shows."""

    finding: Finding
    made_with: Table | None
    conclusion: str
    scenarios: Table


def sections(assessment: Assessment, views: Sequence[View], link: Callable[[str], str]) -> list[Section]:
    """One, or none without a baseline."""
    if not isinstance(assessment, Compared):
        return []
    found = assessment.comparison
    rows = [_row(view.name, link(view.name), found.of(view.name)) for view in views]
    head = ("Scenario", "In both#", "Same bits", "Less accurate", "Other outcome#", "In one alone#")
    data = Data(
        Finding(words.of_cells(found, assessment.name)),
        made_with(assessment),
        assessment.attribution().conclusion() if found.compared else "",
        table_of("Cells of each scenario beside those of the baseline", head, rows, most=500),
    )
    mark = "fail" if found.differing or found.count(WORSE) else "ok" if found.compared else ""
    return [Section("changed", "Changes", f"What changed since {assessment.name}?", data, mark)]


def _row(name: str, link: str, found: Comparison) -> tuple[Content, ...]:
    compared, worse = len(found.compared), found.count(WORSE)
    same = compared - len(found.differing)
    bits: Content = numbers.MISSING
    if compared:
        bits = marks.status("passed" if same == compared else "failed", numbers.share(same, compared))
    return (
        Markup('<a href="{}#changes">{}</a>').format(link, name),
        numbers.count(len(found.changes)),
        bits,
        marks.status("failed", numbers.count(worse)) if worse else "none",
        numbers.count(sum(change.was.word != change.now.word for change in found.changes)),
        numbers.count(len(found.gone) + len(found.new)),
    )
