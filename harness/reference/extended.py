"""Extended precision: x86's long double has 64 bits of mantissa, eleven more than float64."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Of the type numpy.longdouble, which has another name on every machine.
Extended = NDArray[Any]

_LEAST_BITS = 63


def missing() -> str:
    """Why there is no extended precision here; empty where there is."""
    bits = int(np.finfo(np.longdouble).nmant)
    if bits >= _LEAST_BITS:
        return ""
    return f"this machine has no extended precision: its long double keeps {bits + 1} bits, a reference takes 64"


def extended(values: Any) -> Extended:
    """The values in extended precision, exactly."""
    return np.asarray(values, dtype=np.longdouble)


def split(values: Extended) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """
    Extended values as two of float64: high + low is exactly the value (but for what is below 1e-290 or so).

    What float64 cannot hold is inf, with a low part of 0.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        high = values.astype(np.float64)
        low = np.where(np.isfinite(high), values - high, 0.0).astype(np.float64)
    return high, low


def joined(high: NDArray[np.float64], low: NDArray[np.float64]) -> Extended:
    """The extended values that `split` took apart."""
    return extended(high) + low
