"""`harness run --resume RUN`: what is missing of a run, with its scenarios and options."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from harness.cli.finish import conclude, executor_of, finish
from harness.cli.parser import parser
from harness.errors import RunError, UserError
from harness.fingerprint import fingerprint
from harness.linux import interrupts_held
from harness.plugins import register, used
from harness.resume import missing, must_be_unchanged, plugin_files
from harness.store.find import find
from harness.store.writer import RunWriter
from harness.streams import put, say

# What decides what is measured, and how; the rest is how the user wants to be told.
OF_RUN = ("scenario", "plugin", "quick", "only", "set", "jobs", "executor", "isolation", "timeout")


def resume(options: argparse.Namespace) -> int:
    """Go on with the run that the user names; the exit code is that of the whole run."""
    run = find(options.resume, Path(options.out))
    if not run.rows("SELECT position FROM plan LIMIT 1"):
        raise RunError(f"{run.folder}: ended before its plan was stored; nothing can go on. Start a new run.")
    options = _with_options_of(run.meta, options)
    must_be_unchanged(run, fingerprint(used(register(plugin_files(run)), run.plugins)))
    if options.dry_run:
        put(f"{run.folder}: {len(missing(run, options.retry).processes)} processes are missing\n")
        return 0
    executor = executor_of(options)
    # The plan is read once the run is ours: nobody takes a cell in the meantime.
    writer = RunWriter(run.folder, resume=True)
    with interrupts_held():
        plan = missing(run, options.retry)
    if not plan.processes and not plan.references:
        writer.close()
        say(f"harness: nothing is missing in {run.folder}.")
        return conclude(run.folder, options)
    return finish(plan, executor, writer, options)


def _with_options_of(meta: dict[str, Any], options: argparse.Namespace) -> argparse.Namespace:
    """
    The user's options, with the run's where they decide what is measured.

    Raises:
        UserError: If the user gave one of these another value.
    """
    given, defaults, stored = vars(options), vars(parser().parse_args(["run"])), meta["options"]
    for name in OF_RUN:
        if given[name] not in (defaults[name], stored[name]):
            there = f"there it is {stored[name]}" if stored[name] != defaults[name] else "it was made without"
            raise UserError(f"--resume goes on with the run's own options; {name}: {there}. Leave it out.")
    return argparse.Namespace(**{**given, **stored})
