"""A cell in a new interpreter: `python -m harness.executors.spawned JOB_FD RECORD_FD`."""

from __future__ import annotations

import os
import sys

from harness.executors.child import run_and_exit
from harness.executors.preload import preload
from harness.job import Job


def main() -> None:
    """Read the job, import what it needs, run it."""
    job_fd, record_fd = int(sys.argv[1]), int(sys.argv[2])
    with os.fdopen(job_fd, "rb") as file:
        job = Job.from_json(file.read())
    preload(job.outfit)
    run_and_exit(job, record_fd)


if __name__ == "__main__":
    main()
