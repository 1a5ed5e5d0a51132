"""What one cell left behind, whatever happened to it."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field, fields, replace
from typing import Any

from harness.packed import Arrays, pack_arrays, unpack_arrays

STATUSES = ("ok", "skipped", "failed", "crashed", "timed_out", "out_of_memory")
# Those that fail a run, unless an expectation of `status` names them.
BAD_STATUSES = STATUSES[2:]
OUTCOMES = ("diverged", "converged", "stalled", "unfinished")

_HEAD = struct.Struct("<8sQQ")
_MAGIC = b"cell-rec"


@dataclass(frozen=True)
class Timing:
    """
    One measurement inside a process.

    Args:
        kind: `setup` (load), `first_step` (both of the recorded pass), `warm_up` or `pass`.
        number: From 0 within its kind.
        seconds: Wall clock, the mean of `loops` passes where one alone is too short for the clock.
        cpu_seconds: Processor time of the process over the same span, likewise.
        loops: Passes that were measured together.
    """

    kind: str
    number: int
    seconds: float
    cpu_seconds: float
    loops: int = 1


@dataclass(frozen=True)
class Record:
    """
    One cell's record. Numbers that do not exist are None.

    Args:
        status: One of STATUSES.
        reason: One sentence; empty when ok.
        outcome: One of OUTCOMES, of ok cells.
        steps: Updates done.
        loss: Over all training rows at the end, float64.
        validation_loss: Over the validation rows at the end.
        weights: As trained; a list per layer for a net.
        bias: As trained; a list per layer for a net; None without intercept.
        correct_digits: Against the optimum.
        gradient_norm: 2-norm at the end, over all training rows.
        optimum: Weights, then the bias; None where there is none or it is not unique.
        truth: Weights, then the bias, that the data were made with.
        condition_number: Of the loss's Hessian.
        rank: Of the design matrix with columns of one size; of linear models.
        optimum_digits: Of each parameter of the optimum that hold for all data that round to these.
        stable_learning_rate: Largest stable rate of full-batch gradient descent.
        digest: Hash of the parameters at every state and of every step's loss.
        step_seconds: Median over timed passes of their mean step.
        cpu_step_seconds: The same in processor time.
        setup_seconds: `load` in the recorded pass.
        first_step_seconds: The first update of the process.
        peak_bytes: Most memory taken beyond what the process began with.
        device_peak_bytes: The same on the device, where it has memory of its own.
        phases: Seconds by phase of the process: data, setup, recording, timing, evaluation.
        target_steps: Steps to each share of `target.tau`; None where it was not reached, or there is no least loss.
        theory: What theory says of it; of references only.
        timings: Raw measurements.
        stdout: Tail of what the cell wrote there.
        stderr: Tail of what the cell wrote there, a traceback included.
    """

    status: str
    reason: str = ""
    outcome: str | None = None
    steps: int | None = None
    loss: float | None = None
    validation_loss: float | None = None
    weights: Any = None
    bias: Any = None
    correct_digits: float | None = None
    gradient_norm: float | None = None
    optimum: list[float] | None = None
    truth: list[float] | None = None
    condition_number: float | None = None
    rank: int | None = None
    optimum_digits: float | None = None
    stable_learning_rate: float | None = None
    digest: str | None = None
    step_seconds: float | None = None
    cpu_step_seconds: float | None = None
    setup_seconds: float | None = None
    first_step_seconds: float | None = None
    peak_bytes: int | None = None
    device_peak_bytes: int | None = None
    phases: dict[str, float] = field(default_factory=dict)
    target_steps: list[int | None] | None = None
    theory: dict[str, Any] | None = None
    timings: tuple[Timing, ...] = ()
    stdout: str = ""
    stderr: str = ""


def to_bytes(record: Record, trace: bytes) -> bytes:
    """A record and its packed trace, framed: lengths first, so that a torn one is known as such."""
    # Not asdict, which copies every value deeply: 0.2 ms in a cell, and as much in its template.
    head = json.dumps({**vars(record), "timings": [vars(timing) for timing in record.timings]}).encode()
    return _HEAD.pack(_MAGIC, len(head), len(trace)) + head + trace


def from_bytes(data: bytes) -> tuple[Record, bytes] | None:
    """The record and its trace; None if what was written is not a whole record."""
    if len(data) < _HEAD.size:
        return None
    magic, head, tail = _HEAD.unpack_from(data)
    if magic != _MAGIC or len(data) != _HEAD.size + head + tail:
        return None
    try:
        content = json.loads(data[_HEAD.size : _HEAD.size + head])
        timings = tuple(Timing(**timing) for timing in content.pop("timings"))
        record = Record(**content, timings=timings)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return (record, data[_HEAD.size + head :]) if record.status in STATUSES else None


RECORD_FIELDS = tuple(item.name for item in fields(Record))

__all__ = [
    "BAD_STATUSES",
    "OUTCOMES",
    "RECORD_FIELDS",
    "STATUSES",
    "Arrays",
    "Record",
    "Timing",
    "from_bytes",
    "pack_arrays",
    "replace",
    "to_bytes",
    "unpack_arrays",
]
