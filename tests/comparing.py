"""Whether two runs hold the same, and whether a run file was left alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from harness.record import Record
from harness.store.find import find

# What a clock or a memory gauge says; all else of a record must not differ from process to process.
MEASURED = {
    "step_seconds", "cpu_step_seconds", "setup_seconds", "first_step_seconds", "peak_bytes", "device_peak_bytes",
    "phases", "timings",
}  # fmt: skip
Key = tuple[str, str, int]


def plain(record: Record) -> dict[str, Any]:
    """The record without what was measured."""
    return {name: value for name, value in vars(record).items() if name not in MEASURED}


def contents(run: Path) -> dict[Key, dict[str, Any]]:
    """
    All that a run file says of each cell and replicate, its trace too, to the last bit.

    Left out is what may differ between two runs: measurements, the order of start, the template, how many
    ran at once.
    """
    return {key: _content(row) for key, row in rows(run).items()}


def _content(row: dict[str, Any]) -> dict[str, Any]:
    content = json.loads(row["content"])
    columns = {name: row[name] for name in ("status", "outcome", "host", "data")}
    # repr: nan equals itself, and -0.0 is not 0.0.
    said = {name: repr(value) for name, value in content.items() if name not in MEASURED}
    # Whether there is a warm-up is decided by a clock: only short trainings need one.
    kinds = [timing["kind"] for timing in content["timings"] if timing["kind"] != "warm_up"]
    shape = {"timings": kinds, "phases": sorted(content["phases"])}
    return {**columns, **said, **shape}


def rows(run: Path) -> dict[Key, dict[str, Any]]:
    """Each record's row as it is stored, with the bytes of its trace."""
    sql = "SELECT record.*, trace.data FROM record LEFT JOIN trace USING (scenario, cell, replicate)"
    file = find(str(run))
    return {(row["scenario"], row["cell"], row["replicate"]): row for row in _raw(file.path, sql)}


def _raw(path: Path, sql: str) -> list[dict[str, Any]]:
    """Not through the reader under test, but through SQLite alone."""
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
        db.row_factory = sqlite3.Row
        return [dict(row) for row in db.execute(sql)]


def canaries(run: Path) -> set[tuple[int, str, str]]:
    """Round, implementation and digest of each canary; a round that was cut in two has it once."""
    found = _raw(find(str(run)).path, "SELECT round, implementation, content FROM canary")
    return {(row["round"], row["implementation"], json.loads(row["content"])["digest"]) for row in found}


def assert_same(found: Path, wanted: Path) -> None:
    """The two runs hold the same cells with the same content, and the same canaries."""
    assert contents(found) == contents(wanted)
    assert canaries(found) == canaries(wanted)


def assert_holds(found: Path, part: Path) -> None:
    """Whatever stands in the second run stands in the first, the same to the last bit."""
    every, wanted = contents(found), contents(part)
    assert wanted
    assert {key: every.get(key) for key in wanted} == wanted
    assert canaries(found) == canaries(part)


def assert_untouched(run: Path, before: dict[Key, dict[str, Any]]) -> None:
    """Every row that was there is there still, its order, start and measurements too."""
    after = rows(run)
    assert {key: after.get(key) for key in before} == before
