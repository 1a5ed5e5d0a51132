"""The few calls of Linux that Python does not wrap, and readings of /proc."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_INTERRUPTS = (signal.SIGINT, signal.SIGTERM)


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def die_with_parent(how: signal.Signals) -> None:
    """Have the kernel send this signal when the parent ends, however it ends."""
    _prctl(_PR_SET_PDEATHSIG, how)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends (see prctl(2), CHILD_SUBREAPER)."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def children(pid: int | None = None) -> list[int]:
    """Processes whose parent is this one (or `pid`), the dead ones not yet waited for included."""
    found: list[int] = []
    try:
        for task in Path(f"/proc/{pid or 'self'}/task").iterdir():
            found += map(int, (task / "children").read_text(encoding="ascii").split())
    except OSError:
        pass
    return found


def descendants(pid: int) -> Iterator[int]:
    """The process and everything below it."""
    yield pid
    for child in children(pid):
        yield from descendants(child)


def memory(pid: int | str, name: str) -> int:
    """A line of /proc/<pid>/status in bytes: VmRSS, VmHWM, VmSize; 0 where the process is gone."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith(name + ":"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def threads() -> int:
    """Threads of this process."""
    return len(list(Path("/proc/self/task").iterdir()))


@contextlib.contextmanager
def interrupts_held() -> Iterator[None]:
    """
    Deliver SIGINT and SIGTERM after this block.

    Where pydantic serialises a union it calls Python and drops what that raises: a
    KeyboardInterrupt that comes just then is lost, and the run goes on. A signal mask
    would not do: it is one thread's, and OpenBLAS and tqdm have threads of their own.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # handlers run in the main thread only
        return
    came: list[int] = []
    before = {number: signal.signal(number, lambda n, _frame: came.append(n)) for number in _INTERRUPTS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if came:
        signal.raise_signal(came[0])


def kill_all_children() -> None:
    """Kill every child, adopted ones too, until none is left; all are waited for."""
    while pids := children():
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in pids:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
