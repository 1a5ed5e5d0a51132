"""Walks of a training that round as a cell of this precision does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from harness.analysis.diagnosis.training import Training
from harness.problem.evaluation import loss_scale
from harness.reference.descent import Descent
from harness.reference.extended import Extended, extended

# How much farther a cell may be away than a walk that rounds by other luck, where rounding grows from step to step;
# in a coarse format nothing grows that far before it is as large as all there is.
_LIKE, _LIKE_COARSE = 100.0, 8.0


@dataclass(frozen=True)
class Precision:
    """
    A format of numbers.

    Args:
        name: As people know it.
        bits: Of the mantissa, the leading one counted.
        dtype: NumPy's, where it computes in it.
        factor_bits: Of what is multiplied, where that is rounded more coarsely.
    """

    name: str
    bits: int
    dtype: str = ""
    factor_bits: int | None = None

    @property
    def eps(self) -> float:
        """The distance from 1 to the next number."""
        return float(2.0 ** (1 - (self.factor_bits or self.bits)))

    @property
    def like(self) -> float:
        """How much farther than one walk in this format another may be."""
        return _LIKE if self.eps <= PRECISIONS["float32"].eps else _LIKE_COARSE

    def within(self, other: Precision) -> Precision:
        """The other one, in which only what is multiplied is rounded to this."""
        return replace(other, name=self.name, factor_bits=self.bits)

    def factor(self, values: Any) -> Any:
        """As it is multiplied."""
        return values if self.factor_bits is None else Precision(self.name, self.factor_bits).round(values)

    def round(self, values: Any) -> Extended:
        """To the nearest number of this format, ties to even; the range is unbounded where NumPy has no such dtype."""
        with np.errstate(over="ignore", invalid="ignore"):
            if self.dtype:
                return extended(np.asarray(values).astype(self.dtype))
            mantissa, exponent = np.frexp(extended(values))
            return extended(np.ldexp(np.rint(np.ldexp(mantissa, self.bits)), exponent - self.bits))


PRECISIONS = {
    found.name: found
    for found in (
        Precision("float64", 53, "float64"),
        Precision("float32", 24, "float32"),
        Precision("tf32", 24, "float32", factor_bits=11),
    )
}
# Those that a cell may be kept, or computed, in by mistake, the finest first.
COARSER = (PRECISIONS["float32"], Precision("float16", 11), Precision("bfloat16", 8))


@dataclass(frozen=True)
class Rounded:
    """
    A training whose states, data, gradients and memory are kept in a precision.

    Args:
        training: What is done.
        precision: In which.
        luck: Numbers the ways to round: with 0 each number goes to the nearest, with 1 up to a unit beside it, with 2
            up to four, as after several operations.
    """

    training: Training
    precision: Precision
    luck: int = 0

    def walk(self) -> Iterator[Extended]:
        """Every state, from the start to the end."""
        draw = np.random.default_rng(self.luck)
        descent, keep = self._descent(draw), self._keeper(draw)
        state, rule = keep(descent.start), descent.rule()
        yield state
        for step, batch in enumerate(descent.batches):
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                state = keep(state - descent.rate(step) * rule(descent.gradient(state, batch)))
                _forget(rule, self.precision)
            yield state

    def _keeper(self, draw: np.random.Generator) -> Callable[[Extended], Extended]:
        nudged = self._nudged(draw, 2.0 ** (1 - self.precision.bits))
        return lambda state: self.precision.round(nudged(state))

    def _nudged(self, draw: np.random.Generator, unit: float) -> Callable[[Any], Any]:
        if not self.luck:
            return lambda state: state
        units = unit * 4 ** (self.luck - 1)
        return lambda state: state * (1 + units * draw.uniform(-1, 1, state.shape))

    def _descent(self, draw: np.random.Generator) -> Descent:
        # Sums are rounded at each addition, so where NumPy computes in a precision the gradient is left to it.
        dtype = self.precision.dtype or "float64"
        rows, evaluation, nudged = self.training.rows, self.training.evaluation, self._nudged(draw, self.precision.eps)
        with np.errstate(over="ignore"):
            x, y = (self.precision.round(values).astype(dtype) for values in (rows.x, rows.y))
        x, y = (self.precision.factor(values).astype(dtype) for values in (x, y))

        def gradient(state: Extended, batch: Any) -> Extended:
            factors = self.precision.factor(nudged(state)).astype(dtype)
            parts = self._parts(draw, batch)
            found = (share * nudged(evaluation.gradient(factors, x[rows], y[rows])) for rows, share in parts)
            return self.precision.round(sum(found))

        return replace(self.training.descent, gradient=gradient)

    def _parts(self, draw: np.random.Generator, batch: Any) -> list[tuple[Any, float]]:
        """A batch in two by lot, and what each adds to its gradient: where rows cancel, what rounding leaves stays."""
        rows, loss = self.training.size(batch), self.training.spec.training.loss
        if not self.luck or rows == 1:
            return [(batch, 1.0)]
        mixed = draw.permutation(np.arange(rows) if isinstance(batch, slice) else batch)
        cut = rows // 2 | 1  # signs of an odd number of rows never cancel
        halves = mixed[:cut], mixed[cut:]
        return [(half, loss_scale(loss, rows) / loss_scale(loss, len(half))) for half in halves]


def _forget(rule: Any, precision: Precision) -> None:
    """An optimiser remembers in the precision of its parameters."""
    for name, value in vars(rule).items():
        if isinstance(value, np.ndarray):
            setattr(rule, name, precision.round(value))
