"""Cells one after the other in this process: for debugging, without any isolation."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from harness.executors.base import Finished, Task


class InlineExecutor:
    """Runs cells where a debugger can follow; a crash ends the run."""

    def run(self, tasks: Sequence[Task], jobs: int) -> Iterator[Finished]:
        from harness import worker

        del jobs  # one at a time, whatever is asked

        for task in tasks:
            started, clock = time.time(), time.perf_counter()
            record, trace = worker.run(task.job)
            if record.reason.startswith("KeyboardInterrupt"):
                # No process stands between Ctrl-C and the cell: it is meant for the run.
                raise KeyboardInterrupt
            yield Finished(task.key, record, trace, "inline", started, time.perf_counter() - clock)

    def describe(self) -> dict[str, str]:
        return {"isolation": "none (inline)"}

    def close(self) -> None:
        pass
