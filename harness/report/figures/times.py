"""Time per step: dots on a log axis, because bars need a zero and a log axis has none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup
from matplotlib.axes import Axes

from harness.analysis.timing import Interval
from harness.report import numbers
from harness.report.figures import panel
from harness.report.palette import PHASES, hexadecimal

# Two lines of text.
_DOT_ROW = 31.0


@dataclass(frozen=True)
class Time:
    """
    One row of the dot plot.

    Args:
        name: Its label.
        colour: Its colour's name.
        seconds: The median.
        interval: Of the median, where it is resolved.
        processes: How many it is over.
        open: Drawn hollow: a device that is not the first.
    """

    name: str
    colour: str
    seconds: float
    interval: Interval | None
    processes: int = 1
    open: bool = False

    def certainty(self, unit: tuple[float, str]) -> str:
        """What goes beside the median: `66.1–72.0, n 6`, or the number of processes alone."""
        n = f"n\u00a0{self.processes}"
        if self.interval is None:
            return n
        low, high = (numbers.significant(end / unit[0]) for end in (self.interval.low, self.interval.high))
        return f"{low}–{high}, {n}"


def dots(key: str, title: str, rows: Sequence[Time], limits: tuple[float, float], width: float = panel.WIDTH) -> Markup:
    """One training step: a row each, the fastest first, on axes that all panels share."""
    rows = sorted(rows, key=lambda row: row.seconds)
    unit = numbers.unit_for([row.seconds for row in rows]) or (1.0, "s")
    size, sign = unit
    figure, axes = panel.new(60 + _DOT_ROW * len(rows), 84, 104, title, width)
    panel.log_ticks(axes, "x", limits[0] / size, limits[1] / size)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    for position, row in enumerate(rows):
        colour = hexadecimal(row.colour)
        axes.axhline(position, color=hexadecimal("grid"), linewidth=1, zorder=0)
        if row.interval is not None:
            axes.plot([row.interval.low / size, row.interval.high / size], [position] * 2, color=colour, linewidth=2)
        face = hexadecimal("bg") if row.open else colour
        axes.plot([row.seconds / size], [position], "o", color=colour, markersize=6.5, markerfacecolor=face)
        _beside(axes, position - 0.17, numbers.seconds(row.seconds, unit), "ink")
        _beside(axes, position + 0.24, row.certainty(unit), "muted")
    _row_names(axes, [(row.name, row.colour) for row in rows])
    panel.x_name(axes, f"time per step, {sign}, log scale")
    words = ", ".join(f"{row.name} {numbers.seconds(row.seconds, unit)} ({row.certainty(unit)})" for row in rows)
    return panel.finish(figure, key, f"Time per step, {title}", f"Median over processes: {words}.")


def _beside(axes: Axes, position: float, words: str, colour: str) -> None:
    axes.annotate(words, (1.03, position), annotation_clip=False, xycoords=("axes fraction", "data"), va="center",
                  color=hexadecimal(colour), fontsize=panel.TEXT_SIZE)  # fmt: skip


def bars(key: str, title: str, rows: Sequence[tuple[str, str, Mapping[str, float]]]) -> Markup:
    """
    Where a process's time goes: parts of one whole, so bars are stacked.

    Args:
        key: Makes ids unique.
        title: Over the panel.
        rows: Label, colour name and seconds by phase.
    """
    figure, axes = panel.new(60 + 24 * len(rows), 92, 62, title, panel.WIDE)
    totals = [sum(phases.values()) for _, _, phases in rows]
    size, sign = numbers.unit_for([max(totals)]) or (1.0, "s")
    axes.set_xlim(0, max(totals) / size * 1.02)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    for position, (_, _, phases) in enumerate(rows):
        left = 0.0
        for phase, colour in PHASES.items():
            width = phases.get(phase, 0.0) / size
            axes.barh(position, width, 0.56, left=left, color=hexadecimal(colour), linewidth=0)
            left += width
        axes.annotate(numbers.seconds(left * size), (left, position), xytext=(4, 0), textcoords="offset points",
                      va="center", color=hexadecimal("ink"), fontsize=panel.TEXT_SIZE,
                      annotation_clip=False)  # fmt: skip
    panel.linear_ticks(axes, "x", 3)
    _row_names(axes, [(name, colour) for name, colour, _ in rows])
    panel.x_name(axes, f"seconds of one process, {sign}" if sign != "s" else "seconds of one process")
    words = "; ".join(f"{name} {numbers.seconds(total)}" for (name, _, _), total in zip(rows, totals, strict=True))
    return panel.finish(figure, key, f"Where the time of a process goes, {title}", f"In all: {words}.")


def _row_names(axes: Axes, names: Sequence[tuple[str, str]]) -> None:
    axes.set_yticks(range(len(names)), [panel.clean(name) for name, _ in names])
    for label, (_, colour) in zip(axes.get_yticklabels(), names, strict=True):
        label.set_color(hexadecimal(colour))
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
