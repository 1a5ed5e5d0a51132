"""A table as parquet, with real types, units and meanings."""

from __future__ import annotations

import io
import json
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from harness import dictionary
from harness.dictionary import Column
from harness.export.values import values
from harness.frames import Run
from harness.frames.origin import Origin
from harness.frames.text import json_text, spelled

SCHEMA = 1
_LARGEST = 2**63
# By type of the dictionary: what parquet and what pandas hold it as.
_TYPES = {
    "text": (pa.string(), "str"),
    "integer": (pa.int64(), "Int64"),
    "number": (pa.float64(), "float64"),
    "json": (pa.string(), "str"),
}


def as_parquet(run: Run, table: str) -> bytes:
    """
    The table as the bytes of a parquet file.

    Whole numbers may be null and stay whole; lists are JSON texts, as in csv, since a
    line's and a net's differ in depth; `batch_size` is text, because of `full`; a
    dotted axis has the type of its values, or is JSON text if they are of several.
    Each column has its unit and meaning, the file the run and its versions under the
    key `harness`.

    Args:
        run: The run.
        table: Name of the table.
    """
    frame = run.table(table)
    parts = {name: _part(dictionary.column(table, name), frame[name]) for name in map(str, frame.columns)}
    typed = pd.DataFrame({name: series for name, (_, series) in parts.items()})
    fields = [pa.field(name, kind, metadata=_described(table, name)) for name, (kind, _) in parts.items()]
    made = pa.Table.from_pandas(typed, schema=pa.schema(fields), preserve_index=False)
    head = json.dumps({"schema": SCHEMA, "table": table, **Origin.of(run).head})
    made = made.replace_schema_metadata({**(made.schema.metadata or {}), b"harness": head.encode()})
    sink = io.BytesIO()
    pq.write_table(made, sink)
    return sink.getvalue()


def _described(table: str, name: str) -> dict[str, str]:
    column = dictionary.column(table, name)
    return {"unit": column.unit, "meaning": column.meaning}


def _part(column: Column, found: pd.Series[Any]) -> tuple[pa.DataType, pd.Series[Any]]:
    """A column's type in the file, and its values as a series that becomes that."""
    plain = values(column, found)
    if column.type == "json":
        plain = [json_text(value) for value in plain]
    elif column.type == "level" and "." not in column.name:
        plain = [None if value is None else str(value) for value in plain]
    elif column.type == "level":
        return _level(plain)
    kind, dtype = _TYPES.get(column.type, _TYPES["text"])
    return kind, pd.Series(plain, dtype=dtype)


def _level(plain: list[Any]) -> tuple[pa.DataType, pd.Series[Any]]:
    """A dotted axis: the type that all its values have, else JSON text."""
    kinds = {type(value) for value in plain if value is not None}
    if kinds == {bool}:
        return pa.bool_(), pd.Series(plain, dtype="boolean")
    if kinds == {int} and all(-_LARGEST <= value < _LARGEST for value in plain if value is not None):
        return pa.int64(), pd.Series(plain, dtype="Int64")
    if kinds and kinds <= {int, float}:
        return pa.float64(), pd.Series(plain, dtype="float64")
    texts = [None if value is None else spelled(value) for value in plain] if kinds == {str} else map(json_text, plain)
    return pa.string(), pd.Series(list(texts), dtype="str")
