"""What was fitted, beside the truth and the exact optimum."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from harness.analysis.targets import median
from harness.frames.table import each
from harness.problem.layout import Layout
from harness.report import findings_accuracy, numbers, palette
from harness.report.figures import parameters
from harness.report.figures.panel import WIDE, WIDTH
from harness.report.figures.parameters import Estimates
from harness.report.parts import Figure, Finding, Section, Table, table_of
from harness.report.sections import accuracy_coverage, accuracy_digits
from harness.report.typeset import typeset
from harness.report.view import View

MOST_PARAMETERS = 6


@dataclass(frozen=True)
class Data:
    """
    What the template shows.

    Args:
        figure: Estimates by parameter, of a linear model.
        table: The loss at the end, of a net.
        finding: What stands in for the figure, or why there is nothing; None beside a figure.
        digits: Correct digits by level of an axis.
        coverage: How often the optimum's interval holds the truth.
    """

    figure: Figure | None
    table: Table | None
    finding: Finding | None
    digits: Figure | None = None
    coverage: tuple[Finding, Table] | None = None


def section(view: View) -> Section:
    """The parameters of a linear model, or the loss of a net."""
    done = view.at_reference[view.at_reference["status"] == "ok"]
    heading = "Did every implementation find the right parameters?"
    if done.empty:
        data = Data(None, None, Finding("No cell of the reference configuration finished."))
    elif view.is_net:
        data = _of_net(view, done)
    else:
        coverage = accuracy_coverage.coverage(view, done)
        data = Data(_of_linear(view, done), None, None, accuracy_digits.figure(view), coverage)
    return Section("accuracy", "Accuracy", heading, data)


def _of_net(view: View, done: pd.DataFrame) -> Data:
    losses = {
        view.arm_name(*arm): float(rows["loss"].median()) if _finite(rows["loss"]) else math.nan
        for arm, rows in _by_arm(view, done).items()
    }
    rows = [
        (view.arm_name(*arm), numbers.count(len(rows)), *(numbers.significant(value, 6) for value in _range(rows)))
        for arm, rows in _by_arm(view, done).items()
    ]
    head = ("Implementation", "Seeds#", "Median loss at the end#", "Least#", "Largest#")
    how = (
        "A net has no closed form and its weights no order, so there is nothing to compare them with; "
        "the loss over all training rows at the end is shown."
    )
    finding = Finding(findings_accuracy.of_final_loss(losses), how)
    return Data(None, table_of(f"Loss at the end: {view.reference_words}", head, rows), finding)


def _finite(values: pd.Series[Any]) -> bool:
    return bool(values.map(math.isfinite).all())


def _range(rows: pd.DataFrame) -> tuple[float, float, float]:
    values = rows["loss"]
    return float(values.median()), float(values.min()), float(values.max())


def _by_arm(view: View, done: pd.DataFrame) -> dict[tuple[str, str], pd.DataFrame]:
    groups = {
        arm: done[(done["implementation"] == arm[0]) & (done["device"] == arm[1])].sort_values("seed")
        for arm in view.arms
    }
    return {arm: rows for arm, rows in groups.items() if not rows.empty}


def _of_linear(view: View, done: pd.DataFrame) -> Figure:
    names = Layout.of(view.spec(str(done.iloc[0]["cell"]))).names
    by_arm = _by_arm(view, done)
    optima = {int(row["seed"]): row["optimum"] for row in each(done) if isinstance(row["optimum"], list)}
    truth = _truth(done)
    panels, table = [], []
    width = WIDE if len(names) == 1 else WIDTH
    for index, name in enumerate(names[:MOST_PARAMETERS]):
        rows = _rows(view, by_arm, optima, index)
        true = truth[index] if truth else None
        panels.append(parameters.draw(f"parameter-{index}", _title(name, true), rows, true, width))
        table += [_numbers(name, row, true) for row in rows]
    reached = {
        view.arm_name(*arm): median(_digits(by_arm[arm])) if arm in by_arm else math.nan
        for arm in view.arms
        if arm[1] in view.devices
    }
    says = findings_accuracy.of_digits(reached, view.scenario.document.target.digits) if optima else _no_optimum(truth)
    head = ("Parameter", "Row", "Median#", "10 to 90\u202f% of seeds#", "Seeds#", "Truth#")
    caption = f"Estimates at the end: {view.reference_words}"
    return Figure(
        Finding(says, _how(view, done, len(names), truth)),
        tuple(panels),
        table_of(caption, head, table),
        id="parameters",
    )


def _digits(rows: pd.DataFrame) -> list[float]:
    """One that diverged is below all others; one without digits is none."""
    found = [-math.inf if row["outcome"] == "diverged" else float(row["correct_digits"]) for row in each(rows)]
    return [value for value in found if not math.isnan(value)]


def _truth(done: pd.DataFrame) -> Sequence[float] | None:
    """What all data were made with; None where there is none, or scaled columns give each seed its own."""
    found = [value for value in done["truth"] if isinstance(value, list)]
    return found[0] if found and all(value == found[0] for value in found) else None


def _rows(
    view: View, by_arm: Mapping[tuple[str, str], pd.DataFrame], optima: Mapping[int, Sequence[float]], index: int
) -> list[Estimates]:
    first = [Estimates("optimum", "ink", tuple(optimum[index] for optimum in optima.values()))] if optima else []
    return first + [
        Estimates(
            view.arm_name(*arm),
            palette.of_implementation(arm[0]),
            tuple(_parameter(row, index) for row in each(rows)),
        )
        for arm, rows in by_arm.items()
    ]


def _parameter(row: Any, index: int) -> float:
    flat = [*row["weights"], row["bias"]]
    return float(flat[index]) if flat[index] is not None else math.nan


def _title(name: str, truth: float | None) -> str:
    if truth is None:
        return name
    short = f"{truth:.4g}"
    return f"{name} (truth {typeset(short) if float(short) == truth else numbers.significant(truth, 4)})"


def _no_optimum(truth: Sequence[float] | None) -> str:
    beside = "; the estimates stand beside the truth" if truth else ""
    return f"The optimum of this loss is not known or not unique, so there are no correct digits{beside}."


def _how(view: View, done: pd.DataFrame, count: int, truth: Sequence[float] | None) -> str:
    seeds = done["seed"].nunique()
    cut = f" The first {MOST_PARAMETERS} of {count} parameters." if count > MOST_PARAMETERS else ""
    line = " The dashed line is the truth the data were made with." if truth else _own_truths(done)
    bar = " bar: 10 to 90\u202f% of seeds;" if seeds >= parameters.LEAST_FOR_BAR else ""
    spread = f" Large dot: median;{bar} small dots: seeds." if seeds > 1 else ""
    where = f"At {view.reference_words}, {numbers.plural(seeds, 'seed')}."
    return f"{where}{spread}{line}{cut}{_trusted(done, count)}"


def _own_truths(done: pd.DataFrame) -> str:
    several = any(isinstance(value, list) for value in done["truth"])
    return " Scaled columns give each seed a truth of its own, so no line is drawn." if several else ""


def _trusted(done: pd.DataFrame, count: int) -> str:
    """How well the data determine the optimum."""
    rank, digits, condition = (done[name].min() for name in ("rank", "optimum_digits", "condition_number"))
    if pd.notna(rank) and rank < count:
        return f" The columns have rank {int(rank)} of {count}: many optima, one least loss."
    if pd.isna(digits):
        return ""
    shape = f" The Hessian's condition number is {numbers.significant(condition)}." if pd.notna(condition) else ""
    return (
        f"{shape} At least {numbers.digits(digits)} digits of the optimum can be trusted, the data being rounded once."
    )


def _numbers(name: str, row: Estimates, truth: float | None) -> tuple[str, ...]:
    if not row.finite:
        return name, row.name, "diverged", numbers.MISSING, "0", numbers.significant(truth, 6)
    low, middle, high = parameters.spread(row.finite)
    span = (
        f"{numbers.significant(low, 8)} to {numbers.significant(high, 8)}"
        if len(row.finite) >= parameters.LEAST_FOR_BAR
        else numbers.MISSING
    )
    return name, row.name, numbers.significant(middle, 8), span, str(len(row.finite)), numbers.significant(truth, 6)
