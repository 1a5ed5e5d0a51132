"""What failed, grouped by cause, with the command that repeats it; what was skipped; what diverged."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.report import findings, marks, numbers
from harness.report.parts import Content, Finding, Section
from harness.report.view import View, phrases

Row = dict[str, Any]
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
    """What the template shows."""

    finding: Finding
    causes: tuple[Cause, ...]
    more_causes: int
    said: tuple[tuple[str, str], ...]


def section(view: View) -> Section:
    """Failures in full, everything else that is not a plain result in words."""
    unexpected = {_key(row) for row in view.assessment.failures if row["scenario"] == view.name}
    groups: dict[tuple[str, str, bool], list[Row]] = {}
    for row in view.bad:
        groups.setdefault((row["status"], row["reason"], _key(row) not in unexpected), []).append(row)
    order = sorted(groups, key=lambda cause: (cause[2], -len(groups[cause])))
    causes = tuple(_cause(view, cause, groups[cause]) for cause in order[:MOST_CAUSES])
    counts = view.assessment.run.counts(view.name)
    says = findings.of_failures(len(view.bad), len(unexpected), counts["planned"], counts["missing"])
    how = "Grouped by cause; the command runs the cell again and compares; --pdb opens a debugger." if causes else ""
    mark = "fail" if unexpected or counts["missing"] else ""
    data = Data(Finding(says, how), causes, len(order) - len(causes), tuple(_said(view, counts["missing"])))
    return Section("failures", "Failures", "What failed, and how to run it again", data, mark)


def _key(row: Row) -> tuple[str, int]:
    return str(row["cell"]), int(row["replicate"])


def _cause(view: View, cause: tuple[str, str, bool], rows: Sequence[Row]) -> Cause:
    status, reason, expected = cause
    first = tuple(_failed(view, row) for row in rows[:MOST_IN_FULL])
    return Cause(marks.status(status), reason, len(rows), view.pattern(rows), expected, first)


def _failed(view: View, row: Row) -> Failed:
    axes = {axis: level for axis, level in row["axes"].items() if axis in view.varied}
    where = phrases(axes) or "the only cell"
    cell = str(row["cell"])
    return Failed(where, cell, int(row["replicate"]), command(view, cell), tail(str(row["stderr"])))


def tail(text: str) -> str:
    """The end of what a cell wrote to stderr."""
    return "\n".join(text.strip().splitlines()[-_TAIL_LINES:])[-_TAIL_SIGNS:]


def command(view: View, cell: str) -> str:
    """The command that runs just this cell again and compares, quoted for a shell."""
    return shlex.join(["harness", "reproduce", str(view.assessment.run.file.folder), "--cell", cell])


def _said(view: View, missing: int) -> list[tuple[str, str]]:
    """Skipped, diverged and missing cells, in words."""
    said: list[tuple[str, str]] = []
    skipped: dict[str, list[Row]] = {}
    for row in view.rows:
        if row["status"] == "skipped":
            skipped.setdefault(row["reason"], []).append(row)
    for reason, rows in skipped.items():
        said.append(("skipped", f"{_skipped(len(rows))} ({view.pattern(rows)}): {reason}."))
    diverged = [row for row in view.rows if row["status"] == "ok" and row["outcome"] == "diverged"]
    if diverged:
        count = numbers.plural(len(diverged), "process", "processes")
        text = f"{count} diverged ({view.pattern(diverged)}): all steps were done, so this alone fails no gate."
        said.append(("diverged", text))
    if missing:
        left = numbers.plural(missing, "planned process", "planned processes")
        why = "the run was interrupted, is out of its budget, or is still going on"
        go_on = shlex.join(["harness", "run", "--resume", str(view.assessment.run.file.folder)])
        said.append(("no record", f"{left} left no record: {why}. Go on: {go_on}"))
    retried = [row for row in view.assessment.run.file.retried if row["scenario"] == view.name]
    if retried:
        count = numbers.plural(len(retried), "record", "records")
        statuses = ", ".join(dict.fromkeys(row["status"].replace("_", " ") for row in retried))
        said.append(("retried", f"{count} ({statuses}) gave way to one of a later attempt; kept in the run file."))
    excluded = view.scenario.document.grid.exclude
    return said + [("left out", f"Not in the grid ({phrases(item.axes())}): {item.why}.") for item in excluded]


def _skipped(count: int) -> str:
    return f"{numbers.plural(count, 'process was', 'processes were')} skipped"
