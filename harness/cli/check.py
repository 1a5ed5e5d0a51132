"""`harness check`: are these scenarios valid?"""

from __future__ import annotations

import argparse

from harness.plugins import register
from harness.precheck import must_be_scalable
from harness.scenario.read import read_all
from harness.streams import put


def execute(options: argparse.Namespace) -> int:
    """Print a line for each valid scenario; faults end the command."""
    register(options.plugin)
    scenarios = read_all(options.scenario)
    must_be_scalable(
        (scenario.path, cell.spec, scenario.inputs.of(cell.spec))
        for scenario in scenarios
        for cell in scenario.cells
        if cell.spec.data.rng != "torch"  # what torch draws is not drawn for a check
    )
    for scenario in scenarios:
        gates = f", {len(scenario.limits)} gates" if scenario.limits else ""
        put(f"{scenario.path}: {len(scenario.cells)} cells, {len(scenario.expectations)} expectations{gates}\n")
    return 0
