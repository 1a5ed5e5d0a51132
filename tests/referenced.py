"""Runs made in this process whose references are walked too."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from harness import worker
from harness.analysis.verdict import Assessment
from harness.executors.base import Finished, Task
from harness.frames import load
from harness.plan import Cuts, make_plan
from harness.progress import Progress
from harness.record import Record
from harness.runner import Canary, carry_out
from harness.scenario.read import Scenario
from harness.store.writer import RunWriter

Change = Callable[[Task, Record], tuple[Record, bool]]


def unchanged(_task: Task, record: Record) -> tuple[Record, bool]:
    return record, True


class InThisProcess:
    """
    Runs every task here.

    Args:
        change: From a task and its record to the record to store, and whether its trace is stored too.
    """

    def __init__(self, change: Change) -> None:
        self._change = change

    def run(self, tasks: Iterable[Task], jobs: int) -> Iterator[Finished]:
        del jobs
        for task in tasks:
            if isinstance(task.key, Canary):
                yield Finished(task.key, Record("ok", step_seconds=1e-5), b"", "numpy-0.0", 1.8e9, 0.1)
                continue
            record, trace = worker.run(task.job)
            changed, kept = self._change(task, record)
            yield Finished(task.key, changed, trace if kept else b"", "numpy-0.0", 1.8e9, 0.1)

    def describe(self) -> dict[str, str]:
        return {"isolation": "this process"}

    def close(self) -> None:
        pass


def run_here(folder: Path, scenarios: list[Scenario], change: Change = unchanged) -> Assessment:
    """A run file of these scenarios in the folder."""
    plan = make_plan(scenarios, Cuts(), shuffle_seed=1)
    writer = RunWriter(folder)
    writer.meta({"name": folder.name, "created": 1.8e9})
    writer.plan(plan, scenarios, {})
    with Progress(len(plan.processes), quiet=True) as progress:
        carry_out(plan, InThisProcess(change), writer, progress)
    writer.close()
    return Assessment(load(folder))
