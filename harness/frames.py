"""A run as pandas frames."""

from __future__ import annotations

import json
import math
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import TypeAdapter

from harness.problem.layout import Layout
from harness.record import OUTCOMES, RECORD_FIELDS, STATUSES, Record
from harness.scenario.cell import CellSpec
from harness.scenario.grid import STANDARD_AXES
from harness.store.find import find
from harness.store.reader import RunFile

KEYS = ("scenario", "cell", "replicate")
# Columns that every export has, in this order; dotted axes and the rest follow.
CELL_COLUMNS = (
    "cell", "scenario", *STANDARD_AXES, "replicate", "status", "reason", "outcome", "steps", "loss",
    "validation_loss", "weights", "bias", "digest", "step_seconds", "setup_seconds", "first_step_seconds",
    "peak_bytes", "host", "order", "started", "template", "jobs", "phase", "round", "seconds", "cpu_step_seconds",
    "correct_digits", "gradient_norm", "optimum", "truth", "condition_number", "stable_learning_rate",
    "device_peak_bytes", "phases", "stdout", "stderr",
)  # fmt: skip
_JSON_COLUMNS = ("weights", "bias", "optimum", "truth", "phases")
_WHOLE_COLUMNS = ("steps", "peak_bytes", "device_peak_bytes")
_NUMBER_COLUMNS = (
    "loss", "validation_loss", "step_seconds", "cpu_step_seconds", "setup_seconds", "first_step_seconds",
    "correct_digits", "gradient_norm", "condition_number", "stable_learning_rate",
)  # fmt: skip

_RECORD = TypeAdapter(Record)


class Run:
    """
    One run.

    Attributes:
        file: The run file behind the frames.
    """

    def __init__(self, file: RunFile) -> None:
        self.file = file

    @cached_property
    def plan(self) -> pd.DataFrame:
        """One row a planned process: its key, axes, phase and round, whether it ran or not."""
        rows = self.file.rows(
            "SELECT plan.*, cell.changed FROM plan JOIN cell USING (scenario, cell) "
            "ORDER BY cell.position, plan.replicate"
        )
        flat = [{**row, **self._axes(row)} for row in rows]
        return _frame(flat, _ordered(flat, (*KEYS, "phase", "round", "changed"), ("position",)))

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
        flat = [{**vars(self._record(row)), **row, **self._axes(row)} for row in rows]
        frame = _frame(flat, _ordered(flat, CELL_COLUMNS, ("content", "timings")))
        for column in _NUMBER_COLUMNS:
            frame[column] = frame[column].astype("float64")
        return frame

    @cached_property
    def timings(self) -> pd.DataFrame:
        """Raw measurements: one row each, by cell and replicate."""
        rows = [
            {**{key: row[key] for key in KEYS}, **vars(timing)}
            for row in self.file.rows("SELECT scenario, cell, replicate, content FROM record")
            for timing in self._record(row).timings
        ]
        columns = [*KEYS, "kind", "number", "seconds", "cpu_seconds", "loops"]
        return pd.DataFrame(rows, columns=columns)

    @cached_property
    def traces(self) -> pd.DataFrame:
        """One row a recorded state: loss and parameters, by cell, replicate and step."""
        parts = [self._trace_frame(*key, arrays) for key, arrays in self.file.traces()]
        columns = [*KEYS, "step", "epoch", "loss", "step_loss", "weights", "bias"]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)

    def _trace_frame(self, scenario: str, cell: str, replicate: int, arrays: dict[str, Any]) -> pd.DataFrame:
        with self.file.reading(f"the trace of {cell}"):
            spec = self.file.specs[scenario, cell]
            weights, biases = zip(*(_as_lists(spec, state) for state in arrays["parameters"]), strict=True)
        return pd.DataFrame(
            {
                "scenario": scenario,
                "cell": cell,
                "replicate": replicate,
                "step": arrays["step"],
                "epoch": arrays["step"] / spec.batches_per_epoch,
                "loss": arrays["loss"],
                "step_loss": arrays["step_loss"],
                "weights": list(weights),
                "bias": list(biases),
            }
        )

    @cached_property
    def environment(self) -> pd.DataFrame:
        """Facts about each machine that ran cells: host, key, value."""
        rows = self.file.rows("SELECT host, key, value FROM environment ORDER BY host, rowid")
        return pd.DataFrame(rows, columns=["host", "key", "value"])

    @cached_property
    def canary(self) -> pd.DataFrame:
        """The canary cell of each round; a round that was cut in two has two."""
        rows = self.file.rows('SELECT * FROM canary ORDER BY attempt, "round", implementation')
        flat = [{**vars(self._record(row)), **row} for row in rows]
        columns = [
            "attempt",
            "round",
            "implementation",
            "status",
            "reason",
            "started",
            "template",
            "step_seconds",
            "cpu_step_seconds",
        ]
        return pd.DataFrame(flat, columns=[*columns, "digest"])

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
            content = json.loads(row["content"])
            record = _RECORD.validate_python(
                {**content, **{key: row[key] for key in ("status", "outcome") if key in row}}
            )
            if not {*content} <= {*RECORD_FIELDS} or not _words_fit(record):
                raise ValueError(f"status {record.status!r}, outcome {record.outcome!r}, keys {', '.join(content)}")
            return record


def _words_fit(record: Record) -> bool:
    return record.status in STATUSES and record.outcome in (None, *OUTCOMES)


def _ordered(rows: list[dict[str, Any]], first: tuple[str, ...], hidden: tuple[str, ...]) -> list[str]:
    """Known columns, then those that only some rows have (dotted axes), each once."""
    extra = dict.fromkeys(name for row in rows for name in row if name not in first and name not in hidden)
    return [*first, *extra]


def _frame(rows: list[dict[str, Any]], columns: list[str]) -> pd.DataFrame:
    """
    The rows as a frame; dotted axes and parameters keep the values they were stored with.

    pandas would make whole numbers floats as soon as another scenario lacks the
    axis, and a bias that does not exist the same as one that is nan.
    """
    frame = pd.DataFrame(rows, columns=columns)
    for name in (column for column in columns if "." in column or column in _JSON_COLUMNS):
        frame[name] = pd.Series([row.get(name) for row in rows], index=frame.index, dtype="object")
    return frame


def _as_lists(spec: CellSpec, state: np.ndarray[Any, Any]) -> tuple[Any, Any]:
    weights, bias = Layout.of(spec).unflatten(state)
    if spec.model.kind == "mlp":
        return [w.tolist() for w in weights], [b.tolist() for b in bias]
    return weights.tolist(), float(bias) if spec.model.intercept else None


def as_text(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame for a text format: lists and dictionaries as JSON, whole numbers without a point."""
    result = frame.copy()
    for column in _WHOLE_COLUMNS:
        if column in result:
            result[column] = result[column].astype("Int64")
    for column in ("stdout", "stderr"):
        if column in result:
            # Progress bars go back with \r, which readers of csv take for the end of a row.
            result[column] = result[column].str.replace("\r\n?", "\n", regex=True)
    for column in _JSON_COLUMNS:
        if column in result:
            result[column] = pd.Series(
                [_json_or_empty(value) for value in result[column]], index=result.index, dtype="object"
            )
    return result


def _json_or_empty(value: Any) -> Any:
    return None if value is None else json.dumps(_strict(value))


def _strict(value: Any) -> Any:
    """JSON has no nan and inf; they become the words `"nan"`, `"inf"` and `"-inf"`."""
    if isinstance(value, list):
        return [_strict(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


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


__all__ = ["CELL_COLUMNS", "KEYS", "Run", "as_text", "load"]
