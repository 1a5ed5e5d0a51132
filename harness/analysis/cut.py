"""Why a run has planned processes without a record."""

from __future__ import annotations

import json
from collections.abc import Sequence

from harness.frames import Run

_OPTION = "--budget"


def why_cut(run: Run) -> str:
    """What its last start tells: it goes on or was killed, its budget was over, or it was interrupted."""
    rows = run.file.rows("SELECT arguments, started, finished FROM attempt ORDER BY number DESC LIMIT 1")
    if not rows or rows[0]["finished"] is None:
        return "the run is still going on, or was killed"
    budget = _budget(json.loads(rows[0]["arguments"]))
    if budget is not None and rows[0]["finished"] - rows[0]["started"] >= budget:
        return f"the run was cut by its budget of {budget:g} s"
    return "the run was interrupted"


def _budget(arguments: Sequence[str]) -> float | None:
    """The seconds of `--budget 3` or `--budget=3`."""
    for place, word in enumerate(arguments):
        name, _, value = word.partition("=")
        if name == _OPTION:
            try:
                return float(value or arguments[place + 1])
            except (ValueError, IndexError):
                return None
    return None
