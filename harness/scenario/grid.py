"""The table `[grid]`: the axes; every combination of their values is one cell."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from harness.scenario.base import Count, FaultAtKeyError, Positive, Seed, Table, Text
from harness.scenario.faults import AXES

STANDARD_AXES = AXES
# What may be an axis besides: whatever decides a cell's numbers. Limits,
# expectations and titles do not, so two such cells would be one.
AXIS_ROOTS = ("data.", "model.", "init.", "training.", "run.threads", "run.tf32", "run.deterministic")


# Each is at least one process; more is a slip of the pen, and would fill the memory before it is refused.
MOST_SEEDS = 100_000


class SeedRange(Table):
    """`count` seeds from `start` on."""

    start: Seed = 0
    """First seed. `start = 0`"""
    count: Annotated[int, Field(strict=True, ge=1, le=MOST_SEEDS)]
    """Number of seeds. `count = 20`"""


def _range_to_seeds(value: Any) -> Any:
    """`{ start = 5, count = 3 }` is short for [5, 6, 7]."""
    if not isinstance(value, dict):
        return value
    seeds = SeedRange.model_validate(value)
    return list(range(seeds.start, seeds.start + seeds.count))


def _seed_to_seeds(value: Any) -> Any:
    """One seed is a list of one."""
    return [value] if isinstance(value, int) else _range_to_seeds(value)


_SEED = {"type": "integer", "minimum": 0}
_SEEDS = [{"type": "array", "items": _SEED, "minItems": 1}, SeedRange.model_json_schema()]
_LIST_OR_RANGE = {"anyOf": _SEEDS}
_SEED_LIST_OR_RANGE = {"anyOf": [_SEED, *_SEEDS]}
Seeds: TypeAlias = Annotated[tuple[Seed, ...], Field(min_length=1)]


class Exclude(Table):
    """Cells left out: those that have all these values, and why; a list means any of its values."""

    model_config = ConfigDict(extra="allow", frozen=True)

    why: Text
    """The reason, for the reader of the file and the page. `why = "NumPy runs on the processor only"`"""

    @model_validator(mode="after")
    def _seeds_are_seeds(self) -> Exclude:
        try:
            self.axes()
        except ValidationError:
            problem = "allowed: a seed, a list of seeds, or { start = 0, count = 20 }"
            raise FaultAtKeyError("seed", problem) from None
        return self

    def axes(self) -> dict[str, Any]:
        """The values, by axis, that a cell must have to be left out."""
        return {
            axis: _range_to_seeds(value) if axis == "seed" else value
            for axis, value in (self.model_extra or {}).items()
        }


def _kind_of_batch(value: Any) -> str:
    return "word" if isinstance(value, str) else "number"


BatchSize: TypeAlias = Annotated[
    Annotated[Count, Tag("number")] | Annotated[Literal["full"], Tag("word")], Discriminator(_kind_of_batch)
]


class Include(Table):
    """Cells added: those with these values on some axes, and every value of the grid on the others."""

    model_config = ConfigDict(extra="allow", frozen=True)

    implementation: Text | None = None
    """Only this one. `implementation = "numpy"`"""
    device: Text | None = None
    """Only this one. `device = "cpu"`"""
    dtype: Literal["float32", "float64"] | None = None
    """Only this one. `dtype = "float64"`"""
    batch_size: BatchSize | None = None
    """Only this one. `batch_size = 32`"""
    learning_rate: Positive | None = None
    """Only this one. `learning_rate = 0.001`"""
    seed: Annotated[Seeds | None, BeforeValidator(_seed_to_seeds), WithJsonSchema(_SEED_LIST_OR_RANGE)] = None
    """One seed, a list, or a range. `seed = 99`"""

    def axes(self) -> dict[str, list[Any]]:
        """The values by axis; one each, of the seeds maybe more."""
        named = {axis: getattr(self, axis) for axis in STANDARD_AXES if getattr(self, axis) is not None}
        return {
            **{axis: list(value) if axis == "seed" else [value] for axis, value in named.items()},
            **{axis: [value] for axis, value in (self.model_extra or {}).items()},
        }


class Grid(Table):
    """The standard axes, and any dotted key of the file as an axis of its own."""

    model_config = ConfigDict(extra="allow", frozen=True)

    implementation: Annotated[tuple[Text, ...], Field(min_length=1)] = ("numpy", "autograd", "optim", "module")
    """Ways to write the step; with `--plugin` others too. `implementation = ["numpy", "autograd"]`"""
    device: Annotated[tuple[Text, ...], Field(min_length=1)] = ("cpu",)
    """Where it runs; what the machine lacks is skipped, with the reason. `device = ["cpu", "cuda"]`"""
    dtype: Annotated[tuple[Literal["float32", "float64"], ...], Field(min_length=1)] = ("float32",)
    """Precision of data, parameters and arithmetic. `dtype = ["float32", "float64"]`"""
    batch_size: Annotated[tuple[BatchSize, ...], Field(min_length=1)] = ("full",)
    """Rows of an update; `full`: all training rows. `batch_size = [16, "full"]`"""
    # Left out where every schedule has its own rate; whether it is missing is told by cell.
    learning_rate: Annotated[tuple[Positive, ...], Field(min_length=1)] = ()
    """Factor of the gradient. Required, unless the schedule is `inverse`. `learning_rate = [0.01, 0.1]`"""
    seed: Annotated[Seeds, BeforeValidator(_range_to_seeds), WithJsonSchema(_LIST_OR_RANGE)] = (0,)
    """Seeds of data, start and order: a list, or a range. `seed = { start = 0, count = 20 }`"""
    exclude: tuple[Exclude, ...] = ()
    """
    Cells left out: a table each, `[[grid.exclude]]`, with axes and their values. `exclude = [{ implementation =
    "numpy", why = "said elsewhere" }]`
    """
    include: tuple[Include, ...] = ()
    """
    Cells added: a table each, `[[grid.include]]`, with a value for some axes; the others take all of theirs.
    `include = [{ learning_rate = 0.001, batch_size = 32 }]`
    """

    @model_validator(mode="after")
    def _values_differ(self) -> Grid:
        for axis in STANDARD_AXES:
            values = getattr(self, axis)
            if len(set(values)) != len(values):
                twice = next(value for value in values if values.count(value) > 1)
                raise ValueError(f"{axis} holds {twice!r} twice; name each value once")
        return self

    def dotted(self) -> dict[str, list[Any]]:
        """The axes that are other keys of the file, by dotted key."""
        return dict(self.model_extra or {})
