"""The tables `[model]` and `[init]`: what is fitted, and where it starts."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, ValidationInfo, field_validator

from harness.scenario.base import Bool, Count, Float, Floats, KindOrWord, NotNegative, Range, Seed, Table


def _once(powers: tuple[int, ...]) -> tuple[int, ...]:
    """A power given twice is two equal columns, whose weights nothing tells apart."""
    if len(set(powers)) < len(powers):
        twice = next(power for power in powers if powers.count(power) > 1)
        raise ValueError(f"holds {twice} twice; name each power once")
    return powers


Powers: TypeAlias = Annotated[tuple[Count, ...], Field(min_length=1), AfterValidator(_once)]


class Linear(Table):
    """prediction = features @ weights + bias; the features are powers of the columns."""

    kind: Literal["linear"]
    """The model; `linear` where it is left out. `kind = "linear"`"""
    powers: Powers = (1,)
    """
    Powers of the columns that the model sees: all columns in the first power, then all in the second, … `powers
    = [1, 2, 3]`
    """
    intercept: Bool = True
    """Whether there is a bias. `intercept = false`"""
    standardize: Literal["none", "population", "sample"] = "none"
    """
    Scales each model column, after the powers, to mean 0 and deviation 1 of the training rows: the population's
    (n) or the sample's (n − 1). Without an intercept it scales only; y is left as it is. `standardize =
    "population"`
    """


class Mlp(Table):
    """Fully connected hidden layers with one activation, and a linear output."""

    kind: Literal["mlp"]
    hidden: Annotated[tuple[Count, ...], Field(min_length=1)]
    """Units of each hidden layer. `hidden = [10]`"""
    activation: Literal["relu", "tanh", "sigmoid"] = "relu"
    """Of the hidden units. `activation = "tanh"`"""
    powers: Powers = (1,)
    """Powers of the columns that the net sees. `powers = [1, 2]`"""
    standardize: Literal["none", "population", "sample"] = "none"
    """As for a linear model. `standardize = "sample"`"""

    @property
    def intercept(self) -> bool:
        return True


def _linear_unless_said(value: Any) -> Any:
    """A table without `kind` is a linear model."""
    return {"kind": "linear", **value} if isinstance(value, dict) else value


Model: TypeAlias = Annotated[
    Linear | Mlp, Field(discriminator="kind"), BeforeValidator(_linear_unless_said), KindOrWord
]


class Zeros(Table):
    """All zero."""

    kind: Literal["zeros"]


class NormalStart(Table):
    """Independent normal draws."""

    kind: Literal["normal"]
    mean: Float
    """Mean of the draws. `mean = 0.0`"""
    sd: NotNegative
    """Standard deviation of the draws. `sd = 0.1`"""


class UniformStart(Range):
    """Independent uniform draws on [low, high)."""

    kind: Literal["uniform"]


class DefaultStart(Table):
    """The scheme of torch.nn.Linear: uniform on ±1/sqrt(inputs of the layer), weights and biases."""

    kind: Literal["default"]


def _shape_of_weights(value: Any) -> str | None:
    """Which of the forms of `init.weights` this is: numbers, numbers per layer, or a kind."""
    if isinstance(value, (list, tuple)):
        return "layers" if value and isinstance(value[0], (list, tuple)) else "numbers"
    kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
    return kind if isinstance(kind, str) else None


def _shape_of_bias(value: Any) -> str | None:
    """Which of the forms of `init.bias` this is: one number, numbers, or a kind."""
    return "number" if isinstance(value, (int, float)) else _shape_of_weights(value)


# One layer of a net written out: one row of weights for each unit.
LayerNumbers: TypeAlias = tuple[tuple[Floats, ...], ...]
Weights: TypeAlias = Annotated[
    Annotated[Zeros, Tag("zeros")]
    | Annotated[NormalStart, Tag("normal")]
    | Annotated[UniformStart, Tag("uniform")]
    | Annotated[DefaultStart, Tag("default")]
    | Annotated[Floats, Tag("numbers")]
    | Annotated[LayerNumbers, Tag("layers")],
    Discriminator(_shape_of_weights),
    KindOrWord,
]
Bias: TypeAlias = Annotated[
    Annotated[Float, Tag("number")]
    | Annotated[NormalStart, Tag("normal")]
    | Annotated[UniformStart, Tag("uniform")]
    | Annotated[Floats, Tag("numbers")]
    | Annotated[tuple[Floats, ...], Tag("layers")],
    Discriminator(_shape_of_bias),
    KindOrWord,
]


class Init(Table):
    """Where training starts; `bias` left out is 0, or with `weights = "default"` that scheme."""

    weights: Weights = Zeros(kind="zeros")
    """
    Where the weights start: a kind, or numbers (for a net a list of rows for each layer). `weights = { kind =
    "normal", mean = 0.0, sd = 0.1 }`
    """
    bias: Bias | None = None
    """
    Where the bias starts: a number, numbers per layer, or a distribution; left out, 0, and with `weights =
    "default"` that scheme. `bias = 0.01`
    """
    seed: Seed | None = None
    """Fixes the start while the grid's seeds vary data and order; left out, the grid's seed. `seed = 7`"""

    @field_validator("bias")
    @classmethod
    def _zero_is_the_default(cls, bias: Any, info: ValidationInfo) -> Any:
        """A 0 written out is the same cell as a bias left out."""
        scheme = isinstance(info.data.get("weights"), DefaultStart)
        return None if isinstance(bias, float) and bias == 0 and not scheme else bias
