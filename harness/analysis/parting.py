"""Why two implementations part, as far as their last common state tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.analysis.bounds import gradient_bounds
from harness.analysis.following import precision_of, tolerance, within_range
from harness.analysis.rounding import Candidates, candidates, common
from harness.frames import Run
from harness.problem.data import make_data
from harness.problem.evaluation import loss_of_error
from harness.problem.orders import batches
from harness.problem.problem import Problem, make_problem
from harness.record import Arrays
from harness.reference.extended import missing
from harness.scenario.cell import CellSpec
from harness.scenario.model import Linear

# What can be known of a parting. At one and the same state, before the first that differs:
LOSS = "loss"  # the losses of the update that leaves it already differ
UPDATE = "update"  # one gradient gives both next states, rounded once on one side and twice on the other; no other does
EITHER = "either"  # the same, but so do two gradients that differ by rounding, with the updates rounded alike
GRADIENT = "gradient"  # no one gradient gives both next states; two that differ by rounding do
FACTORS = "factors"  # no gradient gives both; a rate times gradient that is rounded more often does
KINK = "kink"  # an error within rounding of 0 may have taken either sign
BEYOND = "beyond"  # no gradient within rounding of the exact one gives them, or the losses differ by more
JUMP = "jump"  # whatever parts them first, later on they jump apart by more than rounding
UNTESTED = "untested"  # the losses are the same, the next states not; of nets and other optimisers no more is told
UNSEEN = "unseen"  # the state before the first that differs was not recorded
CAUSES = (LOSS, UPDATE, EITHER, GRADIENT, FACTORS, KINK, BEYOND, JUMP, UNTESTED, UNSEEN)
# Further roundings of the rate times the gradient, where its factors are multiplied in another order.
_OF_PRODUCT = 2


@dataclass(frozen=True)
class Why:
    """
    Why two paths part.

    Args:
        cause: One of CAUSES.
        once: Which of the two rounds its update once, 0 or 1; None where no one gradient tells, or either may.
        step: The state by which they have jumped apart; None of other causes.
    """

    cause: str
    once: int | None = None
    step: int | None = None


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
    losses = float(one["step_loss"][before]), float(other["step_loss"][before])
    if losses[0] != losses[1]:
        return Why(LOSS if _near(run, scenario, spec, first, losses) else BEYOND)
    state, new = one["parameters"][before], (one["parameters"][before + 1], other["parameters"][before + 1])
    finite = all(np.isfinite(values).all() for values in (state, *new))
    plain = spec.training.optimizer.kind == "sgd" and not spec.training.optimizer.momentum
    if missing() or not (finite and plain and isinstance(spec.model, Linear)):
        return Why(UNTESTED)
    return of_update(spec, _problem(run, scenario, spec, first), first - 1, state, new)


def _near(run: Run, scenario: str, spec: CellSpec, step: int, losses: tuple[float, float]) -> bool:
    """
    Whether two losses of one state are within rounding of each other.

    Errors are rounded at the size of the targets, however small they are: near the optimum of data without noise the
    losses differ by all that is left. Squared errors are off by that in their roots.
    """
    if not np.isfinite(losses).all():
        finite = [abs(loss) for loss in losses if np.isfinite(loss)]
        return not any(within_range(loss, spec.dtype) for loss in finite)
    precision = precision_of(spec)
    share = float(tolerance(precision, np.zeros(1, dtype=np.int64))[0])
    if abs(losses[0] - losses[1]) <= share * max(map(abs, losses)):
        return True
    problem = _problem(run, scenario, spec, step)
    targets = problem.y[_rows(spec, problem, step - 1)].astype(np.float64)
    scale = float(loss_of_error(spec.training.loss, targets))
    power = 1.0 if spec.training.loss.kind == "mae" else 0.5
    one, other = (loss**power for loss in losses)
    return bool(abs(one - other) <= share * max(one, other, scale**power))


def _rows(spec: CellSpec, problem: Problem, step: int) -> Any:
    """The rows of an update, by its number from 0."""
    return list(batches(spec.model_copy(update={"training": _until(spec, step + 1)}), problem.orders))[step]


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
    rows = _rows(spec, problem, step)
    bounds = gradient_bounds(spec, state, problem.x[rows], problem.y[rows])
    rate = float(np.dtype(spec.dtype).type(problem.schedule(step)))
    if bounds is None:
        return Why(KINK)
    if not rate > 0 or not np.abs(bounds).max() <= float(np.finfo(spec.dtype).max):
        return Why(UNTESTED)
    with np.errstate(over="ignore"):
        found = told(_candidates(spec.dtype, state, rate, bounds, new))
        if found.cause != BEYOND:
            return found
        # With a rate of 1 the candidates are those of the product itself.
        product = told(_candidates(spec.dtype, state, 1.0, _of_product(spec.dtype, rate, bounds), new))
    return found if product.cause == BEYOND else Why(FACTORS)


def _candidates(dtype: str, state: Any, rate: float, bounds: tuple[Any, Any], new: tuple[Any, Any]) -> list[Candidates]:
    return [
        candidates(dtype, float(w), rate, (low, high), (float(a), float(b)))
        for w, low, high, a, b in zip(state, *bounds, *new, strict=True)
    ]


def _of_product(dtype: str, rate: float, bounds: tuple[Any, Any]) -> tuple[Any, Any]:
    """The least and the largest rate times gradient that rounding allows, its factors in whatever order."""
    end, low, high = float(np.finfo(dtype).max), rate * bounds[0], rate * bounds[1]
    off = _OF_PRODUCT * float(np.finfo(dtype).eps) * np.maximum(np.abs(low), np.abs(high))
    return np.clip(low - off, -end, end), np.clip(high + off, -end, end)


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
