"""The cell's own process, from the fork (or the start of a new interpreter) to its end."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import resource
import sys
import traceback

from harness.job import Job
from harness.linux import memory
from harness.record import to_bytes

NO_RECORD = 70


def run_and_exit(job: Job, record_fd: int) -> None:
    """
    Run the job, write its record, end the process without any clean-up.

    Leaving by `os._exit` saves the 0.3 s that an interpreter with torch takes to
    end, and no `atexit` of a cell runs.
    """
    code, process = NO_RECORD, os.getpid()
    try:
        faulthandler.enable()
        _limit(job)
        from harness import worker

        record, trace = worker.run(job)
        if os.getpid() == process:  # a step that forked comes back here in its child too
            _write(record_fd, to_bytes(record, trace))
        code = 0
    except BaseException:
        with contextlib.suppress(BaseException):  # a cell may have closed its outputs
            traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(BaseException):
                stream.flush()
        # The supervisor hears that all is written, and reads it while the kernel
        # takes this process down (1 to 5 ms).
        os.closerange(1, 3)
        os._exit(code)


def _limit(job: Job) -> None:
    """No core files; as much address space as this process has now plus the cell's share."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if job.spec.device == "cpu":
        # CUDA reserves far more address space than it uses; there the watch alone limits.
        limit = memory("self", "VmSize") + job.memory_mb * 2**20
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
