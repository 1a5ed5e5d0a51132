"""What all tables of a scenario file have in common."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


class Table(BaseModel):
    """A frozen table; an unknown key is a fault, and so are inf and nan."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


# Strict: "3", true and 3.0 are not whole numbers. A whole number is a real one
# (TOML's 1 and 1.0 are one cell), so floats accept integers.
Int: TypeAlias = Annotated[int, Field(strict=True)]
Count: TypeAlias = Annotated[int, Field(strict=True, ge=1)]
Seed: TypeAlias = Annotated[int, Field(strict=True, ge=0, lt=2**32)]
Float: TypeAlias = Annotated[float, Field(strict=True)]
Positive: TypeAlias = Annotated[float, Field(strict=True, gt=0)]
NotNegative: TypeAlias = Annotated[float, Field(strict=True, ge=0)]
Bool: TypeAlias = Annotated[bool, Field(strict=True)]
Text: TypeAlias = Annotated[str, Field(strict=True)]
Floats: TypeAlias = Annotated[tuple[Float, ...], Field(min_length=1)]


def _word_to_table(value: Any) -> Any:
    """`"zeros"` is short for `{ kind = "zeros" }`."""
    return {"kind": value} if isinstance(value, str) else value


# For a key whose value is a kind: a table with `kind`, or the kind's plain word.
KindOrWord = BeforeValidator(_word_to_table)
