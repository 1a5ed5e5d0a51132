"""The one training loop: a recorded pass, then timed ones."""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.devices import Device
from harness.implementations.base import Implementation
from harness.record import Timing
from harness.trace import Recorder

# A training that diverges overflows: that is its outcome, and no warning.
_quiet = np.errstate(over="ignore", invalid="ignore")


@_quiet
def recorded_pass(
    implementation: Implementation, rows: Sequence[Any], batches: Sequence[Any], recorder: Recorder, device: Device
) -> Timing:
    """
    All steps with everything recorded; it also warms up.

    Args:
        implementation: Loaded.
        rows: The index of each update, of the implementation's own kind.
        batches: The same indices in NumPy's kind, for the recorder.
        recorder: Takes every state and loss.
        device: Synchronised before and after the first step.

    Returns:
        The measurement of the first step.
    """
    first = None
    for index, batch in zip(rows, batches, strict=True):
        recorder.state(implementation.parameters())
        if first is None:
            device.synchronize()
            cpu, start = time.process_time(), time.perf_counter()
            loss = implementation.step(index)
            device.synchronize()
            first = Timing("first_step", 0, time.perf_counter() - start, time.process_time() - cpu)
        else:
            loss = implementation.step(index)
        recorder.step(loss, batch)
    recorder.state(implementation.parameters())
    if first is None:
        raise ValueError("a training needs at least one step")
    return first


@_quiet
def timed_pass(implementation: Implementation, rows: Sequence[Any], device: Device) -> tuple[float, float]:
    """Wall-clock and processor seconds of all steps, nothing recorded between the clock reads."""
    step = implementation.step
    gc.collect()
    device.synchronize()
    cpu, start = time.process_time(), time.perf_counter()
    for index in rows:
        step(index)
    device.synchronize()
    end, cpu_end = time.perf_counter(), time.process_time()
    return end - start, cpu_end - cpu
