"""Captions and words on repeatability: what the levels and the partings carry, and no more."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

from harness.analysis import parting
from harness.analysis.levels import BITWISE, DIFFERS, NOT_RUN, ROUNDING, Level
from harness.analysis.pairs import Pair
from harness.analysis.parting import Why
from harness.report import numbers, palette
from harness.report.numbers import listed, plural

LIMITS = (
    "Distances are in units in the last place (ULP) of the largest parameter so far on either path, at recorded "
    "states; between dtypes in those of float32. Cells that ran again are compared by the digest of every state and "
    "loss, others by every recorded state. Within rounding: at most 10⁻¹² of that parameter in float64, which is 4,504 "
    "roundings, and as many in float32 (5.4 × 10⁻⁴); between dtypes 4,504 roundings of float32, or 8 a step where "
    "that is more."
)
# Distances from here on are said in whole units.
_WHOLE = 100
# What is said of a parting besides an update rounded once on one side.
_WORDS = {
    parting.LOSS: "the loss of that update already differs, at equal parameters: its sums are rounded otherwise",
    parting.GRADIENT: "the gradients differ by rounding: no one gradient gives both states",
    parting.KINK: "an error lies within rounding of a kink",
    parting.BEYOND: "no gradient within rounding of the exact one gives both states",
    parting.UNTESTED: "the losses are equal, the next states not; for nets and other optimisers no more is tested",
    parting.UNSEEN: "the state before was not recorded",
}


Names = tuple[str, str]


def of_levels(levels: Sequence[Level]) -> str:
    """The levels by their verdict, with the largest distance of each that has one."""
    parts = []
    for verdict, lead in ((BITWISE, "The same to the last bit"), (ROUNDING, "within rounding"), (DIFFERS, "different")):
        names = [_named(level) for level in levels if level.verdict == verdict]
        if names:
            parts.append(f"{lead}: {listed(names)}")
    if not parts:
        return "Nothing that ran can be compared with anything else that ran."
    left = [level.name for level in levels if level.verdict == NOT_RUN]
    tail = f" Not run: {listed(left)}." if left else ""
    return f"{numbers.upper('; '.join(parts))}.{tail}"


def _named(level: Level) -> str:
    """A level with its dtype and largest distance: `implementations in float64 (at most 14 ULP)`."""
    where = f" in {level.dtype}" if level.dtype and level.name != "dtypes" else ""
    far = f" (at most {ulps(level.farthest.ulp)})" if level.farthest else ""
    return f"{level.name}{where}{far}"


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
    return f"×{numbers.THIN}{factor:.2f}"


def of_partings(told: Sequence[tuple[Names, Why]]) -> str:
    """
    What is known of the partings of implementations, over all pairs.

    Args:
        told: The two, and why they part, of each that was looked at.
    """
    if not told:
        return "No two implementations part, so there is nothing to explain."
    causes = Counter(why.cause for _, why in told)
    rounded = f"one gradient gives both states if one side rounds its update once and the other twice{_only(told)}"
    said = [
        (causes[parting.BEYOND], "no rounding explains it"),
        (causes[parting.UPDATE] + causes[parting.EITHER], rounded),
        (causes[parting.LOSS], "the loss already differs"),
        (causes[parting.GRADIENT], "the gradients differ by rounding"),
        (causes[parting.KINK], "a kink is near"),
        (causes[parting.UNTESTED] + causes[parting.UNSEEN], "nothing more can be told"),
    ]
    parts = [f"in {numbers.count(count)} {words}" for count, words in said if count]
    return f"Of {plural(len(told), 'parting')} looked at, {', '.join(parts)}."


def _only(told: Iterable[tuple[Names, Why]]) -> str:
    """In how many of them nothing else would do, and who then rounds once."""
    certain = [(names, why.once) for names, why in told if why.cause == parting.UPDATE and why.once is not None]
    if not certain:
        return ""
    once = dict.fromkeys(palette.label(names[side]) for names, side in certain)
    return f" (in {numbers.count(len(certain))} of these nothing else does: {listed(once)} once)"


def of_pair(names: Names, whys: Sequence[Why]) -> list[str]:
    """
    What is known of the partings of two implementations, one sentence a cause.

    Args:
        names: The two.
        whys: Of the cells that were looked at.
    """
    found = []
    rounded = [why for why in whys if why.cause in (parting.UPDATE, parting.EITHER)]
    certain = {why.once for why in rounded if why.cause == parting.UPDATE}
    if not certain and len({why.once for why in rounded}) > 1:
        # Now the one, now the other: that is what chance gives.
        found.append((len(rounded), _rounded(names, None, 0, len(rounded))))
        rounded = []
    for once in (0, 1, None):
        mine = [why.cause for why in rounded if why.once == once]
        if mine:
            found.append((len(mine), _rounded(names, once, mine.count(parting.UPDATE), len(mine))))
    for cause, words in _WORDS.items():
        count = sum(why.cause == cause for why in whys)
        if count:
            found.append((count, words))
    found.sort(key=lambda item: -item[0])
    return [f"{numbers.count(count)}: {words}" for count, words in found]


def _rounded(names: Names, once: int | None, certain: int, count: int) -> str:
    if once is None:
        return "gradients that differ by rounding give both states; so does one, if either rounds its update once"
    fused, by_hand = palette.label(names[once]), palette.label(names[1 - once])
    only = "nothing else does" if certain == count else f"in {numbers.count(certain)} of them nothing else does"
    tail = only if certain else "gradients that differ by rounding do too"
    return f"one gradient gives both states, its update rounded once in {fused} and twice in {by_hand}; {tail}"
