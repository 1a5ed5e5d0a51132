"""What was fitted, beside the truth and the exact optimum."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from harness.problem.layout import Layout
from harness.report import findings, numbers, palette
from harness.report.figures import parameters
from harness.report.figures.parameters import Estimates
from harness.report.parts import Figure, Finding, Section, Table, table_of
from harness.report.view import View

MOST_PARAMETERS = 6


@dataclass(frozen=True)
class Data:
    """What the template shows: one of a figure and a table, or a sentence why there is none."""

    figure: Figure | None
    table: Table | None
    note: str


def section(view: View) -> Section:
    """The parameters of a linear model, or the loss of a net."""
    done = view.at_reference[view.at_reference["status"] == "ok"]
    heading = "Did every implementation find the right parameters?"
    if done.empty:
        data = Data(None, None, "No cell of the reference configuration finished.")
    elif view.is_net:
        data = _of_net(view, done)
    else:
        data = Data(_of_linear(view, done), None, "")
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
    note = (
        "A net has no closed form and its weights no order, so there is nothing to compare them with; "
        f"the loss over all training rows at the end is shown. {findings.of_final_loss(losses)}"
    )
    return Data(None, table_of(f"Loss at the end: {view.reference_words}", head, rows), note)


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
    optima = {int(row["seed"]): row["optimum"] for row in done.to_dict("records") if isinstance(row["optimum"], list)}
    truth = next((value for value in done["truth"] if isinstance(value, list)), None)
    panels, table = [], []
    for index, name in enumerate(names[:MOST_PARAMETERS]):
        rows = _rows(view, by_arm, optima, index)
        true = truth[index] if truth else None
        panels.append(parameters.draw(f"parameter-{index}", _title(name, true), rows, true))
        table += [_numbers(name, row, true) for row in rows]
    digits = {view.arm_name(*arm): float(rows["correct_digits"].median()) for arm, rows in by_arm.items()}
    says = findings.of_digits(digits, view.scenario.document.target.digits) if optima else _no_optimum(truth)
    head = ("Parameter", "Row", "Median#", "10 to 90\u202f% of seeds#", "Seeds#", "Truth#")
    caption = f"Estimates at the end: {view.reference_words}"
    return Figure(Finding(says, _how(view, done, len(names), truth)), tuple(panels), table_of(caption, head, table))


def _rows(
    view: View, by_arm: Mapping[tuple[str, str], pd.DataFrame], optima: Mapping[int, Sequence[float]], index: int
) -> list[Estimates]:
    first = [Estimates("optimum", "ink", tuple(optimum[index] for optimum in optima.values()))] if optima else []
    return first + [
        Estimates(
            view.arm_name(*arm),
            palette.of_implementation(arm[0]),
            tuple(_parameter(row, index) for row in rows.to_dict("records")),
        )
        for arm, rows in by_arm.items()
    ]


def _parameter(row: Any, index: int) -> float:
    flat = [*row["weights"], row["bias"]]
    return float(flat[index]) if flat[index] is not None else math.nan


def _title(name: str, truth: float | None) -> str:
    return f"{name} (truth {numbers.significant(truth, 4)})" if truth is not None else name


def _no_optimum(truth: Sequence[float] | None) -> str:
    beside = "; the estimates stand beside the truth" if truth else ""
    return f"The optimum of this loss is not known or not unique, so there are no correct digits{beside}."


def _how(view: View, done: pd.DataFrame, count: int, truth: Sequence[float] | None) -> str:
    seeds = done["seed"].nunique()
    cut = f" The first {MOST_PARAMETERS} of {count} parameters." if count > MOST_PARAMETERS else ""
    line = " The dashed line is the truth the data were made with." if truth else ""
    bar = " bar: 10 to 90\u202f% of seeds;" if seeds >= parameters.LEAST_FOR_BAR else ""
    spread = f" Large dot: median;{bar} small dots: seeds." if seeds > 1 else ""
    where = f"At {view.reference_words}, {numbers.plural(seeds, 'seed')}."
    return f"{where}{spread}{line}{cut}"


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
