"""Captions of what theory, targets and profiles say. Each is a pure function, and claims no more than its numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from harness.analysis.divergence import Divergence
from harness.analysis.targets import Target
from harness.analysis.theory import CONTRACTION_LIMIT, LIMIT, Beside
from harness.report import numbers
from harness.report.numbers import THIN, plural

_NO_THEORY = (
    "Theory predicts nothing here: it covers gradient descent on full batches of a squared loss of a linear model, "
    "at a constant rate"
)


def of_divergence(cells: Sequence[Divergence]) -> str:
    """Which cells diverged, and whether they had to."""
    if not cells:
        return "No cell finished, so none diverged."
    wrong = [cell for cell in cells if cell.surprise]
    diverged = [cell for cell in cells if cell.diverged]
    if wrong:
        went = "cell goes" if len(wrong) == 1 else "cells go"
        return f"{numbers.share(len(wrong), len(cells))} {went} another way than predicted: {_surprise(wrong[0])}."
    known = [cell for cell in cells if cell.expected is not None]
    if not known:
        return f"{_diverged(len(diverged), len(cells))}; whether any had to is not known."
    by_theory = any(cell.by == "theory" for cell in known)
    if not diverged:
        whom = "none" if len(known) == len(cells) else f"none of {numbers.count(len(known))}"
        had = "had to" if by_theory else "does in extended precision"
        return f"No cell diverged, and {whom} {had}."
    must = [cell for cell in diverged if cell.expected]
    if len(must) == len(diverged):
        had = f"{'as it had' if len(must) == 1 else 'and all had'} to"
        if not any(cell.by == "theory" for cell in must):
            had = "as the same training in extended precision does"
        return f"{_diverged(len(diverged), len(cells))}, {had}."
    return f"{_diverged(len(diverged), len(cells))}; {numbers.count(len(must))} had to, of the others it is not known."


def _diverged(count: int, of: int) -> str:
    return f"{numbers.upper(numbers.share(count, of))} cells diverged" if count else "No cell diverged"


def _surprise(cell: Divergence) -> str:
    did = "diverged and should not have" if cell.diverged else "did not diverge and should have"
    by = "theory predicts" if cell.by == "theory" else "the reference ends at"
    return (
        f"{cell.cell} {did}; its loss ends at {numbers.significant(cell.loss)}, "
        f"where {by} {numbers.significant(cell.predicted)}"
    )


def of_theory(cells: Sequence[Beside], missing: str = "") -> str:
    """
    How near the measured losses and contractions are to the predicted ones, by dtype.

    Args:
        cells: Those that theory covers.
        missing: Why there is no reference, where there is none.
    """
    if not cells:
        return f"There is nothing to compare: {missing}." if missing else f"{_NO_THEORY}."
    left = [cell for cell in cells if not cell.follows]
    if left:
        return _left(left, len(cells))
    parts = [_of_dtype(dtype, [cell for cell in cells if cell.dtype == dtype]) for dtype in ("float64", "float32")]
    text = " and ".join(part for part in parts if part)
    if not text:
        return "Rounding alone may explain any difference from the predicted losses, so none is compared."
    return f"The measured loss is the predicted one {text}; {_contractions(cells)}."


def _left(left: Sequence[Beside], count: int) -> str:
    first = max(left, key=lambda cell: cell.deviation.largest if cell.deviation else 0.0)
    assert first.deviation is not None
    away = first.deviation.largest
    by = "is not finite" if math.isinf(away) else f"is off by {numbers.significant(away, 2)} of it"
    return (
        f"{numbers.share(len(left), count)} cells leave the loss that theory predicts beyond rounding; "
        f"worst, {first.cell} {by} at step {numbers.count(first.deviation.step)}."
    )


def _of_dtype(dtype: str, cells: Sequence[Beside]) -> str:
    there = [cell.deviation.largest for cell in cells if cell.deviation is not None]
    if not there:
        return ""
    limit = f", limit {share_words(LIMIT)}" if dtype == "float64" else ""
    exactly = "exactly" if max(there) == 0 else f"to within {numbers.significant(max(there), 2)} of it"
    return f"{exactly} in {dtype} ({_cells(len(there), len(cells))}{limit})"


def _cells(compared: int, of: int) -> str:
    return plural(of, "cell") if compared == of else f"{numbers.share(compared, of)} cells"


def _contractions(cells: Sequence[Beside]) -> str:
    errors = [cell.contraction.error for cell in cells if cell.contraction is not None]
    if not errors:
        return "no contraction is resolved, for rounding, or too few steps, blurs it"
    far = sum(error > CONTRACTION_LIMIT for error in errors)
    if far:
        limit = f"{100 * CONTRACTION_LIMIT:g}{THIN}%"
        return f"the contraction is off by more than {limit} in {numbers.share(far, len(errors))} cells"
    worst = numbers.significant(100 * max(errors), 1)
    return f"the contraction to within {worst}{THIN}% where it is resolved ({_cells(len(errors), len(cells))})"


def share_words(share: float) -> str:
    """`0.1`, `10⁻⁷`, `0.05`."""
    exponent = round(math.log10(share))
    return numbers.power_of_ten(exponent) if math.isclose(share, 10.0**exponent) else f"{share:g}"


def of_targets(targets: Mapping[str, Sequence[Target]]) -> str:
    """
    How many configurations reach the hardest target.

    Args:
        targets: By configuration; one for each share, the easiest first or in any order.
    """
    at = _hardest(targets)
    if not at:
        return "No cell ran, so no target was tried."
    left = f"{share_words(next(iter(at.values())).share)} of the possible loss reduction"
    whole, best = sum(target.reached == target.count for target in at.values()), fewest(targets)
    if best is not None:
        steps = _steps(at[best].steps)
        if len(at) == 1:
            unit = "step" if steps == "1" else "steps"
            return f"All seeds get to where {left} is left, in {steps} {unit}, with {best}."
        return (
            f"In {numbers.share(whole, len(at))} configurations all seeds get to where {left} is left; "
            f"in the fewest steps, {steps}, with {best}."
        )
    some = sum(target.reached > 0 for target in at.values())
    if some:
        share = numbers.share(some, len(at))
        return f"No configuration gets all its seeds to where {left} is left; {share} get some there."
    reached = any(target.reached for items in targets.values() for target in items)
    easier = ", though some reach easier ones" if reached else ", nor any easier one"
    return f"No cell reaches the hardest target, where {left} is left{easier}."


def fewest(targets: Mapping[str, Sequence[Target]]) -> str | None:
    """The configuration whose seeds all reach the hardest target, in the fewest steps; None where none does."""
    steps = {name: target.steps for name, target in _hardest(targets).items() if target.reached == target.count}
    return min(steps, key=lambda name: steps[name], default=None)


def _hardest(targets: Mapping[str, Sequence[Target]]) -> dict[str, Target]:
    """By configuration, of those that ran."""
    tried = [(name, target) for name, items in targets.items() for target in items if target.count]
    share = min((target.share for _, target in tried), default=0.0)
    return {name: target for name, target in tried if target.share == share}


def of_sameness(trainings: Sequence[Sequence[Sequence[int | None]]], finished: int = 0) -> str:
    """
    Whether implementations take the same steps; they compute one training, so a difference is rounding or a fault.

    Args:
        trainings: Of each, the steps to every target in each implementation, at least two of them.
        finished: How many implementations did, where not all did; else 0.
    """
    if not trainings:
        return ""
    apart = [list(zip(*found, strict=True)) for found in trainings if any(steps != found[0] for steps in found)]
    if not apart:
        which = f"The {numbers.count(finished)} implementations that finished" if finished else "All implementations"
        return f"{which} take the same steps."
    pairs = [steps for targets in apart for steps in targets]
    gaps = [max(steps) - min(steps) for steps in pairs if None not in steps]
    most = f", by at most {plural(max(gaps), 'step')}" if any(gaps) else ""
    missed = any(None in steps and len(set(steps)) > 1 for steps in pairs)
    tail = "; some reach a target that others miss" if missed else ""
    return f"In {numbers.share(len(apart), len(trainings))} trainings implementations take other steps{most}{tail}."


def _steps(steps: float) -> str:
    return f"{steps:,.0f}" if steps == int(steps) else f"{steps:,.1f}"
