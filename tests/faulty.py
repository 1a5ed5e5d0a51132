"""
Cells that misbehave, and whole runs in this process.

`python -m tests.faulty FAULT…` plays a template: it adopts orphans and supervises
one cell after the other, each with the named fault. It prints one JSON object:
what came back for each, which processes were left, and how many files stayed open.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from harness import catalogue, implementations
from harness.executors.base import Executor
from harness.executors.child import run_and_exit
from harness.executors.inline import InlineExecutor
from harness.executors.preload import preload
from harness.executors.supervise import supervise
from harness.frames import Run, load
from harness.implementations.base import Implementation
from harness.implementations.numpy import NumpyByHand
from harness.job import Job
from harness.linux import adopt_orphans, children, memory
from harness.plan import Cuts, make_plan
from harness.problem.layout import Parameters
from harness.problem.problem import Problem
from harness.progress import Progress
from harness.record import Record, from_bytes, to_bytes
from harness.runner import Conditions, carry_out
from harness.scenario.cell import CellSpec
from harness.scenario.read import Scenario
from harness.store.writer import RunWriter
from tests import builders

FLOOD_BYTES = 50 * 2**20
# Cells that would run for ever, and the limit that ends them.
HANGS = ("stop", "loop", "deaf", "hold-the-lock", "flood-for-ever", "flood-by-many", "stray-for-ever")
_HANG_SECONDS = 0.5
MEMORY_MB = 150


class _UnprintableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no message to be had")


class _WorseError(Exception):
    def __str__(self) -> str:
        raise SystemExit(5)


def _sleep() -> NoReturn:
    while True:
        time.sleep(60)


def _raise(error: BaseException) -> NoReturn:
    raise error


def _loop() -> NoReturn:
    while True:
        pass


def _deaf() -> NoReturn:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    _sleep()


def _flood(size: float, fd: int = 1) -> None:
    line = b"x" * 65_535 + b"\n"
    written = 0
    while written < size:
        written += os.write(fd, line)


def _flood_by_many() -> NoReturn:
    for _ in range(4):
        if os.fork() == 0:
            _flood(float("inf"))
    _sleep()


def _close(*fds: int) -> None:
    for fd in fds:
        os.close(fd)


def _stray(work: Callable[[], object], *, session: bool = True) -> None:
    """A process that outlives the cell: forked twice, in a session of its own."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    if session:
        os.setsid()
    if os.fork() == 0:
        work()
    os._exit(0)


def _child(work: Callable[[], object]) -> None:
    if os.fork() == 0:
        work()
        os._exit(0)


def _eat(megabytes: int) -> None:
    """Touch so much memory and hold it."""
    held = [b"x" * 2**20 for _ in range(megabytes)]
    time.sleep(60)
    del held


def _eat_small_pieces() -> NoReturn:
    held: list[object] = []
    while True:
        held.append([len(held), object(), object(), object()])


def _eat_in_children() -> NoReturn:
    for _ in range(4):
        _child(lambda: _eat(MEMORY_MB - 10))
    _sleep()


def _eat_in_strays() -> NoReturn:
    for _ in range(4):
        _stray(lambda: _eat(MEMORY_MB - 10))
    _sleep()


def _eat_a_part_in_each_child() -> NoReturn:
    """Each holds 60 % of the limit, all together more than twice of it."""
    for _ in range(4):
        _child(lambda: _eat(MEMORY_MB * 6 // 10))
    _sleep()


def _eat_and_share() -> None:
    """60 % of the limit, in five processes, but only once in memory; long enough for several looks of the watch."""
    held = [b"x" * 2**20 for _ in range(MEMORY_MB * 6 // 10)]
    for _ in range(4):
        _child(_sleep)
    time.sleep(0.5)
    del held


def _close_and_raise() -> NoReturn:
    _close(1, 2)
    raise ValueError("nowhere to say it")


def _stray_for_ever() -> NoReturn:
    _stray(_deaf)
    _stray(_loop, session=False)
    _sleep()


def _end_the_run() -> NoReturn:
    """Have the helper close the run's end of the socket."""
    _stray(_deaf)
    os.kill(os.getppid(), signal.SIGUSR1)
    _sleep()


def _thread() -> None:
    threading.Thread(target=_sleep).start()


FAULTS: dict[str, Callable[[], object]] = {
    "none": lambda: None,
    "raise": lambda: _raise(ValueError("a bad step")),
    "exit": lambda: _raise(SystemExit(3)),
    "interrupt": lambda: _raise(KeyboardInterrupt()),
    "generator-exit": lambda: _raise(GeneratorExit()),
    "unprintable": lambda: _raise(_UnprintableError()),
    "worse": lambda: _raise(_WorseError()),
    "surrogate": lambda: _raise(ValueError("no such file: \udc80")),
    "many-lines": lambda: _raise(ValueError("first line\nsecond line")),
    "long": lambda: _raise(ValueError("y" * 1_000_000)),
    "abort": os.abort,
    "segfault": lambda: ctypes.string_at(0),
    "leave": lambda: os._exit(0),
    "leave-7": lambda: os._exit(7),
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "term": lambda: os.kill(os.getpid(), signal.SIGTERM),
    "real-time-signal": lambda: os.kill(os.getpid(), signal.SIGRTMIN + 3),
    "stop": lambda: os.kill(os.getpid(), signal.SIGSTOP),
    "loop": _loop,
    "deaf": _deaf,
    "hold-the-lock": lambda: ctypes.PyDLL(None).pause(),
    "allocate": lambda: np.ones(2**40),
    "eat": lambda: _eat(2 * MEMORY_MB),
    "eat-small-pieces": _eat_small_pieces,
    "eat-in-children": _eat_in_children,
    "eat-in-strays": _eat_in_strays,
    "eat-a-part-in-each-child": _eat_a_part_in_each_child,
    "eat-and-share": _eat_and_share,
    "out-of-memory-error": lambda: _raise(RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")),
    "flood": lambda: _flood(FLOOD_BYTES),
    "flood-errors": lambda: _flood(FLOOD_BYTES, 2),
    "flood-for-ever": lambda: _flood(float("inf")),
    "flood-by-many": _flood_by_many,
    "close": lambda: _close(0, 1, 2),
    "close-and-raise": _close_and_raise,
    "close-everything": lambda: os.closerange(0, 1024),
    "child": lambda: _child(_sleep),
    "stray": lambda: _stray(_deaf),
    "stray-for-ever": _stray_for_ever,
    "thread": _thread,
    "go-on-twice": os.fork,
    "half-record": lambda: None,
    "number-record": lambda: None,
    "unknown-status": lambda: None,
    "return": lambda: None,
    "raise-early": lambda: None,
    "run-is-gone": _end_the_run,
}
# Not faults of a step but of the process around it: what stands on the record's file.
_OF_PROCESS: dict[str, bytes] = {
    "half-record": to_bytes(Record("ok"), b"trace")[:60],
    "number-record": to_bytes(Record("ok"), b"")[:8] + (1).to_bytes(8, "little") + bytes(8) + b"3",
    "unknown-status": to_bytes(Record("splendid"), b""),
}


def faulty_class(fault: str) -> type[Implementation]:
    """NumPy's implementation whose third step does this."""

    class Faulty(NumpyByHand):
        def load(self, problem: Problem) -> None:
            super().load(problem)
            self.steps = 0

        def step(self, rows: Any) -> Any:
            self.steps += 1
            if self.steps == 3:
                FAULTS[fault]()
            return super().step(rows)

        def parameters(self) -> Parameters:
            return super().parameters()

    return Faulty


def job(fault: str = "none") -> Job:
    """A cell of a line with this fault."""
    spec: CellSpec = builders.scenario().cells[0].spec.model_copy(update={"implementation": "faulty"})
    limit = MEMORY_MB if fault.startswith(("allocate", "eat")) else 4096
    return Job(spec, timeout_seconds=_HANG_SECONDS if fault in HANGS else 60.0, memory_mb=limit)


def _start_cell(fault: str, ours: socket.socket) -> Callable[[Job, int], None]:
    def start(asked: Job, record_fd: int) -> None:
        ours.close()
        if fault in _OF_PROCESS:
            os.write(record_fd, _OF_PROCESS[fault])
            os._exit(0)
        if fault == "raise-early":
            raise ValueError("before anything")
        if fault != "return":
            run_and_exit(asked, record_fd)

    return start


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _supervised(fault: str) -> dict[str, Any]:
    """One cell with this fault: its record (None where the run was gone), and who is left."""
    catalogue._BUILT_IN["faulty"] = catalogue.Entry(("cpu",), "numpy", "tests.faulty")
    implementations._CLASSES["faulty"] = faulty_class(fault)
    ours, control = socket.socketpair()
    signal.signal(signal.SIGUSR1, lambda _number, _frame: ours.close())
    with contextlib.closing(control), contextlib.closing(ours):
        report = supervise(job(fault), control, _start_cell(fault, ours), memory("self", "RssAnon"))
    parsed = from_bytes(report) if report is not None else None
    record = vars(parsed[0]) | {"timings": []} if parsed else None
    return {"record": record, "trace_bytes": len(parsed[1]) if parsed else 0, "left": children()}


def main() -> None:
    """Supervise the cells named on the command line."""
    adopt_orphans()
    preload("numpy")
    before = _open_files()
    cells = [_supervised(fault) for fault in sys.argv[1:]]
    print(json.dumps({"cells": cells, "files_before": before, "files_after": _open_files()}))


def finished_run(
    folder: Path,
    *scenarios: Scenario,
    executor: Executor | None = None,
    cuts: Cuts | None = None,
    settings: dict[str, Any] | None = None,
    jobs: int = 1,
) -> Run:
    """
    A finished run of these scenarios, by default with its cells in this process.

    Args:
        folder: The run's folder, not yet there.
        scenarios: What to run, the settings applied.
        executor: What runs them.
        cuts: What is left out.
        settings: The `--set` that the scenarios were read with.
        jobs: Untimed cells at a time.
    """
    executor = executor or InlineExecutor()
    plan = make_plan(scenarios, cuts or Cuts(), shuffle_seed=7)
    writer = RunWriter(folder)
    writer.meta({"name": folder.name})
    writer.plan(plan, scenarios, settings or {})
    gc.collect()
    gc.freeze()  # as a template does: a timed pass collects first, and pytest holds much
    try:
        with Progress(len(plan.processes), quiet=True) as progress:
            carry_out(plan, executor, writer, progress, Conditions(jobs))
    finally:
        writer.close()
    return load(folder)


def until(condition: Callable[[], Any]) -> Any:
    """Wait for a condition to give something; fail after 60 s."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.005)
    raise AssertionError("waited for 60 s")


def ended(pidfd: int) -> bool:
    """Wait for the end of a process that need not be ours."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    try:
        return bool(poll.poll(30_000))
    finally:
        os.close(pidfd)


if __name__ == "__main__":
    main()
