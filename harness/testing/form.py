"""The form of an implementation: how it is registered, and what its methods return."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness import implementations
from harness.testing.cases import Case
from harness.testing.failure import fail
from harness.testing.walk import Walk, bits, kind_of_rows, leaves, number, walk


def is_registered(cls: type[Any]) -> None:
    """The name leads to this class and no other."""
    name = getattr(cls, "name", "")
    registered = implementations.registered().get(name)
    if registered is not cls:
        found = "no name" if not name else f"the name {name!r}, which leads to {_called(registered)}"
        fail(
            f"{_called(cls)} has {found}",
            "a name of its own, registered",
            'the class lacks @harness.implementation("name"); a subclass of a registered class needs its own',
        )


def _called(cls: type[Any] | None) -> str:
    return "nothing" if cls is None else f"{cls.__module__}.{cls.__qualname__}"


def says_its_rows(cls: type[Any]) -> None:
    """`rows` is one of the two indices that the loop makes."""
    rows = getattr(cls, "rows", "numpy")
    if rows not in ("numpy", "torch"):
        fail(f"rows = {rows!r}", '"numpy" or "torch"', "a class attribute named rows that holds something else")


def starts_where_told(cls: type[Any], case: Case) -> None:
    """After `load` the parameters are `problem.initial`."""
    problem, instance = case.problem(), cls()
    instance.load(problem)
    told, got = problem.initial, instance.parameters()
    wanted, found = (np.concatenate([part.ravel() for part in leaves(state)]) for state in (told, got))
    if bits(found.astype(wanted.dtype)) != bits(wanted):
        fail(
            f"after load() the parameters are {found}",
            f"problem.initial, bit for bit: {wanted}",
            "load() draws or zeroes its own start, as nn.Linear does, or converts it to another dtype",
        )


def has_the_shapes(cls: type[Any], case: Case) -> None:
    """Shapes and lists are those of the model, before the first step and after it."""
    for step, state in enumerate(walk(cls(), case).states):
        found, wanted = _shapes(state), _shapes(case.problem().initial)
        if found != wanted:
            fail(
                f"after {step} steps parameters() has the shapes {found}",
                f"{wanted}: (weights, bias), for a net lists per layer",
                "nn.Linear holds a linear model's weights as (1, p) and its bias as (1,): take [0] of both",
            )


def _shapes(parameters: Any) -> Any:
    """Shapes in the lists and pairs they came in; a list and a tuple are the same."""
    if isinstance(parameters, (list, tuple)):
        return [_shapes(part) for part in parameters]
    return np.shape(parameters)


def has_the_dtype(cls: type[Any], case: Case) -> None:
    """Every parameter has the cell's dtype, before the first step and after it."""
    for step, state in enumerate(walk(cls(), case).states):
        found = sorted({str(leaf.dtype) for leaf in leaves(state)})
        if found != [case.spec.dtype]:
            fail(
                f"after {step} steps parameters() has the dtype {', '.join(found)}",
                f"{case.spec.dtype}, that of problem.x",
                "an array made without dtype (torch makes float32, np.zeros float64), or a Python float for the bias",
            )


def reading_changes_nothing(cls: type[Any], case: Case) -> None:
    """A training whose states are read at every step ends where one ends that is read only then."""
    read = walk(cls(), case)
    problem, instance = case.problem(), cls()
    instance.load(problem)
    for rows in case.rows(problem, kind_of_rows(cls)):
        instance.step(rows)
    if bits(read.states[-1]) != bits(instance.parameters()):
        fail(
            "a training ends on other parameters when parameters() is called after every step",
            "the same bits: timed passes call it only at the end",
            "parameters() does work that belongs into step()",
        )


def returns_a_number(cls: type[Any], case: Case) -> None:
    """Each step returns one number, without the graph it came from."""
    for loss in walk(cls(), case).losses:
        if getattr(loss, "requires_grad", False):
            fail(
                "step() returned a tensor that holds its graph",
                "loss.detach()",
                "the losses of all steps are kept until the end, and their graphs would fill the memory",
            )
        try:
            number(loss)
        except (TypeError, ValueError):
            fail(f"step() returned {loss!r}", "one number: the loss before the update", "no return, or a pair")


def losses_stay(cls: type[Any], case: Case) -> None:
    """What a step returned is not changed by the steps after it."""
    instance, problem = cls(), case.problem()
    instance.load(problem)
    returned: list[tuple[Any, bytes]] = []
    for rows in case.rows(problem, kind_of_rows(cls)):
        loss = instance.step(rows)
        returned.append((loss, bits(loss)))
    for step, (loss, before) in enumerate(returned):
        if bits(loss) != before:
            fail(
                f"what step {step} returned has changed since",
                "a value that stays: losses are converted after the last step",
                "step() returns a buffer that the next step overwrites; return a copy",
            )


def leaves_the_bias(case: Case, path: Walk) -> None:
    """Without intercept the bias is 0 throughout: a scalar of the cell's dtype."""
    for step, (_, bias) in enumerate(path.states):
        if bias.shape != () or bias.dtype != case.spec.dtype or bias != 0:
            fail(
                f"after {step} steps of a model without intercept parameters() gives the bias {bias!r}",
                f"0, shape (), {case.spec.dtype}",
                "problem.model.intercept is not looked at, so that the bias is trained, or None is returned for it",
            )
