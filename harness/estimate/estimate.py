"""How long a plan will take: from an earlier run of its cells, else from a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from harness.estimate import cost
from harness.estimate.absent import absent
from harness.estimate.past import Past, PastCell, latest
from harness.estimate.speed import slowness
from harness.job import Job
from harness.plan import ACCURACY, TIMED, Plan

# Scenario and id of a cell.
_Key: TypeAlias = tuple[str, str]
# How far off each basis may be: least and most, as shares of the estimate.
_OF_RUN, _OF_MODEL = (0.7, 1.5), (0.5, 2.0)


@dataclass(frozen=True)
class Estimate:
    """
    Seconds of a whole run, page included.

    Args:
        seconds: What is most likely.
        least: It takes hardly less.
        most: It takes hardly more.
        basis: Where the numbers come from, in words.
        skipped: Processes that will be skipped for certain, by reason.
    """

    seconds: float
    least: float
    most: float
    basis: str
    skipped: dict[str, int]


def estimate(plan: Plan, jobs: int, folder: Path, speed: Callable[[], float] = slowness) -> Estimate:
    """
    The estimate for this plan on this machine.

    Args:
        plan: What would be run.
        jobs: Accuracy-only cells at a time.
        folder: Where earlier runs are looked for.
        speed: Measures how many times slower this machine is than that of the cost model.
    """
    planned = {(item.scenario, item.cell.id): item.job for item in plan.cells}
    reasons = {key: absent(job) for key, job in planned.items()}
    running = {key: job for key, job in planned.items() if reasons[key] is None}
    past, factor = latest({cell for _, cell in running}, folder), speed()
    seconds = dict.fromkeys(planned, factor * cost.skipped_seconds()) | _seconds_by_cell(running, past, factor)
    untimed, timed = (
        sum(seconds[item.scenario, item.cell] for item in plan.phase(phase)) for phase in (ACCURACY, TIMED)
    )
    references = factor * sum(cost.process_seconds(item.job) for item in plan.references)
    total = (untimed + references) / jobs + timed + factor * _around(plan)
    least, most = _OF_RUN if past else _OF_MODEL
    skipped = Counter(reason for item in plan.processes if (reason := reasons[item.scenario, item.cell]))
    return Estimate(total, least * total, most * total, _basis(past, running, factor), dict(skipped))


def _around(plan: Plan) -> float:
    outfits, scenarios = {item.job.outfit for item in plan.cells}, {item.scenario for item in plan.cells}
    return cost.surrounding_seconds(outfits, len(plan.rounds), len(scenarios))


def _seconds_by_cell(jobs: dict[_Key, Job], past: Past | None, factor: float) -> dict[_Key, float]:
    """Of each cell that will run; cells that the earlier run lacks cost as the model says, at that run's speed."""
    modelled = {key: cost.process_seconds(job) for key, job in jobs.items()}
    known = {key: _again(past.cells[key[1]], job) for key, job in jobs.items() if past and key[1] in past.cells}
    if known:
        factor = sum(known.values()) / sum(modelled[key] for key in known)
    found = {key: known.get(key, factor * seconds) for key, seconds in modelled.items()}
    return {key: min(seconds, jobs[key].timeout_seconds) for key, seconds in found.items()}


def _again(cell: PastCell, job: Job) -> float:
    """Seconds of a process whose cell is known, with as many timed passes as it will have."""
    if cell.timed_pass is not None:
        return cell.recorded + job.timing_repeats * cell.timed_pass
    return cell.recorded * cost.process_seconds(job) / cost.recorded_seconds(job)


def _basis(past: Past | None, running: dict[_Key, Job], factor: float) -> str:
    if past is None:
        return (
            "a model: steps times what a step of each implementation usually costs, "
            f"times {factor:.2g} by a NumPy loop timed here just now"
        )
    known = sum(cell in past.cells for _, cell in running)
    share = "all" if known == len(running) else f"{known:,} of {len(running):,}"
    return f"the run {past.name} on this machine, which has {share} of the cells that will run"
