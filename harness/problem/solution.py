"""What each of the methods found, in the units of the scaled design."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.problem.doubled import Pair

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Solution:
    """
    The minimum of the sum of the rows' costs.

    Args:
        w: Parameters, shape (p,); None where they are not unique or not known.
        cost: The sum of the costs, a pair of numbers; None where it is not known.
        moves: How far each parameter can move, in roundings, where every number of the data moves by one.
        reason: Why there is no `w`, one sentence.
    """

    w: Pair | None
    cost: Pair | None
    moves: Vector | None = None
    reason: str = ""
