"""The folders beside each other, each as a row of the page over all runs: told by its summary, or not."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from harness.analysis.gates import FAILED, NOT_CHECKED, PASSED, Gate

_SUMMARY, _RUN, _PAGE = "summary.json", "run.sqlite", "index.html"
# A summary of 20,000 cells is a megabyte.
_MOST_BYTES = 32 * 2**20
_LONGEST = 300
_OF_GATE = ("name", "title", "found", "limit", "status", "note")
_T = TypeVar("_T")


@dataclass(frozen=True)
class Entry:
    """
    One folder.

    Args:
        folder: Its name.
        kind: `told` (it has a summary), `untold` (a run without one that can be read), `foreign` (no run at all).
        sentence: Why it passed or not; of an untold one, why nothing is known.
        time: To sort by, seconds since 1970.
        has_page: Whether there is a page to link to.
        passed: The verdict; as all that follows, of a told one only.
        name: What the run calls itself.
        scenarios: How many.
        processes: Planned ones.
        started: Seconds since 1970.
        seconds: How long it took.
        commit: The code's.
        harness: Its version.
        quick: Whether it was cut.
        gates: What its verdict rests on.
    """

    folder: str
    kind: str
    sentence: str = ""
    time: float = 0.0
    has_page: bool = False
    passed: bool = False
    name: str = ""
    scenarios: int = 0
    processes: int = 0
    started: float | None = None
    seconds: float | None = None
    commit: str = ""
    harness: str = ""
    quick: bool = False
    gates: tuple[Gate, ...] = ()


def entries(folder: Path) -> list[Entry]:
    """Every folder in this one, hidden ones aside: the newest first, then those that are no run, by name."""
    found = list(_entries(folder))
    runs = sorted((entry for entry in found if entry.kind != "foreign"), key=lambda entry: (-entry.time, entry.folder))
    return runs + sorted((entry for entry in found if entry.kind == "foreign"), key=lambda entry: entry.folder)


def _entries(folder: Path) -> Iterator[Entry]:
    for path in folder.iterdir():
        if not path.name.startswith("."):
            try:
                if path.is_dir():
                    yield _entry(path)
            except OSError as error:
                yield Entry(path.name, "foreign", f"cannot be read: {error.strerror}")


def _entry(path: Path) -> Entry:
    summary, run = path / _SUMMARY, path / _RUN
    if not summary.is_file() and not run.is_file():
        return Entry(path.name, "foreign")
    time, has_page = _time(summary if summary.is_file() else run), (path / _PAGE).is_file()
    if not summary.is_file():
        reason = "No summary: it is still going on, was interrupted, or was made with --no-report."
        return Entry(path.name, "untold", reason, time, has_page)
    try:
        return _told(path.name, _read(summary), time, has_page=has_page)
    # Deep nesting; text that is no UTF-8, or no JSON; another object than ours.
    except (OSError, ValueError, RecursionError, TypeError, KeyError, AttributeError) as error:
        return Entry(path.name, "untold", f"Its {_SUMMARY} cannot be read: {type(error).__name__}.", time, has_page)


def _time(path: Path) -> float:
    return path.stat().st_mtime


def _read(path: Path) -> dict[str, Any]:
    if path.stat().st_size > _MOST_BYTES:
        raise ValueError("too large")
    found = json.loads(path.read_bytes().decode("utf-8"))
    if not isinstance(found, dict):
        raise TypeError("no object")
    return found


def _told(folder: str, content: dict[str, Any], time: float, *, has_page: bool) -> Entry:
    """
    A row from a summary.

    Raises:
        TypeError: If what makes a verdict is missing or of another type.
    """
    started = _number(content.get("started"))
    versions = _of(content.get("versions", {}), dict)
    return Entry(
        folder=folder,
        kind="told",
        sentence=_cut(_of(content["sentence"], str)),
        time=time if started is None else started,
        has_page=has_page,
        passed=_of(content["passed"], bool),
        name=_cut(_of(content["run"], str)),
        scenarios=len(_of(content["scenarios"], dict)),
        processes=_of(_of(content["counts"], dict)["planned"], int),
        started=started,
        seconds=_number(content.get("seconds")),
        commit=_cut(_of(content.get("commit", ""), str)),
        harness=_cut(_of(versions.get("harness", ""), str)),
        quick=bool(content.get("quick")),
        gates=tuple(_gates(content.get("gates"))),
    )


def _gates(found: Any) -> Iterator[Gate]:
    """Those that are whole; an older summary, or a damaged one, may have none."""
    for item in found if isinstance(found, list) else []:
        with contextlib.suppress(TypeError, KeyError):
            name, title, shown, limit, status, note = (_cut(_of(item[key], str)) for key in _OF_GATE)
            if status in (PASSED, FAILED, NOT_CHECKED):
                yield Gate(name, title, shown, limit, status, note)


def _of(value: Any, kind: type[_T]) -> _T:
    if not isinstance(value, kind):
        raise TypeError(f"no {kind.__name__}")
    return value


def _number(value: Any) -> float | None:
    """A finite number; None for all else."""
    known = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e18
    return float(value) if known and math.isfinite(value) else None


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
