"""
Which trainings diverged, and which of them had to.

Divergence that theory predicts is no failure; divergence that it does not is a finding, and so is a training that
should have diverged and did not. Where theory has nothing to say, the reference decides: the same training in
extended precision.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.analysis.following import compared, precision_of
from harness.analysis.ulp import apart
from harness.frames import Run
from harness.frames.table import each
from harness.record import Arrays

DIVERGED = "diverged"
# A predicted end so near twice the start, where `diverged` begins, that rounding decides.
_NEAR = 0.01
# Columns of the references.
_OF_REFERENCE = ("reference", "status", "outcome", "loss", "contraction")


@dataclass(frozen=True)
class Divergence:
    """
    One cell that did all its steps.

    Args:
        cell: Its id.
        axes: Its axes.
        diverged: Whether its training did.
        expected: Whether it had to; None where rounding decides, its path up to a kink included, or nothing is known.
        by: Who says so: `theory` or `reference`.
        stable: The largest stable rate on full batches; NaN where there is none.
        loss: At the end.
        predicted: Loss at the end by theory, or of the reference; NaN where there is none.
    """

    cell: str
    axes: dict[str, Any]
    diverged: bool
    expected: bool | None
    by: str
    stable: float
    loss: float
    predicted: float

    @property
    def surprise(self) -> bool:
        """Whether it went the other way."""
        return self.expected is not None and self.expected != self.diverged


def divergences(run: Run, scenario: str) -> Iterator[Divergence]:
    """Every cell of a scenario that did all its steps; the first of its replicates."""
    frame = run.reference[run.reference["scenario"] == scenario]
    references = {row["reference"]: row for row in each(frame[list(_OF_REFERENCE)])}
    for row in run.finished(scenario):
        yield _divergence(run, scenario, row, references.get(row["reference"]))


def _divergence(run: Run, scenario: str, row: Any, reference: Any) -> Divergence:
    expected, by, predicted = _of_reference(reference), "reference", math.nan
    # Theory has a contraction for whatever it covers; arrays are read for no other cell.
    if reference is not None and not math.isnan(reference["contraction"]):
        arrays = run.file.reference(scenario, str(row["reference"]))
        expected, by, predicted = _of_theory(row, arrays, expected), "theory", float(arrays["predicted_loss"][-1])
    elif reference is not None:
        predicted = float(reference["loss"])
        if expected is not None and expected != (row["outcome"] == DIVERGED) and _may_part(run, scenario, row):
            expected = None
    stable, loss = float(row["stable_learning_rate"]), float(row["loss"])
    axes = run.file.axes[scenario, str(row["cell"])]
    return Divergence(str(row["cell"]), axes, row["outcome"] == DIVERGED, expected, by, stable, loss, predicted)


def _may_part(run: Run, scenario: str, row: Any) -> bool:
    """
    Whether a right cell may end elsewhere than its reference.

    Where it follows, up to a kink at least, rounding of what had been large is all that tells the two ends apart.
    Where it does not, rounding may have grown from step to step until the paths were two; a jump is a fault.
    """
    key = scenario, str(row["cell"])
    spec = run.file.specs[key]
    trace, reference = run.file.trace(*key, int(row["replicate"])), run.file.reference(scenario, str(row["reference"]))
    found = compared(precision_of(spec), trace, reference)
    left = None if found is None else found[2]
    if found is None or left is None:
        return found is not None
    beside = apart(trace, reference, spec.dtype)
    return left <= int(beside.step[: len(beside.ulp)].max(initial=-1)) and beside.growth(left).amplified


def _of_reference(reference: Any) -> bool | None:
    return None if reference is None or reference["status"] != "ok" else bool(reference["outcome"] == DIVERGED)


def _of_theory(row: Any, arrays: Arrays, reference: bool | None) -> bool | None:
    """
    Whether the predicted end is more than twice the start, as `diverged` is defined.

    Nothing is said where rounding decides: of a start at the optimum whose rate is not stable, of an end near twice
    the start or below what rounding leaves, and above the stable rate of a start that has no part in the directions
    that grow, for rounding gives it one.
    """
    if _at_optimum(row, arrays):
        stays = float(row["learning_rate"]) <= float(row["stable_learning_rate"])
        return False if stays and row["outcome"] != DIVERGED else None
    start, end = float(arrays["predicted_loss"][0]), float(arrays["predicted_loss"][-1])
    must = not math.isfinite(end) or end > 2 * start
    if must != reference or abs(end - 2 * start) <= _NEAR * 2 * start:
        return None
    return must if must or not float(row["learning_rate"]) > float(row["stable_learning_rate"]) else None


def _at_optimum(row: Any, arrays: Arrays) -> bool:
    if "optimum" not in arrays:
        return False
    near = 8 * float(np.finfo(str(row["dtype"])).eps)
    start, best = arrays["parameters"][0], arrays["optimum"]
    # What np.allclose says, in an eighth of its time.
    with np.errstate(invalid="ignore"):
        return bool(((np.abs(start - best) <= near * np.abs(best)) & np.isfinite(best) | (start == best)).all())
