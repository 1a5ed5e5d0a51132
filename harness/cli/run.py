"""`harness run`: scenarios in, a run folder and a verdict out."""

from __future__ import annotations

import argparse
import contextlib
import os
import secrets
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from harness.cli.settings import only, settings
from harness.errors import UserError
from harness.executors.base import Executor
from harness.executors.inline import InlineExecutor
from harness.executors.local import LocalExecutor
from harness.linux import interrupts_held
from harness.plan import Cuts, Plan, make_plan
from harness.progress import Progress
from harness.runner import carry_out
from harness.scenario.read import Scenario, read_all
from harness.store.writer import RunWriter
from harness.streams import put, say


def execute(options: argparse.Namespace) -> int:
    """Run the scenarios; the exit code says whether everything held."""
    changes = settings(options.set)
    with interrupts_held():
        scenarios = read_all(options.scenario, changes)
        cuts = Cuts(options.quick, only(options.only, scenarios), options.timeout)
        plan = make_plan(scenarios, cuts, shuffle_seed=secrets.randbits(32))
    if not plan.processes:
        raise UserError("no cell is left; --only names values that no cell has together.")
    if options.dry_run:
        return _dry_run(plan, scenarios)
    executor = _executor(options)
    name = time.strftime("%Y-%m-%dT%H-%M-%S", time.gmtime()) if options.name is None else options.name
    writer = RunWriter(_new_folder(Path(options.out), name, unique=options.name is None))
    writer.meta({"name": writer.folder.name, "arguments": sys.argv[1:], "isolation": options.isolation})
    writer.meta({"executor": options.executor, "quick": options.quick, "created": time.time()})
    with interrupts_held():
        writer.plan(plan, scenarios, changes)
    try:
        with _term_as_interrupt(), Progress(len(plan.processes), quiet=options.json) as progress:
            carry_out(plan, executor, writer, progress, options.jobs or _cores())
    except KeyboardInterrupt:
        say(f"harness: interrupted; what is finished is kept. Its page: harness report {writer.folder}")
        return 130
    finally:
        writer.close()
    return _conclude(writer.folder, options)


def _conclude(folder: Path, options: argparse.Namespace) -> int:
    """The verdict, on the terminal and in the page."""
    from harness.analysis.verdict import Assessment
    from harness.frames import load
    from harness.report.summary import as_json, as_terminal

    assessment = Assessment(load(folder))
    page = None
    if not options.no_report:
        from harness.report.write import write_report

        page = write_report(assessment, folder)
    put((as_json(assessment) if options.json else as_terminal(assessment, page)) + "\n")
    return 0 if assessment.verdict().passed else 1


def _executor(options: argparse.Namespace) -> Executor:
    return InlineExecutor() if options.executor == "inline" else LocalExecutor(options.isolation)


def _dry_run(plan: Plan, scenarios: list[Scenario]) -> int:
    for scenario in scenarios:
        cells = [item for item in plan.cells if item.scenario == scenario.name]
        processes = [item for item in plan.processes if item.scenario == scenario.name]
        timed = sum(item.phase == "timed" for item in processes)
        put(f"{scenario.path}: {len(cells)} cells, {len(processes)} processes, {timed} of them timed\n")
    return 0


def _new_folder(out: Path, name: str, *, unique: bool) -> Path:
    """Where the run goes; a name given by the time gets a number if it is taken."""
    if os.sep in name or name in ("", ".", "..", "latest"):
        raise UserError(f"--name {name}: must be a folder name without {os.sep}, and not latest.")
    folder, number = out / name, 2
    while unique and folder.exists():
        folder, number = out / f"{name}-{number}", number + 1
    if folder.exists():
        raise UserError(f"{folder}: exists already; give the run another --name.")
    return folder


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextlib.contextmanager
def _term_as_interrupt() -> Iterator[None]:
    """SIGTERM (a CI job that is cancelled) keeps what is finished, as Ctrl-C does."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
