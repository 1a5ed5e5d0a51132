"""
A template: a process that has imported what cells need and has run nothing.

`python -m harness.executors.template FD OUTFIT` serves jobs from the socket FD,
one at a time. With the outfit `numpy` or `torch` each cell is forked from it;
with `spawn` it imports nothing, and each cell is a new interpreter.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import socket
import sys
import time
from types import FrameType

from harness.executors import protocol
from harness.executors.child import run_and_exit
from harness.executors.preload import preload
from harness.executors.supervise import supervise
from harness.job import Job
from harness.linux import (
    adopt_orphans,
    condition,
    die_with_parent,
    kill_all_children,
    memory,
    threads,
    use_large_pages,
)

# What a new interpreter holds with its outfit, files aside, before its cell takes
# any: measured with Python 3.11, NumPy 2.4 and torch 2.13 for the CPU.
_SPAWNED_BASELINE = {"numpy": 24 * 2**20, "torch": 216 * 2**20}


def main() -> None:
    """Serve until the run closes the socket or ends."""
    control = socket.socket(fileno=int(sys.argv[1]))
    outfit = sys.argv[2]
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent(signal.SIGTERM)
    adopt_orphans()
    # Tells where a template crashed; in a cell, half of the enabling is done.
    faulthandler.enable()
    start = time.perf_counter()
    if outfit != "spawn":
        preload(outfit)
        use_large_pages()
    if threads() != 1:
        # Forking would copy one thread of several; whatever lock another holds
        # would stay locked in the cell for ever.
        protocol.send(control, {"error": f"the template has {threads()} threads after its imports, not 1"})
        return
    protocol.send(control, {"hello": {**_describe(outfit), "import_seconds": time.perf_counter() - start}})
    own, unharmed = memory("self", "RssAnon"), condition()
    while (frame := protocol.receive(control)) is not None:
        started, clock = time.time(), time.perf_counter()
        job = Job.from_json(frame[1])
        if outfit == "spawn":
            baseline = _SPAWNED_BASELINE[job.outfit]
            report = supervise(job, control, _exec_cell, baseline, unshared=baseline)
        else:
            report = supervise(job, control, run_and_exit, own)
        if report is None:
            return
        head = {"started": started, "seconds": time.perf_counter() - clock, "harmed": condition() != unharmed}
        protocol.send(control, head, report)


def _end(_number: int, _frame: FrameType | None) -> None:
    """The run has ended: end every process below, then this one."""
    # The kernel tells once for each thread of the run; a second call inside the
    # first could meet an import that is half done.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    kill_all_children()
    os._exit(0)


def _exec_cell(job: Job, record_fd: int) -> None:
    """In the forked process: become a new interpreter that runs the cell."""
    job_fd = os.memfd_create("job")
    os.write(job_fd, job.to_json().encode())
    os.lseek(job_fd, 0, os.SEEK_SET)
    for fd in (job_fd, record_fd):
        os.set_inheritable(fd, True)
    os.execv(sys.executable, [sys.executable, "-m", "harness.executors.spawned", str(job_fd), str(record_fd)])


def _describe(outfit: str) -> dict[str, str]:
    """What this process is, without touching a device."""
    described = {"python": sys.version.split()[0]}
    if outfit == "torch":
        import torch

        described["torch"] = torch.__version__
        described["torch_cuda"] = str(torch.version.cuda)
        described["torch_config"] = " ".join(torch.__config__.show().split())
    return described


if __name__ == "__main__":
    main()
