"""The seam between a plan and what runs it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from harness.job import Job
from harness.record import Record


@dataclass(frozen=True)
class Task:
    """
    One process to be run.

    Args:
        key: The caller's own name for it, given back with the result.
        job: What to run.
        turn: Which of a slot's templates is asked: the replicate, so that replicates change templates.
    """

    key: Any
    job: Job
    turn: int = 0


@dataclass(frozen=True)
class Finished:
    """
    What came back.

    Args:
        key: The task's.
        record: The cell's record, written by the cell or, where it could not, about it.
        trace: Its packed trace; empty where there is none.
        template: The process it came from: `torch-0.1` is turn 1 of slot 0, `torch-0.1-2` the second of that
            name, after the first had ended; `spawn`; `inline`.
        started: Unix time when its process was started.
        seconds: Wall clock of the process, start to exit.
    """

    key: Any
    record: Record
    trace: bytes
    template: str
    started: float
    seconds: float


class Executor(Protocol):
    """Runs tasks; a task always comes back, whatever its cell did."""

    def run(self, tasks: Iterable[Task], jobs: int) -> Iterator[Finished]:
        """
        Run all tasks, `jobs` at a time, in order of start; results come as they finish.

        The next task is asked for when there is a place for it, so whoever gives them can stop.
        """
        ...

    def describe(self) -> dict[str, str]:
        """What its processes said about themselves, for the record of the environment."""
        ...

    def close(self) -> None:
        """End every process that is left."""
        ...
