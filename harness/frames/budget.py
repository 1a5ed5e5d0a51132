"""
Where the error of each fitted parameter comes from, in parts that add up exactly:

    found - true = (found - reference) + (reference - optimum) + (optimum - true)
                 =      rounding       +      optimisation     +    estimation

The differences are taken of the very numbers, as fractions, and rounded once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import pandas as pd

from harness import dictionary
from harness.frames.points import Exact, points
from harness.frames.table import each, framed
from harness.problem.layout import Layout
from harness.record import Arrays
from harness.scenario.cell import CellSpec
from harness.store.reader import RunFile

PARTS = ("rounding", "optimisation", "estimation")


def budgets(file: RunFile, cells: pd.DataFrame) -> pd.DataFrame:
    """One row a parameter of each finished record, in each space."""
    rows = [
        {"scenario": row["scenario"], "cell": row["cell"], "replicate": row["replicate"], **line}
        for row in each(cells[cells["status"] == "ok"])
        for line in budget_of(file, row)
    ]
    return framed(rows, dictionary.names("budget"))


def budget_of(file: RunFile, row: Mapping[Any, Any]) -> Iterator[dict[str, Any]]:
    """The lines of one finished record, a row of the cells frame."""
    spec = file.specs[row["scenario"], row["cell"]]
    return budget(spec, flat(row), file.reference(row["scenario"], row["reference"]))


def flat(row: Mapping[Any, Any]) -> list[float]:
    """All weights, then all biases, as the layout has them."""
    return [*_numbers(row["weights"]), *_numbers(row["bias"])]


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, list):
        for item in value:
            yield from _numbers(item)
    elif value is not None:
        yield value


def budget(spec: CellSpec, found: Sequence[float], reference: Arrays) -> Iterator[dict[str, Any]]:
    """
    The parts of each parameter's error, as trained, and for the coefficients of the unscaled columns.

    Args:
        spec: The cell.
        found: Its parameters at the end, weights first.
        reference: The arrays of its reference; empty where it has none.

    Returns:
        Rows of space, parameter, total and PARTS; None for a part that does not exist. The total is what was found
        less the last point that exists; the parts add up to it where no point before that one is missing.
    """
    layout = Layout.of(spec)
    for space, there in zip(("trained", "raw"), points(spec, found, reference), strict=True):
        if space == "raw" and layout.layered:
            return  # a net has no coefficients of the unscaled columns
        for place, name in enumerate(layout.names):
            values = [None if point is None else point[place] for point in there.in_turn]
            yield {"space": space, "parameter": name, **_parts(values)}


def _parts(values: Sequence[Exact | None]) -> dict[str, float | None]:
    parts = [_difference(one, other) for one, other in pairwise(values)]
    there = [value for value in values if value is not None]
    total = _difference(there[0], there[-1]) if len(there) > 1 and values[0] is not None else None
    return {"total": total, **dict(zip(PARTS, parts, strict=True))}


def _difference(one: Exact | None, other: Exact | None) -> float | None:
    if one is None or other is None:
        return None
    try:
        return float(one - other)
    except OverflowError:  # a fraction beyond float64's range
        return math.inf if one > other else -math.inf
