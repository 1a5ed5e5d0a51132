"""What failed in a run, and what else gave no plain result: by reason, over all its scenarios."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.report import failed, marks, numbers, where
from harness.report.failed import LEFT_OUT, WORDS, Aside, Group
from harness.report.parts import Content, Markup, Table, table_of
from harness.report.sections.failures import place, sign
from harness.report.view import View

MOST_CAUSES = 20
Link = Callable[[str], str]


@dataclass(frozen=True)
class Cause:
    """
    Failures with one status and one reason, wherever.

    Args:
        status: Sign and word.
        reason: What the processes left behind.
        count: How many.
        expected: Whether an expectation names that status.
        scenarios: In which, with links and counts.
        first: The first of them in words.
        command: It runs that one again.
    """

    status: Content
    reason: str
    count: int
    expected: bool
    scenarios: Content
    first: str
    command: str


@dataclass(frozen=True)
class Causes:
    """What the template shows."""

    causes: tuple[Cause, ...]
    more: int
    asides: Table | None
    left_out: Table | None


def causes(views: Sequence[View], link: Link) -> Causes:
    """Failures first, those that nobody expects before the others; then what diverged or was not run."""
    by_cause: dict[tuple[bool, str, str], list[tuple[View, Group]]] = {}
    by_reason: dict[tuple[str, str, str], list[tuple[View, Aside]]] = {}
    for view in views:
        for group in failed.groups(view):
            by_cause.setdefault((group.expected, group.status, group.reason), []).append((view, group))
        for aside in failed.asides(view):
            apart = aside.where if aside.word == LEFT_OUT else ""
            by_reason.setdefault((aside.word, aside.reason, apart), []).append((view, aside))
    order = sorted(by_cause, key=lambda cause: (cause[0], -sum(len(group.rows) for _, group in by_cause[cause])))
    asides = sorted(by_reason, key=lambda reason: WORDS.index(reason[0]))
    return Causes(
        tuple(_cause(by_cause[cause], link) for cause in order[:MOST_CAUSES]),
        max(0, len(order) - MOST_CAUSES),
        _asides([by_reason[reason] for reason in asides if reason[0] != LEFT_OUT], link),
        _left_out([by_reason[reason] for reason in asides if reason[0] == LEFT_OUT], link),
    )


def _cause(found: Sequence[tuple[View, Group]], link: Link) -> Cause:
    view, group = found[0]
    row = group.rows[0]
    return Cause(
        marks.status(group.status),
        group.reason,
        sum(len(item.rows) for _, item in found),
        group.expected,
        _scenarios([(each, len(item.rows)) for each, item in found], link),
        f"{view.name}: {place(view, row)}",
        where.reproduce(view, str(row["cell"])),
    )


def _scenarios(found: Sequence[tuple[View, int | None]], link: Link) -> Markup:
    """`line (105), parabola (36)`, each linked to its own account; the numbers only where there are several."""
    counts: dict[str, int | None] = {}
    for view, count in found:
        counts[view.name] = None if count is None else count + (counts.get(view.name) or 0)
    shown = [
        Markup('<a href="{}#failures">{}</a>{}').format(
            link(name), name, f" ({numbers.count(count)})" if count is not None and len(counts) > 1 else ""
        )
        for name, count in counts.items()
    ]
    return Markup(", ").join(shown)


def _asides(found: Sequence[Sequence[tuple[View, Aside]]], link: Link) -> Table | None:
    """A line a reason."""
    rows = [
        (
            sign(items[0][1].word),
            numbers.count(sum(aside.count or 0 for _, aside in items)),
            items[0][1].reason,
            _scenarios([(view, aside.count) for view, aside in items], link),
        )
        for items in found
    ]
    head = ("What", "Processes#", "Why", "Scenarios")
    return table_of("What was not run, or diverged, and why", head, rows, most=MOST_CAUSES) if rows else None


def _left_out(found: Sequence[Sequence[tuple[View, Aside]]], link: Link) -> Table | None:
    rows = [
        (items[0][1].where, items[0][1].reason, _scenarios([(view, None) for view, _ in items], link))
        for items in found
    ]
    head = ("Not in the grid", "Why", "Scenarios")
    return table_of("What the scenarios leave out of their grids", head, rows, most=100) if rows else None
