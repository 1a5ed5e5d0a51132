"""What a verdict says of cells beside their references."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from harness.analysis.agreement import Agreement
from harness.analysis.diagnosis.finding import Finding
from harness.analysis.following import Following


def wrong(findings: Sequence[Finding]) -> set[tuple[str, str]]:
    """Scenario and cell of each that fails a verdict."""
    return {(item.scenario, cell) for item in findings if item.fails for cell in item.cells}


def noted(followings: Sequence[Following], findings: Sequence[Finding]) -> Iterator[str]:
    """How many are no failure and yet not followed to the end, by what keeps them from it."""
    bent = sum(item.kink_step is not None for item in followings)
    amplified = sum(item.amplified_step is not None for item in followings)
    unexplained = sum(len(item.cells) for item in findings if not item.fails)
    if bent:
        yield f"{bent:,} cell{'s' if bent > 1 else ''} up to a kink"
    if amplified:
        yield f"{amplified:,} that amplify rounding"
    if unexplained:
        yield f"{unexplained:,} in float32 unexplained"


def unexplained(parted: Sequence[Agreement], followings: Sequence[Following]) -> list[Agreement]:
    """
    Pairs of implementations that part, without those of which one is as far from its reference as rounding alone
    takes that training: how far that is from others says nothing of either. One that is farther is a finding itself.
    """
    amplifying = {(item.scenario, _text(item.axes)) for item in followings if item.amplified_step is not None}

    def is_amplified(pair: Agreement) -> bool:
        return any((pair.scenario, _text({**pair.axes, "implementation": name})) in amplifying for name in pair.pair)

    return [pair for pair in parted if not is_amplified(pair)]


def _text(axes: dict[str, Any]) -> str:
    return repr(sorted(axes.items()))


def alone(followed: Collection[tuple[str, str]], finished: Collection[tuple[str, str]]) -> Iterator[str]:
    """How many cells have no reference beside them, where others have one: it took too long, say."""
    count = sum(cell not in followed for cell in finished)
    if followed and count:
        yield f"{count:,} without a reference"


def failing(findings: Sequence[Finding]) -> Iterator[str]:
    """The first finding that fails a verdict, and how many more there are."""
    found = [item for item in findings if item.fails]
    if found:
        others = len(found) - 1
        more = f" (and {others:,} more finding{'s' if others > 1 else ''})" if others else ""
        yield f"{found[0].phrase}, in {found[0].scenario}{more}"
