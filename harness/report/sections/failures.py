"""What failed, grouped by cause, with the command that repeats it; what was skipped; what diverged."""

from __future__ import annotations

import json
import re
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
_BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


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
    how = "Grouped by cause; the command repeats the cell and its replicates." if causes else ""
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
    return Failed(where, str(row["cell"]), int(row["replicate"]), command(view, row["axes"]), tail(str(row["stderr"])))


def tail(text: str) -> str:
    """The end of what a cell wrote to stderr."""
    return "\n".join(text.strip().splitlines()[-_TAIL_LINES:])[-_TAIL_SIGNS:]


def command(view: View, axes: dict[str, Any]) -> str:
    """The command that runs just this cell, quoted for a shell."""
    words = ["harness", "run", view.scenario.path]
    sql = "SELECT settings FROM scenario WHERE name = ?"
    for row in view.assessment.run.file.rows(sql, view.name):
        for name, value in json.loads(row["settings"]).items():
            words += ["--set", f"{name}={as_toml(value)}"]
    for axis in view.varied:
        words += ["--only", f"{axis}={as_toml(axes[axis])}"]
    return shlex.join(words)


def as_toml(value: Any) -> str:
    """A value as the command line reads it: TOML, or a bare word."""
    if isinstance(value, str):
        bare = _BARE.fullmatch(value) and value not in ("true", "false", "inf", "nan")
        return value if bare else json.dumps(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name)} = {as_toml(item)}" for name, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(as_toml, value)) + "]"
    return json.dumps(value)


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
        said.append(("no record", f"{left} left no record: the run was interrupted, or is still going on."))
    excluded = view.scenario.document.grid.exclude
    return said + [("left out", f"Not in the grid ({phrases(item.axes())}): {item.why}.") for item in excluded]


def _skipped(count: int) -> str:
    return f"{numbers.plural(count, 'process was', 'processes were')} skipped"
