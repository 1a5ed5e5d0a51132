"""Records as the run file keeps them, checked as they are read."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from harness.record import OUTCOMES, RECORD_FIELDS, STATUSES, Record
from harness.store.json import read_json

_RECORD = TypeAdapter(Record)
_FIELDS = frozenset(RECORD_FIELDS)


def record_of(row: dict[str, Any]) -> Record:
    """
    The record of a row of the run file.

    Raises:
        ValueError: If its content is none.
    """
    content = read_json(row["content"])
    record = _RECORD.validate_python({**content, **{key: row[key] for key in ("status", "outcome") if key in row}})
    if not content.keys() <= _FIELDS or not _words_fit(record):
        raise ValueError(f"status {record.status!r}, outcome {record.outcome!r}, keys {', '.join(content)}")
    return record


def _words_fit(record: Record) -> bool:
    return record.status in STATUSES and record.outcome in (None, *OUTCOMES)
