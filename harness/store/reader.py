"""Reads a run file, a running one too."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from harness.errors import MachineError, RunError
from harness.record import Arrays, unpack_arrays
from harness.scenario.cell import CellSpec
from harness.scenario.read import Scenario, parse
from harness.store.schema import FILE_NAME, SCHEMA

Key = tuple[str, str, int]
_MAGIC = b"SQLite format 3\0"
# Several expectations read the same traces one after the other.
_KEPT_TRACES = 2048


@dataclass(frozen=True)
class RunFile:
    """
    One run file.

    Args:
        path: The SQLite file.
    """

    path: Path

    @property
    def folder(self) -> Path:
        """The run's folder; pages are written here."""
        return self.path.parent

    @property
    def name(self) -> str:
        """The run's name."""
        return str(self.meta.get("name", self.folder.name))

    def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        """
        Rows of a query as dictionaries.

        Raises:
            MachineError: If the file is damaged.
        """
        try:
            with closing(_open(self.path)) as db:
                db.row_factory = sqlite3.Row
                return [dict(row) for row in db.execute(sql, values)]
        except sqlite3.DatabaseError as error:
            raise MachineError(f"{self.path}: cannot be read: {error}.") from error

    @cached_property
    def meta(self) -> dict[str, Any]:
        """Facts about the run as a whole."""
        return {row["key"]: json.loads(row["value"]) for row in self.rows("SELECT * FROM meta")}

    @cached_property
    def scenarios(self) -> list[Scenario]:
        """The run's scenarios, from the texts it holds and not from today's files."""
        files: dict[str, dict[str, bytes]] = {}
        for row in self.rows("SELECT * FROM file"):
            files.setdefault(row["scenario"], {})[row["name"]] = row["content"]
        return [
            parse(row["text"], Path(row["path"]), json.loads(row["settings"]), files.get(row["name"], {}))
            for row in self.rows("SELECT * FROM scenario ORDER BY rowid")
        ]

    @cached_property
    def specs(self) -> dict[tuple[str, str], CellSpec]:
        """What decides the numbers of each planned cell, by (scenario, cell)."""
        return {
            (row["scenario"], row["cell"]): CellSpec.model_validate_json(row["spec"])
            for row in self.rows("SELECT scenario, cell, spec FROM cell ORDER BY position")
        }

    def trace(self, scenario: str, cell: str, replicate: int) -> Arrays:
        """The trace of one cell; empty where it left none. The last few thousand read are kept."""
        return self._kept_trace((scenario, cell, replicate))

    @cached_property
    def _kept_trace(self) -> Callable[[Key], Arrays]:
        return lru_cache(maxsize=_KEPT_TRACES)(lambda key: self._read_trace(*key))

    def _read_trace(self, scenario: str, cell: str, replicate: int) -> Arrays:
        sql = "SELECT data FROM trace WHERE scenario = ? AND cell = ? AND replicate = ?"
        rows = self.rows(sql, scenario, cell, replicate)
        try:
            return unpack_arrays(rows[0]["data"]) if rows else {}
        except (ValueError, zlib.error) as error:
            raise MachineError(f"{self.path}: the trace of {cell} cannot be read: {error}.") from error

    def traces(self) -> Iterator[tuple[Key, Arrays]]:
        """All traces, one at a time."""
        for row in self.rows("SELECT scenario, cell, replicate FROM trace ORDER BY rowid"):
            key = (row["scenario"], row["cell"], row["replicate"])
            yield key, self._read_trace(*key)


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)


def find(argument: str, folder: Path = Path("reports")) -> RunFile:
    """
    The run that the user names: a run folder, a run file, or `latest`.

    Raises:
        RunError: If it is none, or one of another schema.
        MachineError: If the file is damaged.
    """
    path = _latest(folder) if argument == "latest" else _named(argument, folder)
    if not _is_database(path):
        raise RunError(f"{path}: is not a run file.")
    try:
        with closing(_open(path)) as db:
            version = db.execute("PRAGMA user_version").fetchone()[0]
            tables = {row[0] for row in db.execute("SELECT name FROM sqlite_master")}
    except sqlite3.DatabaseError as error:
        raise MachineError(f"{path}: is no readable run file: {error}.") from error
    if version > SCHEMA:
        raise RunError(
            f"{path}: was written by a newer harness (schema {version}, this one reads {SCHEMA}). Update it."
        )
    if version < SCHEMA or "record" not in tables:
        raise RunError(f"{path}: is not a run file that this harness reads (schema {version}, it reads {SCHEMA}).")
    return RunFile(path)


def _is_database(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_MAGIC)) in (_MAGIC, b"")
    except OSError as error:
        raise MachineError(f"{path}: cannot be read: {error.strerror}.") from error


def _latest(folder: Path) -> Path:
    runs = sorted(folder.glob(f"*/{FILE_NAME}"), key=lambda path: path.stat().st_ctime_ns)
    runs = [path for path in runs if path.parent.name != "example"] or runs
    if not runs:
        raise RunError(f"{folder}/ holds no run. Make one with: harness run")
    return runs[-1]


def _named(argument: str, folder: Path) -> Path:
    for path in (Path(argument), folder / argument):
        if path.is_file():
            return path
        if (path / FILE_NAME).is_file():
            return path / FILE_NAME
    raise RunError(f"{argument}: is no run; a run is a folder with a {FILE_NAME}, such a file, or the word latest.")
