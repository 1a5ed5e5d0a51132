"""Does the optimum's confidence interval hold the truth, and is training near enough for that to be the question?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from harness.analysis.coverage import Covered, Sample, Vector, covered, standard_errors
from harness.analysis.quantities import data_of
from harness.frames.table import each
from harness.problem.design import columns_of
from harness.problem.layout import Layout
from harness.report import findings_accuracy, numbers
from harness.report.parts import Finding, Table, table_of
from harness.report.view import View

# Enough for a share; the data of thousands of seeds are not made again.
MOST_SETS = 200
MOST_PARAMETERS = 12
_SQUARED = ("mse", "half_mse", "sse", "half_sse")


def coverage(view: View, done: pd.DataFrame) -> tuple[Finding, Table] | None:
    """
    Finding and table; None where there is no truth, no squared loss, or no residual.

    Args:
        view: The scenario.
        done: Its finished cells of the reference configuration.
    """
    if view.is_net or view.scenario.document.training.loss.kind not in _SQUARED:
        return None
    sets = _sets(view, done)
    samples = [sample for rows in list(sets.values())[:MOST_SETS] if (sample := _sample(view, rows)) is not None]
    if not samples:
        return None
    names = Layout.of(view.spec(str(done.iloc[0]["cell"]))).names
    found = covered(names, samples)
    return Finding(findings_accuracy.of_coverage(found), _how(len(sets), len(samples))), _table(found)


def _sets(view: View, done: pd.DataFrame) -> dict[int, list[dict[str, Any]]]:
    """Cells by their data: seeds of a scenario whose data have a seed of their own share one set."""
    sets: dict[int, list[dict[str, Any]]] = {}
    for row in each(done):
        if isinstance(row["optimum"], list) and isinstance(row["truth"], list):
            sets.setdefault(view.spec(str(row["cell"])).data_seed, []).append({str(k): v for k, v in row.items()})
    return sets


def _sample(view: View, rows: Sequence[dict[str, Any]]) -> Sample | None:
    spec = view.spec(str(rows[0]["cell"]))
    training = data_of(spec, view.inputs(spec)).training
    columns = columns_of(training, intercept=spec.model.intercept)
    optimum, truth = (np.array(rows[0][name], dtype=np.float64) for name in ("optimum", "truth"))
    errors = standard_errors(columns, training.y, optimum)
    if errors is None:
        return None
    bare = Sample(truth, optimum, errors, len(columns) - columns.shape[1], np.full(len(optimum), np.nan))
    return replace(bare, found=_farthest(rows, optimum))


def _farthest(rows: Sequence[dict[str, Any]], optimum: Vector) -> Vector:
    """Over the cells that did not diverge; NaN where all did."""
    away = [np.abs(_found(row, len(optimum)) - optimum) for row in rows if row["outcome"] != "diverged"]
    return np.max(away, axis=0) if away else np.full(len(optimum), np.nan)


def _found(row: dict[str, Any], count: int) -> Vector:
    return np.array([*row["weights"], row["bias"]][:count], dtype=np.float64)


def _how(sets: int, used: int) -> str:
    cut = f" {numbers.share(used, sets)} data sets." if used < sets else ""
    return (
        "Standard errors of least squares from the residuals at the optimum, √ of the diagonal of s²(X′X)⁻¹ with "
        "s² = RSS/(n − p); the interval is the optimum ± the 95\u202f% quantile of Student's t with n − p degrees of "
        "freedom, exact for independent normal noise and approximate for other noise. The share's own interval is "
        f"Wilson's.{cut}"
    )


def _table(found: Sequence[Covered]) -> Table:
    head = (
        "Parameter", "Truth inside the interval#", "95\u202f% interval of that share#",
        "Truth from optimum, standard errors, median#", "Training from optimum, standard errors, at most#",
    )  # fmt: skip
    rows = [
        (
            item.name,
            numbers.share(item.inside, item.count),
            findings_accuracy.percent_range(item.interval) if item.count > 1 else numbers.MISSING,
            numbers.significant(item.away, 2),
            numbers.significant(item.found, 2),
        )
        for item in found
    ]
    return table_of("Sampling error beside optimisation error, by parameter", head, rows, MOST_PARAMETERS)
