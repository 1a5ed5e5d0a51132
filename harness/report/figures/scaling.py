"""Time per step by batch size on log axes: one device in colour, the others in grey behind it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from harness.analysis.timing import Interval
from harness.report import numbers
from harness.report.figures import panel
from harness.report.palette import hexadecimal

_LEFT, _RIGHT = 46, 74
_DIGIT = 6.0


@dataclass(frozen=True)
class Line:
    """
    One implementation on one device.

    Args:
        name: Its label, at its end.
        colour: Its colour's name.
        rows: Rows in a batch, ascending.
        seconds: Median time per step.
        intervals: Of each median, where it is resolved.
    """

    name: str
    colour: str
    rows: tuple[int, ...]
    seconds: tuple[float, ...]
    intervals: tuple[Interval | None, ...]

    @property
    def ends(self) -> list[float]:
        """Everything the vertical axis has to hold."""
        return [*self.seconds, *(end for item in self.intervals if item for end in (item.low, item.high))]


def draw(
    key: str, title: str, lines: Sequence[Line], behind: Sequence[Line], levels: Sequence[tuple[int, str]]
) -> Markup:
    """
    One device.

    Args:
        key: Makes ids unique.
        title: Over the panel.
        lines: Of this device.
        behind: Of the other devices, drawn in grey.
        levels: Rows and label of each batch size, ascending.
    """
    ends = [end for line in (*lines, *behind) for end in line.ends]
    size, sign = numbers.unit_for([min(ends)]) or (1.0, "s")
    figure, axes = panel.new(196, _LEFT, _RIGHT, f"{title}, {sign}")
    # At least a factor of two, so that noise does not become a mountain range.
    room = max(1.15, (2.0 * min(ends) / max(ends)) ** 0.5)
    panel.log_ticks(axes, "y", min(ends) / room / size, max(ends) * room / size)
    _batches(axes, levels)
    for line in behind:
        axes.plot(line.rows, [value / size for value in line.seconds], color=hexadecimal("grid"), linewidth=1.4)
    for line in lines:
        _draw(axes, line, size)
    panel.end_labels(axes, [(line.seconds[-1] / size, line.name, line.colour) for line in lines])
    panel.x_name(axes, f"rows in a batch, log scale{'; grey: other devices' if behind else ''}")
    words = "; ".join(f"{line.name} {numbers.seconds(line.seconds[0])} to {numbers.seconds(line.seconds[-1])}"
                      for line in lines)  # fmt: skip
    return panel.finish(figure, key, f"{title} by batch size", f"From the smallest to the largest batch: {words}.")


def _draw(axes: Axes, line: Line, size: float) -> None:
    colour = hexadecimal(line.colour)
    axes.plot(line.rows, [value / size for value in line.seconds], "o-", color=colour, linewidth=1.5, markersize=4,
              mew=0, clip_on=False)  # fmt: skip
    for rows, interval in zip(line.rows, line.intervals, strict=True):
        if interval is not None:
            axes.plot([rows, rows], [interval.low / size, interval.high / size], color=colour, linewidth=1, alpha=0.6)


def _batches(axes: Axes, levels: Sequence[tuple[int, str]]) -> None:
    """A tick at each batch size that has room for its label, the largest always."""
    low, high = levels[0][0], levels[-1][0]
    axes.set_xscale("log")
    axes.set_xlim(low / 1.06, high * 1.06)
    names = dict(levels)
    axes.xaxis.set_major_locator(FixedLocator(_with_room(levels)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: names.get(round(value), "")))
    axes.xaxis.set_minor_locator(NullLocator())


def _with_room(levels: Sequence[tuple[int, str]]) -> list[int]:
    """From the largest down, those whose label keeps clear of the one before."""
    low, span = math.log(levels[0][0]), math.log(levels[-1][0] / levels[0][0])
    shown: list[int] = []
    free = math.inf
    for rows, name in reversed(levels):
        half = _DIGIT * len(name) / 2
        here = (panel.WIDTH - _LEFT - _RIGHT) * (math.log(rows) - low) / (span or 1.0)
        if here + half < free:
            shown.append(rows)
            free = here - half - 4
    return shown[::-1]
