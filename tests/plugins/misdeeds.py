"""What cells of the plug-in beside this file do wrong, each bounded by minutes in case nobody ends it."""

from __future__ import annotations

import atexit
import builtins
import contextlib
import ctypes
import faulthandler
import gc
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

FLOOD_BYTES = 100 * 2**20
MEMORY_MB = 150
# Nothing here goes on for longer, even where the harness fails to end it.
_MINUTES = 5 * 60


class UnprintableError(Exception):
    """No message to be had, nor a pickle."""

    def __str__(self) -> str:
        raise RuntimeError("no message to be had")

    def __reduce__(self) -> NoReturn:
        raise RuntimeError("no pickle to be had")


def raise_(error: BaseException) -> NoReturn:
    raise error


def both(first: Callable[[], object], then: Callable[[], object]) -> Callable[[], object]:
    def work() -> None:
        first()
        then()

    return work


def sleep() -> NoReturn:
    end = time.monotonic() + _MINUTES
    while time.monotonic() < end:
        time.sleep(1)
    os._exit(0)


def loop() -> NoReturn:
    end = time.monotonic() + _MINUTES
    while time.monotonic() < end:
        pass
    os._exit(0)


def wait_in_c() -> None:
    """In C, the interpreter's lock held: no thread and no signal handler of Python runs any more."""
    ctypes.PyDLL(None).sleep(_MINUTES)


def deaf() -> NoReturn:
    """Every signal that can be ignored is."""
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        with contextlib.suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_IGN)
    sleep()


def recurse() -> None:
    recurse()


def flood(fd: int, size: float = FLOOD_BYTES) -> None:
    line = b"x" * 65_535 + b"\n"
    while size > 0:
        size -= os.write(fd, line)


def every_byte() -> None:
    """No UTF-8, terminal sequences, NUL."""
    for fd in (1, 2):
        os.write(fd, bytes(range(256)) * 8 + b"\x1b[2J\r</pre><script>alert(1)</script>\n")


def stray(work: Callable[[], object]) -> None:
    """A process that outlives its cell: forked twice, in a session of its own."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    os.setsid()
    if os.fork() == 0:
        work()
    os._exit(0)


def child(work: Callable[[], object]) -> None:
    if os.fork() == 0:
        with contextlib.suppress(BaseException):
            work()
        os._exit(0)


def program(*, session: bool) -> None:
    """Another program, which knows nothing of us; the marker is in its arguments."""
    marker = os.environ.get("PYTHON_FAULT_TEST", "")
    subprocess.Popen(
        ["sh", "-c", f"sleep {_MINUTES}; : {marker}"],
        env={"PATH": os.environ["PATH"]},
        start_new_session=session,
    )


def storm() -> None:
    """A few hundred processes at once."""
    for _ in range(200):
        child(sleep)


def chains() -> None:
    """Processes that are never the same for long: each forks its successor and ends."""
    end = time.monotonic() + 30
    for _ in range(3):
        if os.fork() == 0:
            os.setsid()
            while time.monotonic() < end:
                if os.fork():
                    os._exit(0)
            os._exit(0)


def eat(megabytes: int = 4 * MEMORY_MB) -> None:
    """Touch so much memory and hold it."""
    held = [b"x" * 2**20 for _ in range(megabytes)]
    sleep_a_while()
    del held


def sleep_a_while() -> None:
    time.sleep(30)


def eat_in_children() -> NoReturn:
    """Each within the limit, all together far beyond it."""
    for _ in range(4):
        child(lambda: eat(MEMORY_MB - 20))
    sleep()


def ask_for_too_much_and_go_on() -> None:
    with contextlib.suppress(MemoryError):
        np.ones(2**40)


def exhaust_files() -> None:
    """All the files that this process may open; the error goes up."""
    while True:
        _HELD.append(os.open("/dev/null", os.O_RDONLY))


_HELD: list[Any] = []


def exhaust_files_and_go_on() -> None:
    with contextlib.suppress(OSError):
        exhaust_files()


def close_everything() -> None:
    os.closerange(0, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def close_outputs_and_raise() -> NoReturn:
    for fd in (0, 1, 2):
        os.close(fd)
    raise ValueError("nowhere to say it")


def record_file() -> int:
    """The file that the record of this cell goes to, found as only a malicious cell would."""
    for path in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            if "memfd:record" in str(path.readlink()):
                return int(path.name)
    raise RuntimeError("no file of the record is open")


def swamp_record() -> NoReturn:
    """A record of 100 MB."""
    flood(record_file())
    os._exit(0)


def half_record() -> NoReturn:
    os.write(record_file(), b"cell-rec" + (10_000).to_bytes(8, "little") + bytes(8) + b'{"status": "ok"')
    os._exit(0)


def forge_record(content: bytes) -> NoReturn:
    """A whole frame around what no cell writes."""
    os.write(record_file(), b"cell-rec" + len(content).to_bytes(8, "little") + bytes(8) + content)
    os._exit(0)


def damage_trace() -> None:
    """As a library does that writes over memory which is not its own."""
    sys.modules["harness.worker"].pack_arrays = lambda _: b"{}\nno trace"  # type: ignore[attr-defined]


def change_folder() -> None:
    os.chdir("/")


def change_environment() -> None:
    os.environ.clear()
    os.environ.update({"OMP_NUM_THREADS": "7", "PYTHONHASHSEED": "5", "TMPDIR": "/nowhere", "PATH": ""})


def change_arithmetic() -> None:
    """How NumPy treats errors and where its numbers come from."""
    np.seterr(all="raise")
    np.random.seed(5)
    random.seed(5)
    np.set_printoptions(precision=1)


def change_interpreter() -> None:
    """What of Python is global, and what the operating system keeps for a process."""
    gc.disable()
    warnings.simplefilter("error")
    sys.setswitchinterval(1.0)
    sys.setrecursionlimit(400)
    os.umask(0o777)
    os.nice(5)
    faulthandler.disable()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for name in ("perf_counter", "process_time", "monotonic", "time", "sleep"):
        setattr(time, name, lambda *_: 0.0)
    builtins.print = None  # type: ignore[assignment]


def damage_modules() -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] in ("harness", "numpy", "json", "traceback")]:
        sys.modules[name] = None  # type: ignore[assignment]


def forget_modules() -> None:
    sys.modules.clear()
    sys.path.clear()


def thread() -> None:
    threading.Thread(target=sleep).start()


def at_exit() -> None:
    """What would be done at the end of an ordinary process."""
    atexit.register(lambda: Path("left-at-exit").write_text("", encoding="utf-8"))
    atexit.register(sleep)


def write_here() -> None:
    Path("written-by-a-cell").write_text("", encoding="utf-8")


def hold_a_temporary_folder() -> None:
    """Cleaned up by a context that ends as it should."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "file").write_text("", encoding="utf-8")


def alarm() -> None:
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    time.sleep(1)


def limit_template() -> None:
    """Leave the parent hardly a file to open, one processor and the lowest priority."""
    parent = os.getppid()
    resource.prlimit(parent, resource.RLIMIT_NOFILE, (4, 4))
    os.sched_setaffinity(parent, {min(os.sched_getaffinity(parent))})
    os.setpriority(os.PRIO_PROCESS, parent, 19)


def kill_template() -> NoReturn:
    """With processes left behind that nobody then knows."""
    stray(deaf)
    program(session=True)
    os.kill(os.getppid(), signal.SIGKILL)
    sleep()


def terminate_template() -> NoReturn:
    stray(deaf)
    os.kill(os.getppid(), signal.SIGTERM)
    sleep()


def stop_template() -> NoReturn:
    stray(deaf)
    os.kill(os.getppid(), signal.SIGSTOP)
    sleep()


def kill_group() -> NoReturn:
    """Everything in its own group and session."""
    os.killpg(0, signal.SIGKILL)
    sleep()


def broken_float() -> Any:
    class Loss:
        def __float__(self) -> float:
            os._exit(3)

    return Loss()


# In the third of all steps, before it does its work.
IN_STEP: dict[str, Callable[[], object]] = {
    "exception": lambda: raise_(ValueError("a bad step")),
    "system-exit": lambda: raise_(SystemExit(3)),
    "interrupt": lambda: raise_(KeyboardInterrupt()),
    "unprintable": lambda: raise_(UnprintableError()),
    "long-reason": lambda: raise_(ValueError("y" * FLOOD_BYTES)),
    "markup": lambda: raise_(ValueError("</td><script>alert(1)</script>")),
    "abort": os.abort,
    "segfault": lambda: ctypes.string_at(0),
    "recursion": recurse,
    "bus-error": lambda: os.kill(os.getpid(), signal.SIGBUS),
    "exit-0": lambda: os._exit(0),
    "kill-9": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "kill-group": kill_group,
    "alarm": alarm,
    "stop": lambda: os.kill(os.getpid(), signal.SIGSTOP),
    "hang": sleep,
    "hang-busy": loop,
    "hang-in-c": wait_in_c,
    "deaf": deaf,
    "flood-for-ever": lambda: flood(1, float("inf")),
    "memory": eat,
    "memory-at-once": lambda: np.ones(2**40),
    "memory-in-children": eat_in_children,
    "memory-and-go-on": ask_for_too_much_and_go_on,
    "files": exhaust_files,
    "files-and-go-on": exhaust_files_and_go_on,
    "children": lambda: child(sleep),
    "strays": both(lambda: stray(deaf), lambda: stray(loop)),
    "program": both(lambda: program(session=False), lambda: program(session=True)),
    "storm": storm,
    "chains": chains,
    "stray-and-hang": both(lambda: stray(deaf), sleep),
    "stray-and-crash": both(lambda: stray(deaf), os.abort),
    "close-outputs": lambda: os.closerange(0, 3),
    "close-outputs-and-raise": close_outputs_and_raise,
    "close-everything": close_everything,
    "flood-stdout": lambda: flood(1),
    "flood-stderr": lambda: flood(2),
    "every-byte": every_byte,
    "swamp-record": swamp_record,
    "half-record": half_record,
    "forge-record": lambda: forge_record(b'{"status": "splendid", "timings": []}'),
    "forge-numbers": lambda: forge_record(b'{"status": "ok", "steps": "many", "weights": {}, "timings": []}'),
    "forge-success": lambda: forge_record(b'{"status": "ok", "outcome": "converged", "timings": []}'),
    "damage-trace": damage_trace,
    "change-folder": change_folder,
    "change-environment": change_environment,
    "change-arithmetic": change_arithmetic,
    "change-interpreter": change_interpreter,
    "damage-modules": damage_modules,
    "forget-modules": forget_modules,
    "thread": thread,
    "at-exit": at_exit,
    "write-here": write_here,
    "temporary-folder": hold_a_temporary_folder,
    "fork-and-go-on": os.fork,
    "kill-template": kill_template,
    "limit-template": limit_template,
    "terminate-template": terminate_template,
    "stop-template": stop_template,
}
# Returned by the third step instead of its loss.
AS_LOSS: dict[str, Callable[[], Any]] = {
    "loss-nan": lambda: np.nan,
    "loss-inf": lambda: np.inf,
    "loss-nothing": lambda: None,
    "loss-text": lambda: "small",
    "loss-breaks": broken_float,
}
# Returned by parameters() from the third state on.
AS_PARAMETERS: dict[str, Callable[[Any, Any], Any]] = {
    "parameters-nan": lambda w, b: (w * np.nan, b),
    "parameters-inf": lambda w, b: (w, b + np.inf),
    "parameters-large": lambda w, b: (np.zeros(FLOOD_BYTES // 8), b),
    "parameters-wide": lambda w, b: (np.append(w, 0.0), b),
    "parameters-float16": lambda w, b: (w.astype(np.float16), np.float16(b)),
    "parameters-complex": lambda w, b: (w * 1j, b),
    "parameters-nothing": lambda w, b: None,
    "parameters-raise": lambda w, b: raise_(ValueError("no parameters")),
}
