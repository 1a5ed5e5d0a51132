"""`harness report`: the pages of a run again, from its run file."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.analysis.compared import Compared
from harness.analysis.verdict import Assessment
from harness.cli.finish import write_index
from harness.errors import UserError
from harness.frames import Run, load
from harness.report.write import write_report
from harness.store.schema import FILE_NAME
from harness.streams import put


def execute(options: argparse.Namespace) -> int:
    """Write the pages and print where; 0 whatever the verdict, since nothing ran."""
    run = load(options.run)
    folder = run.file.folder
    page = write_report(_assessment(run, options.baseline), Path(options.output) if options.output else folder)
    # A run file may lie anywhere, as in somebody's home; a folder of runs is where it has the name that it was given.
    if not options.output and run.file.path.name == FILE_NAME and folder.resolve().name == run.file.name:
        write_index(folder.resolve().parent)
    put(f"{page}\n")
    return 0


def _assessment(run: Run, baseline: str | None) -> Assessment:
    """
    The run, beside a baseline where one is named.

    Raises:
        UserError: If that is the run itself.
    """
    if baseline is None:
        return Assessment(run)
    other = load(baseline)
    if other.file.path.resolve() == run.file.path.resolve():
        raise UserError(f"--baseline {baseline}: is the run itself; name another run.")
    return Compared(run, other)
