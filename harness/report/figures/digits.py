"""Strip plot of correct digits: a dot a seed, a bar at the median, the limits of the dtypes dashed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from harness.analysis.targets import median
from harness.report import numbers
from harness.report.figures import panel
from harness.report.palette import hexadecimal

# What one rounding of a dtype leaves: half a unit in the last place.
LIMITS = {"float32": -math.log10(2.0**-24), "float64": -math.log10(2.0**-53)}
# In one panel; a page is to stay light.
MOST_DOTS = 250
_LEAST_DOTS = 5
_LEFT, _RIGHT, _HEIGHT = 28, 66, 196
# Width of a digit, height of a label.
_DIGIT, _LABEL = 6.0, 12.0


@dataclass(frozen=True)
class Strip:
    """
    One panel.

    Args:
        title: Over it.
        axis: Below it.
        arms: Label and colour name of each implementation drawn.
        levels: Label, and of each arm the digits of its seeds; minus infinity where one diverged.
    """

    title: str
    axis: str
    arms: tuple[tuple[str, str], ...]
    levels: tuple[tuple[str, tuple[tuple[float, ...], ...]], ...]

    @property
    def dots(self) -> int:
        """Seeds that have a dot, at each level and in each arm."""
        return max(_LEAST_DOTS, MOST_DOTS // max(1, len(self.arms) * len(self.levels)))


def draw(key: str, strip: Strip, dtype: str, width: float = panel.WIDTH) -> Markup:
    """
    Digits by level.

    Args:
        key: Makes ids unique.
        strip: What is drawn.
        dtype: The limit of it and of any coarser one is drawn.
        width: Of the panel.
    """
    figure, axes = panel.new(_HEIGHT, _LEFT, _RIGHT, strip.title, width)
    top = 8.6 if dtype == "float32" else 17.4
    axes.set_ylim(-0.4, top)
    axes.set_yticks(range(0, math.ceil(top), 2 if dtype == "float32" else 4))
    axes.set_xlim(-0.6, len(strip.levels) - 0.4)
    for name, limit in LIMITS.items():
        if limit < top:
            _limit(axes, name, limit)
    for place, (_, colour) in enumerate(strip.arms):
        _arm(axes, strip, place, hexadecimal(colour), top)
    _level_names(axes, [name for name, _ in strip.levels])
    if len(strip.arms) > 1:
        panel.end_labels(axes, _ends(strip, top))
    panel.x_name(axes, strip.axis)
    return panel.finish(figure, key, strip.title, _description(strip))


def _limit(axes: Axes, name: str, limit: float) -> None:
    axes.axhline(limit, color=hexadecimal("muted"), linewidth=1, linestyle=(0, (3, 2)))
    axes.annotate(f"{name} limit", (0, limit), xytext=(3, 3), xycoords=("axes fraction", "data"),
                  textcoords="offset points", color=hexadecimal("muted"), fontsize=panel.TEXT_SIZE)  # fmt: skip


def _arm(axes: Axes, strip: Strip, place: int, colour: str, top: float) -> None:
    """All dots of an arm are one path, and all its bars: the page counts its elements."""
    width = min(0.8 / len(strip.arms), 0.28)
    offset = (place - (len(strip.arms) - 1) / 2) * width
    dots, bars, lost = [], [], []
    for x, (_, arms) in enumerate(strip.levels):
        middle = median(arms[place])
        shown = [value for value in arms[place][: strip.dots] if math.isfinite(value)]
        dots += [(x + offset, min(max(value, 0.0), top)) for value in shown] if len(arms[place]) > 1 else []
        if math.isfinite(middle):
            bars.append((x + offset, max(middle, 0.0)))
        elif arms[place]:
            lost.append(x + offset)
    _path(axes, [((x, y), (x, y)) for x, y in dots], colour, 4.0, "round", 0.45)
    half = width * 0.42
    _path(axes, [((x - half, y), (x + half, y)) for x, y in bars], colour, 2.2, "butt", 1.0)
    if lost:
        axes.plot(lost, [0.0] * len(lost), "x", color=colour, markersize=5, mew=1.2)


def _path(
    axes: Axes, lines: Sequence[tuple[tuple[float, float], tuple[float, float]]], colour: str, width: float,
    cap: str, alpha: float,
) -> None:  # fmt: skip
    """Lines of one look; one without length and with a round cap is a dot."""
    if lines:
        corners = [corner for line in lines for corner in line]
        path = Path(corners, [Path.MOVETO, Path.LINETO] * len(lines))
        axes.add_patch(PathPatch(path, fill=False, edgecolor=colour, linewidth=width, capstyle=cap, alpha=alpha))


def _level_names(axes: Axes, names: Sequence[str]) -> None:
    """As many as fit, evenly: the others are in the table."""
    room = panel.across(axes) / max(1, len(names))
    stride = max(1, math.ceil((max(map(len, names), default=1) + 1) * _DIGIT / room))
    axes.set_xticks(range(0, len(names), stride), [panel.clean(name) for name in names[::stride]])


def _ends(strip: Strip, top: float) -> list[tuple[float, str, str]]:
    """Labels beside the last level, none above or below the axes; one that diverged there is at the foot."""
    last = [median(values) for values in strip.levels[-1][1]]
    room = (len(strip.arms) - 1) / 2 * _LABEL / (_HEIGHT - 58) * top
    return [
        (min(max(value, room), top - room) if math.isfinite(value) else room, name, colour)
        for value, (name, colour) in zip(last, strip.arms, strict=True)
    ]


def _description(strip: Strip) -> str:
    parts = [f"{name}: {', '.join(map(_said, strip.arms, arms))}" for name, arms in strip.levels]
    return f"Median correct digits by {strip.axis}. {'; '.join(parts)}."


def _said(arm: tuple[str, str], values: Sequence[float]) -> str:
    return f"{arm[0]} {words(median(values))}"


def words(value: float) -> str:
    """Digits, or that there are none."""
    return "diverged" if value == -math.inf else numbers.digits(value)
