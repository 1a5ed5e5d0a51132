"""How fast this machine is now, measured by a short NumPy loop."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import mean

import numpy as np

from harness.estimate.cost import REFERENCE_STEP_SECONDS

_STEPS, _WARM_UPS, _TIMES = 300, 5, 40


def slowness(clock: Callable[[], float] = time.perf_counter) -> float:
    """
    Seconds that this machine takes for what took the machine of the cost model one second.

    The mean of loops over a quarter of a second: what else runs here takes its share of them too.
    """
    for _ in range(_WARM_UPS):
        _loop_seconds(clock)
    return mean(_loop_seconds(clock) for _ in range(_TIMES)) / (_STEPS * REFERENCE_STEP_SECONDS)


def _loop_seconds(clock: Callable[[], float]) -> float:
    """Seconds of gradient descent on a line through 100 points."""
    x = np.linspace(-1.0, 1.0, 100).reshape(-1, 1)
    y, w, b = 2.0 * x[:, 0], np.zeros(1), 0.0
    start = clock()
    for _ in range(_STEPS):
        e = x @ w + b - y
        w = w - 0.01 * 2 * (x.T @ e) / e.size
        b = b - 0.01 * 2 * e.mean()
        _loss = e @ e / e.size
    return clock() - start
