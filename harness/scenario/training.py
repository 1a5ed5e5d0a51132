"""The table `[training]`: what is minimised, how, and for how long."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, model_validator

from harness.scenario.base import Bool, Count, KindOrWord, Seed, Table


class SquaredLoss(Table):
    """Sum or mean of the squared errors, or half of it."""

    kind: Literal["mse", "half_mse", "sse", "half_sse"]


class AbsoluteLoss(Table):
    """Mean of the absolute errors."""

    kind: Literal["mae"]


class Sgd(Table):
    """parameter -= rate * gradient."""

    kind: Literal["sgd"]


Loss: TypeAlias = SquaredLoss | AbsoluteLoss


class Training(Table):
    """One training: loss, optimiser, length and order of the rows."""

    loss: Annotated[Loss, Field(discriminator="kind"), KindOrWord] = SquaredLoss(kind="mse")
    optimizer: Annotated[Sgd, KindOrWord] = Sgd(kind="sgd")
    epochs: Count | None = None
    steps: Count | None = None
    order: Literal["shuffle", "sequential"] = "shuffle"
    drop_last: Bool = False
    schedule: Literal["constant"] = "constant"
    seed: Seed | None = None

    @model_validator(mode="after")
    def _one_length(self) -> Training:
        if (self.epochs is None) == (self.steps is None):
            raise ValueError("needs exactly one of epochs and steps")
        return self
