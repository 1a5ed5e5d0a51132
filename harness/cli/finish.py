"""Carries a plan out as far as it goes, then the verdict and the page."""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from harness.errors import MachineError
from harness.executors.base import Executor
from harness.executors.inline import InlineExecutor
from harness.executors.local import LocalExecutor
from harness.plan import Plan
from harness.progress import Progress
from harness.runner import Conditions, carry_out
from harness.store.writer import RunWriter
from harness.streams import put, say


def executor_of(options: argparse.Namespace) -> Executor:
    """What the options ask for."""
    return InlineExecutor(debug=options.pdb) if options.executor == "inline" else LocalExecutor(options.isolation)


def finish(plan: Plan, executor: Executor, writer: RunWriter, options: argparse.Namespace) -> int:
    """Carry the plan out, conclude; the exit code."""
    go_on = shlex.join(["harness", "run", "--resume", str(writer.folder)])
    conditions = Conditions(options.jobs or cores(), options.budget, tuple(sys.argv[1:]))
    try:
        with _one_interrupt(), Progress(len(plan.processes), quiet=options.json or options.pdb) as progress:
            left = carry_out(plan, executor, writer, progress, conditions)
    except KeyboardInterrupt:
        say(f"harness: interrupted; what is finished is kept. Go on: {go_on}")
        return 130
    except MachineError as error:
        raise MachineError(f"{error} What is finished is kept; go on: {go_on}") from error
    finally:
        writer.close()
    if left:
        say(f"harness: {options.budget:g} s are over and {left} processes have not started. Go on: {go_on}")
    return conclude(writer.folder, options)


def conclude(folder: Path, options: argparse.Namespace) -> int:
    """The verdict, on the terminal and in the page."""
    from harness.analysis.verdict import Assessment
    from harness.frames import load
    from harness.report.glance import views_of
    from harness.report.summary import as_terminal
    from harness.report.summary_json import as_json

    assessment = Assessment(load(folder))
    views = views_of(assessment)
    page = None
    if not options.no_report:
        from harness.report.write import write_report

        page = write_report(assessment, folder, views)
        write_index(folder.parent)
    put((as_json(assessment) if options.json else as_terminal(assessment, page, views)) + "\n")
    return 0 if assessment.verdict().passed else 1


def write_index(folder: Path) -> None:
    """The page over all runs beside this one; that it cannot be written is said, and no fault of the run."""
    from harness.report import index

    page = folder / index.NAME
    try:
        if index.write_index(folder) is None:
            say(f"harness: {page}: is not the page over all runs, and was left as it is.")
    except OSError as error:
        say(f"harness: {page}: cannot be written: {error.strerror or error}.")


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextlib.contextmanager
def _one_interrupt() -> Iterator[None]:
    """
    The first Ctrl-C ends the run; those that follow do not disturb its end.

    SIGTERM (a CI job that is cancelled) keeps what is finished in the same way.
    """
    numbers = (signal.SIGINT, signal.SIGTERM)

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
