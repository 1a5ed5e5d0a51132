"""One run and its frames."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from harness import dictionary
from harness.frames.budget import budgets
from harness.frames.records import record_of
from harness.frames.reference import references
from harness.frames.states import COLUMNS, states
from harness.frames.table import CELL_COLUMNS, framed, ordered, records
from harness.record import STATUSES, Arrays, Record
from harness.store.find import find
from harness.store.reader import RunFile

KEYS = ("scenario", "cell", "replicate")
_NUMBERS = dictionary.names("cells", "number")


class Run:
    """
    One run.

    Attributes:
        file: The run file behind the frames.
    """

    def __init__(self, file: RunFile) -> None:
        self.file = file
        self._finished: dict[Any, list[dict[str, Any]]] = {}
        self._counts: dict[str | None, dict[str, int]] = {}

    @cached_property
    def plan(self) -> pd.DataFrame:
        """One row a planned process: its key, axes, phase and round, whether it ran or not."""
        rows = self.file.rows(
            "SELECT plan.*, cell.changed FROM plan JOIN cell USING (scenario, cell) "
            "ORDER BY cell.position, plan.replicate"
        )
        flat = [{**row, **self._axes(row)} for row in rows]
        return framed(flat, ordered(flat, (*KEYS, "phase", "round", "changed"), ("position",)))

    @cached_property
    def cells(self) -> pd.DataFrame:
        """
        One row a cell and replicate that has a record.

        Weights, bias, optimum, truth and phases are Python values (lists, numbers,
        dictionaries); numbers that do not exist are NaN, in float columns.
        """
        rows = self.file.rows(
            "SELECT record.*, plan.phase, plan.round FROM record "
            "JOIN plan USING (scenario, cell, replicate) JOIN cell USING (scenario, cell) "
            "ORDER BY cell.position, record.replicate"
        )
        references = self.file.reference_of
        flat = []
        rows.reverse()
        while rows:
            # Each is let go as soon as it is read: the contents of 20,000 take as much memory as their frame.
            row = rows.pop()
            flat.append(
                {
                    **vars(self._record(row)),
                    **{name: value for name, value in row.items() if name != "content"},
                    **self._axes(row),
                    "reference": references[row["scenario"], row["cell"]],
                }
            )
        frame = framed(flat, ordered(flat, CELL_COLUMNS, ("timings", "theory")))
        for column in _NUMBERS:
            frame[column] = frame[column].astype("float64")
        return frame

    @cached_property
    def cell_rows(self) -> list[dict[str, Any]]:
        """
        The rows of `cells` as dictionaries, made once for everybody.

        Nobody changes what is there; the view of a scenario adds `axes` and `config` to its own.
        """
        return records(self.cells)

    def finished(self, scenario: str | None = None, by: tuple[str, ...] = KEYS[:2]) -> list[dict[str, Any]]:
        """Rows that did all their steps, of one scenario or of all; the first of each cell, or by other columns."""
        if (scenario, by) not in self._finished:
            self._finished[scenario, by] = self._found_finished(scenario, by)
        return [*self._finished[scenario, by]]

    def _found_finished(self, scenario: str | None, by: tuple[str, ...]) -> list[dict[str, Any]]:
        found: dict[tuple[Any, ...], dict[str, Any]] = {}
        for row in self.cell_rows:
            if row["status"] == "ok" and scenario in (None, row["scenario"]):
                found.setdefault(tuple(row[name] for name in by), row)
        return list(found.values())

    @cached_property
    def timings(self) -> pd.DataFrame:
        """Raw measurements: one row each, by cell and replicate."""
        rows = [
            {**{key: row[key] for key in KEYS}, **vars(timing)}
            for row in self.file.rows("SELECT scenario, cell, replicate, content FROM record")
            for timing in self._record(row).timings
        ]
        return framed(rows, dictionary.names("timings"))

    @cached_property
    def traces(self) -> pd.DataFrame:
        """One row a recorded state: loss and parameters, by cell, replicate and step."""
        with pd.option_context("mode.string_storage", "python"):
            parts = [self._trace_frame(*key, arrays) for key, arrays in self.file.traces()]
            return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(COLUMNS))

    def _trace_frame(self, scenario: str, cell: str, replicate: int, arrays: Arrays) -> pd.DataFrame:
        with self.file.reading(f"the trace of {cell}"):
            frame = states(self.file.specs[scenario, cell], arrays)
        return frame.assign(scenario=scenario, cell=cell, replicate=replicate)[list(COLUMNS)]

    @cached_property
    def environment(self) -> pd.DataFrame:
        """Facts about each machine that ran cells: host, key, value."""
        rows = self.file.rows("SELECT host, key, value FROM environment ORDER BY host, rowid")
        return framed(rows, dictionary.names("environment"))

    @cached_property
    def reference(self) -> pd.DataFrame:
        """One row a reference that has a record: the same training in extended precision, and its theory."""
        return references(self.file, self._record)

    @cached_property
    def budget(self) -> pd.DataFrame:
        """One row a parameter of each record, in each space: its error, split into parts that add up to it."""
        return budgets(self.file, self.cells)

    @cached_property
    def canary(self) -> pd.DataFrame:
        """The canary cell of each round; a round that was cut in two has two."""
        rows = self.file.rows('SELECT * FROM canary ORDER BY attempt, "round", implementation')
        return framed([{**vars(self._record(row)), **row} for row in rows], dictionary.names("canary"))

    def table(self, name: str) -> pd.DataFrame:
        """A table by its name in `harness export --table`."""
        frame: pd.DataFrame = getattr(self, name)
        return frame

    @cached_property
    def missing(self) -> pd.DataFrame:
        """Planned processes without a record: the run was interrupted, or is still going on."""
        done = pd.MultiIndex.from_frame(self.cells[list(KEYS)])
        return self.plan[~pd.MultiIndex.from_frame(self.plan[list(KEYS)]).isin(done)]

    def counts(self, scenario: str | None = None) -> dict[str, int]:
        """Planned processes by status; `planned` is their sum, `missing` those without a record."""
        if scenario not in self._counts:
            self._counts[scenario] = self._counted(scenario)
        return {**self._counts[scenario]}

    def _counted(self, scenario: str | None) -> dict[str, int]:
        cells, plan, missing = self.cells, self.plan, self.missing
        if scenario is not None:
            cells, plan, missing = (frame[frame["scenario"] == scenario] for frame in (cells, plan, missing))
        by_status = cells["status"].value_counts()
        counts = {status: int(by_status.get(status, 0)) for status in STATUSES}
        return {"planned": len(plan), **counts, "missing": len(missing)}

    def axes(self, scenario: str) -> list[str]:
        """The axes of a scenario, the dotted ones too, in file order."""
        return next((list(axes) for (name, _), axes in self.file.axes.items() if name == scenario), [])

    def _axes(self, row: dict[str, Any]) -> dict[str, Any]:
        return self.file.axes[row["scenario"], row["cell"]]

    def _record(self, row: dict[str, Any]) -> Record:
        with self.file.reading(f"the record of {row.get('cell', 'a canary')}"):
            return record_of(row)


def load(run: str | Path = "latest", folder: str | Path = "reports") -> Run:
    """
    A finished or running run as frames: `harness.load("latest").cells`.

    Args:
        run: A run folder, a run file, or `latest`.
        folder: Where `latest` is looked for.

    Raises:
        RunError: If it is no run that this version reads.
        MachineError: If the run file is damaged.
    """
    return Run(find(str(run), Path(folder)))
