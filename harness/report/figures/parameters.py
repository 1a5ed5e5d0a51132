"""Dot and whisker: one panel a parameter, a row each for the optimum and the implementations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes

from harness.report import numbers
from harness.report.figures import panel
from harness.report.palette import hexadecimal

_ROW = 26.0
_MOST_DOTS = 50
# Quantiles of fewer seeds would be the seeds themselves.
LEAST_FOR_BAR = 5


@dataclass(frozen=True)
class Estimates:
    """
    One row: what one implementation found, a value a seed.

    Args:
        name: Its label.
        colour: Its colour's name.
        values: One a seed; not finite where it diverged.
    """

    name: str
    colour: str
    values: tuple[float, ...]

    @property
    def finite(self) -> tuple[float, ...]:
        """The values that are numbers."""
        return tuple(value for value in self.values if math.isfinite(value))


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """The 10 % quantile, the median and the 90 % quantile."""
    low, middle, high = np.quantile(np.asarray(values), [0.1, 0.5, 0.9])
    return float(low), float(middle), float(high)


def draw(
    key: str, parameter: str, rows: Sequence[Estimates], truth: float | None, width: float = panel.WIDTH
) -> Markup:
    """
    One parameter.

    Args:
        key: Makes ids unique.
        parameter: Its name.
        rows: Top to bottom.
        truth: The value the data were made with, or None.
        width: Of the panel.
    """
    figure, axes = panel.new(60 + _ROW * len(rows), 92, 58, parameter, width)
    axes.set_ylim(len(rows) - 0.4, -0.8)
    axes.set_xlim(*_limits([value for row in rows for value in row.finite] + ([truth] if truth is not None else [])))
    if truth is not None:
        axes.axvline(truth, color=hexadecimal("truth"), linewidth=1, linestyle=(0, (3, 2)))
        axes.annotate("truth", (truth, -0.6), xytext=(3, 0), textcoords="offset points", color=hexadecimal("truth"),
                      fontsize=panel.TEXT_SIZE, va="center", annotation_clip=False)  # fmt: skip
    for position, row in enumerate(rows):
        _draw_row(axes, position, row)
    panel.linear_ticks(axes, "x", 3)
    _tell_apart(axes)
    axes.set_yticks(range(len(rows)), [panel.clean(row.name) for row in rows])
    for label, row in zip(axes.get_yticklabels(), rows, strict=True):
        label.set_color(hexadecimal(row.colour))
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    panel.x_name(axes, "estimate")
    return panel.finish(figure, key, f"Estimates of {parameter}", _description(parameter, rows, truth))


def _draw_row(axes: Axes, position: int, row: Estimates) -> None:
    colour = hexadecimal(row.colour)
    if not row.finite:
        axes.annotate("diverged", (0.02, position), xycoords=("axes fraction", "data"), va="center",
                      color=hexadecimal("muted"), fontsize=panel.TEXT_SIZE)  # fmt: skip
        return
    low, middle, high = spread(row.finite)
    if len(row.finite) >= LEAST_FOR_BAR:
        axes.plot([low, high], [position] * 2, color=colour, linewidth=2, solid_capstyle="butt")
    if len(row.finite) > 1:
        dots = row.finite[:_MOST_DOTS]
        axes.plot(dots, [position + 0.3] * len(dots), "o", color=colour, alpha=0.45, markersize=2.2, mew=0)
    axes.plot([middle], [position], "o", color=colour, markersize=6, mew=0)
    axes.annotate(numbers.significant(middle, 5), (1.03, position), xycoords=("axes fraction", "data"), va="center",
                  color=hexadecimal("ink"), fontsize=panel.TEXT_SIZE, annotation_clip=False)  # fmt: skip


def _tell_apart(axes: Axes) -> None:
    """Where ticks would read alike, the first and the last alone, with the digits in which they differ."""
    low, high = axes.get_xlim()
    ticks = [float(tick) for tick in axes.get_xticks() if low <= tick <= high]
    said = axes.xaxis.get_major_formatter().format_ticks(ticks)
    if len(set(said)) == len(said):
        return
    ends = [ticks[0], ticks[-1]]
    digits = next((digits for digits in range(4, 17) if len(set(_said(ends, digits))) == len(ends)), 17)
    axes.set_xticks(ends, _said(ends, digits))


def _said(ticks: Sequence[float], digits: int) -> list[str]:
    """So many digits of the largest, and as many decimals of all."""
    largest = max(map(abs, ticks))
    exponent = math.floor(math.log10(largest)) if largest else 0
    if not -4 <= exponent < 6:
        return [numbers.significant(tick, digits) for tick in ticks]
    return [f"{tick:,.{max(0, digits - 1 - exponent)}f}".replace("-", numbers.MINUS) for tick in ticks]


def _limits(values: Sequence[float]) -> tuple[float, float]:
    if not values:
        return -1.0, 1.0
    low, high = min(values), max(values)
    # Never so near that rounding fills the panel.
    room = max((high - low) * 0.08, max(abs(low), abs(high)) * 1e-6, 1e-12)
    return low - room, high + room


def _description(parameter: str, rows: Sequence[Estimates], truth: float | None) -> str:
    parts = [
        f"{row.name} {numbers.significant(spread(row.finite)[1], 6) if row.finite else 'diverged'}" for row in rows
    ]
    start = f"Truth {numbers.significant(truth, 6)}. " if truth is not None else ""
    return f"{start}Median over seeds of {parameter}: {', '.join(parts)}."
