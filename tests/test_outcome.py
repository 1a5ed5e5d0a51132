"""How a training ended, from hand-made losses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness.outcome import outcome, rounding_floor
from harness.problem.data import Rows
from harness.problem.evaluation import Evaluation
from tests.builders import scenario

FALLING = [1.0 * 0.9**step for step in range(40)]
# 20 steps are 21 states: the last tenth is the last 2, the tenth before the 2 before those.
FLAT = [*np.linspace(2.0, 1.0, 17), 0.5, 0.5, 0.5, 0.5]


def of(losses: Any, **values: Any) -> str:
    """The outcome of these losses, unless said otherwise of finite parameters far from the optimum."""
    given: dict[str, Any] = {
        "finite": True, "digits": 1.0, "gradients": (1.0, 1.0), "wanted_digits": 3.0, "floor": 0.0, **values,
    }  # fmt: skip
    return outcome(np.array(losses, dtype=np.float64), **given)


@pytest.mark.parametrize(
    ("losses", "values", "word"),
    [
        # diverged: not finite, or more than twice the start
        ([1.0, np.inf], {}, "diverged"),
        ([1.0, np.nan], {}, "diverged"),
        ([1.0, 0.5], {"finite": False}, "diverged"),
        ([1.0, 2.0], {}, "unfinished"),
        ([1.0, 2.0 + 1e-15], {}, "diverged"),
        ([1.0, 9.0, 1.0], {}, "unfinished"),
        ([1.0, np.inf, 0.5], {}, "unfinished"),
        # beyond rounding only
        ([0.0, 1e-30], {}, "diverged"),
        ([0.0, 1e-30], {"floor": 1e-29}, "unfinished"),
        ([0.0, 2e-29], {"floor": 1e-29}, "diverged"),
        # divergence comes first, whatever the digits say
        ([1.0, 3.0], {"digits": 9.0}, "diverged"),
        # converged by digits
        ([1.0, 0.5], {"digits": 3.0}, "converged"),
        ([1.0, 0.5], {"digits": np.nextafter(3.0, 0.0)}, "unfinished"),
        ([1.0, 0.5], {"digits": 3.0, "wanted_digits": 3.5}, "unfinished"),
        ([1.0, 0.5], {"digits": float("-inf")}, "unfinished"),
        # with an optimum the gradient does not count
        ([1.0, 0.5], {"gradients": (1.0, 0.0)}, "unfinished"),
        # without one, the gradient does
        ([1.0, 0.5], {"digits": None, "gradients": (1.0, 1e-3)}, "converged"),
        ([1.0, 0.5], {"digits": None, "gradients": (1.0, 1.1e-3)}, "unfinished"),
        ([1.0, 1.0], {"digits": None, "gradients": (0.0, 0.0)}, "converged"),
        ([1.0, 0.5], {"digits": None, "gradients": (1.0, np.nan)}, "unfinished"),
        # convergence comes before a plateau
        (FLAT, {"digits": 3.0}, "converged"),
        # stalled: at least 20 steps without a lower loss
        (FLAT, {}, "stalled"),
        (FLAT[1:], {}, "unfinished"),
        (FALLING, {}, "unfinished"),
        ([1.0] * 21, {}, "stalled"),
        ([1.0] * 20, {}, "unfinished"),
        ([0.0] * 21, {}, "stalled"),
        # a cycle: the median of the last tenth is not below the least of the tenth before
        ([1.0, 0.5] * 25, {}, "stalled"),
        # a thing in 1e12 is no progress, a thing in 1e11 is
        ([2.0] * 17 + [1.0, 1.0] + [1 - 0.5e-12] * 2, {}, "stalled"),
        ([2.0] * 17 + [1.0, 1.0] + [1 - 1e-11] * 2, {}, "unfinished"),
        # the least of the tenth before counts, not its last
        ([2.0] * 17 + [0.1, 1.0, 0.5, 0.5], {}, "stalled"),
        # the median of the last tenth counts, not its least
        ([2.0] * 34 + [1.0] * 3 + [0.1, 1.5, 1.5], {}, "stalled"),
        ([2.0] * 17 + [1.0, 1.0, 0.9, 0.9], {}, "unfinished"),
    ],
)  # fmt: skip
def test_the_first_word_that_fits(losses: list[float], values: dict[str, Any], word: str) -> None:
    """diverged, converged, stalled, unfinished, in this order, each at its boundary."""
    assert of(losses, **values) == word


@pytest.mark.parametrize("start", [1.5e308, np.inf])
def test_a_start_beyond_counting(start: float) -> None:
    """Twice a huge start is infinite, which is not a warning, and an end below it did not diverge."""
    assert of([start, 1.0]) == "unfinished"


def evaluation_of(loss: str) -> Evaluation:
    (cell,) = scenario(training__loss=loss).cells
    return Evaluation.of(cell.spec)


@pytest.mark.parametrize(
    ("kind", "factor"), [("mse", 1.0), ("half_mse", 0.5), ("sse", 4.0), ("half_sse", 2.0), ("huber", 0.5)]
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rounding_floor(kind: str, factor: float, dtype: str) -> None:
    """The loss of 4 residuals of 8 roundings of the largest target, 100."""
    x = np.zeros((4, 1))
    rows = Rows(x, x, np.array([1.0, -100.0, 3.0, 0.0]))
    assert rounding_floor(evaluation_of(kind), rows, dtype) == pytest.approx(factor * (800 * np.finfo(dtype).eps) ** 2)


def test_rounding_floor_of_zeros() -> None:
    """Targets that are all 0 leave no room for rounding, and no warning."""
    x = np.zeros((4, 1))
    assert rounding_floor(evaluation_of("mae"), Rows(x, x, np.zeros(4)), "float64") < 1e-290
