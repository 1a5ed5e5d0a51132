"""`harness report`: the pages of a run again, from its run file."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.analysis.verdict import Assessment
from harness.frames import load
from harness.report.write import write_report


def execute(options: argparse.Namespace) -> int:
    """Write the pages and print where; 0 whatever the verdict, since nothing ran."""
    run = load(options.run)
    page = write_report(Assessment(run), Path(options.output) if options.output else run.file.folder)
    print(page)
    return 0
