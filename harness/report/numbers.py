"""Numbers as the page shows them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

MISSING = "–"
MINUS = "\u2212"
THIN = "\u202f"
_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def count(number: int) -> str:
    """A whole number with separators: `2,097`."""
    return f"{number:,}"


def significant(value: Any, digits: int = 3) -> str:
    """
    A number to so many significant digits, without an exponent where it is readable so.

    `–` where there is none, and words where it is not finite.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return MISSING
    number = float(value)
    if math.isinf(number):
        return "not finite"
    if number == 0:
        return "0"
    # Of the rounded number: 0.99996 is 1.000, and no digit longer than 0.9999.
    exponent = int(f"{number:.{digits - 1}e}".partition("e")[2])
    if -4 <= exponent < max(digits, 6):
        rounded = round(number, digits - 1 - exponent)
        return f"{rounded:,.{max(0, digits - 1 - exponent)}f}".replace("-", MINUS)
    mantissa, _, power = f"{number:.{digits - 1}e}".replace("-", MINUS, number < 0).partition("e")
    return f"{mantissa}{THIN}×{THIN}10{str(int(power.replace(MINUS, '-'))).translate(_SUPERSCRIPTS)}"


def power_of_ten(exponent: int) -> str:
    """A tick: 0.1, 1, 10, 100, 1,000, and 10ⁿ beyond."""
    if -1 <= exponent <= 3:
        return f"{10.0**exponent:,g}"
    return "10" + str(exponent).translate(_SUPERSCRIPTS)


def digits(value: Any) -> str:
    """Correct digits, to one decimal."""
    if value is None or math.isnan(value):
        return MISSING
    return (
        "exact"
        if math.isinf(value) and value > 0
        else f"{round(value, 1) + 0.0:.1f}".replace("-", MINUS)
        if math.isfinite(value)
        else "not finite"
    )


def share(part: int, whole: int) -> str:
    """`3 of 2,100`."""
    return f"{count(part)} of {count(whole)}"


def unit_for(seconds: Iterable[float]) -> tuple[float, str] | None:
    """
    The one unit for a table of times: (its size in seconds, its sign).

    None where the times range over more than 1,000, so that each needs its own,
    or where there are none.
    """
    positive = [value for value in seconds if value > 0 and math.isfinite(value)]
    if not positive or max(positive) > 1_000 * min(positive):
        return None
    return _unit(min(positive))


def _unit(value: float) -> tuple[float, str]:
    return next(((size, sign) for size, sign in _UNITS if value >= size), _UNITS[-1])


def seconds(value: float, unit: tuple[float, str] | None = None) -> str:
    """A time to three digits with its unit: `6.32 µs`."""
    if math.isnan(value):
        return MISSING
    size, sign = unit or _unit(value)
    return f"{significant(value / size)}\u00a0{sign}"


# Whole numbers in a row beyond so many are said by their ends.
_LONG = 3


def level(value: Any) -> str:
    """A value of an axis: words bare, numbers short, `5 to 49` for many in a row, other lists as JSON."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _without_e(f"{value:g}" if float(f"{value:g}") == value else repr(value))
    if isinstance(value, list) and len(value) > _LONG and value == list(range(value[0], value[0] + len(value))):
        return f"{value[0]} to {value[-1]}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _without_e(text: str) -> str:
    """`1e-05` as `10⁻⁵`, `2.5e+20` as `2.5 × 10²⁰`."""
    mantissa, _, exponent = text.partition("e")
    if not exponent:
        return text
    power = f"10{str(int(exponent)).translate(_SUPERSCRIPTS)}"
    return power if mantissa == "1" else f"{mantissa.replace('-', MINUS)}{THIN}×{THIN}{power}"


def found(value: Any) -> str:
    """A found or wanted value: numbers to ten digits, a pair as a range, words bare."""
    if isinstance(value, (tuple, list)):
        return " to ".join(found(item) for item in value)
    if isinstance(value, float):
        return f"{value:.10g}" if math.isfinite(value) else "not finite"
    return str(value)


def listed(words: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *first, last = list(words) or [""]
    return f"{', '.join(first)} and {last}" if first else last


def plural(number: int, one: str, many: str = "") -> str:
    """`1 cell`, `2 cells`."""
    return f"{count(number)} {one if number == 1 else many or one + 's'}"


def upper(text: str) -> str:
    """With a capital letter."""
    return text[:1].upper() + text[1:]
