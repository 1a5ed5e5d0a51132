"""Statistics of a benchmark, by the names and formulas of pytest-benchmark."""

from __future__ import annotations

import statistics as st
from collections.abc import Sequence
from typing import Any


def statistics(data: Sequence[float]) -> dict[str, Any]:
    """
    What a benchmark's `stats` holds.

    Quartiles are medians of the halves, as in pytest-benchmark: for an odd number of
    values by method 3 of the reference, else by method 2.

    Args:
        data: At least one value, seconds.

    References:
        https://en.wikipedia.org/wiki/Quartile#Computing_methods
    """
    mean, spread = st.mean(data), st.stdev(data) if len(data) > 1 else 0.0
    low, high = quartiles(data)
    fence = 1.5 * (high - low)
    within = [value for value in data if low - fence <= value <= high + fence]
    beyond = sum(not mean - spread <= value <= mean + spread for value in data)
    return {
        "min": min(data),
        "max": max(data),
        "mean": mean,
        "stddev": spread,
        "rounds": len(data),
        "median": st.median(data),
        "iqr": high - low,
        "q1": low,
        "q3": high,
        "iqr_outliers": len(data) - len(within),
        "stddev_outliers": beyond,
        "outliers": f"{beyond};{len(data) - len(within)}",
        "ld15iqr": min(within),
        "hd15iqr": max(within),
        "ops": len(data) / sum(data) if sum(data) else 0.0,
        "total": sum(data),
        "data": list(data),
        "iterations": 1,
    }


def quartiles(data: Sequence[float]) -> tuple[float, float]:
    """The first and the third."""
    values = sorted(data)
    number, rest = divmod(len(values), 4)
    if len(values) == 1:
        return values[0], values[0]
    if rest in (0, 2):
        half = len(values) // 2
        return st.median(values[:half]), st.median(values[half:])
    if rest == 1:
        return (
            0.25 * values[number - 1] + 0.75 * values[number],
            0.75 * values[3 * number] + 0.25 * values[3 * number + 1],
        )
    return (
        0.75 * values[number] + 0.25 * values[number + 1],
        0.25 * values[3 * number + 1] + 0.75 * values[3 * number + 2],
    )
