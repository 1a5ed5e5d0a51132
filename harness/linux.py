"""The few calls of Linux that Python does not wrap, and readings of /proc."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import resource
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_MADV_COLLAPSE = 25
_LIMITS = 16
_LARGE_PAGE = 2 * 2**20
_INTERRUPTS = (signal.SIGINT, signal.SIGTERM)


@functools.cache
def _libc() -> ctypes.CDLL:
    """Opened once, by a template at its start: each cell would else pay 0.3 ms for it."""
    return ctypes.CDLL(None, use_errno=True)


def _prctl(option: int, value: int) -> None:
    if _libc().prctl(option, value, 0, 0, 0) != 0:
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
            # Bytes: the first use of a codec imports it, which a signal handler should not.
            found += map(int, (task / "children").read_bytes().split())
    except OSError:
        pass
    return found


def descendants(pid: int) -> Iterator[int]:
    """The process and everything below it."""
    yield pid
    for child in children(pid):
        yield from descendants(child)


def memory(pid: int | str, name: str) -> int:
    """A line of /proc/<pid>/status in bytes: VmRSS, RssAnon, VmHWM, VmSize; 0 where the process is gone."""
    return _bytes_of(f"/proc/{pid}/status", name)[0]


def shares(pid: int | str, *names: str) -> list[int]:
    """
    Lines of /proc/<pid>/smaps_rollup in bytes; 0 where the process is gone or the kernel is too old.

    A page that n processes share counts 1/n in each one's Pss, so that the sum over all is what
    they hold. It walks the page tables: some 3 ms for every 100 MiB.
    """
    return _bytes_of(f"/proc/{pid}/smaps_rollup", *names)


def _bytes_of(path: str, *names: str) -> list[int]:
    """Lines `name: n kB`. No file object: in a forked cell every object it touches costs a page fault."""
    try:
        fd = os.open(path, os.O_RDONLY)
        try:
            text = b"\n" + os.read(fd, 8192)  # such a file comes whole, and is shorter
        finally:
            os.close(fd)
    except OSError:
        return [0] * len(names)
    found = (text.partition(b"\n" + name.encode() + b":")[2].split(None, 1) for name in names)
    return [int(words[0]) * 1024 if words else 0 for words in found]


def use_large_pages() -> None:
    """
    Put this process's own memory into pages of 2 MiB, where Linux can (6.1 or newer).

    A fork then copies, and an exit clears, one entry for 512: half the cost of a cell
    forked from torch. Only what a cell writes to is split into pages of 4 KiB again.
    """
    for start, end in _private_areas():
        for page in range(-(-start // _LARGE_PAGE), end // _LARGE_PAGE):
            # One refused (nothing is there, or the kernel is older) stays as it was.
            _libc().madvise(ctypes.c_void_p(page * _LARGE_PAGE), ctypes.c_size_t(_LARGE_PAGE), _MADV_COLLAPSE)


def _private_areas() -> Iterator[tuple[int, int]]:
    """Start and end of the writable memory that belongs to no file."""
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as file:
        for line in file:
            area, rights, _, _, _, *name = line.split()
            if rights == "rw-p" and name in ([], ["[heap]"]):
                start, end = (int(address, 16) for address in area.split("-"))
                yield start, end


def condition() -> tuple[object, ...]:
    """What another process can change of this one: resource limits, processors, scheduler, priority."""
    limits = tuple(resource.getrlimit(number) for number in range(_LIMITS))
    return limits, os.sched_getaffinity(0), os.sched_getscheduler(0), os.getpriority(os.PRIO_PROCESS, 0)


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


def kill_all_children(wanted: Callable[[int], bool] = lambda _pid: True) -> None:
    """
    Kill children, adopted ones too, until none is left; all are waited for.

    Args:
        wanted: Which of them; a killed one's own children come next.
    """
    while _has_children() and (pids := [pid for pid in children() if wanted(pid)]):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in pids:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)


def _has_children() -> bool:
    """One system call, as after most cells there is none to be looked for in /proc."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True
