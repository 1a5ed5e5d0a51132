"""One training by hand: every state, and what every step returned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.problem.evaluation import Evaluation
from harness.problem.layout import Parameters
from harness.record import Arrays
from harness.testing.cases import Case
from harness.testing.failure import fail


@dataclass(frozen=True)
class Walk:
    """
    What one training went through.

    Args:
        case: The training.
        states: What `parameters()` gave before the first step and after each, copied as the recorder copies.
        losses: What each step returned, untouched.
    """

    case: Case
    states: list[Parameters]
    losses: list[Any]

    def flat(self) -> NDArray[Any]:
        """The states as rows, shape (steps + 1, parameters)."""
        return np.stack([self.case.layout.flatten(state) for state in self.states])

    def trace(self) -> Arrays:
        """The states as the agreement gate reads them, in float64, with the margins to the kinks."""
        states = self.flat().astype(np.float64)
        evaluation, rows = Evaluation.of(self.case.spec), self.case.data.training
        trace: dict[str, Any] = {"step": np.arange(len(states)), "parameters": states}
        if evaluation.has_kinks and self.case.spec.dtype == "float64":
            used = zip(states[:-1], self.case.batches(self.case.problem()), strict=True)
            margins = [
                evaluation.kink_margin(state, rows.x[batch], rows.y[batch], start=step == 0)
                for step, (state, batch) in enumerate(used)
            ]
            trace["kink_margin"] = np.array(margins)
        return trace


def walk(instance: Any, case: Case) -> Walk:
    """Load a fresh problem and take all its steps."""
    problem = case.problem()
    instance.load(problem)
    states, losses = [copied(instance.parameters())], []
    for rows in case.rows(problem, kind_of_rows(instance)):
        losses.append(instance.step(rows))
        states.append(copied(instance.parameters()))
    return Walk(case, states, losses)


def kind_of_rows(implementation: Any) -> str:
    """`numpy` or `torch`; a class without the attribute gets the default."""
    return str(getattr(implementation, "rows", "numpy"))


def copied(parameters: Any) -> Any:
    """The same lists and pairs, every array copied, in whatever shapes and dtypes."""
    if isinstance(parameters, (list, tuple)):
        return type(parameters)([copied(part) for part in parameters])
    return np.array(parameters)


def bits(value: Any) -> bytes:
    """All bits of an array, of a tensor on any device, or of lists of them, with shape and dtype."""
    if isinstance(value, (list, tuple)):
        return b"".join(bits(part) for part in value)
    array = np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)
    return f"{array.dtype}{array.shape}".encode() + array.tobytes()


def number(loss: Any) -> float:
    """
    What a step returned, as the recorder converts it.

    Raises:
        AssertionError: If it is no scalar.
    """
    shape = tuple(getattr(loss, "shape", ()))
    if shape:
        fail(
            f"step() returned an array of shape {shape}",
            "one number, shape (), a NumPy or torch scalar or a float",
            "the mean or sum over the rows is missing, or keeps an axis; return loss.sum() or loss.mean()",
        )
    return float(loss.detach() if hasattr(loss, "detach") else loss)


def must_be_the_same(first: Walk, again: Walk, what: str, cause: str) -> None:
    """
    Two trainings, compared bit for bit.

    Raises:
        AssertionError: Naming the first state or step loss that differs.
    """
    for step, (one, other) in enumerate(zip(first.states, again.states, strict=True)):
        if bits(one) != bits(other):
            fail(f"{what}: the parameters after {step} steps differ ({_distance(one, other)})", "the same bits", cause)
        if step < len(first.losses) and bits(first.losses[step]) != bits(again.losses[step]):
            fail(f"{what}: what step {step} returned differs", "the same bits", cause)


def _distance(one: Any, other: Any) -> str:
    flat = [np.concatenate([part.ravel() for part in leaves(state)]) for state in (one, other)]
    if flat[0].shape != flat[1].shape:
        return f"{flat[0].size} numbers and {flat[1].size}"
    return f"by at most {np.max(np.abs(flat[0] - flat[1])):.3g}"


def leaves(parameters: Any) -> list[NDArray[Any]]:
    """The arrays in lists and pairs, in order."""
    if isinstance(parameters, (list, tuple)):
        return [leaf for part in parameters for leaf in leaves(part)]
    return [np.asarray(parameters)]
