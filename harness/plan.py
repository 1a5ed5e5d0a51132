"""Which processes a run starts, in which phase and order."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness import catalogue
from harness.job import Job
from harness.scenario.cell import Cell, CellSpec
from harness.scenario.check import recorded_steps
from harness.scenario.expansion import same
from harness.scenario.read import Scenario
from harness.scenario.reference import HOW_AXES, reference_id, reference_spec

ACCURACY, TIMED = "accuracy", "timed"
_QUICK_SEEDS = 2


@dataclass(frozen=True)
class Planned:
    """
    One process of the plan.

    Args:
        scenario: Name of its scenario.
        cell: Id of its cell.
        replicate: From 0.
        phase: `accuracy` (several at a time) or `timed` (alone).
        round: The replicate of all timed cells that it belongs to; 0 in the accuracy phase.
        job: What to run.
    """

    scenario: str
    cell: str
    replicate: int
    phase: str
    round: int
    job: Job


@dataclass(frozen=True)
class PlannedCell:
    """
    A cell of the plan.

    Args:
        scenario: Name of its scenario.
        cell: The cell.
        job: What to run.
        changed: Whether a `--set` has made it another than the file's.
        reference: Id of its reference.
    """

    scenario: str
    cell: Cell
    job: Job
    changed: bool
    reference: str


@dataclass(frozen=True)
class PlannedReference:
    """The training that cells share whatever computes it, in extended precision; no cell of the plan."""

    scenario: str
    reference: str
    job: Job


@dataclass(frozen=True)
class Plan:
    """
    All processes of a run, in order of start.

    Args:
        cells: The cells in file order.
        processes: The accuracy phase, then the timed rounds, each shuffled.
        shuffle_seed: What both were shuffled with.
        references: One for all cells that differ only in how they compute; they run between the phases.
    """

    cells: tuple[PlannedCell, ...]
    processes: tuple[Planned, ...]
    shuffle_seed: int
    references: tuple[PlannedReference, ...] = ()

    def phase(self, name: str) -> list[Planned]:
        """The processes of one phase, in order."""
        return [planned for planned in self.processes if planned.phase == name]

    @property
    def rounds(self) -> list[int]:
        """The rounds of the timed phase."""
        return sorted({planned.round for planned in self.processes if planned.phase == TIMED})


@dataclass(frozen=True)
class Cuts:
    """
    What a run leaves out of its scenarios.

    Args:
        quick: One replicate, at most two seeds, one timing pass.
        only: Axis to the values that stay; a cell must match every axis named.
        timeout_seconds: Replaces the scenarios' `run.timeout_seconds`.
    """

    quick: bool = False
    only: tuple[tuple[str, tuple[Any, ...]], ...] = ()
    timeout_seconds: float | None = None


def make_plan(scenarios: Sequence[Scenario], cuts: Cuts, shuffle_seed: int) -> Plan:
    """The plan of these scenarios."""
    cells: list[PlannedCell] = []
    processes: list[Planned] = []
    references: list[PlannedReference] = []
    for scenario in scenarios:
        seeds = _seeds(scenario, cuts)
        shared: dict[Any, PlannedReference] = {}
        for cell in scenario.cells:
            if cell.spec.seed in seeds and _stays(cell, cuts):
                timed = seeds.index(cell.spec.seed) < scenario.document.run.timed_seeds
                job = _job(scenario, cell, cuts, timed=timed)
                key = cell.without(*HOW_AXES)
                reference = shared[key] = shared.get(key) or reference_of(scenario.name, job)
                changed = cell.id not in scenario.unchanged
                cells.append(PlannedCell(scenario.name, cell, job, changed, reference.reference))
                processes += _processes(scenario, cell, cuts, job)
        # Two values of an axis may be one training: full batches need no order's seed.
        references += {item.reference: item for item in shared.values()}.values()
    return Plan(tuple(cells), tuple(_in_order(processes, shuffle_seed)), shuffle_seed, tuple(references))


def reference_of(scenario: str, job: Job) -> PlannedReference:
    """The reference of a cell's job."""
    spec = reference_spec(job.spec)
    job = replace(job, spec=spec, timing_repeats=0, outfit="numpy", plugin=None)
    return PlannedReference(scenario, reference_id(spec), job)


def _seeds(scenario: Scenario, cuts: Cuts) -> list[int]:
    included = (cell.spec.seed for cell in scenario.cells)
    seeds = list(dict.fromkeys((*scenario.document.grid.seed, *included)))
    return seeds[:_QUICK_SEEDS] if cuts.quick else seeds


def _stays(cell: Cell, cuts: Cuts) -> bool:
    return all(axis in cell.axes and any(same(cell.axes[axis], v) for v in values) for axis, values in cuts.only)


def _job(scenario: Scenario, cell: Cell, cuts: Cuts, *, timed: bool) -> Job:
    limits = scenario.document.run
    entry = catalogue.entry(cell.spec.implementation)
    repeats = min(limits.timing_repeats, 1) if cuts.quick else limits.timing_repeats
    return Job(
        spec=cell.spec,
        timing_repeats=repeats if timed else 0,
        target_digits=scenario.document.target.digits,
        targets=scenario.document.target.tau,
        record_steps=_named_states(scenario, cell.spec),
        timeout_seconds=cuts.timeout_seconds or limits.timeout_seconds,
        memory_mb=limits.memory_mb,
        outfit=entry.outfit,
        plugin=entry.plugin,
        inputs=scenario.inputs.of(cell.spec),
    )


def _named_states(scenario: Scenario, spec: CellSpec) -> tuple[int, ...]:
    items = (*scenario.expectations, *scenario.limits)
    named = {state for item in items for state in recorded_steps(item.expect, item.rows, spec)}
    return tuple(sorted(named))


def _processes(scenario: Scenario, cell: Cell, cuts: Cuts, job: Job) -> list[Planned]:
    if job.timing_repeats == 0:
        return [Planned(scenario.name, cell.id, 0, ACCURACY, 0, job)]
    replicates = 1 if cuts.quick else scenario.document.run.replicates
    return [Planned(scenario.name, cell.id, number, TIMED, number, job) for number in range(replicates)]


def _in_order(processes: list[Planned], seed: int) -> list[Planned]:
    """Accuracy first, then round by round, shuffled inside each: never AAA BBB."""
    shuffled = processes[:]
    random.Random(seed).shuffle(shuffled)
    return sorted(shuffled, key=lambda planned: (planned.phase == TIMED, planned.round))
