"""One cell in, one record out, in the cell's own process."""

from __future__ import annotations

import statistics
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np

from harness import arithmetic, devices, implementations
from harness.devices import Device
from harness.ending import ending
from harness.implementations.base import Implementation
from harness.job import Job
from harness.linux import memory
from harness.problem.data import make_data
from harness.problem.layout import Layout
from harness.problem.orders import batches
from harness.problem.problem import Problem, make_problem
from harness.record import Arrays, Record, Timing, pack_arrays
from harness.scenario.reference import REFERENCE
from harness.timed import Timed
from harness.trace import Recorder
from harness.training import recorded_pass

_OUT_OF_MEMORY = ("can't allocate memory", "out of memory", "not enough memory", "cannot allocate memory")
_LONGEST_REASON = 500


def run(job: Job, on_error: Callable[[BaseException], None] | None = None) -> tuple[Record, bytes]:
    """
    Run one cell; whatever it raises becomes its record.

    Args:
        job: The cell, and how to run it.
        on_error: Called with what it raised, before the record is made: a debugger.

    Returns:
        The record and its packed trace.
    """
    before = memory("self", "VmRSS")
    try:
        record, arrays = _run(job)
    except BaseException as error:
        # SystemExit and KeyboardInterrupt too: a cell cannot end its process unheard.
        with suppress(BaseException):  # a cell may have closed its outputs
            traceback.print_exc()
        if on_error is not None:
            on_error(error)
        return _of_error(error), b""
    # ru_maxrss would begin at the template's peak. A cell without any file descriptor left cannot read this.
    peak = memory("self", "VmHWM")
    peak_bytes = max(0, peak - before) if before and peak else None
    return Record(**{**vars(record), "peak_bytes": peak_bytes}), pack_arrays(arrays)


def _of_error(error: BaseException) -> Record:
    try:
        text = str(error).strip().splitlines()
    except BaseException as second:
        text = [f"its message cannot be had: {type(second).__name__}"]
    lowered = " ".join(text).lower()
    memory_gone = isinstance(error, RuntimeError) and any(words in lowered for words in _OUT_OF_MEMORY)
    status = "out_of_memory" if isinstance(error, MemoryError) or memory_gone else "failed"
    reason = f"{type(error).__name__}: {text[0]}" if text else type(error).__name__
    # A file name that is no UTF-8 comes as lone surrogates, which no page or csv can hold.
    return Record(status, reason[:_LONGEST_REASON].encode(errors="backslashreplace").decode())


class _Clock:
    """Seconds by phase of the process."""

    def __init__(self) -> None:
        self.phases: dict[str, float] = {}

    @contextmanager
    def __call__(self, phase: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.phases[phase] = self.phases.get(phase, 0.0) + time.perf_counter() - start


def _run(job: Job) -> tuple[Record, Arrays]:
    if job.spec.implementation == REFERENCE:
        from harness.reference import path  # no cell needs it

        return path.run(job)
    spec, clock = job.spec, _Clock()
    with clock("code"):
        cls = implementations.get(spec.implementation, job.plugin)
    if spec.device not in cls.devices:
        return Record("skipped", f"{spec.implementation} runs on {', '.join(cls.devices)} only"), {}
    device = devices.get(spec.device)
    missing = device.missing()
    if missing:
        return Record("skipped", f"{spec.device}: {missing}"), {}
    arithmetic.settle(spec, cls.rows)

    with clock("data"):
        data = make_data(spec, job.inputs)
        problem = make_problem(spec, data, job.inputs)
        plan = list(batches(spec, problem.orders))
        rows = indices(plan, cls.rows, spec.device)
    implementation = cls()
    with clock("setup"):
        setup = _load(implementation, problem, device)
    with clock("recording"):
        recorder = Recorder(spec, data, job.record_steps)
        first_step = recorded_pass(implementation, rows, plan, recorder, device)
        arrays, losses, digest = recorder.finish()
    with clock("timing"):
        timed = Timed(implementation, lambda: make_problem(spec, data, job.inputs), rows, device, Layout.of(spec))
        passes = timed.passes(job.timing_repeats, arrays["parameters"][-1], clock.phases["recording"])
    with clock("evaluation"):
        record = ending(job, data, losses, arrays["parameters"])
    fields = {
        **vars(record),
        "digest": digest,
        "setup_seconds": setup.seconds,
        "first_step_seconds": first_step.seconds,
        "step_seconds": _per_step([timing.seconds for timing in passes if timing.kind == "pass"], spec.steps),
        "cpu_step_seconds": _per_step([timing.cpu_seconds for timing in passes if timing.kind == "pass"], spec.steps),
        "device_peak_bytes": device.peak_bytes(),
        "phases": clock.phases,
        "timings": (setup, first_step, *passes),
    }
    return Record(**fields), arrays


def indices(plan: list[Any], kind: str, device: str) -> list[Any]:
    """The index of each update in the implementation's own kind, on its device."""
    if kind == "numpy" or not isinstance(plan[0], np.ndarray):
        return plan
    import torch

    return [torch.as_tensor(batch, device=device) for batch in plan]


def _load(implementation: Implementation, problem: Problem, device: Device) -> Timing:
    device.synchronize()
    cpu, start = time.process_time(), time.perf_counter()
    implementation.load(problem)
    device.synchronize()
    return Timing("setup", 0, time.perf_counter() - start, time.process_time() - cpu)


def _per_step(seconds: list[float], steps: int) -> float | None:
    return statistics.median(seconds) / steps if seconds else None
