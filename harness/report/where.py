"""Where a run and its cells are found again: the run's place, the command of a cell, and what rows share."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from harness.analysis.verdict import Assessment
from harness.report import numbers
from harness.report.view import View, key, phrase

# Axes are kept apart by this, as the values of one are listed with commas.
BETWEEN = " · "
_MOST = 4


def place(assessment: Assessment) -> str:
    """
    The run's folder as commands name it: from the root of a project, whatever path the page was made from.

    A page that is copied, or made twice, says the same.
    """
    return f"reports/{assessment.run.file.name}"


def reproduce(view: View, cell: str = "") -> str:
    """The command that runs a cell again, or the whole run, and compares; quoted for a shell."""
    return shlex.join(["harness", "reproduce", place(view.assessment), *(["--cell", cell] if cell else [])])


def resume(assessment: Assessment) -> str:
    """The command that goes on with the run."""
    return shlex.join(["harness", "run", "--resume", place(assessment)])


def pattern(view: View, rows: Sequence[dict[str, Any]]) -> str:
    """What rows have in common, over the axes that vary: `numpy and autograd · batch 16`."""
    parts = []
    for axis in view.varied:
        present = {key(row["axes"][axis]) for row in rows}
        levels = [level for level in view.levels[axis] if key(level) in present]
        if len(levels) < len(view.levels[axis]):
            parts.append(some(axis, levels))
    return BETWEEN.join(parts) or "everywhere"


def some(axis: str, levels: Sequence[Any]) -> str:
    """Values of one axis: `batch 16 and 64`; of more than a few how many."""
    if len(levels) > _MOST:
        return f"{len(levels)} values of {axis.replace('_', ' ')}"
    first, *rest = levels
    return numbers.listed([phrase(axis, first), *(_bare(axis, level) for level in rest)])


def _bare(axis: str, level: Any) -> str:
    return phrase(axis, level) if axis == "implementation" else numbers.level(level)


def axes_in_words(axes: dict[str, Any]) -> str:
    """Values of axes, the axes kept apart; a list of values is read as one."""
    return BETWEEN.join(phrase(axis, level) for axis, level in axes.items())
