"""The runs of a folder beside their gates."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from harness.report import marks, matrix, numbers
from harness.report.index_entry import Entry
from harness.report.matrix import Matrix, Row, Why
from harness.report.parts import Content, Markup


def runs(shown: Sequence[Entry], of: int) -> Matrix:
    """
    A row a run; the reason below where it did not pass, or is not known to.

    Args:
        shown: The runs, in this order.
        of: How many there are.
    """
    columns = matrix.columns([entry.gates for entry in shown])
    note = f"{numbers.share(len(shown), of)} runs, the newest." if of > len(shown) else ""
    head = ("Run", "Verdict", *columns.values(), "Took", "Code")
    return Matrix("Runs, the newest first", head, tuple(_row(entry, columns) for entry in shown), note)


def _row(entry: Entry, columns: Mapping[str, str]) -> Row:
    if entry.kind != "told":
        word = marks.status("skipped", "no verdict")
        return Row((_name(entry), word, *[numbers.MISSING] * (len(columns) + 2)), (Why(entry.sentence),))
    word = marks.status("passed" if entry.passed else "failed", "Passed" if entry.passed else "Not passed")
    cells = (_name(entry), word, *matrix.found(entry.gates, columns), _took(entry.seconds), _code(entry))
    return Row(cells, () if entry.passed else (Why(entry.sentence),))


def _name(entry: Entry) -> Content:
    """A link where there is a page; when, of how much, and a run renamed by hand keeps its own name below."""
    shown = Markup("<bdi>{}</bdi>").format(entry.folder)
    if entry.has_page:
        shown = Markup('<a href="./{}/index.html">{}</a>').format(quote(os.fsencode(entry.folder)), shown)
    renamed = f"made as {entry.name}" if entry.name not in ("", entry.folder) else ""
    amount = numbers.plural(entry.scenarios, "scenario") if entry.kind == "told" else ""
    notes = filter(None, (_when(entry.started), amount, "quick" if entry.quick else "", renamed))
    lines = Markup('<span class="matrix-run">{}</span>').format(shown)
    said = ", ".join(notes)
    return lines + (Markup('<br><span class="note">{}</span>').format(said) if said else "")


def _code(entry: Entry) -> Content:
    """The commit, and the version below it."""
    version = f"harness {entry.harness}" if entry.harness else ""
    if not entry.commit:
        return version or numbers.MISSING
    return Markup('{}<br><span class="note">{}</span>').format(entry.commit, version) if version else entry.commit


def _when(started: float | None) -> str:
    try:
        return "" if started is None else time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(started))
    except (OverflowError, ValueError, OSError):
        return ""


def _took(seconds: float | None) -> str:
    if seconds is None or not 0 <= seconds < 1e9:
        return numbers.MISSING
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes:,} min {rest} s" if minutes else f"{rest} s"
