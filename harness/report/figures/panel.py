"""What all panels share: size, axes, ticks, labels at line ends."""

from __future__ import annotations

import io
import itertools
import math
import warnings
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from harness.report import numbers, palette, svg

# Shown at 1 to 1.3 times its width, so that text is never under 9 px on a desk; a wide panel, which stands alone,
# at 0.83 times on a phone.
WIDTH = 320.0
WIDE = 430.0
TEXT_SIZE = 10.0
_GAP = 12.0
# No mathematics in text: a scenario's name may hold dollar signs.
_SETTINGS: Any = {"svg.hashsalt": "harness", "svg.fonttype": "none", "text.parse_math": False, "font.size": TEXT_SIZE}


def clean(text: str) -> str:
    """Text that XML can hold, short enough for a panel."""
    kept = "".join(sign if sign.isprintable() else " " for sign in text)
    return kept if len(kept) <= 48 else f"{kept[:47]}…"


def new(height: float, left: float, right: float, title: str, width: float = WIDTH) -> tuple[Figure, Axes]:
    """
    An empty panel.

    Args:
        height: Of the whole panel.
        left: Room for labels on the left.
        right: Room for labels on the right.
        title: Stands over the left edge of the axes, for few panels need an axis name beside it.
        width: Of the whole panel: WIDTH, or WIDE for one that stands alone.
    """
    with mpl.rc_context(_SETTINGS):
        figure = Figure(figsize=(width / 72, height / 72), dpi=72)
        FigureCanvasSVG(figure)
        bottom, top = 34.0, 24.0
        box = (left / width, bottom / height, (width - left - right) / width, (height - bottom - top) / height)
        axes = figure.add_axes(box)
    figure.patch.set_visible(False)
    axes.patch.set_visible(False)
    axes.spines[["top", "right"]].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(palette.hexadecimal("muted"))
        axes.spines[side].set_linewidth(0.8)
    axes.tick_params(colors=palette.hexadecimal("muted"), labelsize=TEXT_SIZE, length=3, width=0.8, pad=3)
    text(axes, 0.0, height - 14, clean(title), "ink", weight="bold")
    return figure, axes


def text(
    axes: Axes, x: float, y: float, words: str, colour: str, *, weight: str = "normal", align: str = "left"
) -> None:
    """Text at points: x from the left edge of the axes, y from the bottom of the panel."""
    figure = _root(axes)
    box = axes.get_position()
    width, height = figure.get_size_inches() * 72
    figure.text(
        box.x0 + x / width, y / height, clean(words), color=palette.hexadecimal(colour), weight=weight, ha=align,
        va="baseline", fontsize=TEXT_SIZE,
    )  # fmt: skip


def x_name(axes: Axes, words: str) -> None:
    """The name of the horizontal axis, below its ticks."""
    text(axes, across(axes) / 2, 4.0, words, "muted", align="center")


def across(axes: Axes) -> float:
    """The width of the axes, in points."""
    return float(axes.get_position().width * _root(axes).get_size_inches()[0] * 72)


def _root(axes: Axes) -> Figure:
    figure = axes.get_figure(root=True)
    assert figure is not None
    return figure


def log_ticks(axes: Axes, which: str, low: float, high: float) -> None:
    """A log axis over [low, high]: ticks at powers of ten, at 1-2-5 where it spans less than two."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    (axes.set_xscale if which == "x" else axes.set_yscale)("log")
    (axes.set_xlim if which == "x" else axes.set_ylim)(low, high)
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    if math.log10(high / low) < 1.8:
        every = [m * 10.0**e for e in range(first - 1, last + 1) for m in (1, 2, 5)]
        ticks = [tick for tick in every if low * 0.999 <= tick <= high * 1.001]
        axis.set_major_formatter(FuncFormatter(lambda value, _: numbers.significant(value, 1)))
    else:
        stride = max(1, math.ceil((last - first) / 5))
        exponents = [e for e in range(first, last + 1) if e % stride == 0]
        ticks = [10.0**e for e in exponents if low * 0.999 <= 10.0**e <= high * 1.001]
        axis.set_major_formatter(FuncFormatter(lambda value, _: numbers.power_of_ten(round(math.log10(value)))))
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_minor_locator(NullLocator())


def linear_ticks(axes: Axes, which: str, most: int = 4) -> None:
    """A straight axis with a few round ticks and no offset."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]))
    low, high = axes.get_xlim() if which == "x" else axes.get_ylim()
    axis.set_major_formatter(FuncFormatter(lambda value, _: _tick(value, high - low)))


def _tick(value: float, span: float) -> str:
    """As many digits as tell neighbours apart."""
    if abs(value) < span * 1e-9:
        return "0"
    decimals = max(0, 2 - math.floor(math.log10(span))) if span > 0 else 0
    if decimals > 6 or abs(value) >= 1e6:
        return numbers.significant(value)
    fixed = f"{value:,.{decimals}f}".replace("-", numbers.MINUS)
    return fixed.rstrip("0").rstrip(".") if "." in fixed else fixed


def end_labels(axes: Axes, ends: Sequence[tuple[float, str, str]]) -> None:
    """
    Labels at line ends, in the lines' colours, pushed apart, and beside the axes where there is room for all.

    Args:
        axes: The panel; its limits are set.
        ends: Value, label and colour name of each line.
    """
    (_, low), (_, high) = axes.transAxes.transform([(0, 0), (0, 1)])
    wanted = [float(axes.transData.transform((axes.get_xlim()[1], value))[1]) for value, _, _ in ends]
    placed = spread(wanted, within=(float(low) + TEXT_SIZE * 0.35, float(high)))
    for y, (_, words, colour) in zip(placed, ends, strict=True):
        text(axes, across(axes) + 4, y - TEXT_SIZE * 0.35, words, colour)


def spread(
    positions: Sequence[float], gap: float = _GAP, within: tuple[float, float] = (-math.inf, math.inf)
) -> list[float]:
    """
    Positions at least `gap` apart, in the same order, around the same middle.

    Args:
        positions: Where they would stand alone.
        gap: Between neighbours.
        within: The lowest and the highest allowed; kept to where all of them fit.
    """
    order = sorted(range(len(positions)), key=lambda index: (positions[index], -index))
    result = list(positions)
    for before, here in itertools.pairwise(order):
        result[here] = max(result[here], result[before] + gap)
    shift = sum(result[i] - positions[i] for i in order) / len(order) if order else 0.0
    result = [position - shift for position in result]
    low, high = within
    if (len(order) - 1) * gap > high - low:
        return result
    for place, here in enumerate(order):
        result[here] = max(result[here], low + place * gap)
    for place, here in enumerate(reversed(order)):
        result[here] = min(result[here], high - place * gap)
    return result


def finish(figure: Figure, key: str, title: str, description: str) -> Markup:
    """The panel as SVG for the page; the same panel gives the same bytes."""
    buffer = io.StringIO()
    with mpl.rc_context(_SETTINGS), warnings.catch_warnings():
        # A sign that matplotlib's font lacks is drawn by the browser's.
        warnings.simplefilter("ignore")
        figure.savefig(buffer, format="svg", metadata={"Date": None}, transparent=True)
    return svg.rewrite(buffer.getvalue(), key, title, description)
