"""What the shared loop costs over a loop written out by hand, for the same steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from harness import devices, implementations
from harness.problem.data import make_data
from harness.problem.orders import batches
from harness.problem.problem import Problem, make_problem
from harness.training import timed_pass
from tests.builders import scenario


@pytest.fixture
def problem() -> Problem:
    """A line in two columns, batches of 8, 5 epochs."""
    (cell,) = scenario().cells
    return make_problem(cell.spec, make_data(cell.spec))


@pytest.fixture
def rows() -> list[Any]:
    """The batches of that training."""
    (cell,) = scenario().cells
    return list(batches(cell.spec, make_problem(cell.spec, make_data(cell.spec)).orders))


def test_by_hand(benchmark: BenchmarkFixture, problem: Problem, rows: list[Any]) -> None:
    """The floor: the same steps in one function, no class, no clock."""

    def train() -> None:
        w, b = problem.initial[0].copy(), problem.initial[1]
        for batch in rows:
            x, y = problem.x[batch], problem.y[batch]
            e = x @ w + b - y
            _loss = e @ e / e.size
            s = 2 * e / e.size
            w -= problem.learning_rate * (x.T @ s)
            b = b - problem.learning_rate * s.sum()
        assert np.isfinite(b)

    benchmark.group = "a training of 25 steps"
    benchmark(train)


def test_by_the_loop(benchmark: BenchmarkFixture, problem: Problem, rows: list[Any]) -> None:
    """The shared loop with the NumPy implementation."""
    implementation = implementations.get("numpy")()
    device = devices.get("cpu")

    def train() -> None:
        implementation.load(problem)
        for batch in rows:
            implementation.step(batch)
        device.synchronize()

    benchmark.group = "a training of 25 steps"
    benchmark(train)
    assert timed_pass(implementation, rows, device)[0] > 0
