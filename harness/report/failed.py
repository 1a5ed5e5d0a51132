"""What failed in a scenario, by cause, and what else gave no plain result: as values, for its page and the run's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from harness.report import where
from harness.report.view import View

Row = dict[str, Any]
NO_RECORD, DIVERGED, SKIPPED, RETRIED, LEFT_OUT = "no record", "diverged", "skipped", "retried", "left out"
# In the order of the page.
WORDS = (NO_RECORD, DIVERGED, SKIPPED, RETRIED, LEFT_OUT)


@dataclass(frozen=True)
class Group:
    """
    Failures with one status and one reason.

    Args:
        status: `failed`, `crashed`, `timed_out` or `out_of_memory`.
        reason: What the process left behind.
        expected: Whether an expectation names that status.
        rows: The processes.
    """

    status: str
    reason: str
    expected: bool
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Aside:
    """
    What is neither a failure nor a plain result.

    Args:
        word: One of WORDS.
        count: Processes; None for what was never planned.
        where: What they share.
        reason: Why.
    """

    word: str
    count: int | None
    where: str
    reason: str


def groups(view: View) -> list[Group]:
    """Failures by cause: those that nobody expects first, the most frequent first."""
    unexpected = {_key(row) for row in view.assessment.failures if row["scenario"] == view.name}
    found: dict[tuple[str, str, bool], list[Row]] = {}
    for row in view.bad:
        found.setdefault((str(row["status"]), str(row["reason"]), _key(row) not in unexpected), []).append(row)
    made = [Group(*cause, tuple(rows)) for cause, rows in found.items()]
    return sorted(made, key=lambda group: (group.expected, -len(group.rows)))


def unexpected(view: View) -> int:
    """How many processes failed that no expectation names."""
    return sum(len(group.rows) for group in groups(view) if not group.expected)


def _key(row: Row) -> tuple[str, int]:
    return str(row["cell"]), int(row["replicate"])


def asides(view: View) -> list[Aside]:
    """Everything else, in the order of WORDS."""
    return [*_missing(view), *_diverged(view), *_skipped(view), *_retried(view), *_left_out(view)]


def _missing(view: View) -> Iterator[Aside]:
    missing = view.assessment.run.counts(view.name)["missing"]
    if missing:
        yield Aside(NO_RECORD, missing, "", "the run was interrupted, is out of its budget, or is still going on")


def _diverged(view: View) -> Iterator[Aside]:
    rows = [row for row in view.rows if row["status"] == "ok" and row["outcome"] == "diverged"]
    if rows:
        yield Aside(DIVERGED, len(rows), where.pattern(view, rows), "all steps were done, so this alone fails no gate")


def _skipped(view: View) -> Iterator[Aside]:
    reasons: dict[str, list[Row]] = {}
    for row in view.rows:
        if row["status"] == "skipped":
            reasons.setdefault(str(row["reason"]), []).append(row)
    for reason, rows in reasons.items():
        yield Aside(SKIPPED, len(rows), where.pattern(view, rows), reason)


def _retried(view: View) -> Iterator[Aside]:
    rows = [row for row in view.assessment.run.file.retried if row["scenario"] == view.name]
    if rows:
        statuses = ", ".join(dict.fromkeys(str(row["status"]).replace("_", " ") for row in rows))
        yield Aside(RETRIED, len(rows), statuses, "the record gave way to one of a later attempt; kept in the run file")


def _left_out(view: View) -> Iterator[Aside]:
    for item in view.scenario.document.grid.exclude:
        yield Aside(LEFT_OUT, None, where.axes_in_words(item.axes()), item.why)
