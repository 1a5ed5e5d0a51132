"""
Sums and products to twice float64's precision, as pairs of float64 numbers.

A pair (high, low) stands for the unrounded high + low with |low| at most half a unit in the last place of high.
Every operation here is made of additions and multiplications in float64 alone, so that it gives the same bits on
every machine, those without a wider type too. Arguments are to be scaled near 1: beyond 1e299 a split overflows.

References:
    Dekker (1971), A floating-point technique for extending the available precision,
    https://doi.org/10.1007/BF01397083
    Ogita, Rump & Oishi (2005), Accurate sum and dot product, https://doi.org/10.1137/030601818
    Rump, Ogita & Oishi (2008), Accurate floating-point summation I, https://doi.org/10.1137/050645671
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]
Pair: TypeAlias = tuple[Array, Array]

# Cuts 53 bits into 26 and 26 and a sign.
_SPLITTER = 2.0**27 + 1
# Numbers to a block: its temporaries stay in the cache.
_BLOCK = 8192
# Each takes 53 bits less the sum's own: three reach beyond twice 53 for up to 2**17 rows, and most of it beyond.
_CUTS = 3


def two_sum(a: Any, b: Any) -> Pair:
    """The rounded sum and its error, exactly."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def two_product(a: Any, b: Any) -> Pair:
    """The rounded product and its error, exactly."""
    product = a * b
    return product, _error(product, split(a), split(b))


def split(a: Any) -> Pair:
    """Two halves of 26 bits, whose products with such halves are exact."""
    wide = _SPLITTER * a
    high = wide - (wide - a)
    return high, a - high


def _error(product: Any, a: Any, b: Any) -> Any:
    return ((a[0] * b[0] - product) + a[0] * b[1] + a[1] * b[0]) + a[1] * b[1]


def plus(pair: Pair, more: Any) -> Pair:
    """A pair and a float64 number."""
    high, low = two_sum(pair[0], more)
    return two_sum(high, low + pair[1])


def plus_pair(a: Pair, b: Pair) -> Pair:
    """Two pairs."""
    high, low = two_sum(a[0], b[0])
    return two_sum(high, low + (a[1] + b[1]))


def total(high: Array, low: Array) -> Pair:
    """
    The sums over the last axis of pairs that need not be normal.

    Each cut takes the leading bits of all numbers at one place, so that they add up without rounding.
    """
    size = np.abs(high).max(axis=-1, keepdims=True, initial=0.0)
    bits = np.frexp(high.shape[-1])[1] + 1
    found = (np.zeros(high.shape[:-1]), low.sum(axis=-1))
    for _ in range(_CUTS):
        ruler = np.ldexp(1.0, np.frexp(size)[1] + bits)
        top = (ruler + high) - ruler
        high = high - top
        found = plus(found, top.sum(axis=-1))
        size = ruler * 2.0**-53
    return plus(found, high.sum(axis=-1))


class Factor:
    """
    A matrix to multiply by, split once, in blocks of rows.

    Args:
        matrix: Shape (n, p).
    """

    def __init__(self, matrix: Array) -> None:
        self.shape = matrix.shape
        rows = max(1, _BLOCK // max(1, matrix.shape[1]))
        self._places = [slice(start, start + rows) for start in range(0, len(matrix), rows)]
        self._blocks = [np.ascontiguousarray(matrix[place].T) for place in self._places]
        self._halves = [split(block) for block in self._blocks]

    def taken_from(self, start: Pair, x: Pair) -> Pair:
        """
        start - matrix @ x to twice the precision of the largest term.

        Args:
            start: Shape (n,).
            x: Shape (p,).
        """
        factor, rest = x[0][:, None], x[1][:, None]
        halves = split(factor)
        found = np.empty((2, len(start[0])))
        for place, block, parts in zip(self._places, self._blocks, self._halves, strict=True):
            products = block * factor
            errors = _error(products, parts, halves) + block * rest
            high, low = start[0][place], start[1][place] - errors.sum(axis=0)
            for column in products:
                high, error = two_sum(high, -column)
                low = low + error
            found[:, place] = two_sum(high, low)
        return found[0], found[1]

    def transposed(self, r: Pair) -> Pair:
        """matrix' @ r, for r of shape (n,), to twice the precision of the largest term."""
        found = (np.zeros(self.shape[1]), np.zeros(self.shape[1]))
        halves = split(r[0])
        for place, block, parts in zip(self._places, self._blocks, self._halves, strict=True):
            products = block * r[0][place]
            errors = _error(products, parts, (halves[0][place], halves[1][place]))
            found = plus_pair(found, total(products, errors + block * r[1][place]))
        return found
