"""
A model of the seconds that a process takes.

Its constants are medians measured on one core of a plain server (2 cores, PyTorch 2.13) on which
the loop of `speed` took `REFERENCE_STEP_SECONDS` a step. They are good to about a factor of two.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from harness.job import Job
from harness.scenario.cell import CellSpec
from harness.scenario.model import Mlp

REFERENCE_STEP_SECONDS = 14e-6


@dataclass(frozen=True)
class StepCost:
    """
    What one update costs, in seconds.

    Args:
        linear: Of a linear model, however few its rows.
        layer: More for each hidden layer.
        element: More for each weight and row of the batch.
        optimizer: More for an optimiser other than plain sgd.
        batch: More for a batch that is not all rows: they are picked out.
        state: More in the recorded pass, where each state is copied and hashed.
    """

    linear: float
    layer: float
    element: float
    optimizer: float
    batch: float
    state: float


# By implementation, and of the reference; one that is not here (a plug-in's) costs what the slowest of its outfit does.
_STEPS = {
    "numpy": StepCost(16e-6, 30e-6, 1.0e-9, 20e-6, 5e-6, 25e-6),
    "autograd": StepCost(185e-6, 160e-6, 1.5e-9, 60e-6, 20e-6, 60e-6),
    "optim": StepCost(280e-6, 110e-6, 1.5e-9, 60e-6, 20e-6, 60e-6),
    "module": StepCost(330e-6, 100e-6, 1.5e-9, 60e-6, 20e-6, 60e-6),
    "reference": StepCost(30e-6, 250e-6, 5.0e-9, 25e-6, 5e-6, 10e-6),
}
_OF_OUTFIT = {"numpy": _STEPS["numpy"], "torch": _STEPS["module"]}
# Fork, data, evaluation, end.
_PROCESS_SECONDS = {"numpy": 0.014, "torch": 0.028}
_SKIPPED_SECONDS = 0.010
_ROW_SECONDS = 0.7e-6
# The recorded pass evaluates each state over all training rows.
_STATE_ELEMENT_SECONDS = 1e-9
# Imports before the first cell, in templates that start one after the other.
_TEMPLATE_SECONDS = {"numpy": 0.5, "torch": 3.5}
_CANARY_SECONDS = {"numpy": 0.1, "torch": 0.4}
# Verdict, then a page with its figures for each scenario.
_VERDICT_SECONDS, _PAGE_SECONDS = 3.0, 2.0


def process_seconds(job: Job) -> float:
    """Seconds of one process that runs all its steps."""
    return recorded_seconds(job) + job.timing_repeats * pass_seconds(job)


def recorded_seconds(job: Job) -> float:
    """Seconds of one process without its timed passes."""
    spec = job.spec
    state = _step_cost(job).state + _STATE_ELEMENT_SECONDS * elements(spec, spec.training_rows)
    return _PROCESS_SECONDS[job.outfit] + spec.training_rows * _ROW_SECONDS + spec.steps * state + pass_seconds(job)


def pass_seconds(job: Job) -> float:
    """Seconds of all updates of one training, nothing recorded."""
    spec, cost = job.spec, _step_cost(job)
    rows = spec.training_rows if spec.batch_size == "full" else min(spec.batch_size, spec.training_rows)
    layers = len(spec.model.hidden) if isinstance(spec.model, Mlp) else 0
    step = cost.linear + layers * cost.layer + cost.element * elements(spec, rows)
    if spec.batch_size != "full":
        step += cost.batch
    if spec.training.optimizer.kind != "sgd":
        step += cost.optimizer
    return spec.steps * step


def _step_cost(job: Job) -> StepCost:
    return _STEPS.get(job.spec.implementation, _OF_OUTFIT[job.outfit])


def skipped_seconds() -> float:
    """Seconds of one process that finds that it cannot run."""
    return _SKIPPED_SECONDS


def surrounding_seconds(outfits: set[str], rounds: int, scenarios: int) -> float:
    """
    Seconds of a run that belong to no process of its plan.

    Args:
        outfits: Of its processes: `numpy`, `torch`.
        rounds: Of its timed phase; each begins with a canary of each outfit.
        scenarios: Each has a page.
    """
    of_outfits = sum(_TEMPLATE_SECONDS[outfit] + rounds * _CANARY_SECONDS[outfit] for outfit in outfits)
    return of_outfits + _VERDICT_SECONDS + scenarios * _PAGE_SECONDS


def elements(spec: CellSpec, rows: int) -> int:
    """Multiplications of one prediction of so many rows, and what is done to each unit's output."""
    hidden = spec.model.hidden if isinstance(spec.model, Mlp) else ()
    sizes = [spec.features, *hidden, 1]
    return rows * sum(units * (inputs + 2) for inputs, units in pairwise(sizes))
