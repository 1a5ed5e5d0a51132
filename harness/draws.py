"""Has torch draw the data of those cells whose scenario says so, before any cell starts."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

from harness.errors import UserError
from harness.helper import ask
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
    references = tuple(dataclasses.replace(item, job=handed(item.job)) for item in plan.references)
    return dataclasses.replace(plan, cells=cells, processes=processes, references=references)


def _drawn(jobs: Sequence[Job]) -> list[tuple[tuple[float, ...], ...]]:
    """What torch draws for each, in a process of its own."""
    asked = [{"spec": job.spec.model_dump(mode="json"), "inputs": vars(job.inputs)} for job in jobs]
    answer = ask("harness.torch_draws", content=json.dumps(asked).encode(), seconds=_SECONDS)
    if answer.code is None:
        raise UserError(f'data.rng = "torch": torch was still drawing after {_SECONDS:g} s.')
    if answer.code != 0:
        raise UserError(f'data.rng = "torch": torch cannot draw the data here: {answer.ending}.')
    content: list[Any] = json.loads(answer.content)
    return [tuple(map(tuple, draws)) for draws in content]
