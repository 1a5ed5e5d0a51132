"""Predicted and measured: divergence, contraction and loss by configuration."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from harness.analysis.divergence import Divergence, divergences
from harness.analysis.theory import Beside, Contraction, besides
from harness.report import findings_convergence as findings
from harness.report import numbers
from harness.report.parts import Finding, Table, table_of
from harness.report.sections.convergence_block import Block, evenly, stable_rates
from harness.report.view import COMPARED, View, key, phrases

MOST_ROWS = 24
_MOST_SURPRISES = 10
MOST_CELLS, _LEAST_SEEDS = 2_000, 20
_ROUNDINGS = 8 * float(np.finfo(np.float64).eps)


def block(view: View) -> Block:
    """What theory says, beside what was measured."""
    run = view.assessment.run
    ends, seeds = list(divergences(run, view.name)), _seeds(view)
    cells = list(besides(run, view.name, set(seeds)))
    wrong = [end for end in ends if end.surprise]
    says = f"{findings.of_theory(cells, _missing(view))} {findings.of_divergence(ends)}"
    tables = [_surprises(view, wrong)] if wrong else []
    if cells:
        tables.append(_table(view, cells, {end.cell: end for end in ends}))
    warns = bool(wrong) or not all(cell.follows for cell in cells)
    how = f"{_HOW}{_sample(view, seeds)}" if cells else ""
    return Block("Does it do what theory says?", Finding(says, how), tuple(tables), warns=warns, is_quiet=not tables)


def _seeds(view: View) -> list[int]:
    """All of them, or of a large grid the first: each cell is a millisecond's work, and the page shows medians."""
    seeds = view.levels["seed"]
    configurations = max(1, len(view.axes_of) // len(seeds))
    return seeds[: max(_LEAST_SEEDS, MOST_CELLS // configurations)]


def _sample(view: View, seeds: Sequence[int]) -> str:
    """Which cells this is about, where it is not about all; whether each diverged as it must is of all."""
    of = len(view.levels["seed"])
    return f" Losses and contractions: the first {len(seeds)} of {numbers.count(of)} seeds." if len(seeds) < of else ""


_HOW = (
    "Each state's loss is known beforehand from the eigenvalues of the loss's Hessian; it is compared as far down as "
    "rounding alone could not explain the limit. The contraction is the factor a step by which the distance to the "
    "optimum changes: in the long run, where the slowest direction alone is left, and over the steps named, as "
    "predicted and as measured; – where rounding blurs it. Above 1 it diverges, if not yet in the steps that were done."
)


def _missing(view: View) -> str:
    """Why there is no reference at all; empty where there is one."""
    frame = view.assessment.run.reference
    rows = frame[frame["scenario"] == view.name]
    if rows.empty:
        return "this run has no reference"
    return "" if (rows["status"] == "ok").any() else str(rows["reason"].iloc[0]).rstrip(".")


def _groups(cells: Sequence[Beside]) -> list[list[Beside]]:
    """Cells by configuration: all axes but implementation, device and seed."""
    groups: dict[str, list[Beside]] = {}
    for cell in cells:
        fixed = {axis: level for axis, level in cell.axes.items() if axis not in COMPARED}
        groups.setdefault(key(fixed), []).append(cell)
    return list(groups.values())


def _table(view: View, cells: Sequence[Beside], ends: dict[str, Divergence]) -> Table:
    groups = _groups(cells)
    head = ("Full batches", "Rate, of the largest stable#", "Diverged", "Contraction, long run#", "Steps#",
            "Predicted#", "Measured#", "Loss off by at most#")  # fmt: skip
    shown = evenly(groups, MOST_ROWS)
    caption = "Predicted and measured, all implementations and seeds of a configuration together"
    if len(shown) < len(groups):
        caption += f": {numbers.share(len(shown), len(groups))} configurations"
    stable = stable_rates(view)
    return table_of(caption, head, [_row(view, group, ends, stable) for group in shown])


def _row(
    view: View, group: Sequence[Beside], ends: dict[str, Divergence], stable: Mapping[str, float]
) -> tuple[str, ...]:
    axes = {axis: level for axis, level in group[0].axes.items() if axis in view.varied or axis == "learning_rate"}
    rate = float(group[0].axes["learning_rate"])
    there = [cell.contraction for cell in group if cell.contraction is not None]
    long_run = _middle([cell.long_run for cell in group])
    return (
        phrases(axes, (*COMPARED, "batch_size")),
        _share_of(rate / stable[view.configs[group[0].cell]]),
        _diverged([ends[cell.cell] for cell in group], grows=long_run > 1),
        _factor(long_run),
        _window(there),
        _factor(_middle([found.predicted for found in there])),
        _factor(_middle([found.measured for found in there])),
        _deviation(group),
    )


def _middle(values: Sequence[float]) -> float:
    return float(np.median(values)) if values else math.nan


def _share_of(value: float) -> str:
    """Three digits, near 1 as many as tell it from that, up to six."""
    digits = next((count for count in (3, 4, 5) if float(f"{value:.{count - 1}e}") != 1), 6)
    return numbers.significant(value, 3 if value == 1 else digits)


def _factor(value: float) -> str:
    """Six digits: what tells contractions apart is their distance from 1. A few roundings of it are 0."""
    return "0" if value < _ROUNDINGS else numbers.significant(value, 6)


def _diverged(cells: Sequence[Divergence], *, grows: bool) -> str:
    count, wrong = sum(cell.diverged for cell in cells), sum(cell.surprise for cell in cells)
    if wrong:
        return f"{numbers.share(count, len(cells))}, not as predicted in {wrong}"
    if not count:
        return "none yet" if grows else "none"
    return (
        f"{numbers.share(count, len(cells))}{', as predicted' if all(c.expected for c in cells if c.diverged) else ''}"
    )


def _window(found: Sequence[Contraction]) -> str:
    spans = [(item.first, item.last) for item in found]
    if not spans:
        return numbers.MISSING
    first, last = spans[len(spans) // 2]
    return f"{numbers.count(first)} to {numbers.count(last)}"


def _deviation(group: Sequence[Beside]) -> str:
    there = [cell.deviation for cell in group if cell.deviation is not None]
    if not there:
        return numbers.MISSING
    worst = max(there, key=lambda item: item.largest)
    if worst.largest == 0:
        return "0"
    return f"{numbers.significant(worst.largest, 2)} at step {numbers.count(worst.step)}"


def _surprises(view: View, wrong: Sequence[Divergence]) -> Table:
    head = ("Cell", "Where", "It", "Loss at the end#", "Predicted#", "By", "Largest stable rate#")
    rows = [
        (
            cell.cell,
            phrases({axis: level for axis, level in cell.axes.items() if axis in view.varied}),
            "diverged" if cell.diverged else "did not diverge",
            numbers.significant(cell.loss), numbers.significant(cell.predicted),
            cell.by, numbers.significant(cell.stable),
        )
        for cell in wrong
    ]  # fmt: skip
    return table_of("Cells that go another way than predicted", head, rows, _MOST_SURPRISES)
