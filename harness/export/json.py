"""
A table as one JSON object.

Schema numbers (`schema`):
    1   2026-11  first
"""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from harness import dictionary
from harness.export.values import values
from harness.frames import Run
from harness.frames.origin import Origin
from harness.frames.text import strict

SCHEMA = 1


def as_json(run: Run, table: str) -> str:
    """
    Versions, the columns with unit and meaning, then an object a row, each on a line of its own.

    Numbers that do not exist are null, infinite ones the words `"inf"` and `"-inf"`;
    inside lists nan is a word too.

    Args:
        run: The run.
        table: Name of the table.
    """
    frame = run.table(table)
    head = {"schema": SCHEMA, "table": table, **Origin.of(run).head, "columns": described(frame, table)}
    rows = ",".join(f"\n{json.dumps(strict(row), allow_nan=False)}" for row in _rows(frame, table))
    return f'{json.dumps(head, indent=1)[:-2]},\n "rows": [{rows}]\n}}\n'


def described(frame: pd.DataFrame, table: str) -> dict[str, dict[str, str]]:
    """Type, unit and meaning of each column of a frame."""
    columns = {name: dictionary.column(table, name) for name in map(str, frame.columns)}
    return {name: {"type": c.type, "unit": c.unit, "meaning": c.meaning} for name, c in columns.items()}


def _rows(frame: pd.DataFrame, table: str) -> list[dict[str, Any]]:
    columns = {name: values(dictionary.column(table, name), frame[name]) for name in map(str, frame.columns)}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
