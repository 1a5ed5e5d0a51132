"""`summary.md`: the verdict for a CI job page, short whatever the run."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence

from harness.analysis.compared import Compared
from harness.analysis.published import published
from harness.analysis.verdict import Assessment
from harness.report import changes, numbers
from harness.report.summary import SIGNS, missed_line, missed_results

# Job pages take no more, and nobody reads that much.
MOST_BYTES = 60_000
_MOST_GATES, _MOST_LINES, _LONGEST = 60, 50, 400
_SPECIAL = re.compile(r"([\\`*_|<>\[\]])")


def as_markdown(assessment: Assessment) -> str:
    """The verdict, the gates, missed expectations, published numbers that are off, and what changed."""
    verdict = assessment.verdict()
    lines = [f"# {SIGNS['passed' if verdict.passed else 'failed']} {verdict.word}", "", plain(verdict.sentence), ""]
    lines += ["| Gate | Found | Limit | Status |", "| --- | --- | --- | --- |"]
    shown = verdict.gates[:_MOST_GATES]
    lines += [
        f"| {plain(gate.title)} | {plain(gate.found)} | {plain(gate.limit)} | {SIGNS[gate.status]} {gate.status} |"
        for gate in shown
    ]
    lines += _left(len(verdict.gates) - len(shown), "gate")
    lines += _list("Missed", [missed_line(result) for result in missed_results(assessment)])
    off = [
        f"{row.scenario}: {row.label}: {row.verdict} ({row.result.expect.source})"
        for row in published(assessment.run, assessment.expectations)
        if row.verdict.startswith("not:")
    ]
    lines += _list("Published numbers that are off", off)
    if isinstance(assessment, Compared):
        lines += _changes(assessment)
    return _cut(lines)


def _changes(assessment: Compared) -> list[str]:
    found = assessment.comparison
    lines = ["", f"## What changed since {plain(assessment.name)}", ""]
    made = [(item.name, *changes.of_difference(item), 0) for item in assessment.said]
    rows = [*made, *changes.grouped(assessment.differences)]
    lines += [f"- {plain(name)}: {plain(_arrow(was, now))}" for name, was, now, _ in rows[:_MOST_LINES]]
    lines += [*_left(len(rows) - _MOST_LINES, "difference"), *([""] if rows else [])]
    lines += [plain(changes.of_cells(found, assessment.name))]
    lines += _list("Times", [f"{name}: {changes.of_speed_in(assessment, name)}" for name in _names(assessment)])
    return [*lines, *_list("Changed cells", [changes.line(change) for change in found.changed])]


def _names(assessment: Compared) -> list[str]:
    return [scenario.name for scenario in assessment.run.file.scenarios]


def _arrow(was: str, now: str) -> str:
    return now if was == numbers.MISSING else f"{was} → {now}"


def _list(title: str, items: Sequence[str]) -> list[str]:
    """A heading and a list; nothing at all where there is nothing to list."""
    if not items:
        return []
    shown = [f"- {plain(item)}" for item in items[:_MOST_LINES]]
    return ["", f"## {title}", "", *shown, *_left(len(items) - len(shown), "more")]


def _left(count: int, noun: str) -> list[str]:
    if count <= 0:
        return []
    what = f"{numbers.count(count)} more" if noun == "more" else numbers.plural(count, f"more {noun}")
    return ["", f"and {what}, in summary.json"]


def plain(text: str) -> str:
    """Words that Markdown and HTML leave alone, on one line, of a length to be read."""
    return _SPECIAL.sub(r"\\\1", textwrap.shorten(text, _LONGEST, placeholder=" …")).replace("\\<", "&lt;")


def _cut(lines: Iterable[str]) -> str:
    """As many whole lines as fit."""
    kept: list[str] = []
    room = MOST_BYTES - 100
    for line in lines:
        room -= len(line.encode("utf-8", "backslashreplace")) + 1
        if room < 0:
            return "\n".join([*kept, "", "The rest is in summary.json."]) + "\n"
        kept.append(line)
    return "\n".join(kept) + "\n"
