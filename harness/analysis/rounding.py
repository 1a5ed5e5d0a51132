"""
Which roundings can have made an update: `w - rate g` rounded once, or `rate g` rounded before.

    twice(g) = fl(w - fl(rate g))       a product, then a difference
    once(g)  = fl(w - rate g)           a fused multiply-add: nothing is rounded in between

Both fall as g grows, so the gradients that give one and the same new parameter are neighbours, and two bisections find
them all. What is compared is exact: rational numbers, rounded to the nearest, ties to even.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

# Floats of a dtype in order, as whole numbers: neighbours are one apart, and 0 is 0.
_INTEGERS: dict[str, Any] = {"float32": np.int32, "float64": np.int64}


@dataclass(frozen=True)
class Candidates:
    """
    The gradients between two bounds that give each new parameter, as ranges of ordinals, by how the update is rounded.

    Args:
        twice: Of either side, `range`s.
        once: Of either side.
    """

    twice: tuple[range, range]
    once: tuple[range, range]


def candidates(dtype: str, w: float, rate: float, bounds: tuple[Any, Any], new: tuple[float, float]) -> Candidates:
    """
    The gradients that may have led to two new values of one parameter.

    Args:
        dtype: The arithmetic's.
        w: The parameter before, the same on both sides.
        rate: In that dtype, positive.
        bounds: The least and the largest gradient possible.
        new: The parameter after the update, on either side.
    """
    low, high = (ordinal(dtype, bound) for bound in bounds)
    once, twice = (_of(rounded, dtype, w, rate) for rounded in (rounded_once, rounded_twice))
    return Candidates(
        (_giving(twice, new[0], low, high), _giving(twice, new[1], low, high)),
        (_giving(once, new[0], low, high), _giving(once, new[1], low, high)),
    )


def common(one: range, other: range) -> bool:
    """Whether one gradient is in both."""
    return max(one.start, other.start) < min(one.stop, other.stop)


def rounded_once(dtype: str, w: float, rate: float, g: float) -> float:
    """fl(w - rate g)."""
    return nearest(dtype, Fraction(w) - Fraction(rate) * Fraction(g))


def rounded_twice(dtype: str, w: float, rate: float, g: float) -> float:
    """fl(w - fl(rate g))."""
    kind = np.dtype(dtype).type
    return float(kind(w) - kind(rate) * kind(g))


def nearest(dtype: str, value: Fraction) -> float:
    """
    The value rounded to the nearest of the dtype, ties to even; too large is infinite.

    References:
        Boldo & Melquiond (2008), Emulation of a FMA and correctly rounded sums: proved algorithms using rounding to
        odd, https://doi.org/10.1109/TC.2007.70819
    """
    try:
        near = value.numerator / value.denominator  # of whole numbers this is rounded right
    except OverflowError:
        return math.copysign(math.inf, value)
    if dtype == "float64":
        return near
    # Rounded to odd first, where it is rounded at all, a value may be rounded again without harm.
    if math.isfinite(near) and ordinal("float64", near) % 2 == 0 and Fraction(near) != value:
        near = math.nextafter(near, math.inf if value > Fraction(near) else -math.inf)
    with np.errstate(over="ignore"):
        return float(np.float32(near))


def ordinal(dtype: str, value: Any) -> int:
    """The place of the nearest float of the dtype among all of them."""
    bits = int(np.asarray(np.dtype(dtype).type(value)).view(_INTEGERS[dtype]))
    return bits if bits >= 0 else int(np.iinfo(_INTEGERS[dtype]).min) - bits


def of_ordinal(dtype: str, place: int) -> float:
    """The float at a place."""
    bits = place if place >= 0 else int(np.iinfo(_INTEGERS[dtype]).min) - place
    return float(np.asarray(bits, dtype=_INTEGERS[dtype]).view(dtype))


def _of(rounded: Callable[..., float], dtype: str, w: float, rate: float) -> Callable[[int], float]:
    # Turned round, so that it rises, as bisection wants it.
    return lambda place: -rounded(dtype, w, rate, of_ordinal(dtype, place))


def _giving(rising: Callable[[int], float], new: float, low: int, high: int) -> range:
    places = range(low, high + 1)
    return range(
        low + bisect_left(places, -new, key=rising),
        low + bisect_right(places, -new, key=rising),
    )
