"""The arithmetic of a step: the gradient, the loss, and where they lead."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.analysis.agreement import TOLERANCE, compare
from harness.implementations.numpy import NumpyByHand
from harness.problem.evaluation import Evaluation
from harness.scenario.training import Sgd
from harness.testing.cases import Case
from harness.testing.failure import fail
from harness.testing.walk import Walk, kind_of_rows, number, walk

Vector = NDArray[np.float64]

# So small that the loss of the state after the step has the same derivative: that mistake is another check's.
_GRADIENT_RATE = 1e-8
# Of central differences: rounding and truncation are below 1e-8 of the largest component.
_SHIFT = 1e-5
_GRADIENT_TOLERANCE = 1e-5
# Relative. float64 as in the agreement gate; float32 has 1e-7, and a few steps to lose some of it.
TOLERANCES = {"float64": TOLERANCE, "float32": 2e-5}


def follows_its_loss(cls: type[Any], case: Case) -> None:
    """(before - after) / rate of one step is the derivative of the loss that step returns."""
    slow = case.but(learning_rate=_GRADIENT_RATE)
    start = case.layout.flatten(case.problem().initial)
    followed = (start - _one_step(cls, slow, start)[1]) / _GRADIENT_RATE
    derivative = np.array([_difference(cls, slow, start, parameter) for parameter in range(start.size)])
    apart = np.abs(followed - derivative)
    if not apart.max() <= _GRADIENT_TOLERANCE * max(1.0, np.abs(derivative).max()):
        at = int(np.argmax(np.where(np.isnan(apart), np.inf, apart)))
        fail(
            f"the step moves {case.layout.names[at]} by {-followed[at]:.6g} times the rate",
            f"{-derivative[at]:.6g}, minus the derivative of the loss that step() returns",
            _of_gradient(followed, derivative),
        )


def _one_step(cls: type[Any], case: Case, start: Vector) -> tuple[float, Vector]:
    """Loss and parameters of the first step from this start."""
    problem, instance = dataclasses.replace(case.problem(), initial=case.layout.unflatten(start.copy())), cls()
    instance.load(problem)
    loss = number(instance.step(case.rows(problem, kind_of_rows(cls))[0]))
    return loss, case.layout.flatten(instance.parameters())


def _difference(cls: type[Any], case: Case, start: Vector, parameter: int) -> float:
    """Central difference of the returned loss by one parameter."""
    shift = np.zeros_like(start)
    shift[parameter] = _SHIFT
    return (_one_step(cls, case, start + shift)[0] - _one_step(cls, case, start - shift)[0]) / (2 * _SHIFT)


def _of_gradient(followed: Vector, derivative: Vector) -> str:
    """What the pattern of a wrong gradient points to."""
    if not np.isfinite(derivative).all() or not derivative.any():
        return "the returned loss is not finite, or does not depend on the parameters"
    large = np.abs(derivative) > 1e-3 * np.abs(derivative).max()
    ratios = followed[large] / derivative[large]
    if not followed.any():
        return "nothing moves: the update works on a copy, or is lost by rounding in a smaller dtype"
    if np.ptp(ratios) < 1e-4:
        cause = "the sign is turned" if ratios[0] < 0 else "a factor such as 2 or 1 / rows is missing or there twice"
        return f"every component is {ratios[0]:.4g} times the derivative: {cause}"
    if (followed[large] == 0).any():
        return "some components do not move at all: a parameter is left out of the update"
    return "a term of the gradient is missing, or a parameter is used after it was updated"


def returns_the_loss_before(cls: type[Any], case: Case) -> None:
    """Each step returns the loss of its own rows at the state it leaves, as the float64 yardstick has it."""
    path, problem = walk(cls(), case), case.problem()
    states, evaluation = path.flat().astype(np.float64), Evaluation.of(case.spec)
    x, y = problem.x.astype(np.float64), problem.y.astype(np.float64)
    for step, batch in enumerate(case.batches(problem)):
        found = number(path.losses[step])
        wanted, after = evaluation.loss(states[step : step + 2], x[batch], y[batch])
        tolerance = TOLERANCES[case.spec.dtype]
        if not abs(found - wanted) <= tolerance * wanted:
            every = evaluation.loss(states[step : step + 1], x, y)[0]
            fail(
                f"step {step} returned the loss {found!r}",
                f"{float(wanted)!r}, the {case.spec.training.loss.kind} of its {len(y[batch])} rows before the update",
                _of_loss(found, {"after": after, "every": every, "wanted": wanted}, tolerance),
            )


def _of_loss(found: float, losses: dict[str, float], tolerance: float) -> str:
    """What a wrong loss looks like."""
    if abs(found - losses["after"]) <= tolerance * losses["after"]:
        return "it is the loss after the update: compute it first"
    if abs(found - losses["every"]) <= tolerance * losses["every"]:
        return "it is the loss of all rows, not of those in `rows`"
    if abs(found - losses["wanted"]) <= 1e-4 * losses["wanted"]:
        return "float32 somewhere inside a float64 cell"
    return f"it is {found / losses['wanted']:.4g} times that: a factor such as 2 or 1 / rows, or another loss"


def agrees_with_numpy(cls: type[Any], case: Case, cause: str = "") -> Walk:
    """Every state of the training is that of `numpy`, up to a kink that rounding may take either way."""
    # The class and not the name, in case the name was taken over.
    path, reference = walk(cls(), case), walk(NumpyByHand(), case.but(device="cpu"))
    tolerance, traces = TOLERANCES[case.spec.dtype], (reference.trace(), path.trace())
    distance, _, kink, compared = compare(*traces)
    if not distance <= tolerance or (kink is None and compared < len(path.states)):
        first = _first_apart(traces[0]["parameters"], traces[1]["parameters"], tolerance)
        fail(
            f"from step {first} on the parameters are not numpy's: not finite, or {distance:.3g} of the largest away",
            f"at most {tolerance:.0e}",
            _of_update(case) or cause or _of_path(distance, first),
        )
    return path


def _first_apart(one: Vector, other: Vector, tolerance: float) -> int:
    """The first state of two paths (states, parameters) that differs."""
    near = np.abs(one - other) <= tolerance * np.abs(one).max()
    return int(np.argmin(near.all(axis=1)))


def _of_update(case: Case) -> str:
    """What a wrong path points to where the step is not plain descent."""
    training = case.spec.training
    if training.schedule.kind != "constant":
        return (
            "problem.schedule(step) is not looked at, or its count of steps does not start at 0 in load(); "
            'where only the grid\'s rate is wanted, narrow the checks: schedules = ("constant",)'
        )
    if training.optimizer != Sgd(kind="sgd"):
        return (
            "problem.optimizer, or one of its options, is not looked at, or its formula is not torch.optim's; "
            'where only plain descent is wanted, narrow the checks: optimizers = ("sgd",)'
        )
    return ""


def _of_path(distance: float, first: int) -> str:
    if distance < 1e-5:
        return "float32 somewhere inside a float64 cell"
    if first > 1:
        return "the first step is right, a later one is not: left-over gradients, or the optimiser's own state"
    return "the gradient, the rate or the optimiser's formula; the check of the gradient says more"
