"""Reads a run file, a running one too."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from pathlib import Path
from typing import Any

from harness import catalogue
from harness.catalogue import Entry, Plugin
from harness.errors import MachineError
from harness.packed import EMPTY, Packed, packed
from harness.scenario.cell import CellSpec
from harness.scenario.grid import STANDARD_AXES
from harness.scenario.inputs import NOTHING, Inputs
from harness.scenario.read import Scenario, parse
from harness.store.blobs import Blobs, Kept
from harness.store.damage import DAMAGE, TYPES, UNREADABLE, in_a_line, whole_reference, whole_trace
from harness.store.inputs import StoredInputs
from harness.store.json import read_json
from harness.store.specs import SpecReader

Key = tuple[str, str, int]
# Several checks read the same arrays one after the other; those of 20,000 short cells are fewer.
_KEPT_BYTES = 128 * 2**20
# Columns whose texts stand in many rows, or in the rows of several tables.
_RECURRING = frozenset(("scenario", "cell", "reference", "status", "outcome", "host", "template", "phase"))


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
            with closing(opened(self.path)) as db:
                cursor = db.execute(sql, values)
                names = [name for name, *_ in cursor.description]
                found = cursor.fetchall()
        except UNREADABLE as error:
            raise MachineError(f"{self.path}: cannot be read: {in_a_line(error)}.") from error
        for place, name in enumerate(names):
            # The types of a column are few, the values many.
            if name in TYPES and not {*map(type, map(itemgetter(place), found))} <= TYPES[name]:
                value = next(row[place] for row in found if type(row[place]) not in TYPES[name])
                raise MachineError(f"{self.path}: is damaged: the column {name} holds {str(value)[:40]!r}.")
        rows = [dict(zip(names, row, strict=True)) for row in found]
        for name in _RECURRING.intersection(names):
            for row in rows:
                row[name] = self._words.setdefault(row[name], row[name])
        return rows

    @cached_property
    def _words(self) -> dict[Any, Any]:
        """Texts that recur, each held once: SQLite makes a new one for every row."""
        return {}

    @contextmanager
    def reading(self, what: str) -> Iterator[None]:
        """
        Tell what comes of damaged bytes as the file's fault.

        Raises:
            MachineError: Instead of what decoding raised.
        """
        try:
            yield
        except DAMAGE as error:
            reason = f"{type(error).__name__}: {in_a_line(error)}"
            raise MachineError(f"{self.path}: is damaged: {what} cannot be read: {reason}.") from error

    @cached_property
    def meta(self) -> dict[str, Any]:
        """Facts about the run as a whole."""
        rows = self.rows("SELECT * FROM meta")
        with self.reading("what it says of the run"):
            return {row["key"]: json.loads(row["value"]) for row in rows}

    @cached_property
    def _stored(self) -> StoredInputs:
        return StoredInputs(self.rows("SELECT * FROM file"))

    def inputs(self, scenario: str, spec: CellSpec) -> Inputs:
        """What a cell of a scenario is handed beside its spec, from the files that the run holds."""
        if spec.data_file is None and not spec.order_digest and spec.data.rng != "torch":
            return NOTHING
        with self.reading(f"the data of {scenario}"):
            return self._stored.of(scenario, spec)

    @cached_property
    def scenarios(self) -> list[Scenario]:
        """The run's scenarios, from the texts it holds and not from today's files."""
        files = self._stored.files
        with self.reading("its scenarios"), catalogue.also(self.plugins):
            return [
                parse(row["text"], Path(row["path"]), json.loads(row["settings"]), files.get(row["name"], {}))
                for row in self.rows("SELECT * FROM scenario ORDER BY rowid")
            ]

    @cached_property
    def plugins(self) -> dict[str, Entry]:
        """The implementations that came from plug-ins, by name; their code need not be here."""
        with self.reading("its plug-ins"):
            return {
                row["name"]: Entry(
                    tuple(json.loads(row["devices"])), row["outfit"], plugin=Plugin(row["source"], row["digest"])
                )
                for row in self.rows("SELECT * FROM plugin")
            }

    @property
    def plugin_files(self) -> dict[str, bytes]:
        """The files of the plug-ins that the run was made with, by the paths that they had."""
        return self._stored.of_plugins

    @cached_property
    def attempts(self) -> list[dict[str, Any]]:
        """Each start of this run: number, host, arguments, started, finished (by its last record if it was killed)."""
        return self.rows(
            "SELECT number, host, arguments, started, COALESCE(finished, (SELECT MAX(started + seconds) FROM record "
            "WHERE attempt = number), started) AS finished FROM attempt ORDER BY number"
        )

    @cached_property
    def retried(self) -> list[dict[str, Any]]:
        """Records that gave way to one of a later attempt: scenario, cell, replicate, status, attempt."""
        return self.rows("SELECT scenario, cell, replicate, status, attempt FROM retried")

    @cached_property
    def specs(self) -> dict[tuple[str, str], CellSpec]:
        """What decides the numbers of each planned cell, by (scenario, cell)."""
        read = SpecReader()
        return {
            (row["scenario"], row["cell"]): self._spec(row, read)
            for row in self.rows("SELECT scenario, cell, spec FROM cell ORDER BY position")
        }

    def spec(self, scenario: str, cell: str) -> CellSpec:
        """The same of one cell; all are read once, for reading each by itself takes longer."""
        return self.specs[scenario, cell]

    def _spec(self, row: dict[str, Any], read: SpecReader) -> CellSpec:
        with self.reading(f"the spec of {row['cell']}"):
            return read(row["spec"])

    @cached_property
    def axes(self) -> dict[tuple[str, str], dict[str, Any]]:
        """The axes of each planned cell, in file order, by (scenario, cell)."""
        names: dict[str, list[str]] = {}
        found: dict[tuple[str, str], dict[str, Any]] = {}
        for row in self.rows("SELECT scenario, cell, axes FROM cell ORDER BY position"):
            with self.reading(f"the axes of {row['cell']}"):
                axes = found[row["scenario"], row["cell"]] = read_json(row["axes"])
                # All cells of a scenario have the same.
                if list(axes) != names.setdefault(row["scenario"], list(axes)) or not {*STANDARD_AXES} <= {*axes}:
                    raise ValueError(f"found {', '.join(axes)}")
        return found

    def trace(self, scenario: str, cell: str, replicate: int) -> Packed:
        """The trace of one cell; empty where it left none. Those read last are kept."""
        return self._kept_trace((scenario, cell, replicate))

    @cached_property
    def _kept_trace(self) -> Callable[[Key], Packed]:
        kept = Kept(_KEPT_BYTES)
        return lambda key: kept.get(key, lambda: self._read_trace(*key))

    @cached_property
    def _traces(self) -> Blobs:
        return Blobs(self.rows, "trace", "cell")

    def _read_trace(self, scenario: str, cell: str, replicate: int) -> Packed:
        blobs = [row["data"] for row in self._traces.of(scenario, cell) if row["replicate"] == replicate]
        with self.reading(f"the trace of {cell}"):
            if blobs:
                return whole_trace(packed(blobs[0]))
            sql = "SELECT status FROM record WHERE scenario = ? AND cell = ? AND replicate = ? AND status = 'ok'"
            if self.rows(sql, scenario, cell, replicate):
                raise LookupError("it is not there, though all steps were done")
            return EMPTY

    def reference(self, scenario: str, reference: str) -> Packed:
        """The arrays of a reference; empty where it left none. Those read last are kept."""
        return self._kept_reference((scenario, reference))

    @cached_property
    def _kept_reference(self) -> Callable[[tuple[str, str]], Packed]:
        kept = Kept(_KEPT_BYTES)
        return lambda key: kept.get(key, lambda: self._read_reference(*key))

    @cached_property
    def _references(self) -> Blobs:
        return Blobs(self.rows, "reference", "reference")

    def _read_reference(self, scenario: str, reference: str) -> Packed:
        rows = self._references.of(scenario, reference)
        with self.reading(f"the reference {reference}"):
            return whole_reference(packed(rows[0]["data"])) if rows and rows[0]["data"] else EMPTY

    @cached_property
    def reference_of(self) -> dict[tuple[str, str], str]:
        """The id of each planned cell's reference, by (scenario, cell)."""
        rows = self.rows("SELECT scenario, cell, reference FROM cell ORDER BY position")
        return {(row["scenario"], row["cell"]): row["reference"] for row in rows}

    def traces(self) -> Iterator[tuple[Key, Packed]]:
        """All traces, one at a time."""
        for row in self.rows("SELECT scenario, cell, replicate FROM trace ORDER BY rowid"):
            key = (row["scenario"], row["cell"], row["replicate"])
            yield key, self.trace(*key)


def opened(path: Path) -> sqlite3.Connection:
    """The file, for reading only."""
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
