"""Why two implementations part, as far as their last common state tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.analysis.rounding import Candidates, candidates, common
from harness.frames import Run
from harness.problem.data import make_data
from harness.problem.evaluation import Evaluation, loss_scale
from harness.problem.orders import batches
from harness.problem.problem import Problem, make_problem
from harness.record import Arrays
from harness.reference.extended import extended, missing
from harness.scenario.cell import CellSpec
from harness.scenario.model import Linear

# What can be known of a parting. At one and the same state, before the first that differs:
LOSS = "loss"  # the losses of the update that leaves it already differ
UPDATE = "update"  # one gradient gives both next states, rounded once on one side and twice on the other; no other does
EITHER = "either"  # the same, but so do two gradients that differ by rounding, with the updates rounded alike
GRADIENT = "gradient"  # no one gradient gives both next states; two that differ by rounding do
KINK = "kink"  # an error within rounding of 0 may have taken either sign
BEYOND = "beyond"  # no gradient within rounding of the exact one gives them
UNTESTED = "untested"  # the losses are the same, the next states not; of nets and other optimisers no more is told
UNSEEN = "unseen"  # the state before the first that differs was not recorded
CAUSES = (LOSS, UPDATE, EITHER, GRADIENT, KINK, BEYOND, UNTESTED, UNSEEN)
# Roundings of the slope of one row's cost by its error, in whatever order its factors are multiplied.
_OF_SLOPE = 4
# The exact gradient is rounded too, in extended precision: by 1/2,048 of what float64 is.
_ROOM = 1.001


@dataclass(frozen=True)
class Why:
    """
    Why two paths part.

    Args:
        cause: One of CAUSES.
        once: Which of the two rounds its update once, 0 or 1; None where no one gradient tells, or either may.
    """

    cause: str
    once: int | None = None


def why(run: Run, scenario: str, spec: CellSpec, one: Arrays, other: Arrays, first: int) -> Why:
    """
    Why two implementations part at a state.

    Args:
        run: Holds the scenario's data.
        scenario: Its name.
        spec: Either cell's; of it only what both share is used.
        one: A trace.
        other: The other's, recorded at the same steps.
        first: The first recorded step whose state differs.
    """
    before = int(np.searchsorted(one["step"], first)) - 1
    if before < 0 or one["step"][before] != first - 1 or not np.array_equal(one["step"], other["step"]):
        return Why(UNSEEN)
    if one["step_loss"][before] != other["step_loss"][before]:
        return Why(LOSS)
    state, new = one["parameters"][before], (one["parameters"][before + 1], other["parameters"][before + 1])
    finite = all(np.isfinite(values).all() for values in (state, *new))
    plain = spec.training.optimizer.kind == "sgd" and not spec.training.optimizer.momentum
    if missing() or not (finite and plain and isinstance(spec.model, Linear)):
        return Why(UNTESTED)
    return of_update(spec, _problem(run, scenario, spec, first), first - 1, state, new)


def _problem(run: Run, scenario: str, spec: CellSpec, steps: int) -> Problem:
    """The problem of a cell up to a step: a training cut short has the same batches until then."""
    inputs = run.file.inputs(scenario, spec)
    short = spec.model_copy(update={"training": spec.training.model_copy(update={"steps": steps, "epochs": None})})
    return make_problem(short, make_data(short, inputs), inputs)


def of_update(spec: CellSpec, problem: Problem, step: int, state: NDArray[np.float64], new: tuple[Any, Any]) -> Why:
    """
    What can have made two states of one by an update of plain descent, the losses being equal.

    Args:
        spec: The cell.
        problem: In the cell's dtype; it reaches beyond this step.
        step: The update's number, from 0.
        state: The parameters before.
        new: The parameters after, on either side.
    """
    rows = list(batches(spec.model_copy(update={"training": _until(spec, step + 1)}), problem.orders))[step]
    bounds = gradient_bounds(spec, state, problem.x[rows], problem.y[rows])
    rate = float(np.dtype(spec.dtype).type(problem.schedule(step)))
    if bounds is None:
        return Why(KINK)
    if not rate > 0 or not np.abs(bounds).max() <= float(np.finfo(spec.dtype).max):
        return Why(UNTESTED)
    with np.errstate(over="ignore"):
        return told(
            [
                candidates(spec.dtype, float(w), rate, (low, high), (float(a), float(b)))
                for w, low, high, a, b in zip(state, *bounds, *new, strict=True)
            ]
        )


def _until(spec: CellSpec, steps: int) -> Any:
    return spec.training.model_copy(update={"steps": steps, "epochs": None})


def told(found: list[Candidates]) -> Why:
    """What the candidates of all parameters tell; each side rounds all of its parameters alike."""
    fused = [all(common(c.twice[1 - side], c.once[side]) for c in found) for side in (0, 1)]
    # The same with gradients of their own: both twice, both once, or one of each.
    alike = all(c.twice[0] and c.twice[1] for c in found) or all(c.once[0] and c.once[1] for c in found)
    mixed = [all(c.twice[1 - side] and c.once[side] for c in found) for side in (0, 1)]
    if any(fused):
        once = None if all(fused) else fused.index(True)
        alone = once is not None and not alike and not mixed[1 - once]
        return Why(UPDATE if alone else EITHER, once)
    return Why(GRADIENT) if alike or any(mixed) else Why(BEYOND)


def gradient_bounds(
    spec: CellSpec, state: NDArray[np.float64], x: NDArray[Any], y: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any]] | None:
    """
    The least and the largest gradient of a linear model that rounding allows, in whatever order the sums are added.

    With u half a unit in the last place, a sum of n terms is off by at most n u / (1 - n u) of the sum of their sizes.

    Args:
        spec: The cell.
        state: The parameters.
        x: The batch, in the cell's dtype, shape (n, p).
        y: Its targets, shape (n,).

    Returns:
        Bounds by parameter, infinite where there are too many rows for any; None where an error is within rounding
        of a kink of the loss, beside which the gradient jumps.

    References:
        Higham (2002), Accuracy and Stability of Numerical Algorithms, section 3.1,
        https://doi.org/10.1137/1.9780898718027
    """
    evaluation, loss = Evaluation.of(spec), spec.training.loss
    wide, targets, exact = extended(x), extended(y), extended(state)
    count, columns = x.shape
    u = _ROOM * np.longdouble(np.finfo(spec.dtype).eps) / 2
    left = 1 - (count + columns + 8) * u
    u = u / left if left > 0 else np.longdouble(np.inf)
    error = evaluation.predict(exact[None], wide)[0] - targets
    off = (columns + 2) * u * (evaluation.predict(np.abs(exact)[None], np.abs(wide))[0] + np.abs(targets))
    scale = loss_scale(loss, count)
    if loss.kind == "mae" and (np.abs(error) <= off).any():
        return None
    # The slope of a row's cost, how far it is off, and that of the sum over rows.
    slope = np.full(count, scale) if loss.kind == "mae" else 2 * scale * np.abs(error)
    slope_off = (0.0 if loss.kind == "mae" else 2 * scale) * off + _OF_SLOPE * u * slope
    terms = slope_off + (count + 2) * u * slope + np.finfo(spec.dtype).smallest_subnormal
    reach = np.concatenate([np.abs(wide).T @ terms, [terms.sum()] if evaluation.layout.biases else []])
    gradient = evaluation.gradient(exact, wide, targets)
    return gradient - reach, gradient + reach
