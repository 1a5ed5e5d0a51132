"""Words on why two implementations part: what their last common state tells, and no more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from harness.analysis import parting
from harness.analysis.parting import Why
from harness.report import numbers, palette
from harness.report.numbers import listed, plural

Names = tuple[str, str]
HOW = (
    "Told at the last state that both share, in exact arithmetic, over every gradient that rounding allows there, "
    "in whatever order its sums are added. An update rounded once is a fused multiply-add; rounded twice, the rate "
    "times the gradient is rounded before it is taken off."
)
_UPDATES = (parting.UPDATE, parting.EITHER)
# What is said of a parting besides an update rounded once on one side.
_WORDS = {
    parting.LOSS: "the loss of that update already differs, at equal parameters: its sums are rounded otherwise",
    parting.GRADIENT: "the gradients differ by rounding: no one gradient gives both states",
    parting.FACTORS: "the factors of the update are multiplied in another order, or more often rounded",
    parting.KINK: "an error lies within rounding of a kink",
    parting.BEYOND: "no gradient within rounding of the exact one gives both states, or both losses",
    parting.JUMP: "a jump beyond rounding, whatever parts them first",
    parting.UNTESTED: "the losses are equal, the next states not; for nets and other optimisers no more is tested",
    parting.UNSEEN: "the state before was not recorded",
}
_SHORT = {
    parting.LOSS: "the loss already differs by rounding",
    parting.GRADIENT: "gradients differ by rounding",
    parting.FACTORS: "factors of the update in another order",
    parting.KINK: "a kink within rounding",
    parting.BEYOND: "more than rounding",
    parting.UNTESTED: "not tested for nets and other optimisers",
    parting.UNSEEN: "state before not recorded",
}
# Of all partings; what rounding does not explain is said first, however rare.
_OVERALL = (
    ((parting.BEYOND, parting.JUMP), "no rounding explains it"),
    (_UPDATES, "an update rounded once on one side and twice on the other is enough"),
    ((parting.LOSS,), "the loss already differs"),
    ((parting.GRADIENT,), "the gradients differ by rounding"),
    ((parting.FACTORS,), "the factors of the update are multiplied in another order, or more often rounded"),
    ((parting.KINK,), "a kink is near"),
    ((parting.UNTESTED, parting.UNSEEN), "nothing more can be told"),
)


def of_partings(told: Sequence[tuple[Names, Why]]) -> tuple[str, str]:
    """
    What is known of the partings of implementations, over all pairs: the finding, and the rest of it.

    Args:
        told: The two, and why they part, of each that was looked at.
    """
    if not told:
        return "No two implementations part, so there is nothing to explain.", ""
    causes = Counter(why.cause for _, why in told)
    counts = [(sum(causes[cause] for cause in group), words) for group, words in _OVERALL]
    first = counts[0] if counts[0][0] else max(counts, key=lambda item: item[0])
    says = f"In {numbers.count(first[0])} of {plural(len(told), 'parting')} looked at, {first[1]}."
    others = [f"in {numbers.count(count)} {words}" for count, words in counts if count and (count, words) != first]
    rest = f"{numbers.upper(', '.join(others))}." if others else ""
    return says, " ".join(filter(None, (rest, _only(told))))


def _only(told: Sequence[tuple[Names, Why]]) -> str:
    """In how many of them nothing but an update rounded once would do, and who then rounds once."""
    certain = [(names, why.once) for names, why in told if why.cause == parting.UPDATE and why.once is not None]
    if not certain:
        return ""
    once = dict.fromkeys(palette.label(names[side]) for names, side in certain)
    return f"In {numbers.count(len(certain))} nothing but such an update does it: {listed(once)} rounding once."


def in_short(names: Names, whys: Sequence[Why]) -> tuple[str, int]:
    """
    The most frequent cause in few words, and in how many of them.

    Args:
        names: The two.
        whys: Of the cells that were looked at; at least one.
    """
    kinds = Counter((why.cause, why.once if why.cause in _UPDATES else None) for why in whys)
    sides = {once for cause, once in kinds if cause == parting.EITHER}
    if len(sides) > 1 and not any(cause == parting.UPDATE for cause, _ in kinds):
        # Now the one, now the other: that is what chance gives.
        chance = sum(kinds.pop((parting.EITHER, once)) for once in sides)
        kinds[parting.EITHER, None] = chance
    # Of equally many, the first in the order of the causes.
    (cause, once), count = max(kinds.items(), key=lambda item: (item[1], -parting.CAUSES.index(item[0][0])))
    if cause == parting.JUMP:
        return f"a jump at step {numbers.count(_first_jump(whys))}, beyond rounding", count
    if cause not in _UPDATES:
        return _SHORT[cause], count
    if once is None:
        return "rounding of the gradient or of the update", count
    certain = "" if cause == parting.UPDATE else ", or gradients"
    return f"update rounded once in {palette.label(names[once])}{certain}", count


def _first_jump(whys: Sequence[Why]) -> int:
    return min(why.step or 0 for why in whys if why.cause == parting.JUMP)


def of_pair(names: Names, whys: Sequence[Why]) -> list[str]:
    """
    What is known of the partings of two implementations, one sentence a cause.

    Args:
        names: The two.
        whys: Of the cells that were looked at.
    """
    found = []
    rounded = [why for why in whys if why.cause in _UPDATES]
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
