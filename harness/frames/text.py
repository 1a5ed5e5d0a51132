"""Values of frames in the words of text formats."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection
from typing import Any

import pandas as pd

from harness import dictionary

_JSON_COLUMNS = {name for table in dictionary.TABLES for name in dictionary.names(table, "json")}
# Those that some rows lack, which pandas therefore keeps as floats.
_WHOLE_COLUMNS = ("steps", "peak_bytes", "device_peak_bytes")
_RETURN = re.compile("\r\n?")
_WHOLE = {int, type(None)}
_STRICT = json.JSONEncoder(allow_nan=False)


def as_text(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame for a text format: lists and dictionaries as JSON, whole numbers without a point."""
    result = frame.copy()
    for column in _WHOLE_COLUMNS:
        if column in result:
            result[column] = result[column].astype("Int64")
    for column in ("stdout", "stderr"):
        if column in result:
            result[column] = pd.Series(map(in_lines, result[column]), index=result.index, dtype="object")
    for column in _JSON_COLUMNS:
        if column in result:
            result[column] = pd.Series(map(json_text, result[column]), index=result.index, dtype="object")
    return result


def in_lines(text: str) -> str:
    """Progress bars go back with a return, which readers of csv take for the end of a row."""
    return _RETURN.sub("\n", text)


def json_text(value: Any) -> str | None:
    """A list, number or dictionary as strict JSON; nothing for None."""
    if value is None:
        return None
    if type(value) is list and (texts := _of_floats(value) or _of_whole(value)):
        return f"[{', '.join(texts)}]"
    if type(value) is dict and (texts := _of_floats(value.values())):
        pairs = zip(map(_STRICT.encode, map(str, value)), texts, strict=True)
        return f"{{{', '.join([f'{name}: {text}' for name, text in pairs])}}}"
    try:
        return _STRICT.encode(value)
    except ValueError:  # nan or inf
        return json.dumps(strict(value))


def _of_floats(values: Collection[Any]) -> list[str]:
    """Finite floats; none of any others. No encoder is made for them, which would take longer than the rest."""
    try:
        texts = [*map(float.__repr__, values)]
    except TypeError:
        return []
    return [] if any("n" in text for text in texts) else texts  # the n of nan and inf


def _of_whole(values: list[Any]) -> list[str]:
    """Whole numbers and None; none of any others."""
    if not {*map(type, values)} <= _WHOLE:
        return []
    return ["null" if value is None else repr(value) for value in values]


def strict(value: Any) -> Any:
    """JSON has no nan and inf; they become the words `"nan"`, `"inf"` and `"-inf"`."""
    if isinstance(value, dict):
        return {name: strict(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [strict(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def spelled(text: str) -> str:
    r"""The text with lone surrogates written out (`\udc80`), as no encoding of a file has them."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
