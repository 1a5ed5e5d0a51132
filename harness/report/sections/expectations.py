"""Each number that the scenario says must come out, beside what came out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.analysis.expectations import Check, Result
from harness.report import findings, marks, numbers
from harness.report.figures import lines
from harness.report.parts import Content, Figure, Finding, Markup, Section, Table, table_of
from harness.report.view import View, phrases
from harness.scenario.expect import Expect

_MOST_FIGURES = 6
_MOST_ROWS = 40
_LEAST_PLACES = 3


@dataclass(frozen=True)
class Claim:
    """One expectation: its line in the summary, a figure where it has many states, and every comparison."""

    number: int
    result: Result
    figure: Figure | None
    details: Table | None


@dataclass(frozen=True)
class Data:
    """What the template shows."""

    finding: Finding
    summary: Table | None
    claims: tuple[Claim, ...]


def section(view: View) -> Section:
    """The expectations of a scenario."""
    results = [result for result in view.assessment.expectations if result.scenario == view.name]
    pictured = [result.number for result in results if _is_pictured(result)][:_MOST_FIGURES]
    claims = tuple(
        Claim(
            result.number, result, _figure(view, result) if result.number in pictured else None, _details(view, result)
        )
        for result in results
        if result.checks
    )
    how = "Found is the comparison that is farthest off, held or missed." if results else ""
    missed = any(result.status == "missed" for result in results)
    mark = "fail" if missed else "ok" if claims else ""
    data = Data(Finding(findings.of_expectations(results), how), _summary(view, results), claims)
    return Section("expectations", "Expected numbers", "Did the expected numbers come out?", data, mark)


def _summary(view: View, results: Sequence[Result]) -> Table | None:
    if not results:
        return None
    head = ("Claim", "Status", "Wanted", "Found", "Farthest off", "Comparisons held#")
    return table_of("The expectations of this scenario", head, [_line(view, result) for result in results], most=100)


def _line(view: View, result: Result) -> tuple[Content, ...]:
    claim = Markup("{}{}{}").format(result.claim, _where(result), _source(result.expect.source))
    worst = result.closest_call
    if worst is None:
        return claim, marks.status(result.status), numbers.MISSING, numbers.MISSING, result.not_checked, "0"
    held = numbers.share(len(result.checks) - len(result.missed), len(result.checks))
    found, where = numbers.found(worst.found), place(view, worst)
    if worst.distance == 0:
        where = "none" if len(result.checks) > 1 else where
    return claim, marks.status(result.status), wanted(result.expect, worst), found, where, held


def wanted(expect: Expect, check: Check) -> str:
    """What is wanted, with the sign of its rule."""
    if expect.not_equals is not None:
        return f"not {numbers.found(check.wanted).replace(' to ', ' or ')}"
    if expect.equals is not None:
        return numbers.found(check.wanted).replace(" to ", " or ")
    low = f"≥ {numbers.found(expect.at_least)}" if expect.at_least is not None else ""
    high = f"≤ {numbers.found(expect.at_most)}" if expect.at_most is not None else ""
    return " and ".join(filter(None, (low, high))) or numbers.found(check.wanted)


def _where(result: Result) -> Content:
    where = phrases(result.expect.where)
    return Markup('<br><span class="note">for {}</span>').format(where) if where else ""


def _source(source: str) -> Content:
    return Markup('<br><span class="note">source: {}</span>').format(source) if source else ""


def place(view: View, check: Check) -> str:
    """Where a comparison was made: the axes that vary, and the state."""
    axes = {axis: level for axis, level in check.axes.items() if axis in view.varied}
    return ", ".join(filter(None, (phrases(axes), check.place))) or "the only cell"


def _details(view: View, result: Result) -> Table | None:
    """Every comparison, the missed ones first, then by how far off it is."""
    if len(result.checks) < 2:
        return None
    order = sorted(result.checks, key=lambda check: (check.held, -check.distance))
    rows = [
        (place(view, check), wanted(result.expect, check), numbers.found(check.found), off(check),
         marks.status("held" if check.held else "missed"))
        for check in order[:_MOST_ROWS]
    ]  # fmt: skip
    head = ("Cell and state", "Wanted#", "Found#", "Distance, 1 is allowed#", "Status")
    table = table_of(f"Expectation {result.number}: {result.claim}", head, rows)
    left = f"The {_MOST_ROWS} farthest off of {len(order):,} comparisons." if len(order) > _MOST_ROWS else ""
    return Table(table.caption, table.head, table.rows, left)


def off(check: Check) -> str:
    """A distance in units of what is allowed; words where nothing is, as beyond a limit."""
    if not math.isinf(check.distance):
        return numbers.significant(check.distance, 2)
    return "beyond" if isinstance(check.found, float) and math.isfinite(check.found) else "not comparable"


def _is_pictured(result: Result) -> bool:
    """Whether it is a row of published values over states, held against the spread of the seeds."""
    return result.expect.inside == "seeds" and any(len(group) >= _LEAST_PLACES for group in _groups(result))


def _groups(result: Result) -> list[list[Check]]:
    """Comparisons by cell, with numbers found, the group with the most misses first."""
    groups: dict[str, list[Check]] = {}
    for check in result.checks:
        if isinstance(check.found, tuple):
            groups.setdefault(phrases(check.axes), []).append(check)
    return sorted(groups.values(), key=lambda group: -sum(not check.held for check in group))


def _figure(view: View, result: Result) -> Figure:
    groups = _groups(result)
    panels = []
    for position, group in enumerate(groups[:4]):
        unit, places = group[0].place.split()[0], [int(check.place.split()[-1]) for check in group]
        axes = {axis: level for axis, level in group[0].axes.items() if axis in view.varied}
        panels.append(
            lines.published(
                f"expect-{result.number}-{position}", phrases(axes) or result.expect.quantity, unit, places,
                [check.found for check in group], [check.wanted for check in group], [check.held for check in group],
            )
        )  # fmt: skip
    held = sum(check.held for check in result.checks)
    says = f"{numbers.upper(numbers.share(held, len(result.checks)))} published values lie inside the seeds' range."
    shown = f" {len(panels)} of {len(groups)} configurations, those with the most misses." if len(groups) > 4 else ""
    how = f"{result.expect.quantity}: band from the least to the largest of the seeds; dots are published.{shown}"
    return Figure(Finding(says, how), tuple(panels))
