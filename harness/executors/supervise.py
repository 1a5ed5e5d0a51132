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
from dataclasses import dataclass

from harness.executors.child import NO_RECORD
from harness.job import Job
from harness.linux import children, descendants, die_with_parent, kill_all_children, memory, shares
from harness.record import Record, from_bytes, to_bytes

_TAIL_BYTES = 16_384
_MOST_READS = 64
_WATCH_SECONDS = 0.05
# The watch takes at most this part of a processor, however many processes a cell has.
_WATCH_SHARE = 0.2
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
    record_fd: int
    outputs: list[_Output]
    baseline: int
    unshared: int
    deadline: float
    next_look: float
    verdict: Record | None = None
    written: bytes | None = None


def supervise(
    job: Job, control: socket.socket, start_cell: Callable[[Job, int], None], baseline: int, unshared: int = 0
) -> bytes | None:
    """
    Run one cell in a forked process and wait for its end.

    Args:
        job: The cell and its limits.
        control: The socket to the run; its end means the run is gone.
        start_cell: Called in the forked process with the job and the record's file; does not return.
        baseline: Memory, files aside, that the process holds before the cell takes any, in bytes.
        unshared: How much of it the process does not share with this one: all of it in a new interpreter.

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
    now = time.monotonic()
    watch = _Watch(
        pid=pid,
        pidfd=os.pidfd_open(pid),
        record_fd=record_fd,
        outputs=[_Output(read_end) for read_end, _ in ends],
        baseline=baseline,
        unshared=unshared,
        deadline=now + job.timeout_seconds,
        next_look=now + _WATCH_SECONDS,
    )
    try:
        run_is_gone = not _wait(watch, job, control)
        ended = os.waitid(os.P_PIDFD, watch.pidfd, os.WEXITED)
        kill_all_children()
        if run_is_gone:
            return None
        assert ended is not None
        return _report(watch, ended.si_code, ended.si_status)
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
    open_outputs = {output.fd: output for output in watch.outputs}
    run_is_there = True
    while True:
        ready = {fd for fd, _ in poll.poll(_WATCH_SECONDS * 1000)}
        for fd in ready & open_outputs.keys():
            if not open_outputs[fd].drain():
                poll.unregister(fd)
                del open_outputs[fd]
                if not open_outputs:
                    # Closed by the cell as its last act, or early by a bad one.
                    watch.written = _whole_record(watch)
        if watch.pidfd in ready:
            return run_is_there
        if control.fileno() in ready:
            # The run sends nothing while a cell runs: readable means closed.
            run_is_there = False
            poll.unregister(control)
            _kill(watch.pid)
        if watch.verdict is None and time.monotonic() >= watch.next_look:
            watch.verdict = _beyond_limits(watch, job)
            if watch.verdict is not None:
                _kill(watch.pid)


def _beyond_limits(watch: _Watch, job: Job) -> Record | None:
    start = time.monotonic()
    if start > watch.deadline:
        return Record("timed_out", f"still running after {job.timeout_seconds:g} s; its processes were killed")
    used = _used_bytes(watch, job.memory_mb * 2**20)
    end = time.monotonic()
    watch.next_look = min(watch.deadline, end + max(_WATCH_SECONDS, (end - start) / _WATCH_SHARE))
    if used > job.memory_mb * 2**20:
        return Record("out_of_memory", f"took {used >> 20} MiB; the limit is {job.memory_mb} MiB")
    return None


def _used_bytes(watch: _Watch, limit: int) -> int:
    """What the cell's processes hold beyond the baseline: a cheap upper bound, and exactly where that is too much."""
    # Every process below this one: the cell's own, and those that left it and were adopted.
    pids = [pid for child in children() for pid in descendants(child)]
    bound = sum(memory(pid, "VmRSS") for pid in pids) - watch.baseline
    if bound <= limit:
        return bound
    # Pages of files are not counted: the kernel can take them back.
    mine, my_share = shares("self", "Anonymous", "Pss_Anon")
    if not my_share:  # an old kernel does not tell
        return bound
    theirs = sum(sum(shares(pid, "Pss_Anon", "Pss_Shmem")) for pid in pids)
    return theirs - (mine - my_share) - watch.unshared


def _kill(pid: int) -> None:
    """The cell's whole group; strays that left it are adopted and killed after its end."""
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError):
            kill(pid, signal.SIGKILL)


def _report(watch: _Watch, code: int, status: int) -> bytes:
    if watch.verdict is not None:
        return _with_outputs(watch, watch.verdict)
    written = watch.written or _whole_record(watch)
    if written is not None:
        return written
    size = os.fstat(watch.record_fd).st_size
    if size > _LARGEST_RECORD:
        reason = f"its record has {size >> 20} MiB; the limit is {_LARGEST_RECORD >> 20}"
        return _with_outputs(watch, Record("failed", reason))
    return _with_outputs(watch, Record("crashed", _how_it_ended(code, status)))


def _whole_record(watch: _Watch) -> bytes | None:
    """What the cell has written, with its outputs; None while that is not a whole record."""
    size = os.fstat(watch.record_fd).st_size
    parsed = from_bytes(os.pread(watch.record_fd, size, 0)) if size <= _LARGEST_RECORD else None
    return _with_outputs(watch, *parsed) if parsed else None


def _with_outputs(watch: _Watch, record: Record, trace: bytes = b"") -> bytes:
    for output in watch.outputs:
        output.drain()
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
