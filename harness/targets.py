"""How many steps a training took to its targets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def steps_to_targets(
    losses: NDArray[np.float64], least: float, shares: Sequence[float], steps: NDArray[np.int64] | None = None
) -> list[int | None]:
    """
    The first state that has reached each target: f(x0) - f(x) >= (1 - share) (f(x0) - least).

    Args:
        losses: Loss of each state, the start first.
        least: The least possible loss.
        shares: Of the possible loss reduction, what may be left.
        steps: The number of each state; left out, 0, 1, 2, ….

    Returns:
        A step for each share; None where it was not reached, or where the start's loss is not finite.

    References:
        Moré & Wild (2009), Benchmarking derivative-free optimization algorithms, https://doi.org/10.1137/080724083
    """
    with np.errstate(invalid="ignore", over="ignore"):
        left = losses - least
        reached = [(left <= share * left[0]) & np.isfinite(left[0]) for share in shares]
    found = [int(np.argmax(there)) if there.any() else None for there in reached]
    return [place if place is None or steps is None else int(steps[place]) for place in found]
