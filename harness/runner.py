"""Carries out a plan: every process comes back with a record, and every record is stored at once."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from functools import partial
from itertools import takewhile

from harness import environment
from harness.accepted import accepted
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


@dataclass(frozen=True)
class Reference:
    """The key of a reference's task."""

    scenario: str
    reference: str


@dataclass(frozen=True)
class Conditions:
    """
    How a plan is carried out.

    Args:
        jobs: Accuracy-only cells at a time.
        budget_seconds: No cell starts after so long; None: however long it takes.
        arguments: The command's, for the record.
    """

    jobs: int = 1
    budget_seconds: float | None = None
    arguments: tuple[str, ...] = ()


def carry_out(
    plan: Plan, executor: Executor, writer: RunWriter, progress: Progress, conditions: Conditions = Conditions()
) -> int:
    """
    Run the accuracy phase and the references, several at a time, then the timed rounds, one process at a time.

    Returns:
        Processes that have not started because the budget is spent.

    Raises:
        KeyboardInterrupt: After Ctrl-C; everything finished is stored, cells in flight are killed.
        MachineError: If a record cannot be stored; those before it are.
    """
    host = environment.host()
    writer.begin(host, conditions.arguments)
    writer.environment(host, {**environment.describe(), "load before": environment.load_average()})
    deadline = time.monotonic() + (conditions.budget_seconds or math.inf)
    phase = partial(_phase, deadline=deadline, executor=executor, writer=writer, progress=progress)
    try:
        phase([*_tasks(plan.phase(ACCURACY)), *_references(plan)], jobs=conditions.jobs)
        for number in plan.rounds:
            planned = [item for item in plan.phase(TIMED) if item.round == number]
            phase([*_canaries(number, planned), *_tasks(planned)], jobs=1)
    finally:
        executor.close()
        facts = {**executor.describe(), "load after": environment.load_average()}
        writer.environment(host, facts)
        writer.end()
    return len(plan.processes) - progress.done


def _tasks(processes: list[Planned]) -> list[Task]:
    return [Task(planned, planned.job, planned.replicate) for planned in processes]


def _references(plan: Plan) -> list[Task]:
    return [Task(Reference(item.scenario, item.reference), item.job) for item in plan.references]


def _canaries(number: int, planned: list[Planned]) -> list[Task]:
    """One canary for each outfit that the round uses: NumPy's, and autograd for torch."""
    outfits = {item.job.outfit for item in planned}
    names = [name for name, outfit in (("numpy", "numpy"), ("autograd", "torch")) if outfit in outfits]
    return [Task(Canary(number, name), canary(name), number) for name in names]


def _phase(
    tasks: list[Task], *, jobs: int, deadline: float, executor: Executor, writer: RunWriter, progress: Progress
) -> None:
    host = environment.host()
    in_time = takewhile(lambda _: time.monotonic() < deadline, tasks)
    for finished in map(accepted, executor.run(in_time, jobs)):
        if isinstance(finished.key, Canary):
            writer.canary(finished.key.round, finished.key.implementation, finished)
            continue
        if isinstance(finished.key, Reference):
            writer.reference(finished.key.scenario, finished.key.reference, finished)
            continue
        writer.record(finished.key, finished, host, jobs)
        progress.advance(bad=finished.record.status in BAD_STATUSES)
