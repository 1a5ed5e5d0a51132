"""The conduct of an implementation: it resets, repeats, draws nothing, and touches nothing that is not its own."""

from __future__ import annotations

from typing import Any

from harness.testing.cases import Case
from harness.testing.failure import fail, told
from harness.testing.surroundings import drawn_from, kept_streams, printed, seed_streams, streams
from harness.testing.walk import bits, kind_of_rows, must_be_the_same, walk


def resets(cls: type[Any], case: Case) -> None:
    """Loaded again after a training, it goes the same way bit for bit."""
    instance = cls()
    must_be_the_same(
        walk(instance, case),
        walk(instance, case),
        "a second training of the same instance",
        "load() keeps something: parameters, gradients, the optimiser's state, a count of steps",
    )


def takes_others(cls: type[Any], cases: list[Case]) -> None:
    """One instance, loaded with one problem after the other, goes in each the way that a new instance goes."""
    __tracebackhide__ = True
    instance = cls()
    tour = [variant for one in cases for variant in _variants(one)]
    for case in (*tour, cases[0]):
        told(case, _as_if_new, cls, instance, case)


def _as_if_new(cls: type[Any], instance: Any, case: Case) -> None:
    must_be_the_same(
        walk(cls(), case),
        walk(instance, case),
        "an instance that trained on other problems before",
        "load() keeps data, shapes or the loss of an earlier problem, or sets them only where they are missing",
    )


def _variants(case: Case) -> tuple[Case, ...]:
    """The same shapes with other data, and another number of rows."""
    fewer = case.spec.data.model_copy(update={"samples": 13})
    return case, case.but(seed=1), case.but(data=fewer, batch_size="full")


def repeats(cls: type[Any], case: Case) -> None:
    """Two instances go the same way bit for bit."""
    must_be_the_same(
        walk(cls(), case),
        walk(cls(), case),
        "a second instance",
        "a random draw, a class attribute that instances share, or sums in an order that varies",
    )


def draws_nothing(cls: type[Any], case: Case) -> None:
    """The global streams of random, NumPy and torch are after a training where they were before."""
    with kept_streams():
        before = streams()
        walk(cls(), case)
        drawn = drawn_from(before)
    if drawn:
        fail(
            f"a training moved the global random stream of {' and '.join(drawn)}",
            "streams left as they were: implementations draw nothing",
            "a start or an order of its own; nn.Linear draws its start, nn.utils.skip_init does not",
        )


def ignores_seeds(cls: type[Any], case: Case) -> None:
    """Whatever the global streams are seeded with, it goes the same way."""
    with kept_streams():
        seed_streams(1)
        first = walk(cls(), case)
        seed_streams(2)
        again = walk(cls(), case)
    must_be_the_same(
        first,
        again,
        "a training with other global seeds",
        "a random draw; the start is problem.initial, the order is in the rows",
    )


def leaves_the_problem(cls: type[Any], case: Case) -> None:
    """Data, start and orders are the same after a training as before."""
    problem, instance = case.problem(), cls()
    arrays = {"x": problem.x, "y": problem.y, "initial": problem.initial, "orders": problem.orders}
    before = {name: bits(value) for name, value in arrays.items()}
    instance.load(problem)
    for rows in case.rows(problem, kind_of_rows(cls)):
        instance.step(rows)
    instance.parameters()
    changed = [f"problem.{name}" for name, value in arrays.items() if bits(value) != before[name]]
    if changed:
        fail(
            f"a training wrote into {' and '.join(changed)}",
            "a problem left as it was",
            "load() keeps the array itself, which step() then updates in place: copy it (torch.from_numpy does not)",
        )


def is_silent(cls: type[Any], case: Case) -> None:
    """Nothing is written to stdout or stderr."""
    with printed() as outputs:
        walk(cls(), case)
    for name, text in outputs.items():
        if text:
            fail(f"a training wrote to {name}: {text[:80]!r}", "nothing", "a print that was left in")
