"""Cells one after the other in this process: for debugging, without any isolation."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterable, Iterator

from harness.executors.base import Finished, Task


class InlineExecutor:
    """
    Runs cells where a debugger can follow; a crash ends the run.

    Args:
        debug: Open a debugger where a cell raises.
    """

    _on_error: Callable[[BaseException], None] | None = None

    def __init__(self, *, debug: bool = False) -> None:
        if debug:
            self._on_error = _post_mortem

    def run(self, tasks: Iterable[Task], jobs: int) -> Iterator[Finished]:
        from harness import worker

        del jobs  # one at a time, whatever is asked

        for task in tasks:
            started, clock = time.time(), time.perf_counter()
            # Stdout is for results; a debugger needs it for itself.
            outputs = contextlib.nullcontext() if self._on_error else contextlib.redirect_stdout(sys.stderr)
            with outputs:
                record, trace = worker.run(task.job, self._on_error)
            if record.reason.startswith("KeyboardInterrupt"):
                # No process stands between Ctrl-C and the cell: it is meant for the run.
                raise KeyboardInterrupt
            yield Finished(task.key, record, trace, "inline", started, time.perf_counter() - clock)

    def describe(self) -> dict[str, str]:
        return {"isolation": "none (inline)"}

    def close(self) -> None:
        pass


def _post_mortem(error: BaseException) -> None:
    """The debugger at the line that raised; leaving it goes on with the run."""
    import pdb

    if not isinstance(error, KeyboardInterrupt):
        pdb.post_mortem(error.__traceback__)
