"""`harness check`: are these scenarios valid?"""

from __future__ import annotations

import argparse

from harness.plugins import register
from harness.scenario.read import read_all
from harness.streams import put


def execute(options: argparse.Namespace) -> int:
    """Print a line for each valid scenario; faults end the command."""
    register(options.plugin)
    for scenario in read_all(options.scenario):
        put(f"{scenario.path}: {len(scenario.cells)} cells, {len(scenario.expectations)} expectations\n")
    return 0
