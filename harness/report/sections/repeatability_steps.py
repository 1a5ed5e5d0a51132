"""How the distance between two computations of one training grows with the steps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.analysis.levels import by
from harness.analysis.pairs import Pair, allowed
from harness.analysis.ulp import apart
from harness.report import findings_ulp, numbers, palette
from harness.report.figures import ulp
from harness.report.findings_levels import ulps
from harness.report.findings_ulp import Drawn
from harness.report.parts import Figure, Finding, table_of
from harness.report.view import View, key, phrases

MOST_PANELS = 4
# Of each line; the largest distance over them is drawn.
MOST_SEEDS = 5
_MOST_LINES = 7
# Axes whose values do not change what is computed, only how.
_HOW = ("implementation", "device", "dtype", "seed", "run.threads")


@dataclass(frozen=True)
class Panel:
    """Pairs that share a limit: what it is called, and the pairs by line."""

    title: str
    axis: str
    dtype: str
    lines: tuple[tuple[str, str, tuple[Pair, ...]], ...]


def figure(view: View, found: Sequence[Pair]) -> Figure | None:
    """
    One panel for each axis and dtype, at the reference configuration; None where nothing can be compared there.

    Args:
        view: The scenario.
        found: Its pairs.
    """
    fixed = {axis: key(level) for axis, level in view.reference.items() if axis not in _HOW}
    here = [pair for pair in found if all(key(pair.axes[axis]) == level for axis, level in fixed.items())]
    panels = [panel for panel in _panels(view, here) if panel.lines][:MOST_PANELS]
    if not panels:
        return None
    lines = [[_line(view, panel, *line) for line in panel.lines] for panel in panels]
    limits = [_limit(panel, of_panel) for panel, of_panel in zip(panels, lines, strict=True)]
    most = max(map(ulp.ceiling, lines, limits))
    svgs = [
        ulp.draw(f"ulp-{place}", f"ULP {panel.title}", lines[place], limits[place], most)
        for place, panel in enumerate(panels)
    ]
    all_lines = [(panel, name, pairs) for panel in panels for name, _, pairs in panel.lines]
    drawn = [_drawn(panel.title, name, pairs) for panel, name, pairs in all_lines]
    rows = [_row(item, pairs) for item, (_, _, pairs) in zip(drawn, all_lines, strict=True)]
    head = ("Panel", "Line", "First apart at step#", "Farthest apart#", "At step#", "Seeds#")
    table = table_of("Distances at the reference configuration", head, rows)
    return Figure(Finding(findings_ulp.of_distances(drawn), _how(view, here)), tuple(svgs), table, id="distances")


def _panels(view: View, here: Sequence[Pair]) -> Iterable[Panel]:
    first = view.arms[0][0]
    one_device = [pair for pair in here if pair.axis == "implementation" and pair.axes["device"] == view.devices[0]]
    beside = [pair for pair in one_device if first in pair.levels]
    for dtype, pairs in by(beside, lambda pair: pair.dtype).items():
        lines = by(pairs, lambda pair: _other(pair, first))
        yield Panel(f"from {palette.label(first)} in {dtype}", "implementation", dtype, _named(lines))
    for axis, title in (("dtype", "between float32 and float64"), ("device", ""), ("run.threads", "")):
        of_axis = [pair for pair in here if pair.axis == axis]
        for (levels, dtype), pairs in by(of_axis, lambda pair: (pair.levels, pair.dtype)).items():
            unit = " threads" if axis == "run.threads" else ""
            words = title or f"between {levels[0]} and {levels[1]}{unit} in {dtype}"
            on = [pair for pair in pairs if axis == "device" or pair.axes["device"] == view.devices[0]]
            yield Panel(words, axis, dtype, _named(by(on, lambda pair: str(pair.axes["implementation"]))))


def _other(pair: Pair, first: str) -> str:
    return str(pair.levels[1] if pair.levels[0] == first else pair.levels[0])


def _named(lines: dict[Any, list[Pair]]) -> tuple[tuple[str, str, tuple[Pair, ...]], ...]:
    return tuple(
        (palette.label(name), palette.of_implementation(name), tuple(pairs[:MOST_SEEDS]))
        for name, pairs in list(lines.items())[:_MOST_LINES]
    )


def _line(view: View, panel: Panel, name: str, colour: str, pairs: Sequence[Pair]) -> ulp.Line:
    """The largest distance over the seeds, at the steps that all recorded, as far as all are compared."""
    found = []
    for pair in pairs:
        one, other = (
            view.assessment.run.file.trace(view.name, cell, number)
            for cell, number in zip(pair.cells, pair.replicates, strict=True)
        )
        distance = apart(one, other, panel.dtype)
        found.append(distance.until(pair.kink) if pair.kink is not None else distance)
    count = min(len(distance.ulp) for distance in found)
    largest = np.max([distance.ulp[:count] for distance in found], axis=0)
    step = found[0].step[:count].astype(np.float64)
    return ulp.Line(name, colour, step[step >= 1], largest[step >= 1])


def _limit(panel: Panel, lines: Sequence[ulp.Line]) -> ulp.Limit:
    """In units of the last place, at the least that a share of a parameter may be in them."""
    last = max([float(line.step[-1]) for line in lines if len(line.step)], default=2.0)
    step = np.geomspace(1, max(last, 2.0), 20)
    share = allowed(panel.axis, panel.dtype, step.astype(np.int64))
    limit = share / float(np.finfo(panel.dtype).eps)
    gate = panel.axis == "implementation" and panel.dtype == "float64"
    name = f"{'limit of the gate' if gate else 'rounding'}: {ulps(float(np.floor(limit[0] + 0.5)))}"
    return ulp.Limit(name, step, limit)


def _drawn(title: str, name: str, pairs: Sequence[Pair]) -> Drawn:
    worst = max(pairs, key=lambda pair: pair.ulp)
    first = min((pair.first for pair in pairs if pair.first is not None), default=None)
    return Drawn(title, name, first, worst.ulp, worst.step, any(pair.beyond is not None for pair in pairs))


def _row(item: Drawn, pairs: Sequence[Pair]) -> tuple[str, ...]:
    apart_ = item.first is not None
    return (
        item.panel,
        item.name,
        numbers.count(item.first or 0) if apart_ else numbers.MISSING,
        ulps(item.largest) if apart_ else "0",
        numbers.count(item.step) if apart_ else numbers.MISSING,
        str(len(pairs)),
    )


def _how(view: View, here: Sequence[Pair]) -> str:
    seeds = len({key(pair.axes["seed"]) for pair in here})
    over = f"largest over {numbers.plural(min(seeds, MOST_SEEDS), 'seed')}" if seeds > 1 else "one seed"
    if seeds > MOST_SEEDS:
        over = f"largest over the first {MOST_SEEDS} of {numbers.count(seeds)} seeds"
    fixed = phrases({axis: level for axis, level in view.reference.items() if axis in view.varied}, _HOW)
    at = f", {fixed}" if fixed else ""
    kinks = " A line ends where a kink may be taken differently." if any(pair.kink is not None for pair in here) else ""
    return (
        f"Distance in ULP of the largest parameter so far, {over}{at}, on a log2(1 + ULP) axis that has a true 0. "
        f"Dashed: what rounding is allowed.{kinks}"
    )
