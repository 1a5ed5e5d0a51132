"""Whether what came back from a cell's process can be read again: a cell's memory may be damaged, its record too."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from harness.executors.base import Finished
from harness.record import OUTCOMES, Arrays, Record, unpack_arrays

_RECORD = TypeAdapter(Record)
_UNREADABLE = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    OverflowError,
    MemoryError,
    RecursionError,
    zlib.error,
)


def accepted(finished: Finished) -> Finished:
    """
    What came back, or a failure in its place where it holds what no cell writes.

    One row that cannot be read would keep the reader from all others.
    """
    try:
        _check(finished.record, unpack_arrays(finished.trace))
    except _UNREADABLE as error:
        reason = f"its record holds what no cell writes: {' '.join(_said(error).split())[:300]}"
        stdout, stderr = str(finished.record.stdout), str(finished.record.stderr)
        return replace(finished, record=Record("failed", reason, stdout=stdout, stderr=stderr), trace=b"")
    return finished


def _said(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return str(error)


def _check(record: Record, trace: Arrays) -> None:
    _RECORD.validate_python(vars(record))
    if record.outcome not in (*OUTCOMES, None) or (record.status == "ok") != (record.outcome is not None):
        raise ValueError(f"status {record.status}, outcome {record.outcome}")
    if record.status == "ok":
        end = [*_flat(record.weights), *_flat(record.bias)]
        if len(end) != trace["parameters"].shape[1] or record.steps != trace["step"][-1]:
            raise ValueError(f"{len(end)} parameters, {record.steps} steps, and another trace")


def _flat(value: Any) -> Iterator[float]:
    """The numbers of nested lists; nothing for what does not exist."""
    if isinstance(value, list):
        for item in value:
            yield from _flat(item)
    elif value is not None:
        yield float(value)
