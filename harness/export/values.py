"""The values of a column, in the type that the dictionary gives it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from harness.dictionary import Column
from harness.frames.text import spelled, strict


def values(column: Column, found: pd.Series[Any]) -> list[Any]:
    """
    One value a row; None where there is none.

    nan in a column of numbers is none: the frames do not tell the two apart.

    Args:
        column: Of the dictionary.
        found: The frame's, any dtype.
    """
    return [None if _absent(column, value) else _PLAIN[column.type](value) for value in found.tolist()]


def _absent(column: Column, value: Any) -> bool:
    if value is None or value is pd.NA:
        return True
    # A bias of a training that diverged is nan, and not absent.
    return column.type != "json" and isinstance(value, float) and value != value


_PLAIN: dict[str, Callable[[Any], Any]] = {
    "text": lambda text: spelled(str(text)),
    "integer": int,
    "number": float,
    "level": strict,
    "json": strict,
}
