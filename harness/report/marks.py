"""Marks inside table cells: small SVG written by hand, and signs of status."""

from __future__ import annotations

import math
from dataclasses import dataclass

from markupsafe import Markup

from harness.analysis.timing import Interval
from harness.report.summary import SIGNS

_WIDTH, _HEIGHT, _EDGE = 96, 16, 5
# Status in the words of gates and expectations, to the class that colours it.
KINDS = {
    "passed": "ok", "held": "ok", "ok": "ok",
    "failed": "fail", "missed": "fail", "crashed": "fail", "timed_out": "fail", "out_of_memory": "fail",
    "not checked": "skip", "skipped": "skip",
}  # fmt: skip
_KIND_SIGNS = {"ok": SIGNS["passed"], "fail": SIGNS["failed"], "skip": SIGNS["not checked"], "warn": "▲"}


@dataclass(frozen=True)
class Scale:
    """A position for each value between the least and the largest, on a straight or a log scale."""

    low: float
    high: float
    log: bool = False

    @classmethod
    def over(cls, values: list[float], *, log: bool = False) -> Scale:
        """The scale that holds all finite values (positive ones, on a log scale)."""
        usable = [value for value in values if math.isfinite(value) and (value > 0 or not log)]
        return cls(min(usable, default=1.0), max(usable, default=1.0), log)

    def at(self, value: float) -> float:
        """Pixels from the left."""
        low, high, here = (math.log(item) if self.log else item for item in (self.low, self.high, value))
        part = (here - low) / (high - low) if high > low else 0.5
        return round(_EDGE + (_WIDTH - 2 * _EDGE) * min(1.0, max(0.0, part)), 1)


def dot(value: float, scale: Scale, colour: str, interval: Interval | None = None) -> Markup:
    """A dot on a pale line, with a bar for the interval; empty where there is no value."""
    if not math.isfinite(value) or (scale.log and value <= 0):
        return Markup("")
    middle = _HEIGHT / 2
    bar = ""
    if interval is not None:
        low, high = scale.at(interval.low), scale.at(interval.high)
        bar = f'<path d="M{low} {middle}H{high}" style="stroke:var(--{colour});stroke-width:2"/>'
    return Markup(  # noqa: S704 - numbers and our own colour names
        f'<svg class="mark" aria-hidden="true" width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}">'
        f'<path d="M{_EDGE} {middle}H{_WIDTH - _EDGE}" style="stroke:var(--grid);stroke-width:2"/>{bar}'
        f'<circle cx="{scale.at(value)}" cy="{middle}" r="3.5" style="fill:var(--{colour})"/></svg>'
    )


def status(word: str, text: str = "") -> Markup:
    """A status as sign and word, never colour alone."""
    kind = KINDS.get(word, "skip")
    return Markup('<span class="status is-{}"><span aria-hidden="true">{}</span> {}</span>').format(
        kind, _KIND_SIGNS[kind], text or word.replace("_", " ")
    )


def sign(kind: str) -> str:
    """The sign of `ok`, `fail`, `skip` or `warn`."""
    return _KIND_SIGNS[kind]


def named(label: str, colour: str) -> Markup:
    """A name in its colour."""
    return Markup('<span style="color:var(--{})">{}</span>').format(colour, label)


def beside(text: str, mark: Markup) -> Markup:
    """A number and its mark in one cell."""
    return Markup('<span class="beside"><b>{}</b>{}</span>').format(text, mark)
