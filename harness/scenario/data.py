"""The table `[data]`: which rows are generated, and how they are split."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, model_validator

from harness.scenario.base import (
    Count,
    FaultAtKeyError,
    Float,
    Floats,
    KindOrWord,
    NotNegative,
    Range,
    Seed,
    Table,
)


class NormalColumns(Table):
    """Independent normal columns."""

    kind: Literal["normal"]
    mean: Float
    sd: NotNegative
    columns: Count = 1


class UniformColumns(Range):
    """Independent uniform columns on [low, high)."""

    kind: Literal["uniform"]
    columns: Count = 1


class Linspace(Table):
    """One column of `samples` evenly spaced points, both ends included."""

    kind: Literal["linspace"]
    start: Float
    stop: Float

    @property
    def columns(self) -> int:
        return 1


class Arange(Table):
    """One column: start, start + step, start + 2 step, …"""

    kind: Literal["arange"]
    start: Float
    step: Float

    @property
    def columns(self) -> int:
        return 1


class LinearTarget(Table):
    """y = x @ weights + bias."""

    kind: Literal["linear"]
    weights: Floats
    bias: Float = 0.0


class PolynomialTarget(Table):
    """y = c0 + c1 x + c2 x² + … of the first column, the constant first."""

    kind: Literal["polynomial"]
    coefficients: Floats


class WaveTarget(Table):
    """y = bias + amplitude * sin(frequency x + phase) of the first column; the frequency is angular."""

    kind: Literal["sin", "cos"]
    amplitude: Float = 1.0
    frequency: Float = 1.0
    phase: Float = 0.0
    bias: Float = 0.0


class NoNoise(Table):
    """y is exactly its formula."""

    kind: Literal["none"]


class NormalNoise(Table):
    """Independent normal noise; a mean other than 0 moves the effective bias."""

    kind: Literal["normal"]
    mean: Float
    sd: NotNegative


class UniformNoise(Range):
    """Independent uniform noise on [low, high); its mean moves the effective bias."""

    kind: Literal["uniform"]


Columns: TypeAlias = NormalColumns | UniformColumns | Linspace | Arange
Target: TypeAlias = LinearTarget | PolynomialTarget | WaveTarget
Noise: TypeAlias = NoNoise | NormalNoise | UniformNoise


class Validation(Table):
    """Rows that are held back from training: a share of all rows (rounded) or a number of them."""

    fraction: Annotated[float, Field(strict=True, gt=0, lt=1)] | None = None
    rows: Count | None = None
    pick: Literal["shuffle", "first", "last"] = "shuffle"

    @model_validator(mode="after")
    def _one_size(self) -> Validation:
        if (self.fraction is None) == (self.rows is None):
            raise ValueError("needs exactly one of fraction and rows")
        return self

    def size(self, samples: int) -> int:
        """Number of rows held back from `samples` rows."""
        return self.rows if self.rows is not None else round((self.fraction or 0.0) * samples)


class Data(Table):
    """Generated data: columns x, target y of a formula, noise, and a split."""

    samples: Annotated[Count, Field(ge=2)]
    x: Annotated[Columns, Field(discriminator="kind"), KindOrWord]
    y: Annotated[Target, Field(discriminator="kind"), KindOrWord]
    noise: Annotated[Noise, Field(discriminator="kind"), KindOrWord] = NoNoise(kind="none")
    rng: Literal["numpy", "numpy-legacy"] = "numpy"
    seed: Seed | None = None
    validation: Validation | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Data:
        if isinstance(self.y, LinearTarget) and len(self.y.weights) != self.x.columns:
            problem = f"found {len(self.y.weights)} numbers; x has {self.x.columns} columns, give one weight a column"
            raise FaultAtKeyError("y.weights", problem)
        if self.training_rows < 1:
            raise FaultAtKeyError(
                "validation", f"takes all of the {self.samples} rows; leave at least one for training"
            )
        if self.validation and self.training_rows == self.samples:
            raise FaultAtKeyError(
                "validation", f"takes none of the {self.samples} rows; hold back at least one or leave it out"
            )
        return self

    @property
    def training_rows(self) -> int:
        """Rows left for training."""
        held_back = self.validation.size(self.samples) if self.validation else 0
        return self.samples - held_back
