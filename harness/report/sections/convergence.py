"""The loss by step, and what it takes to reach a target."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from harness.report import findings, losses, numbers
from harness.report.figures import lines
from harness.report.figures.lines import Line
from harness.report.figures.panel import WIDE, WIDTH
from harness.report.losses import Curves
from harness.report.palette import of_implementation, of_level
from harness.report.parts import Figure, Finding, Section, panels_in, table_of
from harness.report.sections import convergence_grid, convergence_targets, convergence_theory
from harness.report.sections.convergence_block import Block, Levels, stable_rates
from harness.report.view import View, key, phrase, phrases

MOST_PANELS = 12
_MOST_LINES = 7
_LEAST_SEEDS_FOR_BAND = 5


@dataclass(frozen=True)
class Data:
    """What the template shows: a figure, or why there is none, and blocks of finding, table and figure."""

    figure: Figure | None
    note: str
    blocks: tuple[Block, ...] = ()


@dataclass(frozen=True)
class Panel:
    """One learning rate: its lines, theory's apart, and a note inside."""

    title: str
    lines: list[Line]
    theory: list[Line]
    note: str


def section(view: View, most: int = MOST_PANELS) -> Section:
    """
    Small multiples by learning rate, a line for each batch size, or each implementation where they part.

    Args:
        view: The scenario.
        most: Panels that the other sections leave on the page.
    """
    heading = "How fast does it converge?"
    done = view.first_replicates[view.first_replicates["status"] == "ok"]
    if done.empty:
        return Section(
            "convergence", "Convergence", heading, Data(None, "No cell finished, so there is no loss to draw.")
        )
    source = losses.Source.of(view, done)
    blocks = (*convergence_grid.blocks(view), convergence_theory.block(view), *convergence_targets.blocks(view))
    arms = zip(done["implementation"], done["device"], strict=True)
    ran = Levels.of(view, done.loc[[arm in source.drawn for arm in arms], "config"])
    shown = ran.thinned(max(2, min(MOST_PANELS, most - panels_in(blocks))), _MOST_LINES, view.reference)
    stable = stable_rates(view)
    panels = [_panel(view, source, rate, shown.batches, stable) for rate in shown.rates]
    data = Data(_figure(view, source, done, panels, shown.shares(ran)), "", blocks)
    return Section("convergence", "Convergence", heading, data, mark="warn" if any(b.warns for b in blocks) else "")


def _panel(view: View, source: losses.Source, rate: Any, batches: Sequence[Any], stable: Mapping[str, float]) -> Panel:
    bands = {key(batches[0]), key(batches[-1])}
    made: list[Line] = []
    theory: list[Line] = []
    rows = []
    for place, batch in enumerate(batches):
        for arm in source.drawn:
            curves = source.curves(arm, rate, batch)
            if curves is None:
                continue
            several = len(source.drawn) > 1
            name = view.arm_name(*arm) if several else phrase("batch_size", batch)
            colour = of_implementation(arm[0]) if several else of_level(place, len(batches))
            made.append(_line(name, colour, curves, band=key(batch) in bands and not several))
            rows.append(curves.rows)
            if not theory and (predicted := source.predicted(curves.rows)) is not None:
                theory.append(_theory(view, predicted, curves))
    shown = pd.concat(rows) if rows else view.cells.head(0)
    full = stable.get(key({**view.reference, "learning_rate": rate, "batch_size": "full"}), math.nan)
    return Panel(f"learning rate {numbers.level(rate)}", made, theory, _note(shown, rate, full))


def _line(name: str, colour: str, curves: Curves, *, band: bool) -> Line:
    middle, low, high = curves.quantiles()
    diverged = bool((curves.rows["outcome"] == "diverged").mean() >= 0.5)
    if not band or len(curves.values) < _LEAST_SEEDS_FOR_BAND:
        return Line(name, colour, curves.step, middle, diverged=diverged)
    return Line(name, colour, curves.step, middle, low, high, diverged)


def _theory(view: View, curves: Curves, measured: Curves) -> Line:
    """Down to what was measured, or to a rounding of the start's residuals, whose square the loss is."""
    middle, _, _ = curves.quantiles()
    first = measured.rows.iloc[0]
    with np.errstate(invalid="ignore"):
        grows = not middle[-1] <= middle[0]
        floor = np.finfo(str(first["axes"]["dtype"])).eps ** 2 * float(view.trace(first)["loss"][0])
        found = measured.quantiles()[0]
        least = found[found > 0].min(initial=floor)
        middle = np.where(middle < least, 0.0, middle)
    return Line("theory", "truth", curves.step, middle, diverged=grows, theory=True)


def _note(rows: pd.DataFrame, rate: Any, stable: float) -> str:
    """Divergence in words, and whether theory says it must be."""
    if rows.empty:
        return "no cell ran here"
    diverged = int((rows["outcome"] == "diverged").sum())
    if not diverged:
        return ""
    must = f"; full batch is stable to {numbers.significant(stable)}" if rate > stable else ""
    return f"{numbers.share(diverged, len(rows))} diverged{must}"


def _figure(view: View, source: losses.Source, done: pd.DataFrame, panels: list[Panel], cut: str) -> Figure:
    what = "Excess loss" if source.excess else "Loss"
    bounds = lines.limits([line for panel in panels for line in (*panel.lines, *panel.theory)]) or (0.1, 10.0)
    width = WIDE if len(panels) == 1 else WIDTH
    drawn = [
        lines.loss(f"loss-{number}", panel.title, [*panel.lines, *panel.theory], bounds, what, panel.note, width)
        for number, panel in enumerate(panels)
    ]
    ends = {_name(panel, line, panels): 0.0 if line.rounded else line.end for panel in panels for line in panel.lines}
    diverged, one = int((done["outcome"] == "diverged").sum()), source.seeds == 1
    says = findings.of_convergence(ends, diverged, len(done), source.excess, cut=bool(cut), one=one)
    rows = [
        (panel.title, line.name, numbers.count(int(line.step[-1])), numbers.significant(line.middle[0]),
         _end(line))
        for panel in panels for line in panel.lines
    ]  # fmt: skip
    head = ("Panel", "Line", "Steps#", f"{what} at step {source.first_step}#", f"{what} at the end#")
    how = _how(view, source, cut, theory=any(panel.theory for panel in panels))
    return Figure(Finding(says, how), tuple(drawn), table_of(f"{what} by step: {_fixed(view)}", head, rows), id="loss")


def _end(line: Line) -> str:
    if line.diverged:
        return "diverged"
    if line.rounded:
        return "0 within rounding"
    return numbers.MISSING if math.isnan(line.end) else numbers.significant(line.end)


def _name(panel: Panel, line: Line, panels: list[Panel]) -> str:
    return f"{panel.title}, {line.name}" if len(panels) > 1 else line.name


def _fixed(view: View) -> str:
    return phrases(view.reference, ("learning_rate", "batch_size")) or "all cells"


def _how(view: View, source: losses.Source, cut: str, *, theory: bool) -> str:
    what = (
        "Loss over all training rows less that of the exact optimum; where rounding ends it, the line ends"
        if source.excess
        else "Loss over all training rows"
    )
    band = ", band 10 to 90\u202f%" if source.seeds >= _LEAST_SEEDS_FOR_BAND and len(source.drawn) == 1 else ""
    seeds = f"median of {numbers.plural(source.seeds, 'seed')}{band}" if source.seeds > 1 else "one seed"
    if source.seeds_in_all > source.seeds:
        seeds = f"median of the first {source.seeds} of {source.seeds_in_all} seeds{band}"
    dashed = " Dashed: what theory predicts of full batches." if theory else ""
    drawn = f" {cut}." if cut else ""
    return f"{what}: {seeds}; {_fixed(view)}.{dashed} {source.sameness}{drawn}"
