"""What all tables of a scenario file have in common."""

from __future__ import annotations

import math
from typing import Annotated, Any, Self, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator


class Table(BaseModel):
    """A frozen table; an unknown key is a fault, and so are inf and nan."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class FaultAtKeyError(ValueError):
    """
    A table's fault that belongs to one of its keys.

    Args:
        key: The key inside the table, dotted: `y.weights`.
        problem: What was found and what is allowed.
    """

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(problem)
        self.key = key


# Strict: "3", true and 3.0 are not whole numbers. A whole number is a real one
# (TOML's 1 and 1.0 are one cell), so floats accept integers.
# TOML promises 64 bits; tomllib reads more, which no array can have and no float can count.
Whole: TypeAlias = Annotated[int, Field(strict=True, ge=0, lt=2**63)]
Count: TypeAlias = Annotated[int, Field(strict=True, ge=1, lt=2**63)]
Seed: TypeAlias = Annotated[int, Field(strict=True, ge=0, lt=2**32)]
Float: TypeAlias = Annotated[float, Field(strict=True)]
Positive: TypeAlias = Annotated[float, Field(strict=True, gt=0)]
NotNegative: TypeAlias = Annotated[float, Field(strict=True, ge=0)]
Bool: TypeAlias = Annotated[bool, Field(strict=True)]
Text: TypeAlias = Annotated[str, Field(strict=True)]
Floats: TypeAlias = Annotated[tuple[Float, ...], Field(min_length=1)]


class Range(Table):
    """What is uniform on [low, high)."""

    low: Float
    """Least value, itself possible. `low = -1.0`"""
    high: Float
    """Upper end, itself not drawn; `low` or more. `high = 1.0`"""

    @model_validator(mode="after")
    def _is_no_empty_range(self) -> Self:
        if not 0 <= self.high - self.low < math.inf:
            raise FaultAtKeyError(
                "high", f"found {self.high:g}; allowed: low ({self.low:g}) or more, their distance finite"
            )
        return self


def _word_to_table(value: Any) -> Any:
    """`"zeros"` is short for `{ kind = "zeros" }`."""
    return {"kind": value} if isinstance(value, str) else value


# For a key whose value is a kind: a table with `kind`, or the kind's plain word.
KindOrWord = BeforeValidator(_word_to_table)
