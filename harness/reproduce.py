"""Runs cells of a run again and compares them with its records."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from harness import catalogue
from harness.accepted import accepted
from harness.analysis.departure import departure
from harness.analysis.reproduction import Reproduction, differing_fields
from harness.executors.base import Executor, Finished, Task
from harness.job import Job
from harness.plan import Planned
from harness.record import unpack_arrays
from harness.resume import planned
from harness.store.reader import RunFile


@dataclass(frozen=True)
class Recorded:
    """
    A process of a run that left its record.

    Args:
        planned: What it ran.
        axes: Its cell's values on the axes.
        record: The record's fields.
        host: The machine that ran it.
    """

    planned: Planned
    axes: dict[str, Any]
    record: dict[str, Any]
    host: str

    @property
    def implementation(self) -> str:
        """The name of its implementation."""
        return self.planned.job.spec.implementation


def recorded(run: RunFile) -> list[Recorded]:
    """The first replicate of each cell that has a record, in the plan's order."""
    rows = {(row["scenario"], row["cell"], row["replicate"]): row for row in run.rows("SELECT * FROM record")}
    first: dict[tuple[str, str], Recorded] = {}
    for item in sorted(planned(run), key=lambda item: item.replicate):
        row, key = rows.get((item.scenario, item.cell, item.replicate)), (item.scenario, item.cell)
        if row is not None:
            with run.reading(f"the record of {item.cell}"):
                content = {**json.loads(row["content"]), "status": row["status"]}
            first.setdefault(key, Recorded(item, run.axes[key], content, row["host"]))
    return list(first.values())


def reproductions(run: RunFile, items: Sequence[Recorded], executor: Executor, jobs: int) -> Iterator[Reproduction]:
    """
    Run these again; each is compared as soon as it is back.

    Args:
        run: Where they were recorded.
        items: What to run.
        executor: What runs them.
        jobs: How many at a time; no bit depends on it.
    """
    tasks = [Task(item, _of_today(item.planned.job), item.planned.replicate) for item in items]
    for finished in map(accepted, executor.run(tasks, jobs)):
        yield _compared(run, finished.key, finished)


def _of_today(job: Job) -> Job:
    """With the plug-in as it is now: whether it still gives the same bits is the question."""
    return replace(job, plugin=catalogue.entry(job.spec.implementation).plugin)


def _compared(run: RunFile, item: Recorded, finished: Finished) -> Reproduction:
    planned, record = item.planned, finished.record
    now: dict[str, Any] = json.loads(json.dumps(asdict(record)))
    differing = differing_fields(item.record, now)
    parted = None
    if differing:
        then = run.trace(planned.scenario, planned.cell, planned.replicate)
        parted = departure(planned.job.spec, then, unpack_arrays(finished.trace))
    return Reproduction(
        planned.scenario,
        planned.cell,
        planned.replicate,
        item.axes,
        item.record["status"],
        record.status,
        record.reason,
        differing,
        parted,
    )
