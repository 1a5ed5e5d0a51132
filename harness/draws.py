"""Has torch draw the data of those cells whose scenario says so, before any cell starts."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from harness.errors import UserError
from harness.executors.environment import declared
from harness.job import Job
from harness.plan import Plan
from harness.scenario.inputs import draws_key

# Starting an interpreter with torch takes seconds on a busy machine.
_SECONDS = 300.0


def with_draws(plan: Plan) -> Plan:
    """
    The plan with what torch draws in the jobs that need it; once for each data set.

    Raises:
        UserError: If torch is not installed here, or its process fails.
    """
    jobs = {key: item.job for item in plan.cells if (key := draws_key(item.job.spec))}
    if not jobs:
        return plan
    draws = dict(zip(jobs, _drawn(list(jobs.values())), strict=True))

    def handed(job: Job) -> Job:
        key = draws_key(job.spec)
        if not key:
            return job
        inputs = dataclasses.replace(job.inputs, key=job.inputs.key + key, draws=draws[key])
        return dataclasses.replace(job, inputs=inputs)

    cells = tuple(dataclasses.replace(item, job=handed(item.job)) for item in plan.cells)
    processes = tuple(dataclasses.replace(item, job=handed(item.job)) for item in plan.processes)
    return dataclasses.replace(plan, cells=cells, processes=processes)


def _drawn(jobs: Sequence[Job]) -> list[tuple[tuple[float, ...], ...]]:
    """What torch draws for each, in a process of its own."""
    asked = [{"spec": job.spec.model_dump(mode="json"), "inputs": vars(job.inputs)} for job in jobs]
    fd = os.memfd_create("torch-draws")
    try:
        os.pwrite(fd, json.dumps(asked).encode(), 0)
        done = subprocess.run(
            [sys.executable, "-m", "harness.torch_draws", str(fd)],
            pass_fds=[fd],
            env=declared(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=_SECONDS,
            check=False,
        )
        answer = os.pread(fd, os.fstat(fd).st_size, 0)
    except subprocess.TimeoutExpired as error:
        raise UserError(f'data.rng = "torch": torch was still drawing after {_SECONDS:g} s.') from error
    finally:
        os.close(fd)
    if done.returncode != 0:
        last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise UserError(": ".join(['data.rng = "torch": torch cannot draw the data here', *last]) + ".")
    content: list[Any] = json.loads(answer)
    return [tuple(map(tuple, draws)) for draws in content]
