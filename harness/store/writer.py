"""Writes a run file, committed cell by cell."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness import catalogue
from harness.errors import MachineError
from harness.executors.base import Finished
from harness.plan import Plan, Planned
from harness.record import Record
from harness.scenario.inputs import NOTHING, draws_key
from harness.scenario.read import Scenario
from harness.store.inputs import PLUGIN_FILE
from harness.store.schema import FILE_NAME, SCHEMA, TABLES

# How long a commit waits for somebody who holds the file, before the run ends.
_BUSY_SECONDS = 30.0
_REPLACEABLE = "FROM record WHERE scenario = ? AND cell = ? AND replicate = ? AND status <> 'ok'"
_SET_ASIDE, _REMOVE = f"INSERT INTO retried SELECT * {_REPLACEABLE}", f"DELETE {_REPLACEABLE}"


class RunWriter:
    """
    A run file being written, by one process at a time.

    Args:
        folder: The run's folder.
        resume: Go on with the run file that is there; else folder and file are made.

    Raises:
        MachineError: If it cannot be written, or another process is writing it.
    """

    def __init__(self, folder: Path, *, resume: bool = False) -> None:
        self.folder = folder
        self.path = folder / FILE_NAME
        with _machine_errors(self.path):
            if not resume:
                folder.mkdir(parents=True, exist_ok=False)
            self._lock = _locked(folder)
            self._db = sqlite3.connect(self.path, isolation_level=None, timeout=_BUSY_SECONDS)
            # Readers may look while the run writes. NORMAL: a commit survives the
            # death of the process; a power cut may cost the last ones.
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            if not resume:
                self._db.executescript(f"BEGIN; {TABLES} PRAGMA user_version = {SCHEMA}; COMMIT;")
            self._order = self._db.execute('SELECT COALESCE(MAX("order") + 1, 0) FROM record').fetchone()[0]
            self._attempt = self._db.execute("SELECT COALESCE(MAX(number) + 1, 0) FROM attempt").fetchone()[0]

    def plan(self, plan: Plan, scenarios: Sequence[Scenario], settings: dict[str, Any]) -> None:
        """
        Everything that is known before the first process starts.

        Args:
            plan: The cells and their processes.
            scenarios: Where they come from; texts and data files are kept, and the plug-ins' files.
            settings: Of `--set`.
        """
        with self._transaction():
            self.meta({"shuffle_seed": plan.shuffle_seed})
            names = sorted({item.job.spec.implementation for item in plan.cells if item.job.plugin})
            self._db.executemany("INSERT INTO plugin VALUES (?, ?, ?, ?, ?)", map(_plugin, names))
            for scenario in scenarios:
                row = (scenario.name, scenario.path, scenario.text, json.dumps(settings))
                self._db.execute("INSERT INTO scenario VALUES (?, ?, ?, ?)", row)
                files = [(scenario.name, name, content) for name, content in scenario.files.items()]
                self._db.executemany("INSERT INTO file VALUES (?, ?, ?)", files)
            if any(item.job.plugin and item.job.plugin.is_file for item in plan.cells):
                rows = self._db.execute("SELECT name FROM fingerprint WHERE kind = 'plug-in'").fetchall()
                self._db.executemany("INSERT INTO file VALUES ('', ?, ?)", _plugin_files(name for (name,) in rows))
            draws = {key: item.job.inputs.draws for item in plan.cells if (key := draws_key(item.job.spec))}
            self._db.executemany(
                "INSERT INTO file VALUES ('', ?, ?)",
                ((name, json.dumps(values).encode()) for name, values in draws.items()),
            )
            self._db.executemany(
                "INSERT INTO cell VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    (
                        item.scenario,
                        item.cell.id,
                        position,
                        json.dumps(item.cell.axes),
                        json.dumps(item.cell.spec.model_dump(mode="json")),
                        replace(item.job, inputs=NOTHING).to_json(),
                        item.changed,
                        item.reference,
                    )
                    for position, item in enumerate(plan.cells)
                ),
            )
            self._db.executemany(
                "INSERT INTO reference (scenario, reference, position) VALUES (?, ?, ?)",
                ((item.scenario, item.reference, position) for position, item in enumerate(plan.references)),
            )
            self._db.executemany(
                "INSERT INTO plan VALUES (?, ?, ?, ?, ?, ?)",
                (
                    (item.scenario, item.cell, item.replicate, item.phase, item.round, position)
                    for position, item in enumerate(plan.processes)
                ),
            )

    def fingerprint(self, values: Mapping[tuple[str, str], str]) -> None:
        """Code and package versions, by kind and name."""
        with self._transaction():
            rows = [(kind, name, value) for (kind, name), value in values.items()]
            self._db.executemany("INSERT INTO fingerprint VALUES (?, ?, ?)", rows)

    def begin(self, host: str, arguments: Sequence[str]) -> None:
        """An attempt to carry out the plan starts now; a resumed run has several."""
        with self._transaction():
            row = (self._attempt, host, json.dumps(list(arguments)), time.time(), None)
            self._db.execute("INSERT INTO attempt VALUES (?, ?, ?, ?, ?)", row)

    def end(self) -> None:
        """The attempt ends now, whether all was carried out or not."""
        with self._transaction():
            self._db.execute("UPDATE attempt SET finished = ? WHERE number = ?", (time.time(), self._attempt))

    def meta(self, values: dict[str, Any]) -> None:
        """Facts about the run as a whole; a later value replaces an earlier one."""
        with _machine_errors(self.path):
            rows = [(key, json.dumps(value)) for key, value in values.items()]
            self._db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", rows)

    def environment(self, host: str, values: dict[str, str]) -> None:
        """Facts about a machine."""
        with self._transaction():
            rows = [(host, key, value) for key, value in values.items()]
            self._db.executemany("INSERT OR REPLACE INTO environment VALUES (?, ?, ?)", rows)

    def record(self, planned: Planned, finished: Finished, host: str, jobs: int) -> None:
        """
        One cell's record and trace, in one transaction.

        A record that is not ok gives way to the one of a retry, and is kept aside; one that is ok never does.
        """
        key = (planned.scenario, planned.cell, planned.replicate)
        record = finished.record
        with self._transaction():
            if self._db.execute(_SET_ASIDE, key).rowcount:
                self._db.execute(_REMOVE, key)
            self._db.execute(
                "INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *key,
                    record.status,
                    record.outcome,
                    host,
                    self._order,
                    finished.started,
                    finished.seconds,
                    finished.template,
                    jobs,
                    _content(record),
                    self._attempt,
                ),
            )
            if finished.trace:
                self._db.execute("INSERT INTO trace VALUES (?, ?, ?, ?)", (*key, finished.trace))
        self._order += 1

    def reference(self, scenario: str, reference: str, finished: Finished) -> None:
        """What came of a reference."""
        record = finished.record
        values = (record.status, record.outcome, finished.started, finished.seconds, _content(record), finished.trace)
        with self._transaction():
            self._db.execute(
                "UPDATE reference SET status = ?, outcome = ?, started = ?, seconds = ?, content = ?, data = ? "
                "WHERE scenario = ? AND reference = ?",
                (*values, scenario, reference),
            )

    def canary(self, number: int, implementation: str, finished: Finished) -> None:
        """The canary cell of one round."""
        row = (self._attempt, number, implementation, finished.started, finished.template, _content(finished.record))
        with self._transaction():
            self._db.execute("INSERT INTO canary VALUES (?, ?, ?, ?, ?, ?)", row)

    def close(self) -> None:
        """Fold the log into the file, so that the run is one file, readable from a read-only folder too."""
        with _machine_errors(self.path):
            # Somebody who reads at this moment keeps the log in use; the next writer
            # or reader folds it then.
            with contextlib.suppress(sqlite3.OperationalError):
                self._db.execute("PRAGMA journal_mode = DELETE")
            self._db.close()
        os.close(self._lock)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with _machine_errors(self.path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # a full disk has rolled it back already
                    self._db.execute("ROLLBACK")
                raise


def _plugin(name: str) -> tuple[str, str, str, str, str]:
    entry = catalogue.entry(name)
    assert entry.plugin is not None, "asked for plug-ins only"
    return (name, entry.plugin.source, entry.plugin.digest, json.dumps(entry.devices), entry.outfit)


def _plugin_files(paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """The files' bytes, so that cells come out again where the files are not."""
    for path in paths:
        with contextlib.suppress(OSError):
            yield PLUGIN_FILE + path, Path(path).read_bytes()


def _locked(folder: Path) -> int:
    """
    The folder, opened and locked; the kernel unlocks it however this process ends.

    A lock inside SQLite would keep readers out too.
    """
    fd = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(fd)
        raise MachineError(f"{folder}: another harness is writing this run; wait for its end.") from error
    except OSError:
        pass  # a file system without locks (some NFS): SQLite still keeps the file whole
    return fd


def _content(record: Record) -> str:
    """The record as JSON; its fields are the columns of the frames."""
    content = {**vars(record), "timings": [vars(timing) for timing in record.timings]}
    return json.dumps(content)


@contextmanager
def _machine_errors(path: Path) -> Iterator[None]:
    """A full disk or a file that cannot be written is the machine's fault, said in one sentence."""
    try:
        yield
    except FileExistsError as error:
        raise MachineError(f"{path.parent}: exists already; give the run another --name.") from error
    except (OSError, sqlite3.OperationalError, sqlite3.DatabaseError) as error:
        raise MachineError(f"{path}: cannot be written: {error}.") from error
