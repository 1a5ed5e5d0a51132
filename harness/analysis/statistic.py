"""One number for all seeds."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from fractions import Fraction

from harness.scenario.expect import Statistic

_OF_VALUES: dict[str, Callable[[Sequence[Fraction]], Fraction]] = {
    "mean": statistics.mean,
    "min": min,
    "max": max,
    "median": statistics.median,
}


def statistic(name: Statistic, found: Sequence[float], starts: Sequence[float] = ()) -> float:
    """
    A statistic over the seeds, rounded once.

    Args:
        name: Which; `sd` divides by n - 1, `start_correlation` is Pearson's with the starts.
        found: The quantity of each seed.
        starts: The same quantity at the start of each; used by `start_correlation` only.

    Returns:
        nan where a value is not finite, or where the correlation has nothing to vary.
    """
    values = [*found, *(starts if name == "start_correlation" else ())]
    if not all(map(math.isfinite, values)):
        return math.nan
    match name:
        case "start_correlation":
            return _correlation(found, starts)
        case "sd":
            return _sd(found)
    # In fractions nothing overflows on the way, and equal values have themselves as mean.
    return float(_OF_VALUES[name]([Fraction(item) for item in found]))


def _sd(found: Sequence[float]) -> float:
    try:
        return statistics.stdev(found)
    except OverflowError:
        return math.inf


def _correlation(found: Sequence[float], starts: Sequence[float]) -> float:
    """Pearson's, between -1 and 1 whatever is rounded."""
    of_found, of_starts = _about_mean(found), _about_mean(starts)
    squares = sum(item * item for item in of_found) * sum(item * item for item in of_starts)
    if not squares:
        return math.nan
    product = sum((a * b for a, b in zip(of_found, of_starts, strict=True)), Fraction(0))
    size = math.sqrt(product * product / squares)
    return size if product > 0 else -size


def _about_mean(values: Sequence[float]) -> list[Fraction]:
    exact = [Fraction(item) for item in values]
    mean = statistics.mean(exact)
    return [item - mean for item in exact]
