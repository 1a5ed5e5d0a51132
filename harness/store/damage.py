"""What damaged bytes of a run file look like when they are read."""

from __future__ import annotations

import re
import sqlite3
import zlib

import numpy as np

from harness.errors import ScenarioError
from harness.record import Arrays
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


def whole_trace(arrays: Arrays) -> Arrays:
    """
    The arrays of a trace, if they fit each other.

    Raises:
        LookupError: If one is missing, or is none of a trace.
        ValueError: If they differ in length, or hold what they never do.
    """
    states, epochs = ({len(arrays[name]) for name in names} for names in (_OF_STATES, _OF_EPOCHS))
    steps = {len(arrays[name]) for name in _OF_STEPS if name in arrays} | {int(arrays["step"][-1])}
    if any(len(lengths) > 1 for lengths in (states, epochs, steps)) or arrays["parameters"].ndim != 2:
        raise ValueError("its arrays differ in length")
    return _of_our_dtypes(arrays)


def whole_reference(arrays: Arrays) -> Arrays:
    """
    The arrays of a reference, if they fit each other.

    Raises:
        LookupError: If one is missing.
        ValueError: If they differ in length, or hold what they never do.
    """
    parameters = arrays["parameters"]
    states = {len(arrays[name]) for name in _OF_REFERENCES if name in arrays}
    widths = {parameters.shape[1], *(len(arrays[name]) for name in _OF_PARAMETERS if name in arrays)}
    if len(states) > 1 or len(widths) > 1 or arrays["parameters_low"].shape != parameters.shape:
        raise ValueError("its arrays differ in length")
    return _of_our_dtypes(arrays)


def _of_our_dtypes(arrays: Arrays) -> Arrays:
    for name, array in arrays.items():
        if array.dtype != _DTYPES.get(name, _FLOAT):
            raise ValueError("its arrays hold other numbers")
    return arrays
