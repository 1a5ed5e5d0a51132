"""Captions and words on repeatability: what the levels carry, and no more."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from harness.analysis.levels import BITWISE, DIFFERS, NOT_RUN, Level
from harness.analysis.pairs import Pair
from harness.report import numbers
from harness.report.numbers import listed, plural

LIMITS = (
    "Distances are in units in the last place (ULP) of the largest parameter so far on either path, at recorded "
    "states; between dtypes in those of float32. Cells that ran again are compared by the digest of every state and "
    "loss, others by every recorded state. Within rounding: at most 10⁻¹² of that parameter in float64, which is 4,504 "
    "roundings, and as many in float32 (5.4 × 10⁻⁴); between dtypes 4,504 roundings of float32, or 8 a step where "
    "that is more."
)
UNITS = {"process": "processes", "cell": "cells", "pair": "pairs"}
# Distances from here on are said in whole units.
_WHOLE = 100
_DTYPES = "dtypes"


def of_levels(levels: Sequence[Level]) -> str:
    """What is the same to the last bit, what parts by rounding alone, and what by more."""
    ran = [level for level in levels if level.verdict != NOT_RUN]
    if not ran:
        return "Nothing that ran can be compared with anything else that ran."
    repeats = [level for level in ran if level.required]
    broken = [level for level in repeats if level.verdict != BITWISE]
    names = list(dict.fromkeys(level.name for level in ran if not level.required))
    groups = {name: [level for level in ran if level.name == name] for name in names}
    same = ["repeats"] if repeats and not broken else []
    same += [name for name, group in groups.items() if all(level.verdict == BITWISE for level in group)]
    far = {name: group for name, group in groups.items() if any(level.verdict == DIFFERS for level in group)}
    near = {name: group for name, group in groups.items() if name not in same and name not in far}
    parts = [
        f"not every repeat is the same to the last bit ({listed(map(_broken, broken))})" if broken else "",
        f"{listed(same)} are the same to the last bit" if same else "",
        _near(near),
    ]
    head = "; ".join(filter(None, parts))
    beyond = [_far(level) for group in far.values() for level in group if level.verdict == DIFFERS]
    tail = f"Farther apart than rounding explains: {listed(beyond)}." if beyond else ""
    return " ".join(filter(None, (f"{numbers.upper(head)}." if head else "", tail)))


def _broken(level: Level) -> str:
    return f"{level.name}: {numbers.share(level.same, level.of)} {UNITS[level.unit]}"


def _near(groups: dict[str, list[Level]]) -> str:
    """`implementations part by rounding alone, at most 14 ULP in float64`; two dtypes always part, so last or not."""
    names = [name for name in groups if name != _DTYPES] or list(groups)
    if not names:
        return ""
    first, *others = (f"{name}{{}}{_at_most(groups[name])}" for name in names)
    return "; ".join([first.format(" part by rounding alone"), *(other.format(" likewise") for other in others)])


def _at_most(group: Sequence[Level]) -> str:
    """The largest distance of each dtype, the closest first, where one is known."""
    known = [(level.farthest.ulp, level.dtype) for level in group if level.farthest]
    said = [f"{ulps(ulp)}{f' in {dtype}' if group[0].name != _DTYPES else ''}" for ulp, dtype in sorted(known)]
    return f", at most {listed(said)}" if said else ""


def _far(level: Level) -> str:
    where = f" in {level.dtype}" if level.dtype and level.name != _DTYPES else ""
    return f"{level.name}{where}{f' ({ulps(level.farthest.ulp)})' if level.farthest else ''}"


def how_of_levels(levels: Sequence[Level]) -> str:
    """The unit, and what the finding is not about."""
    kinks = sum(level.kinks for level in levels)
    said = ["Distances in ULP, units in the last place of the largest parameter so far."]
    if kinks:
        text = plural(kinks, "pair is compared", "pairs are compared")
        said.append(f"{text} up to a kink that the two may take differently.")
    return " ".join(said)


def of_not_run(levels: Iterable[Level]) -> str:
    """Levels that were not run, each with its reason; those with the same reason together."""
    reasons: dict[str, list[str]] = {}
    for level in levels:
        reasons.setdefault(level.reason, []).append(level.name)
    said = "; ".join(f"{listed(names)} ({reason})" for reason, names in reasons.items())
    return f"Not run: {said}." if said else ""


def ulps(value: float) -> str:
    """A distance: `1 ULP`, `0.5 ULP`, `4,520 ULP`."""
    if math.isinf(value):
        return "not finite"
    # Rounded up, as `at most` may stand before it.
    text = numbers.count(math.ceil(value)) if value >= _WHOLE else f"{math.ceil(100 * value) / 100:g}"
    return f"{text}\u00a0ULP"


def of_beyond(pairs: Sequence[Pair]) -> str:
    """How pairs came to be farther apart than rounding explains."""
    if not pairs:
        return ""
    worst = max(pairs, key=lambda pair: pair.beyond.factor if pair.beyond else 0.0)
    grown = worst.beyond
    assert grown is not None
    span = (
        f"from {ulps(grown.was)} at step {numbers.count(grown.since)} to {ulps(grown.now)} "
        f"at step {numbers.count(grown.step)}"
    )
    count = f"{plural(len(pairs), 'pair is', 'pairs are')} beyond rounding"
    if not grown.amplified:
        return f"{count}; the fastest goes {span}, {_times(grown.factor)} a step: no growth of rounding is so fast"
    return (
        f"{count}, grown and not jumped: the fastest {span}, {_times(grown.factor)} a step: the training amplifies it"
    )


def _times(factor: float) -> str:
    return f"×{numbers.THIN}{numbers.significant(factor)}"
