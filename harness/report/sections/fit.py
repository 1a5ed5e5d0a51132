"""What was fitted: data, loss surface and loss of one cell, and the training replayed in all three."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.report import numbers
from harness.report.figures import fit as figures
from harness.report.figures import surface
from harness.report.figures.contours import Ground
from harness.report.figures.lines import Line
from harness.report.figures.replay import Panel
from harness.report.figures.surface import Drawn, Mark, Surface, Way
from harness.report.findings_fit import Journey, of_fit, of_sides
from harness.report.parts import Figure, Finding, Section
from harness.report.sections import fit_cell, fit_data, fit_replay
from harness.report.sections.fit_cell import Shown
from harness.report.sections.fit_plane import Plane, is_squared, steepest
from harness.report.view import View, phrase, phrases

_OWN, _OTHER = "accent", "ink"


@dataclass(frozen=True)
class Data:
    """
    What the template shows.

    Args:
        shown: Which cell, or why there is none.
        figure: The panels; None where there is no cell.
        said: The last frame in words.
        frames: How many there are.
        embedded: JSON for the script.
    """

    shown: str
    figure: Figure | None = None
    said: str = ""
    frames: int = 0
    embedded: str = ""


def section(view: View) -> Section:
    """One cell of the reference configuration, and another on the same surface at another rate."""
    return Section("fit", "Fit", "What was fitted?", _data(view))


def _data(view: View) -> Data:
    row = fit_cell.chosen(view)
    if row is None:
        return Data("No cell of the reference configuration finished, so there is no fit to show.")
    shown = Shown.of(view, row)
    words = phrases(row["axes"])
    if not shown.finite:
        return Data(f"Of {words} no state has a finite loss, so there is no fit to draw.")
    found = fit_cell.beside(view, row)
    other = Shown.of(view, found) if found is not None else None
    return _replay(shown, other, words)


def _replay(shown: Shown, other: Shown | None, words: str) -> Data:
    fit, of_data = fit_data.fit_of(shown)
    panels = [figures.data("fit-data", fit)]
    plane = Plane.of(shown)
    drawn = _surface(shown, other, plane) if plane is not None else None
    panels += [drawn.panel] if drawn is not None else []
    panels.append(_loss(shown, other))
    rate = phrase("learning_rate", other.row["axes"]["learning_rate"]) if other is not None else ""
    journeys = _journey(shown), rate, _journey(other) if other is not None else None
    parts = of_sides(*journeys), of_data, _of_surface(shown, drawn), _of_other(shown, other)
    table = fit_replay.table(shown, f"States along the way: {words}")
    finding = Finding(of_fit(*journeys), " ".join(part for part in parts if part))
    figure = Figure(finding, tuple(panel.svg for panel in panels), table, id="replay")
    said = fit_replay.said(shown)
    return Data(f"Shown: {words}.", figure, said[-1], len(said), fit_replay.embedded(shown, panels))


def _surface(shown: Shown, other: Shown | None, plane: Plane) -> Drawn:
    cells = [(shown, _OWN), *([(other, _OTHER)] if other is not None else [])]
    ways = [Way(_name(cell), colour, plane.at(cell.states)) for cell, colour in cells]
    marks = [
        Mark(name, colour, plane.at(place[None])[0])
        for name, colour, place in (("optimum", "ink", shown.optimum), ("truth", "truth", shown.truth))
        if place is not None
    ]
    ground = Ground(plane.excess, plane.bend, plane.centre, len(shown.data.training.y))
    frames = ways[0].points[shown.frames]
    return surface.draw("fit-plane", Surface(plane.names, tuple(ways), tuple(marks), frames, ground))


def _loss(shown: Shown, other: Shown | None) -> Panel:
    title = "loss" if shown.least is None else "loss above its least"
    own, second = (_line(item, colour) for item, colour in ((shown, _OWN), (other or shown, _OTHER)))
    return figures.loss("fit-loss", title, own, second if other else None, [int(place) for place in shown.frames])


def _line(shown: Shown, colour: str) -> Line:
    diverged = shown.row["outcome"] == "diverged"
    return Line(_name(shown), colour, shown.step.astype(np.float64), shown.height, diverged=diverged)


def _name(shown: Shown) -> str:
    return f"rate {numbers.level(shown.row['axes']['learning_rate'])}"


def _journey(shown: Shown) -> Journey:
    along = steepest(shown)
    least = shown.least
    size = float(np.abs(shown.optimum).max()) if shown.optimum is not None else 0.0
    rounding = 16 * float(np.finfo(np.dtype(shown.evaluation.spec.dtype)).eps)
    places = [] if along is None else along.tolist()
    floor = max(rounding * size, 1e-6 * abs(places[0]) if places else 0.0)
    return Journey(int(shown.step[-1]), float(shown.loss[0]), float(shown.loss[-1]), least, places, floor)


def _of_surface(shown: Shown, drawn: Drawn | None) -> str:
    """How to read the middle panel, or why there is none."""
    size = shown.evaluation.layout.size
    if drawn is None:
        if shown.evaluation.layout.layered:
            return f"A net's loss over {size} parameters has no picture in two directions; it is left out."
        return "One parameter has no surface." if size == 1 else "No surface: there is neither optimum nor end."
    middle = "optimum" if shown.optimum is not None else "end"
    whose = "its Hessian's" if is_squared(shown) else "the squared loss's"
    plane = f"The plane, seen from above: through the {middle}, along {whose} two steepest directions of {size}. "
    plane += "The path is its shadow on it; how far it is above the least, the right panel says."
    cut = [f"{numbers.upper(numbers.listed(drawn.cut))}."]
    return " ".join([*_of_contours(drawn.levels), *([plane] if size > 2 else []), *(cut if drawn.cut else [])])


def _of_contours(levels: Sequence[float]) -> list[str]:
    words = [numbers.significant(level, 1) for level in levels]
    if len(words) > 4:
        words = [*words[:3], "…", words[-1]]
    return [f"Contours at {', '.join(words)} above the least loss."] if words else []


def _of_other(shown: Shown, other: Shown | None) -> str:
    if other is None:
        return ""
    axes = shown.row["axes"]
    differs = {axis: level for axis, level in other.row["axes"].items() if level != axes[axis]}
    return f"Thin: the same data with {phrases(differs)}."
