"""Each number that the scenario says must come out, beside what came out, digit by digit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.analysis.expectations import Result
from harness.analysis.published import Row, least_seeds, no_number, verdict, worst
from harness.analysis.published import numbers as published_numbers
from harness.report import marks, numbers, published
from harness.report.findings_expectations import of_expectations
from harness.report.parts import Content, Figure, Finding, Markup, Section, Table, panels_in, table_of
from harness.report.sections import expectations_figures, expectations_words
from harness.report.sections.expectations_figures import MOST_PANELS
from harness.report.sections.expectations_words import allowed, cells, differing, ends, off, place, quantity
from harness.report.typeset import beside, typeset
from harness.report.view import View

_MOST_ROWS = 40
_HEAD = ("Quantity and source", "Published", "Measured", "Agreement", "Comparisons held#")


@dataclass(frozen=True)
class Data:
    """
    What the template shows.

    Args:
        finding: How many came out.
        summary: A row for each expectation.
        figures: Of those that are a row of published values.
        comparisons: Every comparison, a table for each expectation that has several.
        count: Comparisons in all.
    """

    finding: Finding
    summary: Table | None
    figures: tuple[Figure, ...]
    comparisons: tuple[Table, ...]
    count: str


def section(view: View) -> Section:
    """The expectations of a scenario."""
    results = [result for result in view.assessment.expectations if result.scenario == view.name]
    rows = [_row(view, result) for result in results]
    missed = any(result.status == "missed" for result in results)
    mark = "fail" if missed else "ok" if any(result.checks for result in results) else ""
    says = of_expectations(results, [row.verdict for row in rows])
    data = Data(
        Finding(says, _how(rows)),
        _summary(view, rows),
        tuple(_figures(view, results)),
        tuple(table for row in rows if (table := _comparisons(view, row)) is not None),
        numbers.count(sum(len(result.checks) for result in results)),
    )
    return Section("expectations", "Expected numbers", "Did the expected numbers come out?", data, mark)


def _summary(view: View, rows: Sequence[Row]) -> Table | None:
    table = table_of("Published and measured numbers", _HEAD, [_line(view, row) for row in rows], most=100)
    return replace(table, silent=True) if rows else None


def _row(view: View, result: Result) -> Row:
    seeds = least_seeds(view.scenario, result.expect)
    source = view.scenario.document.source
    return Row(view.name, source, result, published_numbers(result), worst(result), verdict(result, seeds))


def _how(rows: Sequence[Row]) -> str:
    said = []
    if any(row.verdict.startswith("to ") for row in rows):
        said.append(
            "Digits in bold are the same in both; in words they are −log10 of the relative difference, rounded down."
        )
    if any(len(row.result.checks) > 1 for row in rows):
        said.append("Of several comparisons the one that agrees least is shown.")
    return " ".join(said)


def _figures(view: View, results: Sequence[Result]) -> list[Figure]:
    made: list[Figure] = []
    for result in results:
        seeds = least_seeds(view.scenario, result.expect)
        figure = expectations_figures.figure(view, result, seeds, MOST_PANELS - panels_in(made))
        made += [figure] if figure is not None else []
    return made


def _line(view: View, row: Row) -> tuple[Content, ...]:
    result = row.result
    where = cells(view, result.expect.where)
    name = Markup('{}<span class="narrow">{}</span>{}{}').format(
        quantity(row),
        marks.status(result.status),
        _quiet(f"for {where}" if where else ""),
        _quiet(result.expect.source, "expect-source"),
    )
    said, found = pair(row, least_seeds(view.scenario, result.expect))
    held = numbers.share(len(result.checks) - len(result.missed), len(result.checks)) if result.checks else "0"
    return name, Markup("{}{}").format(said, _quiet(allowed(result.expect))), found, agreement(row), held


def pair(row: Row, seeds: int) -> tuple[Content, Content]:
    """The published and the measured, with their quiet lines."""
    said, found = published.said(row), published.measured(row)
    check = row.worst
    if check is None:
        return typeset(said), numbers.MISSING
    if _is_number(check.found) and _is_number(check.wanted) and not row.result.expect.over_seeds:
        one, other = beside(said, found)
    else:
        one, other = (Markup("{}").format(typeset(text)) for text in (said, found))
    lines = (_quiet(ends(row.result.expect, check, seeds)), _quiet(_where(row)))
    return one, Markup("{}{}{}").format(other, *lines)


def _is_number(value: Any) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def _where(row: Row) -> str:
    """The place of what is shown, where other cells show another number or another status."""
    check, checks = row.worst, row.result.checks
    if check is None:
        return ""
    of_state = [item for item in checks if item.place == check.place]
    if len({(published.shown(row, item), item.held) for item in of_state}) == 1:
        return ""
    return place(check, differing(of_state) - {"state"})


def agreement(row: Row) -> Markup:
    """Sign and word, and how far: `✓ held, to 8 digits`; a word that came out stands beside it already."""
    words = row.verdict.removeprefix("not checked: ").removeprefix("not: ").replace("off by", "by")
    told = words == "holds" or (row.worst is not None and words == row.worst.found)
    return Markup("{}{}").format(marks.status(row.result.status), _quiet("" if told else typeset(words), "expect-how"))


def _quiet(text: str, name: str = "expect-quiet") -> Content:
    return Markup('<span class="{}">{}</span>').format(name, text) if text else ""


def _comparisons(view: View, row: Row) -> Table | None:
    """Every comparison, the missed ones first, then by how far off it is."""
    result = row.result
    if len(result.checks) < 2:
        return None
    order = sorted(result.checks, key=lambda check: (check.held, -check.distance))
    told = differing(result.checks)
    rows = [
        (
            place(check, told) or "the only cell",
            expectations_words.wanted(result.expect, check),
            no_number(result.expect, check.found) or typeset(numbers.found(check.found)),
            off(check),
            marks.status("held" if check.held else "missed"),
        )
        for check in order[:_MOST_ROWS]
    ]
    head = ("Cell and state", "Published#", "Measured#", "Distance, 1 is allowed#", "Status")
    where = cells(view, result.expect.where)
    caption = f"Expectation {result.number}: {quantity(row, every=True)}{f', for {where}' if where else ''}"
    left = f"The {_MOST_ROWS} farthest off of {len(order):,} comparisons." if len(order) > _MOST_ROWS else ""
    return Table(caption, head, tuple(rows), left)
