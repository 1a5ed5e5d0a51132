"""Writes a run file, committed cell by cell."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness.errors import MachineError
from harness.executors.base import Finished
from harness.plan import Plan, Planned
from harness.record import Record
from harness.scenario.read import Scenario
from harness.store.schema import FILE_NAME, SCHEMA, TABLES


class RunWriter:
    """A new run file in a new folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / FILE_NAME
        self._order = 0
        with _machine_errors(self.path):
            folder.mkdir(parents=True, exist_ok=False)
            self._db = sqlite3.connect(self.path, isolation_level=None)
            # Readers may look while the run writes. NORMAL: a commit survives the
            # death of the process; a power cut may cost the last ones.
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.executescript(f"BEGIN; {TABLES} PRAGMA user_version = {SCHEMA}; COMMIT;")

    def plan(self, plan: Plan, scenarios: Sequence[Scenario], settings: dict[str, Any]) -> None:
        """Everything that is known before the first process starts."""
        with self._transaction():
            self.meta({"shuffle_seed": plan.shuffle_seed})
            for scenario in scenarios:
                row = (scenario.name, scenario.path, scenario.text, json.dumps(settings))
                self._db.execute("INSERT INTO scenario VALUES (?, ?, ?, ?)", row)
                files = [(scenario.name, name, content) for name, content in scenario.files.items()]
                self._db.executemany("INSERT INTO file VALUES (?, ?, ?)", files)
            self._db.executemany(
                "INSERT INTO cell VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    (
                        item.scenario,
                        item.cell.id,
                        position,
                        json.dumps(item.cell.axes),
                        json.dumps(item.cell.spec.model_dump(mode="json")),
                        item.job.to_json(),
                        item.changed,
                    )
                    for position, item in enumerate(plan.cells)
                ),
            )
            self._db.executemany(
                "INSERT INTO plan VALUES (?, ?, ?, ?, ?, ?)",
                (
                    (item.scenario, item.cell, item.replicate, item.phase, item.round, position)
                    for position, item in enumerate(plan.processes)
                ),
            )

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
        """One cell's record and trace, in one transaction."""
        key = (planned.scenario, planned.cell, planned.replicate)
        record = finished.record
        with self._transaction():
            self._db.execute(
                "INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
                ),
            )
            if finished.trace:
                self._db.execute("INSERT INTO trace VALUES (?, ?, ?, ?)", (*key, finished.trace))
        self._order += 1

    def canary(self, number: int, implementation: str, finished: Finished) -> None:
        """The canary cell of one round."""
        row = (number, implementation, finished.started, finished.template, _content(finished.record))
        with self._transaction():
            self._db.execute("INSERT INTO canary VALUES (?, ?, ?, ?, ?)", row)

    def close(self) -> None:
        """Fold the log into the file, so that the run is one file, readable from a read-only folder too."""
        with _machine_errors(self.path):
            # Somebody who reads at this moment keeps the log in use; the next writer
            # or reader folds it then.
            with contextlib.suppress(sqlite3.OperationalError):
                self._db.execute("PRAGMA journal_mode = DELETE")
            self._db.close()

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
