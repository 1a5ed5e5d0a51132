"""
The page over all runs of a folder, from the `summary.json` of each; no run file is opened.

It is made again at the end of every `harness run` and `harness report`. Two that end at once take turns, and the page
is replaced whole, so that a reader never meets half of it.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.report import index_rows, numbers, palette
from harness.report.index_entry import Entry, entries
from harness.report.matrix import Matrix
from harness.report.page import Head, environment_of_templates
from harness.report.parts import Finding, Section

NAME = "index.html"
MOST = 200
# By this a page is known as ours; another of that name is left alone.
_OURS = '<meta name="generator" content="harness: all runs of a folder">'
_HEAD_BYTES = 1_000
_MOST_NAMED = 5


@dataclass(frozen=True)
class Data:
    """What the template shows."""

    finding: Finding
    runs: Matrix | None
    notes: tuple[str, ...]


def write_index(folder: Path) -> Path | None:
    """
    Write the page over the runs of a folder.

    Returns:
        The page; None where another page of that name, which is not ours, is in the way.

    Raises:
        OSError: If it cannot be written.
    """
    page = folder / NAME
    with _turn(folder):
        if page.is_symlink() or (page.exists() and not _is_ours(page)):
            return None
        text = index_page(folder.resolve().name, entries(folder))
        draft = folder / f".{NAME}.{secrets.token_hex(4)}"
        try:
            draft.write_bytes(text.encode("utf-8", "backslashreplace"))
            draft.replace(page)
        finally:
            draft.unlink(missing_ok=True)
    return page


@contextlib.contextmanager
def _turn(folder: Path) -> Iterator[None]:
    """One at a time: who comes second reads what the first has left. Without such locks, at once."""
    try:
        import fcntl

        descriptor = os.open(folder, os.O_RDONLY)
    except (ImportError, OSError):
        yield
        return
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _is_ours(page: Path) -> bool:
    try:
        with page.open("rb") as file:
            return _OURS.encode() in file.read(_HEAD_BYTES)
    except OSError:
        return False


def index_page(name: str, found: Sequence[Entry]) -> str:
    """The page over these runs, in this order."""
    runs = [entry for entry in found if entry.kind != "foreign"]
    head = Head(f"{numbers.plural(len(runs), 'run')}: {name}", "Gradient descent harness", f"All runs in {name}", ())
    jinja = environment_of_templates()
    assert jinja.loader is not None
    style, script = (jinja.loader.get_source(jinja, file)[0] for file in ("style.css", "script.js"))
    content = {
        "head": head,
        "sections": [_section(runs, [entry for entry in found if entry.kind == "foreign"])],
        "colours": palette.css(),
        "style": style,
        "script": script,
    }
    text = jinja.get_template("page.html.jinja").render(content) + "\n"
    return text.replace('<meta charset="utf-8">', f'<meta charset="utf-8">\n{_OURS}', 1)


def _section(runs: Sequence[Entry], foreign: Sequence[Entry]) -> Section:
    finding = Finding(_says(runs), _newest(runs))
    data = Data(finding, index_rows.runs(runs[:MOST], len(runs)) if runs else None, tuple(_notes(foreign)))
    return Section("runs", "Runs", "Which runs passed?", data)


def _says(runs: Sequence[Entry]) -> str:
    if not runs:
        return "There is no run here yet: harness run makes one."
    told = [entry for entry in runs if entry.kind == "told"]
    passed = sum(entry.passed for entry in told)
    untold = f"; {numbers.count(len(runs) - len(told))} left no verdict" if len(told) < len(runs) else ""
    return f"{numbers.share(passed, len(told))} runs with a verdict passed{untold}."


def _newest(runs: Sequence[Entry]) -> str:
    """What became of the newest that has a verdict; said of several only."""
    told = [entry for entry in runs if entry.kind == "told"]
    if len(told) < 2:
        return ""
    return f"The newest of them, {told[0].folder}, {'passed' if told[0].passed else 'did not pass'}."


def _notes(foreign: Sequence[Entry]) -> Iterator[str]:
    if foreign:
        named = ", ".join(entry.folder for entry in foreign[:_MOST_NAMED])
        more = f" and {len(foreign) - _MOST_NAMED} more" if len(foreign) > _MOST_NAMED else ""
        yield f"{numbers.plural(len(foreign), 'folder')} without a run left alone: {named}{more}."
