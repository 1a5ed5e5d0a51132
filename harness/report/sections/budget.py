"""Where the error of each parameter comes from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

import numpy as np

from harness.analysis.budget import CellBudget, Group, grouped
from harness.frames.budget import PARTS, budget_of
from harness.frames.table import each
from harness.report import budget_marks, marks, numbers
from harness.report.findings_budget import left_aside, of_budget
from harness.report.parts import Content, Finding, Markup, Section, Table, table_of
from harness.report.sections.convergence_block import evenly
from harness.report.view import COMPARED, View, key
from harness.report.where import axes_in_words

# Enough for a median; a run of thousands of seeds is not read whole.
MOST_SEEDS = 20
MOST_CONFIGURATIONS = 12
_MOST_PARAMETERS = 12


@dataclass(frozen=True)
class Data:
    """What the template shows."""

    finding: Finding
    by_configuration: Table | None
    by_parameter: Table | None
    key: tuple[tuple[str, Markup], ...]


def section(view: View) -> Section:
    """The parts by configuration, then by parameter at the reference configuration."""
    heading = "Where does the error of each parameter come from?"
    shared = [axis for axis in view.levels if axis not in COMPARED]
    groups = grouped(_budgets(view), shared)
    varied = [axis for axis in shared if axis in view.varied]
    data = Data(
        Finding(of_budget(groups), _how(groups)),
        by_configuration(groups, varied),
        _by_parameter(view, groups, varied),
        tuple((part, budget_marks.sample(part)) for part in _known(groups)),
    )
    return Section("budget", "Error budget", heading, data)


def _budgets(view: View) -> Iterator[CellBudget]:
    """Of the first seeds, as trained."""
    seeds = {key(seed) for seed in view.levels.get("seed", [])[:MOST_SEEDS]}
    done = view.first_replicates
    for row in each(done[done["status"] == "ok"]):
        if key(row["axes"]["seed"]) in seeds:
            lines = takewhile(lambda line: line["space"] == "trained", budget_of(view.assessment.run.file, row))
            yield CellBudget(row["axes"], tuple(lines), row["outcome"] == "diverged")


def _known(groups: Sequence[Group]) -> list[str]:
    return [part for part in PARTS if any(part in group.known for group in groups)]


def _how(groups: Sequence[Group]) -> str:
    known = _known(groups)
    means = {
        "rounding": "rounding is what was found less the same training in extended precision",
        "optimisation": "optimisation what is left to the exact optimum",
        "estimation": "estimation the optimum less what the data were made with",
    }
    said = numbers.upper("; ".join(means[part] for part in known))
    add = " They add up to the whole error." if len(known) > 1 else ""
    sizes = " Sizes are 2-norms over the parameters, medians over seeds and implementations."
    return f"{said}.{add}{sizes}{left_aside(groups)}" if said else ""


def by_configuration(groups: Sequence[Group], varied: Sequence[str]) -> Table | None:
    """A row for each of at most twelve configurations; None where no part of any error is known."""
    if not any(group.known for group in groups):
        return None
    sizes = [size for group in groups if not group.diverged for size in group.known.values()]
    scale = marks.Scale.over(sizes, log=True)
    shown = evenly(list(groups), MOST_CONFIGURATIONS)
    rows = [
        (
            axes_in_words({axis: group.axes[axis] for axis in varied}) or "the only configuration",
            "diverged" if group.diverged else group.largest or numbers.MISSING,
            *(numbers.significant(group.sizes[part], 2) for part in PARTS),
            budget_marks.mark({} if group.diverged else group.known, scale),
        )
        for group in shown
    ]
    head = ("Configuration", "Largest part", *(f"{numbers.upper(part)}#" for part in PARTS), "Beside each other")
    table = table_of("Parts of the error by configuration", head, rows)
    cut = f"{numbers.share(len(shown), len(groups))} configurations: the first, the last and evenly between."
    return replace(table, note=cut) if len(shown) < len(groups) else table


def _by_parameter(view: View, groups: Sequence[Group], varied: Sequence[str]) -> Table | None:
    group = next((group for group in groups if key(group.axes) == key(view.reference)), None)
    if group is None or len(group.known) < 2:
        return None
    sizes = [abs(line[part]) for cell in group.cells for line in cell.lines for part in PARTS if line[part] is not None]
    scale = marks.Scale.over(sizes, log=True)
    rows = [_parameter(group, place, scale) for place in range(min(len(group.cells[0].lines), _MOST_PARAMETERS))]
    head = ("Parameter", "Whole error#", *(f"{numbers.upper(part)}#" for part in PARTS), "Beside each other")
    signs = " ± where cells differ in sign." if any("±" in str(row) for row in rows) else ""
    at = axes_in_words({axis: group.axes[axis] for axis in varied})
    caption = f"Error of each parameter{f' at {at}' if at else ''}"
    return replace(table_of(caption, head, rows), note=f"Medians over cells.{signs}")


def _parameter(group: Group, place: int, scale: marks.Scale) -> tuple[Content, ...]:
    lines = [cell.lines[place] for cell in group.cells]
    columns = {part: [line[part] for line in lines if line[part] is not None] for part in ("total", *PARTS)}
    sizes = {part: _middle([abs(value) for value in columns[part]]) for part in PARTS if columns[part]}
    return (lines[0]["parameter"], *map(_typical, columns.values()), budget_marks.mark(sizes, scale))


def _typical(values: Sequence[float]) -> str:
    """The median where all have one sign, else that of the sizes behind a ±."""
    if not values:
        return numbers.MISSING
    if min(values) < 0 < max(values):
        return f"±{numbers.significant(_middle([abs(value) for value in values]), 2)}"
    return numbers.significant(_middle(values), 2)


def _middle(values: Sequence[float]) -> float:
    return float(np.percentile(values, 50, method="lower"))
