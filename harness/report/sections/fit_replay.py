"""The frames: what is embedded for the script, what is said of each, and a table of some."""

from __future__ import annotations

from collections.abc import Sequence

from harness.report import numbers
from harness.report.figures.replay import Panel
from harness.report.parts import Table
from harness.report.sections.cells import safe_json
from harness.report.sections.fit_cell import Shown, spaced

_MOST_ROWS = 12
_MOST_PARAMETERS = 6


def said(shown: Shown) -> tuple[str, ...]:
    """Each frame in words: `step 120, loss 0.31, 0.02 above its least`."""
    return tuple(_words(shown, int(place)) for place in shown.frames)


def _words(shown: Shown, place: int) -> str:
    step, loss = numbers.count(int(shown.step[place])), numbers.significant(float(shown.loss[place]))
    if shown.least is None:
        return f"step {step}, loss {loss}"
    above = "its least within rounding" if shown.height[place] == 0 else f"{_above(shown, place)} above its least"
    return f"step {step}, loss {loss}, {above}"


def embedded(shown: Shown, panels: Sequence[Panel]) -> str:
    """The frames as JSON: words, paths, and attributes of what moves."""
    curve = next((panel.curve for panel in panels if panel.curve is not None), None)
    moves = [(move.id, move.attribute, move.values) for panel in panels for move in panel.moves]
    return safe_json({"said": said(shown), "moves": moves, "curve": vars(curve) if curve else None})


def table(shown: Shown, caption: str) -> Table:
    """At most twelve frames: step, loss, and the parameters of a linear model."""
    layout = shown.evaluation.layout
    names = [] if layout.layered else layout.names
    places = [shown.frames[row] for row in spaced(shown.step[shown.frames], _MOST_ROWS)]
    above = () if shown.least is None else ("Above its least#",)
    rows = tuple(
        (
            numbers.count(int(shown.step[place])),
            numbers.significant(float(shown.loss[place]), 4),
            *(_above(shown, int(place)) for _ in above),
            *(numbers.significant(float(value), 6) for value in shown.states[place][: len(names)][:_MOST_PARAMETERS]),
        )
        for place in places
    )
    head = ("Step#", "Loss#", *above, *(f"{name}#" for name in names[:_MOST_PARAMETERS]))
    return Table(caption, head, rows, _left_out(len(names), layout.size))


def _above(shown: Shown, place: int) -> str:
    height = float(shown.height[place])
    return "within rounding" if height == 0 else numbers.significant(height)


def _left_out(named: int, size: int) -> str:
    if not named:
        return f"The {numbers.plural(size, 'parameter')} of the net are in: harness export --table traces"
    if named > _MOST_PARAMETERS:
        return f"{_MOST_PARAMETERS} of {named} parameters; all are in: harness export --table traces"
    return ""
