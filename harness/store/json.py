"""JSON as the run file holds it, read."""

from __future__ import annotations

import json
from typing import Any

from pydantic_core import from_json


def read_json(text: str) -> Any:
    """
    The value of a JSON text, nan and inf among the numbers.

    As `json.loads` gives it, in a third of its time, and with names that are shared by all that was read.

    Raises:
        ValueError: If it is none.
        RecursionError: If it is nested too deeply.
    """
    try:
        return from_json(text)
    except (ValueError, TypeError):
        # A lone surrogate is a text to Python alone; of all else its words tell what is wrong.
        return json.loads(text)
