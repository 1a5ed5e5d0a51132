"""A value of an axis as text, to tell and to group by."""

from __future__ import annotations

import json
import math
from functools import lru_cache
from typing import Any


def level_text(level: Any) -> str:
    """
    A value of an axis, or axes by name, as `json.dumps` writes it.

    Of plain numbers and names without an encoder that is made anew each time, which takes longer than the rest.
    """
    if type(level) is int or (type(level) is float and math.isfinite(level)):
        return repr(level)
    if type(level) is str:
        return _quoted(level)
    if type(level) is dict:
        return f"{{{', '.join([f'{_quoted(name)}: {level_text(value)}' for name, value in level.items()])}}}"
    return json.dumps(level)


@lru_cache(maxsize=1024)
def _quoted(text: str) -> str:
    return json.dumps(text)
