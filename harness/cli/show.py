"""`harness show`: the cells of scenarios, how many processes they are, and how long they will take."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.cli.finish import cores
from harness.cli.settings import only, settings
from harness.errors import UserError
from harness.estimate.estimate import Estimate, estimate
from harness.linux import interrupts_held
from harness.plan import TIMED, Cuts, Plan, Planned, PlannedCell, make_plan
from harness.plugins import register
from harness.precheck import must_be_scalable
from harness.scenario.read import Scenario, read_all
from harness.streams import put

# Rows of a grid's table before the rest is only counted.
_ROWS = 12


def execute(options: argparse.Namespace) -> int:
    """Print each scenario's cells, then the whole run's size and time; nothing runs."""
    register(options.plugin)
    with interrupts_held():
        scenarios = read_all(options.scenario, settings(options.set))
        plan = make_plan(scenarios, Cuts(options.quick, only(options.only, scenarios)), shuffle_seed=0)
    if not plan.processes:
        raise UserError("no cell is left; --only names values that no cell has together.")
    must_be_scalable(
        (scenario.path, cell.spec, scenario.inputs.of(cell.spec))
        for scenario in scenarios
        for cell in scenario.cells
        if cell.spec.data.rng != "torch"  # what torch draws is not drawn for a look at the plan
    )
    jobs = options.jobs or cores()
    for scenario in scenarios:
        put(_scenario(scenario, plan, most=None if options.all else _ROWS) + "\n\n")
    put(_total(plan, jobs, estimate(plan, jobs, Path(options.out))) + "\n")
    return 0


def _scenario(scenario: Scenario, plan: Plan, most: int | None) -> str:
    cells = [item for item in plan.cells if item.scenario == scenario.name]
    processes = [item for item in plan.processes if item.scenario == scenario.name]
    lines = [f"{scenario.path}: {scenario.title}"]
    lines += [f"  {line}" for line in _table(cells, most)] if cells else ["  no cell is left of it"]
    return "\n".join([*lines, f"  {len(cells):,} cells, {_processes(processes)}"])


def _table(cells: Sequence[PlannedCell], most: int | None) -> list[str]:
    """What all cells share in one line; then a row a cell with the rest."""
    rows = [{**_shown(item.cell.axes), "steps": str(item.cell.spec.steps)} for item in cells]
    names = list(dict.fromkeys(name for row in rows for name in row))
    varying = [name for name in names if len({row.get(name) for row in rows}) > 1]
    shared = [f"{name} = {rows[0][name]}" for name in names if name not in varying]
    shown = rows if most is None else rows[:most]
    table = [["cell", *varying]]
    table += [[item.cell.id, *(row.get(name, "") for name in varying)] for item, row in zip(cells, shown, strict=False)]
    left = len(rows) - len(shown)
    more = [f"… and {left:,} more; --all shows them"] if left else []
    return [*([f"all: {', '.join(shared)}"] if shared else []), *_aligned(table), *more]


def _shown(axes: dict[str, Any]) -> dict[str, str]:
    return {axis: value if isinstance(value, str) else json.dumps(value) for axis, value in axes.items()}


def _aligned(table: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return ["  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip() for row in table]


def _processes(processes: Sequence[Planned]) -> str:
    timed = sum(item.phase == TIMED for item in processes)
    return f"{len(processes):,} processes, {timed:,} of them timed"


def _total(plan: Plan, jobs: int, found: Estimate) -> str:
    timed = sum(item.phase == TIMED for item in plan.processes)
    untimed = len(plan.processes) - timed
    phases = [f"{untimed:,} untimed, {jobs} at a time"] if untimed else []
    phases += [f"{timed:,} timed, one at a time"] if timed else []
    lines = [f"{len(plan.cells):,} cells, {len(plan.processes):,} processes: {'; then '.join(phases)}"]
    lines += [f"skipped: {count:,} processes ({reason})" for reason, count in found.skipped.items()]
    between = f"{_duration(found.least)} to {_duration(found.most)}"
    return "\n".join([*lines, f"time: about {_duration(found.seconds)} ({between}), from {found.basis}"])


def _duration(seconds: float) -> str:
    """Two figures are all that an estimate has."""
    for unit, size in (("s", 1), ("min", 60), ("h", 3600)):
        if seconds < 99.5 * size or unit == "h":
            break
    value = seconds / size
    return f"{value:.1f} {unit}" if value < 9.95 else f"{value:,.0f} {unit}"
