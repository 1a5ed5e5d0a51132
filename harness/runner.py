"""Carries out a plan: every process comes back with a record, and every record is stored at once."""

from __future__ import annotations

import time
from dataclasses import dataclass

from harness import catalogue, environment
from harness.canary import canary
from harness.executors.base import Executor, Task
from harness.plan import ACCURACY, TIMED, Plan, Planned
from harness.progress import Progress
from harness.record import BAD_STATUSES
from harness.store.writer import RunWriter


@dataclass(frozen=True)
class Canary:
    """The key of a canary's task."""

    round: int
    implementation: str


def carry_out(plan: Plan, executor: Executor, writer: RunWriter, progress: Progress, jobs: int) -> None:
    """
    Run the accuracy phase, `jobs` at a time, then the timed rounds, one process at a time.

    Raises:
        KeyboardInterrupt: After Ctrl-C; everything finished is stored, cells in flight are killed.
    """
    host = environment.host()
    writer.environment(host, {**environment.describe(), "load before": environment.load_average()})
    writer.meta({"started": time.time()})
    try:
        _phase(_tasks(plan.phase(ACCURACY)), executor, writer, progress, jobs)
        for number in plan.rounds:
            planned = [item for item in plan.phase(TIMED) if item.round == number]
            _phase([*_canaries(number, planned), *_tasks(planned)], executor, writer, progress, 1)
    finally:
        executor.close()
        facts = {**executor.describe(), "load after": environment.load_average()}
        writer.environment(host, facts)
        writer.meta({"finished": time.time()})


def _tasks(processes: list[Planned]) -> list[Task]:
    return [Task(planned, planned.job, planned.replicate) for planned in processes]


def _canaries(number: int, planned: list[Planned]) -> list[Task]:
    """One canary for each outfit that the round uses: NumPy's, and autograd for torch."""
    outfits = {catalogue.entry(item.job.spec.implementation).rows for item in planned}
    names = [name for name, outfit in (("numpy", "numpy"), ("autograd", "torch")) if outfit in outfits]
    return [Task(Canary(number, name), canary(name), number) for name in names]


def _phase(tasks: list[Task], executor: Executor, writer: RunWriter, progress: Progress, jobs: int) -> None:
    host = environment.host()
    for finished in executor.run(tasks, jobs):
        if isinstance(finished.key, Canary):
            writer.canary(finished.key.round, finished.key.implementation, finished)
            continue
        writer.record(finished.key, finished, host, jobs)
        progress.advance(bad=finished.record.status in BAD_STATUSES)
