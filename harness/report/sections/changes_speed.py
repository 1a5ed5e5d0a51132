"""Times per step of two runs beside each other."""

from __future__ import annotations

from collections.abc import Sequence

from harness.analysis.compared import Compared
from harness.analysis.comparison_speed import FASTER, SLOWER, Speed
from harness.report import marks, numbers
from harness.report.parts import Content, Markup, Table, table_of
from harness.report.view import View, key, phrases

# The axis that ratios are drawn on; those beyond it stand at its end.
_SCALE = marks.Scale(0.5, 2.0, log=True)


def table(view: View, timed: Sequence[Speed]) -> Table | None:
    """A row a timing group; None where none was timed in both."""
    levels = {axis: {key(speed.axes[axis]) for speed in timed} for axis in (timed[0].axes if timed else ())}
    apart = [axis for axis in view.varied if axis == "implementation" or len(levels.get(axis, ())) > 1]
    rows = [_speed(speed, apart) for speed in timed]
    shared = phrases({axis: timed[0].axes[axis] for axis in view.varied if axis in levels and axis not in apart})
    head = ("Cell", "Then#", "Now#", "Ratio, ½ to 2", "95\u202f% interval#", "Canary#", "n#", "Speed")
    caption = "Time per step of the cells timed in both runs"
    return table_of(f"{caption}: {shared}" if shared else caption, head, rows) if rows else None


def _speed(speed: Speed, apart: Sequence[str]) -> tuple[Content, ...]:
    axes = {axis: level for axis, level in speed.axes.items() if axis in apart}
    colour = {SLOWER: "warn", FASTER: "ok"}.get(speed.verdict, "muted")
    interval = speed.interval
    ends = numbers.MISSING if interval is None else f"{interval.low:.2f} to {interval.high:.2f}"
    return (
        phrases(axes) or "the only one",
        numbers.seconds(speed.was.median),
        numbers.seconds(speed.now.median),
        marks.beside(f"{speed.ratio:.2f}", _with_one(marks.dot(speed.ratio, _SCALE, colour, interval))),
        ends,
        numbers.significant(speed.canary),
        f"{speed.was.processes} + {speed.now.processes}",
        suspicion(speed),
    )


def at(view: View) -> dict[tuple[str, str], Speed] | None:
    """By implementation and device at the reference configuration; None without a baseline."""
    assessment = view.assessment
    if not isinstance(assessment, Compared):
        return None
    timed = [] if assessment.unlike(view.name) else assessment.speeds(view.name)
    here = {axis: key(level) for axis, level in view.reference.items()}
    return {
        (str(speed.axes["implementation"]), str(speed.axes["device"])): speed
        for speed in timed
        if all(key(speed.axes[axis]) == level for axis, level in here.items())
    }


def _with_one(mark: Markup) -> Markup:
    """A dashed line where both runs take the same time."""
    x = _SCALE.at(1.0)
    line = f'<path d="M{x} 1V15" style="stroke:var(--muted);stroke-dasharray:2 2"/>'
    return Markup(str(mark).replace("</svg>", f"{line}</svg>"))


def suspicion(speed: Speed) -> Content:
    """A suspicion is no failure and no success: it has a sign of its own."""
    if speed.verdict in (SLOWER, FASTER):
        sign = marks.sign("warn")
        return Markup('<span class="status is-warn"><span aria-hidden="true">{}</span> {}</span>').format(
            sign, speed.verdict
        )
    return speed.verdict
