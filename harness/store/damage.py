"""What damaged bytes of a run file look like when they are read."""

from __future__ import annotations

import re
import sqlite3
import zlib
from functools import lru_cache

import numpy as np

from harness.errors import ScenarioError
from harness.packed import Layout, Packed
from harness.store.schema import TABLES

# What comes of reading bytes that are not those written: no JSON, another key, an array of another shape.
DAMAGE = (
    ScenarioError, ValueError, TypeError, LookupError, AttributeError, SyntaxError, OverflowError, MemoryError,
    RecursionError, zlib.error,
)  # fmt: skip
# Of SQLite; its own message may quote bytes that are no text.
UNREADABLE = (sqlite3.Error, UnicodeDecodeError, MemoryError)
_OF_STATES = ("step", "loss", "step_loss", "parameters")
_OF_STEPS = ("kink_margin", "gradient_share")
_OF_EPOCHS = ("epoch_sum", "epoch_mean", "epoch_last")
_OF_REFERENCES = ("step", "loss", "parameters", "parameters_low", "predicted_loss")
_OF_PARAMETERS = ("optimum", "optimum_low")
_LENGTHS = "its arrays differ in length"
_FLOAT = np.dtype("<f8")
_DTYPES = {"step": np.dtype("<i8"), "kink_margin": np.dtype("<f4")}
_PYTHON_TYPES: dict[str, type] = {"TEXT": str, "INTEGER": int, "REAL": float, "BLOB": bytes}


def _types() -> dict[str, set[type]]:
    """What a column of this name may hold; SQLite itself keeps whatever it is given."""
    types: dict[str, set[type]] = {}
    for name, kind, needed in re.findall(r'"?(\w+)"? (TEXT|INTEGER|REAL|BLOB)( NOT NULL| PRIMARY KEY)?', TABLES):
        types.setdefault(name, set()).update({_PYTHON_TYPES[kind], *(() if needed else (type(None),))})
    return types


TYPES = _types()


def in_a_line(error: Exception) -> str:
    """The error's words; those of SQLite and pydantic quote what they found, lines and all."""
    return " ".join(str(error).split())[:200]


def whole_trace(arrays: Packed) -> Packed:
    """
    The arrays of a trace, if they fit each other.

    Raises:
        LookupError: If one is missing, or is none of a trace.
        ValueError: If they differ in length, or hold what they never do.
    """
    if _steps_of(arrays.layout) - {int(arrays["step"][-1])}:
        raise ValueError(_LENGTHS)
    return arrays


def whole_reference(arrays: Packed) -> Packed:
    """
    The arrays of a reference, if they fit each other.

    Raises:
        LookupError: If one is missing.
        ValueError: If they differ in length, or hold what they never do.
    """
    _check_reference(arrays.layout)
    return arrays


@lru_cache(maxsize=64)
def _steps_of(layout: Layout) -> set[int]:
    """The lengths of what a trace has of each step, the rest being checked; once for all traces of one layout."""
    shapes = _shapes(layout)
    states, epochs = ({shapes[name][0] for name in names} for names in (_OF_STATES, _OF_EPOCHS))
    steps = {shapes[name][0] for name in _OF_STEPS if name in shapes}
    if any(len(lengths) > 1 for lengths in (states, epochs, steps)) or len(shapes["parameters"]) != 2:
        raise ValueError(_LENGTHS)
    return steps


@lru_cache(maxsize=64)
def _check_reference(layout: Layout) -> None:
    shapes = _shapes(layout)
    states = {shapes[name][0] for name in _OF_REFERENCES if name in shapes}
    widths = {shapes["parameters"][1], *(shapes[name][0] for name in _OF_PARAMETERS if name in shapes)}
    if len(states) > 1 or len(widths) > 1 or shapes["parameters_low"] != shapes["parameters"]:
        raise ValueError(_LENGTHS)


def _shapes(layout: Layout) -> dict[str, tuple[int, ...]]:
    """Of arrays that hold our numbers."""
    for name, (dtype, *_) in layout.parts.items():
        if dtype != _DTYPES.get(name, _FLOAT):
            raise ValueError("its arrays hold other numbers")
    return {name: shape for name, (_, _, shape, _) in layout.parts.items()}
