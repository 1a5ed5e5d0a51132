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
    if not diverged:
        whom = "none" if len(known) == len(cells) else f"none of {numbers.count(len(known))}"
        return f"No cell diverged, and {whom} had to."
    must = [cell for cell in diverged if cell.expected]
    if len(must) == len(diverged):
        return f"{_diverged(len(diverged), len(cells))}, {'as it had' if len(diverged) == 1 else 'and all had'} to."
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
    return f"{exactly} in {dtype} ({plural(len(there), 'cell')}{limit})"


def _contractions(cells: Sequence[Beside]) -> str:
    errors = [cell.contraction.error for cell in cells if cell.contraction is not None]
    if not errors:
        return "no contraction is resolved, for rounding, or too few steps, blurs it"
    far = sum(error > CONTRACTION_LIMIT for error in errors)
    if far:
        limit = f"{100 * CONTRACTION_LIMIT:g}{THIN}%"
        return f"the contraction is off by more than {limit} in {numbers.share(far, len(errors))} cells"
    worst = numbers.significant(100 * max(errors), 1)
    return f"the contraction to within {worst}{THIN}% where it is resolved ({plural(len(errors), 'cell')})"


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
    tried = {name: [target for target in items if target.count] for name, items in targets.items()}
    tried = {name: items for name, items in tried.items() if items}
    if not tried:
        return "No cell ran, so no target was tried."
    hardest = min(target.share for items in tried.values() for target in items)
    at = {name: next(item for item in items if item.share == hardest) for name, items in tried.items()}
    left = f"{share_words(hardest)} of the possible loss reduction"
    whole = {name: target for name, target in at.items() if target.reached == target.count}
    if whole:
        best = min(whole, key=lambda name: whole[name].steps)
        if len(at) == 1:
            return f"All seeds get to where {left} is left, in {_steps(whole[best].steps)} steps, with {best}."
        return (
            f"In {numbers.share(len(whole), len(at))} configurations all seeds get to where {left} is left; "
            f"in the fewest steps, {_steps(whole[best].steps)}, with {best}."
        )
    some = sum(target.reached > 0 for target in at.values())
    if some:
        return f"No configuration gets all its seeds to where {left} is left; {some} of {len(at)} get some there."
    reached = any(target.reached for items in tried.values() for target in items)
    easier = ", though some reach easier ones" if reached else ", nor any easier one"
    return f"No cell reaches the hardest target, where {left} is left{easier}."


def of_sameness(trainings: Sequence[Sequence[Sequence[int | None]]]) -> str:
    """
    Whether implementations take the same steps; they compute one training, so a difference is rounding or a fault.

    Args:
        trainings: Of each, the steps to every target in each implementation, at least two of them.
    """
    if not trainings:
        return ""
    apart = [list(zip(*found, strict=True)) for found in trainings if any(steps != found[0] for steps in found)]
    if not apart:
        return "All implementations take the same steps."
    pairs = [steps for targets in apart for steps in targets]
    gaps = [max(steps) - min(steps) for steps in pairs if None not in steps]
    most = f", by at most {plural(max(gaps), 'step')}" if any(gaps) else ""
    missed = any(None in steps and len(set(steps)) > 1 for steps in pairs)
    tail = "; some reach a target that others miss" if missed else ""
    return f"In {numbers.share(len(apart), len(trainings))} trainings implementations take other steps{most}{tail}."


def _steps(steps: float) -> str:
    return f"{steps:,.0f}" if steps == int(steps) else f"{steps:,.1f}"
