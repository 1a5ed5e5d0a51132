"""
Two runs beside each other: the cells of the same scenario and id that left a record in both.

One id means that everything the harness knows to decide a cell's numbers is the same, so that other bits come from the
code, the packages or the machine.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.analysis.comparison_ended import Ended
from harness.analysis.pairs import allowed

BETTER, SAME, WORSE = "better", "same", "worse"


@dataclass(frozen=True)
class Change:
    """
    A cell in both runs.

    Args:
        was: In the baseline.
        now: In the run.
    """

    was: Ended
    now: Ended

    @property
    def compared(self) -> bool:
        """Whether it has numbers in both."""
        return self.was.ok and self.now.ok

    @property
    def same_bits(self) -> bool:
        """Whether it left the same digests in both."""
        return self.compared and self.was.digests == self.now.digests

    @property
    def accuracy(self) -> str:
        """`better`, `same` or `worse` beyond rounding; empty where it was skipped in one of them."""
        if "skipped" in (self.was.status, self.now.status):
            return ""
        if not self.compared:
            return SAME if self.was.ok == self.now.ok else BETTER if self.now.ok else WORSE
        return SAME if self.same_bits else accuracy(self.was, self.now)

    @property
    def is_same(self) -> bool:
        """Whether nothing at all is to be said of it."""
        return self.was.word == self.now.word and (self.same_bits or not self.compared)


@dataclass(frozen=True)
class Comparison:
    """
    The cells of two runs.

    Args:
        changes: Those in both, in the order of the run.
        gone: Those in the baseline alone.
        new: Those in the run alone.
    """

    changes: tuple[Change, ...]
    gone: tuple[Ended, ...]
    new: tuple[Ended, ...]

    def of(self, scenario: str | None) -> Comparison:
        """Of one scenario, or all."""
        return self if scenario is None else Comparison(*(_of(group, scenario) for group in vars(self).values()))

    @property
    def compared(self) -> tuple[Change, ...]:
        """Cells that have numbers in both."""
        return tuple(change for change in self.changes if change.compared)

    @property
    def differing(self) -> tuple[Change, ...]:
        """Those of them whose bits are not the same."""
        return tuple(change for change in self.compared if not change.same_bits)

    @property
    def changed(self) -> tuple[Change, ...]:
        """Cells of which something is to be said; the worse first."""
        order = {WORSE: 0, BETTER: 1}
        found = (change for change in self.changes if not change.is_same)
        return tuple(sorted(found, key=lambda change: order.get(change.accuracy, 2)))

    def count(self, accuracy: str) -> int:
        """Cells with this change of accuracy."""
        return sum(change.accuracy == accuracy for change in self.changes)


def _of(group: Iterable[Any], scenario: str) -> tuple[Any, ...]:
    return tuple(item for item in group if (item.now if isinstance(item, Change) else item).scenario == scenario)


def compare(then: Sequence[Ended], now: Sequence[Ended]) -> Comparison:
    """The cells of a baseline and of a run; the order is the run's, of what is gone the baseline's."""
    before, after = ({ended.key: ended for ended in group} for group in (then, now))
    return Comparison(
        tuple(Change(before[key], ended) for key, ended in after.items() if key in before),
        tuple(ended for key, ended in before.items() if key not in after),
        tuple(ended for key, ended in after.items() if key not in before),
    )


def accuracy(was: Ended, now: Ended) -> str:
    """
    Whether a cell that did all its steps came closer to the optimum, or to a smaller loss, beyond rounding.

    The relative error 10^-digits may grow by what rounding leaves of the largest parameter (1e-12 in float64, as many
    roundings in float32). Without an optimum the loss may, as a share of itself. Two that diverged are the same:
    how far from everything they got says nothing.
    """
    if was.outcome == now.outcome == "diverged":
        return SAME
    room = float(allowed("", str(now.axes.get("dtype", "float64")), np.ones(1, np.int64))[0])
    if not (math.isnan(was.digits) or math.isnan(now.digits)):
        return _moved(_error(was.digits), _error(now.digits), room)
    return _moved(was.loss, now.loss, room * max(abs(was.loss), abs(now.loss)))


def _error(digits: float) -> float:
    return math.inf if digits < -300 else 10.0**-digits


def _moved(was: float, now: float, room: float) -> str:
    """Of two sizes that should be small; what is not finite is larger than all that is."""
    finite = math.isfinite(was), math.isfinite(now)
    if finite != (True, True):
        return SAME if finite[0] == finite[1] else WORSE if finite[0] else BETTER
    if abs(now - was) <= room:
        return SAME
    return WORSE if now > was else BETTER
