"""What differs between what two runs were made with, and which cells rest on it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from harness.analysis.attribution import NOT_THERE, Difference
from harness.analysis.comparison import Change
from harness.analysis.comparison_ended import Key
from harness.analysis.comparison_speed import outfit_of
from harness.analysis.scopes import Subject, is_aside, rests
from harness.frames import Run

# Said first; they decide no bit, or other facts say better what does.
_SAID = ("commit", "harness")
# A machine that has none says nothing of it.
_MAY_BE_MISSING = ("variable ", "gpu")


def facts(run: Run) -> dict[str, str]:
    """Facts about a run's machines, by key; where they differ, each of theirs."""
    found: dict[str, list[str]] = {}
    for key, value in zip(run.environment["key"], run.environment["value"], strict=True):
        found.setdefault(str(key), []).append(str(value))
    return {key: ", ".join(dict.fromkeys(values)) for key, values in found.items()}


def said(then: Run, now: Run) -> list[Difference]:
    """Commit, harness and machines by name where they differ: where to look first, and no cause."""
    before, after = ({**facts(run), "host": _hosts(run)} for run in (then, now))
    return [
        Difference("machine", name, before.get(name, NOT_THERE), after.get(name, NOT_THERE), frozenset())
        for name in (*_SAID, "host")
        if before.get(name) != after.get(name)
    ]


def _hosts(run: Run) -> str:
    return ", ".join(dict.fromkeys(map(str, run.environment["host"])))


def differences(then: Run, now: Run, changes: Iterable[Change]) -> list[Difference]:
    """Packages, machine, plug-ins and code that are not as in the baseline, with the cells that rest on them."""
    subjects = [_subject(now, change) for change in changes]
    found = [*_of_fingerprints(then, now), *_of_machines(then, now)]
    order = {"package": 0, "machine": 1, "plug-in": 2, "code": 3}
    return [
        Difference(kind, name, was, value, frozenset(s.key for s in subjects if rests(s, kind, name)))
        for kind, name, was, value in sorted(found, key=lambda item: order.get(item[0], 4))
    ]


def _subject(run: Run, change: Change) -> Subject:
    name = str(change.now.axes["implementation"])
    plugin = name in run.file.plugins
    key: Key = change.now.key
    # Which files are a plug-in's own is not told by the run files: it may rest on any.
    files = frozenset(file for kind, file in _fingerprint(run) if kind == "plug-in") if plugin else frozenset()
    return Subject(
        key,
        "" if plugin else f"harness.implementations.{name}",
        outfit_of(run, name),
        device=str(change.now.axes["device"]),
        threads=int(change.now.axes.get("run.threads", 1)),
        plugin_files=files,
    )


def _fingerprint(run: Run) -> dict[tuple[str, str], str]:
    rows = run.file.rows("SELECT kind, name, value FROM fingerprint")
    return {(row["kind"], row["name"]): row["value"] for row in rows}


def _of_fingerprints(then: Run, now: Run) -> Iterator[tuple[str, str, str, str]]:
    before, after = _fingerprint(then), _fingerprint(now)
    for kind, name in sorted({*before, *after}) if before and after else ():
        was, value = before.get((kind, name), NOT_THERE), after.get((kind, name), NOT_THERE)
        if was != value:
            yield kind, name, was, value


def _of_machines(then: Run, now: Run) -> Iterator[tuple[str, str, str, str]]:
    before, after = facts(then), facts(now)
    packages = {name for kind, name in {*_fingerprint(then), *_fingerprint(now)} if kind == "package"}
    for name in sorted({*before, *after}):
        known = name in before and name in after
        if is_aside(name) or name in packages or not (known or name.startswith(_MAY_BE_MISSING)):
            continue
        was, value = before.get(name, NOT_THERE), after.get(name, NOT_THERE)
        if was != value:
            yield "machine", name, was, value
