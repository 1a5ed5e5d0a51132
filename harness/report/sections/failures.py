"""What failed, grouped by cause, with the command that repeats it; then what was not run, or diverged, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.report import failed, findings, marks, numbers, where
from harness.report.failed import Aside, Group, Row
from harness.report.parts import Content, Finding, Markup, Section, Table, table_of
from harness.report.view import View

MOST_IN_FULL = 3
MOST_CAUSES = 12
_TAIL_LINES = 30
_TAIL_SIGNS = 3_000


@dataclass(frozen=True)
class Failed:
    """One cell in full."""

    where: str
    cell: str
    replicate: int
    command: str
    tail: str


@dataclass(frozen=True)
class Cause:
    """Failures with one status and one reason."""

    status: Content
    reason: str
    count: int
    pattern: str
    expected: bool
    first: tuple[Failed, ...]


@dataclass(frozen=True)
class Data:
    """What the template shows; `resume` is the command for what left no record, or empty."""

    finding: Finding
    causes: tuple[Cause, ...]
    more_causes: int
    asides: Table | None
    resume: str


def section(view: View) -> Section:
    """Failures in full, everything else that is not a plain result in a table."""
    groups, asides = failed.groups(view), failed.asides(view)
    counts = view.assessment.run.counts(view.name)
    unexpected = failed.unexpected(view)
    says = findings.of_failures(len(view.bad), unexpected, counts["planned"], counts["missing"])
    how = "Grouped by cause; the command runs the cell again and compares; --pdb opens a debugger." if groups else ""
    data = Data(
        Finding(says, how),
        tuple(_cause(view, group) for group in groups[:MOST_CAUSES]),
        max(0, len(groups) - MOST_CAUSES),
        _asides(asides),
        where.resume(view.assessment) if counts["missing"] else "",
    )
    mark = "fail" if unexpected or counts["missing"] else ""
    return Section("failures", "Failures", "What failed, and how to run it again", data, mark)


def _cause(view: View, group: Group) -> Cause:
    by_cell: dict[str, Row] = {}
    for row in group.rows:
        # Replicates have one command.
        by_cell.setdefault(str(row["cell"]), row)
    first = tuple(_failed(view, row) for row in list(by_cell.values())[:MOST_IN_FULL])
    pattern = where.pattern(view, group.rows)
    return Cause(marks.status(group.status), group.reason, len(group.rows), pattern, group.expected, first)


def _failed(view: View, row: Row) -> Failed:
    cell = str(row["cell"])
    here = place(view, row)
    return Failed(here, cell, int(row["replicate"]), where.reproduce(view, cell), tail(str(row["stderr"])))


def place(view: View, row: Row) -> str:
    """A process by the axes that vary: `numpy · learning rate 0.05 · seed 1`."""
    axes = {axis: level for axis, level in row["axes"].items() if axis in view.varied}
    return where.axes_in_words(axes) or "the only cell"


def tail(text: str) -> str:
    """The end of what a cell wrote to stderr."""
    return "\n".join(text.strip().splitlines()[-_TAIL_LINES:])[-_TAIL_SIGNS:]


def sign(word: str) -> Markup:
    """Sign and word of an aside: planned processes without a record fail the gate, all else does not."""
    return marks.status("failed" if word == failed.NO_RECORD else "skipped", word)


def _asides(found: Sequence[Aside]) -> Table | None:
    """A line each; columns that would be empty are left out."""
    counted, placed = any(item.count is not None for item in found), any(item.where for item in found)
    head = ("What", *(("Processes#",) if counted else ()), *(("Where",) if placed else ()), "Why")
    rows = [
        (
            sign(item.word),
            *((numbers.MISSING if item.count is None else numbers.count(item.count),) if counted else ()),
            *((item.where or numbers.MISSING,) if placed else ()),
            item.reason,
        )
        for item in found
    ]
    return table_of("What was not run, or diverged, and why", head, rows, rest="; cells.csv has all") if rows else None
