"""Mistakes of a size: the number that fits best, and whether it fits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from harness.analysis.diagnosis.case import Case
from harness.analysis.diagnosis.finding import times
from harness.analysis.diagnosis.mistakes import LONGER, MOMENTUM, Mistake, with_gradient
from harness.analysis.diagnosis.training import Training
from harness.reference.descent import Descent
from harness.reference.extended import Extended
from harness.reference.rules import new_rule
from harness.scenario.training import Sgd

# Recorded states that the number is taken from, Gauss-Newton steps towards it, and the share it is moved by to see
# what it changes; extended precision leaves that 13 digits.
_STATES, _ROUNDS, _NUDGE = 12, 8, 1e-6
# Nobody is wrong by fewer roundings than these.
_LEAST = 1000
# A mistake of a size shows where it begins, or soon after.
_LATEST = 2000


@dataclass(frozen=True)
class Sized:
    """
    A mistake with a number in it.

    Args:
        words: What is wrong, by the number.
        descent: The training that it amounts to.
        neutral: The number that is no mistake.
        guess: The number to begin with.
        scale: What the number is small or large beside.
        told_by: What a run would need to tell it from others that look alike.
        factor: What the gradient is multiplied by, by the number; None where it is not.
    """

    words: Callable[[float], str]
    descent: Callable[[Training, float], Descent]
    neutral: float
    guess: float
    scale: float = 1.0
    told_by: str = LONGER
    factor: Callable[[float], float] | None = None

    def at(self, size: float) -> Mistake:
        """The mistake of this size."""
        factor = self.factor(size) if self.factor else None
        return Mistake(self.words(size), lambda given: self.descent(given, size), told_by=self.told_by, factor=factor)


def scaled(case: Case) -> Sized:
    """The rate, or with plain gradient descent the gradient, off by a factor."""
    plain = isinstance(case.training.spec.training.optimizer, Sgd)
    what = "the gradient or the learning rate" if plain else "the learning rate"

    def words(size: float) -> str:
        return "the update has the wrong sign" if abs(size + 1) < 1e-3 else f"{what} is scaled by {times(size)}"

    guess = case.ratio if case.ratio is not None and case.along and case.ratio else 1.0
    if plain:
        return Sized(words, _with_rate_times, 1.0, guess, told_by=MOMENTUM, factor=lambda size: size)
    return Sized(words, _with_rate_times, 1.0, guess)


def others(case: Case) -> Iterator[Sized]:
    """Those that are rarer, or could be taken for many others."""
    optimizer = case.training.spec.training.optimizer
    yield Sized(
        lambda size: f"a weight decay of {size:.4g} is added to the gradient",
        lambda given, size: with_gradient(given, lambda g, state, _: g + np.longdouble(size) * state),
        0.0,
        0.0,
        1e-3,
    )
    if isinstance(optimizer, Sgd):
        yield Sized(
            lambda size: f"momentum is {size:.4g} instead of {optimizer.momentum:g}",
            _with_momentum,
            optimizer.momentum,
            optimizer.momentum,
        )
    else:
        # What such an optimiser still shows of the gradient's scale is eps by the gradient: it goes with the inverse.
        yield Sized(
            lambda size: f"the gradient is scaled by {times(1 / size)}",
            lambda given, size: with_gradient(given, lambda g, _state, _rows: g / np.longdouble(size)),
            1.0,
            1.0,
            factor=lambda size: 1 / size,
        )


def fitted(case: Case, sized: Sized) -> Mistake | None:
    """The mistake with the number that brings its path nearest; None where no number does."""
    last = min(case.first + _STATES, case.end)
    if case.first == 0 or case.steps[last - 1] > _LATEST:
        return None
    size: Any = np.longdouble(sized.guess)
    with np.errstate(all="ignore"):
        for _ in range(_ROUNDS):
            nudge = _NUDGE * max(abs(size), np.longdouble(1e-3 * sized.scale))
            here, there = _states(case, sized, size, last), _states(case, sized, size + nudge, last)
            # Each state by the largest parameter so far, which is how distances are taken.
            largest = np.maximum.accumulate(np.abs(here).max(axis=1))[:, None]
            share = 1 / np.where(largest == 0, 1, largest)  # a start at zero
            moved, left = share * (there - here) / nudge, share * (case.found[: len(here)] - here)
            step = (moved * left).sum() / (moved * moved).sum()
            if not np.isfinite(step):
                return None
            size = size + step
            if abs(step) <= 1e-15 * abs(size):
                break
    real = abs(size - sized.neutral) > _LEAST * case.envelope.precision.eps * sized.scale
    return sized.at(size) if real else None


def _states(case: Case, sized: Sized, size: Any, last: int) -> Extended:
    return np.stack(list(case.states(sized.descent(case.training, size).walk(), last)))


def _with_rate_times(training: Training, size: float) -> Descent:
    rate, factor = training.descent.rate, np.longdouble(size)
    return replace(training.descent, rate=lambda step: factor * rate(step))


def _with_momentum(training: Training, size: float) -> Descent:
    optimizer = training.spec.training.optimizer
    assert isinstance(optimizer, Sgd)
    # Beyond what a scenario may ask for: a share of 1, or below 0, is what is looked for.
    other = Sgd.model_construct(kind="sgd", momentum=size, nesterov=optimizer.nesterov)
    return replace(training.descent, rule=lambda: new_rule(other))
