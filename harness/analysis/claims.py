"""What an expectation claims, in words."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from harness.scenario.expect import CONSTANTS, AtEpoch, AtStep, Expect

# More states or values than this are not told one by one.
_MOST = 4
_STATISTICS = {"sd": "standard deviation", "min": "minimum", "max": "maximum", "start_correlation": "correlation"}


def claim(expect: Expect) -> str:
    """One phrase: `weights[0] at the end is 2.98927619 to 8 digits`."""
    if expect.inside is not None or expect.sd is not None:
        spread = "range" if expect.sd is None else "mean"
        far = "" if expect.sd is None else f"{_number(expect.sd)} standard deviations of "
        return f"{_wanted(expect)} lies within {far}the seeds' {spread} of {_of_state(expect)}"
    return f"{_what(expect)} is {_rule(expect)}"


def cells(where: dict[str, Any]) -> str:
    """The cells of a `where`: ` for dtype float64, seed [0, 1]`; empty for all."""
    # A list may be any of its members, or one value of an axis of lists.
    texts = {axis: level if isinstance(level, str) else json.dumps(level, default=str) for axis, level in where.items()}
    return f" for {', '.join(f'{axis} {text}' for axis, text in texts.items())}" if texts else ""


def _what(expect: Expect) -> str:
    what = _of_state(expect)
    if expect.statistic is None:
        return what
    start = " with its start" if expect.statistic == "start_correlation" else ""
    return f"the seeds' {_STATISTICS.get(expect.statistic, expect.statistic)} of {what}{start}"


def _of_state(expect: Expect) -> str:
    name = expect.quantity
    if expect.name == "epoch_loss":
        name = f"the {expect.reduce} of the step losses"
    if expect.x is not None:
        name = f"prediction at ({', '.join(map(_number, expect.x))})"
    if expect.space == "raw":
        name = f"{name} of the unscaled columns"
    return " ".join(filter(None, (name, _place(expect))))


def _place(expect: Expect) -> str:
    if expect.of is not None:
        return "at the exact optimum"
    if expect.name in CONSTANTS:
        return ""
    at = "of" if expect.name == "epoch_loss" else "at"
    if expect.table is not None:
        return f"{at} every row of {expect.table}"
    if isinstance(expect.at, str):
        return f"at the {expect.at}"
    unit, places = _places(expect.at)
    if len(places) > _MOST:
        return f"{at} {len(places)} {unit}s from {min(places)} to {max(places)}"
    return f"{at} {unit}{'s' if len(places) > 1 else ''} {_listed(map(str, places), 'and')}"


def _places(at: AtEpoch | AtStep) -> tuple[str, Sequence[int]]:
    unit, places = ("epoch", at.epoch) if isinstance(at, AtEpoch) else ("step", at.step)
    return unit, places if isinstance(places, tuple) else (places or 0,)


def _rule(expect: Expect) -> str:
    if expect.equals is not None:
        return _listed(_words(expect.equals), "or")
    if expect.not_equals is not None:
        words = _words(expect.not_equals)
        return f"{'neither' if len(words) > 1 else 'not'} {_listed(words, 'nor')}"
    low = [f"at least {_number(expect.at_least)}"] if expect.at_least is not None else []
    high = [f"at most {_number(expect.at_most)}"] if expect.at_most is not None else []
    return " and ".join([*low, *high]) or f"{_wanted(expect)} {_tolerance(expect)}"


def _words(words: str | tuple[str, ...]) -> tuple[str, ...]:
    return words if isinstance(words, tuple) else (words,)


def _wanted(expect: Expect) -> str:
    if expect.table is not None:
        return "the table's value"
    values = expect.value if isinstance(expect.value, tuple) else (expect.value or 0.0,)
    return _listed(map(repr, values), "and") if len(values) <= _MOST else "the value listed"


def _tolerance(expect: Expect) -> str:
    if expect.within is not None:
        return f"within {_number(expect.within)}"
    if expect.relative is not None:
        return f"within {100 * expect.relative:.10g}\u202f%"
    return f"to {_number(expect.digits or 0.0)} {'digit' if expect.digits == 1 else 'digits'}"


def _number(value: float) -> str:
    """Short where that is exact: a limit that is rounded is another."""
    return f"{value:g}" if float(f"{value:g}") == value else repr(value)


def _listed(words: Iterable[str], word: str) -> str:
    *first, last = words
    return f"{', '.join(first)} {word} {last}" if first else last
