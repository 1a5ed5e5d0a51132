"""The rules of expectations: how far a number or a word is from what is wanted."""

from __future__ import annotations

import math
from typing import Any

from harness.analysis.statistic import statistic
from harness.scenario.expect import Expect


def words(expect: Expect) -> tuple[str, ...]:
    """The words of `equals` or `not_equals`."""
    named = expect.equals if expect.equals is not None else expect.not_equals
    return named if isinstance(named, tuple) else (named or "",)


def distance(expect: Expect, found: float, wanted: float) -> float:
    """How far `found` is from what is wanted, 1 being just allowed; inf where nothing can be said."""
    if math.isnan(found):
        return math.inf
    if expect.at_least is not None or expect.at_most is not None:
        return 0.0 if beyond(expect, found) <= 0 else math.inf
    allowed = _allowed(expect, wanted)
    if found == wanted:
        return 0.0
    if math.isinf(found):
        return math.inf
    return abs(found - wanted) / allowed if allowed else math.inf


def beyond(expect: Expect, found: Any) -> float:
    """How far a number is beyond the limits, negative inside them; inf for no number, 0 where there are none."""
    if not isinstance(found, float) or math.isnan(found):
        return math.inf
    over = [found - expect.at_most] if expect.at_most is not None else []
    under = [expect.at_least - found] if expect.at_least is not None else []
    return max([*over, *under], default=0.0)


def _allowed(expect: Expect, wanted: float) -> float:
    if expect.within is not None:
        return expect.within
    relative = expect.relative if expect.relative is not None else 10.0 ** -(expect.digits or 0.0)
    return relative * abs(wanted)


def spread(expect: Expect, found: list[float], wanted: float) -> tuple[Any, float]:
    """
    A rule over seeds.

    Args:
        expect: With `inside` or `sd`.
        found: The quantity of every seed.
        wanted: The number that must lie within their spread.

    Returns:
        What to show (least and largest, or what lies so many sd about the mean; the
        first that is not finite, if there is one) and the distance, 1 being just allowed.
    """
    bad = next((item for item in found if not math.isfinite(item)), None)
    if bad is not None:
        return bad, math.inf
    if expect.inside is not None:
        low, high = min(found), max(found)
        distance = _share(wanted - (low + high) / 2, (high - low) / 2)
        # The middle is rounded; which side of a border a number is on is not.
        return (low, high), min(distance, 1.0) if low <= wanted <= high else max(distance, math.nextafter(1.0, 2.0))
    mean, sd = statistic("mean", found), statistic("sd", found)
    allowed = (expect.sd or 0.0) * sd
    return (mean - allowed, mean + allowed), _share(wanted - mean, allowed)


def _share(offset: float, allowed: float) -> float:
    if offset == 0:
        return 0.0
    return abs(offset) / allowed if allowed and math.isfinite(allowed) else math.inf
