"""References as rows: the training that cells share, in extended precision, and what theory says of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from harness import dictionary
from harness.frames.table import framed, ordered
from harness.record import Record
from harness.scenario.reference import HOW_AXES
from harness.store.reader import RunFile

_COLUMNS = dictionary.names("reference")
_NUMBERS = dictionary.names("reference", "number")
_SQL = (
    "SELECT scenario, reference, status, outcome, started, seconds, content FROM reference WHERE status <> '' "
    "ORDER BY position"
)
# The first cell of each stands for the axes that all of its cells share. No index leads from a reference to its cells.
_CELLS = "SELECT scenario, reference, MIN(cell) AS cell FROM cell GROUP BY scenario, reference"


def references(file: RunFile, record_of: Callable[[dict[str, Any]], Record]) -> pd.DataFrame:
    """
    One row a reference that has a record.

    Args:
        file: The run file.
        record_of: Reads the record of a row.
    """
    cells = {(row["scenario"], row["reference"]): row["cell"] for row in file.rows(_CELLS)}
    found = [
        {**row, "cell": cells[key]} for row in file.rows(_SQL) if (key := (row["scenario"], row["reference"])) in cells
    ]
    rows = [_row(file, row, record_of(row)) for row in found]
    hidden = (*HOW_AXES, *(name for name in (*vars(Record("ok")), "content", "cell") if name not in _COLUMNS))
    frame = framed(rows, ordered(rows, _COLUMNS, hidden))
    for column in _NUMBERS:
        frame[column] = frame[column].astype("float64")
    return frame


def _row(file: RunFile, row: dict[str, Any], record: Record) -> dict[str, Any]:
    axes = file.axes[row["scenario"], row["cell"]]
    return {**vars(record), **(record.theory or {}), **row, **axes}
