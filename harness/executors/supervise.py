"""One cell's process, watched from start to end by its template."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

from harness.executors.child import NO_RECORD
from harness.job import Job
from harness.linux import children, descendants, die_with_parent, kill_all_children, memory
from harness.record import Record, from_bytes, to_bytes

_TAIL_BYTES = 16_384
_MOST_READS = 64
_WATCH_SECONDS = 0.05
_LARGEST_RECORD = 64 * 2**20


@dataclass
class _Output:
    """A pipe's end that keeps only the tail of what comes through."""

    fd: int
    tail: bytes = b""
    total: int = 0

    def drain(self) -> bool:
        """Take what is there, of a flood so much that the watch goes on; False once the other end is closed."""
        with contextlib.suppress(BlockingIOError):
            for _ in range(_MOST_READS):
                part = os.read(self.fd, 65_536)
                if not part:
                    return False
                self.total += len(part)
                self.tail = (self.tail + part)[-_TAIL_BYTES:]
        return True

    def text(self) -> str:
        """The tail, and how much was cut."""
        cut = self.total - len(self.tail)
        head = f"[{cut} bytes cut]\n" if cut else ""
        return head + self.tail.decode("utf-8", "replace")


@dataclass
class _Watch:
    """What the supervisor knows of one cell while it runs."""

    pid: int
    pidfd: int
    outputs: list[_Output]
    baseline: int
    deadline: float
    limit_bytes: int
    verdict: Record | None = field(default=None)


def supervise(job: Job, control: socket.socket, start_cell: Callable[[Job, int], None], baseline: int) -> bytes | None:
    """
    Run one cell in a forked process and wait for its end.

    Args:
        job: The cell and its limits.
        control: The socket to the run; its end means the run is gone.
        start_cell: Called in the forked process with the job and the record's file; does not return.
        baseline: Memory that the process holds before the cell takes any, in bytes.

    Returns:
        The framed record, from the cell or about it; None if the run is gone.
    """
    record_fd = os.memfd_create("record")
    ends = [os.pipe(), os.pipe()]
    pid = os.fork()
    if pid == 0:
        _become_cell(job, control, start_cell, record_fd, ends)
    for read_end, write_end in ends:
        os.close(write_end)
        os.set_blocking(read_end, False)
    watch = _Watch(
        pid=pid,
        pidfd=os.pidfd_open(pid),
        outputs=[_Output(read_end) for read_end, _ in ends],
        baseline=baseline,
        deadline=time.monotonic() + job.timeout_seconds,
        limit_bytes=job.memory_mb * 2**20,
    )
    try:
        run_is_gone = not _wait(watch, job, control)
        ended = os.waitid(os.P_PIDFD, watch.pidfd, os.WEXITED)
        kill_all_children()
        if run_is_gone:
            return None
        for output in watch.outputs:
            output.drain()
        assert ended is not None
        return _report(watch, record_fd, ended.si_code, ended.si_status)
    finally:
        for fd in (record_fd, watch.pidfd, *(output.fd for output in watch.outputs)):
            os.close(fd)


def _become_cell(
    job: Job,
    control: socket.socket,
    start_cell: Callable[[Job, int], None],
    record_fd: int,
    ends: list[tuple[int, int]],
) -> None:
    """In the forked process: a session of its own, its own outputs, then the cell."""
    try:
        template = os.getppid()
        die_with_parent(signal.SIGKILL)
        if os.getppid() != template:
            os._exit(NO_RECORD)
        os.setsid()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        control.close()
        nothing = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((nothing, 0), (ends[0][1], 1), (ends[1][1], 2)):
            os.dup2(source, target)
        for fd in (nothing, *ends[0], *ends[1]):
            os.close(fd)
        start_cell(job, record_fd)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(NO_RECORD)


def _wait(watch: _Watch, job: Job, control: socket.socket) -> bool:
    """Until the cell's process has ended, killed if need be; False if the run is gone."""
    poll = select.poll()
    poll.register(watch.pidfd, select.POLLIN)
    poll.register(control, select.POLLIN)
    for output in watch.outputs:
        poll.register(output.fd, select.POLLIN)
    by_fd = {output.fd: output for output in watch.outputs}
    run_is_there = True
    while True:
        ready = {fd for fd, _ in poll.poll(_WATCH_SECONDS * 1000)}
        for fd in ready & by_fd.keys():
            if not by_fd[fd].drain():
                poll.unregister(fd)
        if watch.pidfd in ready:
            return run_is_there
        if control.fileno() in ready:
            # The run sends nothing while a cell runs: readable means closed.
            run_is_there = False
            poll.unregister(control)
            _kill(watch.pid)
        if watch.verdict is None:
            watch.verdict = _beyond_limits(watch, job)
            if watch.verdict is not None:
                _kill(watch.pid)


def _beyond_limits(watch: _Watch, job: Job) -> Record | None:
    if time.monotonic() > watch.deadline:
        return Record("timed_out", f"still running after {job.timeout_seconds:g} s; its processes were killed")
    # Every process below this one: the cell's own, and those that left it and were adopted.
    pids = [pid for child in children() for pid in descendants(child)]
    used = sum(max(0, memory(pid, "VmRSS") - watch.baseline) for pid in pids)
    if used > watch.limit_bytes:
        return Record("out_of_memory", f"took {used >> 20} MiB; the limit is {job.memory_mb} MiB")
    return None


def _kill(pid: int) -> None:
    """The cell's whole group; strays that left it are adopted and killed after its end."""
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError):
            kill(pid, signal.SIGKILL)


def _report(watch: _Watch, record_fd: int, code: int, status: int) -> bytes:
    size = os.fstat(record_fd).st_size
    written = None
    if watch.verdict is None and size <= _LARGEST_RECORD:
        written = from_bytes(os.pread(record_fd, size, 0))
    if watch.verdict is not None:
        record, trace = watch.verdict, b""
    elif written is not None:
        record, trace = written
    elif size > _LARGEST_RECORD:
        record, trace = Record("failed", f"its record has {size >> 20} MiB; the limit is {_LARGEST_RECORD >> 20}"), b""
    else:
        record, trace = Record("crashed", _how_it_ended(code, status)), b""
    stdout, stderr = (output.text() for output in watch.outputs)
    return to_bytes(Record(**{**vars(record), "stdout": stdout, "stderr": stderr}), trace)


def _how_it_ended(code: int, status: int) -> str:
    if code == os.CLD_EXITED:
        return f"ended with exit code {status} without leaving a record"
    try:
        name = signal.Signals(status).name
    except ValueError:
        name = "unknown"
    return f"killed by signal {status} ({name})"
