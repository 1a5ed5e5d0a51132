"""The table `[training]`: what is minimised, how, and for how long."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import Discriminator, Field, Tag, model_validator

from harness.scenario.base import (
    Bool,
    Count,
    FaultAtKeyError,
    KindOrWord,
    NotNegative,
    Positive,
    Seed,
    Table,
    Text,
)

# The decay of a running average: 1 would never forget its start.
Decay: TypeAlias = Annotated[float, Field(strict=True, ge=0, lt=1)]


class SquaredLoss(Table):
    """Sum or mean of the squared errors, or half of it."""

    kind: Literal["mse", "half_mse", "sse", "half_sse"]


class AbsoluteLoss(Table):
    """Mean of the absolute errors."""

    kind: Literal["mae"]


class HuberLoss(Table):
    """Mean of e²/2 where |e| <= delta, and of delta (|e| - delta/2) beyond."""

    kind: Literal["huber"]
    delta: Positive = 1.0
    """Where the parabola turns into a line, in units of y. `delta = 0.5`"""


class Sgd(Table):
    """
    parameter -= rate * gradient; with momentum the gradient gives way to a running sum:

        sum = momentum * sum + gradient
        parameter -= rate * sum                             or with nesterov
        parameter -= rate * (gradient + momentum * sum)
    """

    kind: Literal["sgd"]
    momentum: Decay = 0.0
    """Share of the running sum that is kept. `momentum = 0.9`"""
    nesterov: Bool = False
    """Nesterov's form; needs momentum. `nesterov = true`"""

    @model_validator(mode="after")
    def _nesterov_has_momentum(self) -> Self:
        if self.nesterov and self.momentum == 0:
            raise FaultAtKeyError("nesterov", "found true; allowed: true only with momentum above 0")
        return self


class Rmsprop(Table):
    """The gradient divided by the root of a running average of its square."""

    kind: Literal["rmsprop"]
    alpha: Decay = 0.99
    """Share of the running average that is kept. `alpha = 0.9`"""
    eps: Positive = 1e-8
    """Added to the root. `eps = 1e-6`"""
    momentum: Decay = 0.0
    """Share of the last update that is kept. `momentum = 0.9`"""
    centered: Bool = False
    """Whether the running variance stands in for the mean square. `centered = true`"""


class Adagrad(Table):
    """The gradient divided by the root of the sum of all its squares."""

    kind: Literal["adagrad"]
    lr_decay: NotNegative = 0.0
    """The rate of step s is divided by 1 + s lr_decay. `lr_decay = 0.01`"""
    initial_accumulator_value: NotNegative = 0.0
    """Where the sum of squares starts. `initial_accumulator_value = 0.1`"""
    eps: Positive = 1e-10
    """Added to the root. `eps = 1e-8`"""


class Adam(Table):
    """A running average of the gradient divided by the root of one of its square, both corrected for their start."""

    kind: Literal["adam"]
    betas: tuple[Decay, Decay] = (0.9, 0.999)
    """Shares kept of the averages of gradient and square. `betas = [0.9, 0.99]`"""
    eps: Positive = 1e-8
    """Added to the root. `eps = 1e-6`"""
    amsgrad: Bool = False
    """Whether the largest average of squares so far counts. `amsgrad = true`"""


class Constant(Table):
    """The grid's learning rate at every step."""

    kind: Literal["constant"]


class Inverse(Table):
    """rate = t0 / (step + t1), with step from 0; the grid's learning rate is then not needed, and ignored."""

    kind: Literal["inverse"]
    t0: Positive
    """Rate times steps. `t0 = 5.0`"""
    t1: Positive
    """Steps before the first; the first rate is t0 / t1. `t1 = 50.0`"""

    @model_validator(mode="after")
    def _first_rate_is_a_number(self) -> Self:
        if not 0 < self.t0 / self.t1 < math.inf:
            problem = f"found {self.t1:g}; the first rate, t0 / t1, would be {self.t0 / self.t1:g}"
            raise FaultAtKeyError("t1", problem)
        return self


class OrderFile(Table):
    """A file with a line an epoch: 0-based indices of training rows, comma-separated, in order of use."""

    file: Text
    """
    The file, below the scenario's own folder; a line longer than a batch is cut into batches. `file =
    "order.csv"`
    """


def _word_or_file(value: Any) -> str | None:
    if isinstance(value, str):
        return "word"
    return "OrderFile" if isinstance(value, (dict, OrderFile)) else None


Loss: TypeAlias = SquaredLoss | AbsoluteLoss | HuberLoss
Optimizer: TypeAlias = Sgd | Rmsprop | Adagrad | Adam
Schedule: TypeAlias = Constant | Inverse
RowOrder: TypeAlias = Annotated[
    Annotated[Literal["shuffle", "sequential", "with-replacement"], Tag("word")]
    | Annotated[OrderFile, Tag("OrderFile")],
    Discriminator(_word_or_file),
]


class Training(Table):
    """One training: loss, optimiser, length and order of the rows."""

    loss: Annotated[Loss, Field(discriminator="kind"), KindOrWord] = SquaredLoss(kind="mse")
    """What is minimised, and printed as loss. A short last batch is averaged over its own rows. `loss = "half_sse"`"""
    optimizer: Annotated[Optimizer, Field(discriminator="kind"), KindOrWord] = Sgd(kind="sgd")
    """The update, with torch's names and defaults. `optimizer = { kind = "sgd", momentum = 0.9 }`"""
    epochs: Count | None = None
    """Length, as passes over the training rows. Exactly one of `epochs` and `steps`. `epochs = 50`"""
    steps: Count | None = None
    """Length, as updates, epoch after epoch. `steps = 800`"""
    order: RowOrder = "shuffle"
    """
    Rows of each epoch: shuffled, in file order, drawn with replacement (n draws an epoch), or from a file. A
    `full` batch is always in file order. `order = "sequential"`
    """
    drop_last: Bool = False
    """Whether a short last batch is left out. `drop_last = true`"""
    schedule: Annotated[Schedule, Field(discriminator="kind"), KindOrWord] = Constant(kind="constant")
    """The rate by step. `schedule = { kind = "inverse", t0 = 5.0, t1 = 50.0 }`"""
    seed: Seed | None = None
    """Fixes the order of the rows while the grid's seeds vary data and start; left out, the grid's seed. `seed = 7`"""

    @model_validator(mode="after")
    def _one_length(self) -> Training:
        if (self.epochs is None) == (self.steps is None):
            raise ValueError("needs exactly one of epochs and steps")
        return self

    def first_rate(self, learning_rate: float) -> float:
        """The rate of step 0: the grid's, unless the schedule has its own."""
        schedule = self.schedule
        return schedule.t0 / schedule.t1 if isinstance(schedule, Inverse) else learning_rate
