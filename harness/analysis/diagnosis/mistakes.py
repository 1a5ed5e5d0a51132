"""
Mistakes that people make in a training loop, each as the training that it amounts to.

A mistake replaces one part of the training: its batches, its gradient, its rate, or its optimiser's rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from harness.analysis.diagnosis.training import Training
from harness.problem.orders import batches
from harness.reference.descent import Descent
from harness.reference.extended import Extended
from harness.reference.rules import Rule, new_rule
from harness.scenario.training import Constant, Sgd

MOMENTUM = "momentum"
SHORT_BATCH = "a batch size that leaves a short last batch"
SHUFFLED = "batches in a shuffled order, over more than one epoch"
LONGER = "more steps"


@dataclass(frozen=True)
class Mistake:
    """
    One mistake.

    Args:
        words: What is wrong, in words that follow "From step 1 on …:".
        descent: The training that it amounts to.
        stride: Updates made for each that is asked for.
        told_by: What a run would need to tell it from others that look alike.
        factor: What the gradient is multiplied by; None where it is not.
    """

    words: str
    descent: Callable[[Training], Descent]
    stride: int = 1
    told_by: str = LONGER
    factor: float | None = None


def mistakes(training: Training) -> Iterator[Mistake]:
    """Those that could be made in this training, the simplest first; some of them make no difference to it."""
    yield Mistake("each update is applied twice", _twice, told_by=MOMENTUM)
    yield from _of_gradients(training)
    yield from _of_batches(training)
    yield from _of_options(training)
    yield Mistake("each step makes two updates, each with its own gradient", _two_updates, stride=2)


def with_gradient(training: Training, change: Callable[[Extended, Extended, Any], Extended]) -> Descent:
    """The training with its gradient changed: (gradient, state, rows) -> gradient."""
    descent = training.descent
    return replace(descent, gradient=lambda state, rows: change(descent.gradient(state, rows), state, rows))


def with_rule(training: Training, change: Callable[[Rule], Rule]) -> Descent:
    """The training with its optimiser's rule changed, anew at each start."""
    descent = training.descent
    return replace(descent, rule=lambda: change(descent.rule()))


def _of_gradients(training: Training) -> Iterator[Mistake]:
    whole = training.batch_size
    if training.spec.training.loss.kind in ("sse", "half_sse"):
        yield Mistake(
            "the gradient is averaged over the batch instead of summed",
            lambda given: with_gradient(given, lambda g, _, rows: g / given.size(rows)),
            told_by=SHORT_BATCH,
        )
    else:
        yield Mistake(
            "the gradient is summed over the batch instead of averaged",
            lambda given: with_gradient(given, lambda g, _, rows: g * given.size(rows)),
            told_by=SHORT_BATCH,
        )
        yield Mistake(
            "a short batch is averaged over the rows of a full one",
            lambda given: with_gradient(given, lambda g, _, rows: g * given.size(rows) / whole),
            told_by=SHORT_BATCH,
        )
    yield Mistake("gradients accumulate: they are never set back to zero", lambda given: with_rule(given, _summed))
    for first in (0.0, 1.0):
        late = partial(_late, first=first)
        yield Mistake("each update uses the gradient of the step before", partial(with_rule, change=late))


def _of_batches(training: Training) -> Iterator[Mistake]:
    if training.spec.batch_size == "full":
        return
    per_epoch, rows = training.spec.batches_per_epoch, len(training.rows.y)

    def using(choose: Callable[[list[Any]], list[Any]]) -> Callable[[Training], Descent]:
        return lambda given: replace(given.descent, batches=choose(list(given.descent.batches)))

    in_file_order = [np.arange(rows)] * -(-training.spec.steps // per_epoch)
    yield Mistake("a last batch that is short is dropped", _drop_short, told_by=SHORT_BATCH)
    yield Mistake(
        "every epoch uses the order of the first",
        using(lambda given: [given[step % per_epoch] for step in range(len(given))]),
        told_by=SHUFFLED,
    )
    yield Mistake(
        "rows are used in file order", using(lambda _: list(batches(training.spec, in_file_order))), told_by=SHUFFLED
    )
    yield Mistake("every update uses the first batch", using(lambda given: given[:1] * len(given)), told_by=SHUFFLED)
    yield Mistake("every update uses all rows", using(lambda given: [slice(None)] * len(given)), told_by=SHUFFLED)


def _of_options(training: Training) -> Iterator[Mistake]:
    optimizer, schedule = training.spec.training.optimizer, training.spec.training.schedule
    for name, field in type(optimizer).model_fields.items():
        value = getattr(optimizer, name)
        # Without momentum there is no Nesterov's form.
        changed = {name: field.default, **({"nesterov": False} if name == MOMENTUM else {})}
        if name != "kind" and value != field.default:
            yield Mistake(f"{name} = {_plain(value)} is ignored", _with_options(changed))
    if isinstance(optimizer, Sgd) and optimizer.momentum and not optimizer.nesterov:
        yield Mistake("momentum is in Nesterov's form", _with_options({"nesterov": True}))
    if not isinstance(schedule, Constant):
        yield Mistake("the schedule is ignored", lambda given: _with_rate(given, lambda _step: 0))
        yield Mistake("the schedule is a step ahead", lambda given: _with_rate(given, lambda step: step + 1))


def _plain(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_plain, value))}]"
    return str(value).lower() if isinstance(value, bool) else f"{value:g}"


def _with_options(changed: dict[str, Any]) -> Callable[[Training], Descent]:
    def descent(training: Training) -> Descent:
        optimizer = training.spec.training.optimizer
        known = {name: value for name, value in changed.items() if name in type(optimizer).model_fields}
        other = optimizer.model_copy(update=known)
        return replace(training.descent, rule=lambda: new_rule(other))

    return descent


def _with_rate(training: Training, step_of: Callable[[int], int]) -> Descent:
    rate = training.descent.rate
    return replace(training.descent, rate=lambda step: rate(step_of(step)))


def _twice(training: Training) -> Descent:
    return with_rule(training, lambda rule: lambda g: rule(g) + rule(g))


def _two_updates(training: Training) -> Descent:
    given = training.descent
    doubled = [batch for batch in given.batches for _ in range(2)]
    return replace(given, batches=doubled, rate=lambda step: given.rate(step // 2))


def _summed(rule: Rule) -> Rule:
    total: Any = 0.0

    def direction(g: Extended) -> Extended:
        nonlocal total
        total = total + g
        return rule(total)

    return direction


def _late(rule: Rule, first: Any = 0.0) -> Rule:
    """The first step has its own gradient times `first`, which the second uses whole."""
    last: Extended | None = None

    def direction(g: Extended) -> Extended:
        nonlocal last
        last, used = g, first * g if last is None else last
        return rule(used)

    return direction


def _drop_short(training: Training) -> Descent:
    """No update at all: the optimiser does not learn of the batch."""
    given, whole = training.descent, training.batch_size
    skipped = [training.size(batch) < whole for batch in given.batches]

    def rule() -> Rule:
        inner, steps = given.rule(), iter(skipped)
        return lambda g: np.zeros_like(g) if next(steps) else inner(g)

    return replace(given, rule=rule)
