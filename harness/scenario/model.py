"""The tables `[model]` and `[init]`: what is fitted, and where it starts."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Discriminator, Field, Tag, ValidationInfo, field_validator

from harness.scenario.base import Bool, Count, Float, Floats, KindOrWord, NotNegative, Range, Seed, Table


class Linear(Table):
    """prediction = features @ weights + bias; the features are powers of the columns."""

    kind: Literal["linear"]
    powers: Annotated[tuple[Count, ...], Field(min_length=1)] = (1,)
    intercept: Bool = True
    standardize: Literal["none", "population", "sample"] = "none"


class Mlp(Table):
    """Fully connected hidden layers with one activation, and a linear output."""

    kind: Literal["mlp"]
    hidden: Annotated[tuple[Count, ...], Field(min_length=1)]
    activation: Literal["relu", "tanh", "sigmoid"] = "relu"
    powers: Annotated[tuple[Count, ...], Field(min_length=1)] = (1,)
    standardize: Literal["none", "population", "sample"] = "none"

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
    sd: NotNegative


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
    bias: Bias | None = None
    seed: Seed | None = None

    @field_validator("bias")
    @classmethod
    def _zero_is_the_default(cls, bias: Any, info: ValidationInfo) -> Any:
        """A 0 written out is the same cell as a bias left out."""
        scheme = isinstance(info.data.get("weights"), DefaultStart)
        return None if isinstance(bias, float) and bias == 0 and not scheme else bias
