"""A fixed cell, run once a round: two runs are set against each other by what it took in both."""

from __future__ import annotations

from harness import catalogue
from harness.job import Job
from harness.scenario.cell import CellSpec
from harness.scenario.data import Generated, LinearTarget, NormalColumns, NormalNoise
from harness.scenario.training import Training


def canary(implementation: str) -> Job:
    """
    500 x 4 linear regression, mini-batches of 16, 10 epochs, float64, three timed passes.

    It never changes: a changed canary cannot be compared with an older one.
    """
    spec = CellSpec(
        data=Generated(
            samples=500,
            x=NormalColumns(kind="normal", mean=0.0, sd=1.0, columns=4),
            y=LinearTarget(kind="linear", weights=(8.1, 2.0, 2.0, 4.0)),
            noise=NormalNoise(kind="normal", mean=0.0, sd=0.01),
        ),
        training=Training(epochs=10),
        implementation=implementation,
        device="cpu",
        dtype="float64",
        batch_size=16,
        learning_rate=0.01,
        seed=0,
    )
    return Job(spec, timing_repeats=3, outfit=catalogue.entry(implementation).outfit)
