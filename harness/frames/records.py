"""Records as the run file keeps them, checked as they are read."""

from __future__ import annotations

import json
from typing import Any

from pydantic import TypeAdapter

from harness.record import OUTCOMES, RECORD_FIELDS, STATUSES, Record

_RECORD = TypeAdapter(Record)


def record_of(row: dict[str, Any]) -> Record:
    """
    The record of a row of the run file.

    Raises:
        ValueError: If its content is none.
    """
    content = json.loads(row["content"])
    record = _RECORD.validate_python({**content, **{key: row[key] for key in ("status", "outcome") if key in row}})
    if not {*content} <= {*RECORD_FIELDS} or not _words_fit(record):
        raise ValueError(f"status {record.status!r}, outcome {record.outcome!r}, keys {', '.join(content)}")
    return record


def _words_fit(record: Record) -> bool:
    return record.status in STATUSES and record.outcome in (None, *OUTCOMES)
