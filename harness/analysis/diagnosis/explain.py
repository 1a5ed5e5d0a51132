"""Which mistakes would take a training where a cell was found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from harness.analysis.diagnosis.case import Case
from harness.analysis.diagnosis.constants import Sized, fitted, others, scaled
from harness.analysis.diagnosis.envelope import Envelope
from harness.analysis.diagnosis.finding import Explanation, named, times
from harness.analysis.diagnosis.mistakes import Mistake, mistakes, with_gradient
from harness.analysis.diagnosis.precision import COARSER, Precision
from harness.analysis.diagnosis.returned import returned_at
from harness.reference.extended import extended

# A factor of the loss and one of the change are the same one.
_SAME = 1e-3
_WITH_LOSS = "the loss, and with it the gradient, is scaled by"
# Rounding shows in one of the first so many steps.
_SOON = 2


def explanations(case: Case) -> tuple[Explanation, ...]:
    """All that fit, the simplest first; what is rarer is tried where nothing simple fits."""
    if case.first == 0:
        return (*_fitting(case, [_other_start(case)]),) or tuple(_coarser(case))
    found = [*_sized(case, scaled(case)), *_fitting(case, [*_untrained(case), *mistakes(case.training)])]
    for sized in others(case):
        found += _sized(case, sized) if not found else []
    return tuple(found or _coarser(case))


def _fitting(case: Case, tried: list[Mistake]) -> Iterator[Explanation]:
    for mistake in tried:
        distance = case.fits(mistake.descent(case.training).walk(), mistake.stride)
        if distance is not None:
            yield Explanation(mistake.words, distance, mistake.told_by)


def _sized(case: Case, sized: Sized) -> Iterator[Explanation]:
    """With the number that fits best; where the loss that was returned is off by the same, it is the loss's."""
    mistake = fitted(case, sized)
    if mistake is None:
        return
    loss = returned_at(case.training, case.trace, case.envelope.precision, case.before)
    for item in _fitting(case, [mistake]):
        same = mistake.factor and loss and not loss.right and abs(loss.ratio / mistake.factor - 1) <= _SAME
        yield replace(item, words=f"{_WITH_LOSS} {times(loss.ratio)}") if loss and same else item


def _untrained(case: Case) -> Iterator[Mistake]:
    """Parameters that never move where they should."""
    states, path = case.found[: case.end], case.path[: case.end]
    still = (states == states[0]).all(axis=0) & ~(path == path[0]).all(axis=0)
    if not still.any() or still.all():
        return
    moving = extended(~still)
    name = named(case.training.layout.names, np.flatnonzero(still).tolist())
    yield Mistake(
        f"{name} is never updated", lambda given: with_gradient(given, lambda g, _state, _rows: g * moving), told_by=""
    )


def _other_start(case: Case) -> Mistake:
    return Mistake(
        "the start is not the one given; from there on the path is right",
        lambda given: replace(given.descent, start=extended(case.found[0])),
    )


def _coarser(case: Case) -> Iterator[Explanation]:
    """The finest of the coarser precisions that its parameters are numbers of, or else that is as far away."""
    own, worst = case.envelope.precision, float(case.distances.max())
    coarser = [precision for precision in COARSER if precision.eps > own.eps]
    for precision in coarser:
        if _kept_in(case, precision) and _as_far(case, precision, like=np.inf):
            words = f"parameters are kept in {precision.name}: each of those recorded is a number of that format"
            yield Explanation(words, worst, "")
            return
    for precision in coarser:
        within = precision.within(own)
        if _from_the_first_step(case, within) and _as_far(case, within, like=within.like):
            words = f"something is computed in a lower precision: it is as far off as {precision.name} would be"
            yield Explanation(words, worst, "")
            return


def _kept_in(case: Case, precision: Precision) -> bool:
    states, path = case.found[1 : case.end], case.path[1 : case.end].astype(np.float64)
    return bool((precision.round(states) == states).all() and not (precision.round(path) == path).all())


def _from_the_first_step(case: Case, precision: Precision) -> bool:
    """Rounding is everywhere, and small beside each change."""
    if not 0 < case.first <= _SOON:
        return False
    made, wanted = case.changes
    return bool(np.abs(made - wanted).max() <= precision.like * precision.eps * np.abs(wanted).max())


def _as_far(case: Case, precision: Precision, like: float) -> bool:
    """Whether rounding as coarse takes the training as far, or at most so many times farther."""
    envelope = Envelope(case.training, precision, case.reference)
    enough = (case.distances <= envelope.explains(case.end)).all()
    return bool(enough and case.distances.max() >= envelope.least(case.end) / like)
