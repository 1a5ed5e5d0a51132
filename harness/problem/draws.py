"""Where random numbers of the data come from: an engine of NumPy, or what torch drew in another process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class Draw(Protocol):
    """A stream of random numbers, as NumPy's engines have it."""

    def normal(self, loc: float, scale: float, size: Any) -> Any:
        """Normal numbers."""

    def uniform(self, low: float, high: float, size: Any) -> Any:
        """Uniform numbers on [low, high)."""

    def permutation(self, x: int) -> Any:
        """The numbers below x in random order."""


class Replayed:
    """
    Numbers that were drawn before, given out in the same order.

    Args:
        draws: One flat list for each draw.
    """

    def __init__(self, draws: Sequence[Sequence[float]]) -> None:
        self._draws = iter(draws)

    def normal(self, loc: float, scale: float, size: Any) -> NDArray[np.float64]:  # noqa: ARG002
        """The next draw, in this shape."""
        return self._next(size)

    def uniform(self, low: float, high: float, size: Any) -> NDArray[np.float64]:  # noqa: ARG002
        """The next draw, in this shape."""
        return self._next(size)

    def permutation(self, x: int) -> NDArray[np.intp]:
        """The next draw, as whole numbers."""
        return self._next(x).astype(np.intp)

    def _next(self, size: Any) -> NDArray[np.float64]:
        values = next(self._draws, None)
        if values is None:
            raise ValueError('data.rng = "torch": what torch draws is not there; run it with the harness\'s own plan.')
        return np.array(values, dtype=np.float64).reshape(size)
