"""Where the error of each parameter comes from."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any

from harness.analysis.budget import CellBudget, Group, grouped
from harness.analysis.targets import median
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
            yield CellBudget(row["axes"], tuple(lines), row["outcome"] == "diverged", _trusted(row))


def _trusted(row: Mapping[str, Any]) -> float:
    """10^-digits of the optimum's size; 0 without an optimum."""
    if not isinstance(row["optimum"], list) or math.isnan(row["optimum_digits"]):
        return 0.0
    return math.hypot(*row["optimum"]) * math.pow(10.0, -row["optimum_digits"])


def _known(groups: Sequence[Group]) -> list[str]:
    return [part for part in PARTS if any(part in group.known for group in groups)]


def _how(groups: Sequence[Group]) -> str:
    if all(group.diverged for group in groups):
        return ""
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
    """A row for each of at most twelve configurations; None where no part of any error is known, or all diverged."""
    if not any(group.known and not group.diverged for group in groups):
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
    """At the reference; None where that diverged, or there are not two parts to set beside each other."""
    found = next((group for group in groups if key(group.axes) == key(view.reference)), None)
    if found is None or len(found.known) < 2 or found.diverged:
        return None
    group = replace(found, cells=tuple(cell for cell in found.cells if not cell.diverged))
    sizes = [abs(line[part]) for cell in group.cells for line in cell.lines for part in PARTS if line[part] is not None]
    scale = marks.Scale.over(sizes, log=True)
    rows = [_parameter(group, place, scale) for place in range(min(len(group.cells[0].lines), _MOST_PARAMETERS))]
    head = ("Parameter", "Whole error#", *(f"{numbers.upper(part)}#" for part in PARTS), "Beside each other")
    signs = " ± where cells differ in sign." if any("±" in str(row) for row in rows) else ""
    at = axes_in_words({axis: group.axes[axis] for axis in varied})
    caption = f"Error of each parameter{f' at {at}' if at else ''}"
    ended = " that did not diverge" if len(group.cells) < len(found.cells) else ""
    return replace(table_of(caption, head, rows), note=f"Medians over cells{ended}.{signs}")


def _parameter(group: Group, place: int, scale: marks.Scale) -> tuple[Content, ...]:
    lines = [cell.lines[place] for cell in group.cells]
    columns = {part: [line[part] for line in lines if line[part] is not None] for part in ("total", *PARTS)}
    sizes = {part: median([abs(value) for value in columns[part]]) for part in PARTS if columns[part]}
    return (lines[0]["parameter"], *map(_typical, columns.values()), budget_marks.mark(sizes, scale))


def _typical(values: Sequence[float]) -> str:
    """The median where all have one sign, else that of the sizes behind a ±."""
    if not values:
        return numbers.MISSING
    if min(values) < 0 < max(values):
        return f"±{numbers.significant(median([abs(value) for value in values]), 2)}"
    return numbers.significant(median(values), 2)
