"""A run as pandas frames."""

from __future__ import annotations

from harness.frames.run import KEYS, Run, load
from harness.frames.table import CELL_COLUMNS
from harness.frames.text import as_text

__all__ = ["CELL_COLUMNS", "KEYS", "Run", "as_text", "load"]
