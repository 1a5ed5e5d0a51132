"""What a verdict says of cells beside their references."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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
        yield f"{bent:,} cells up to a kink"
    if amplified:
        yield f"{amplified:,} that amplify rounding"
    if unexplained:
        yield f"{unexplained:,} in float32 unexplained"


def failing(findings: Sequence[Finding]) -> Iterator[str]:
    """The first finding that fails a verdict, and how many more there are."""
    found = [item for item in findings if item.fails]
    if found:
        others = len(found) - 1
        more = f" (and {others:,} more finding{'s' if others > 1 else ''})" if others else ""
        yield f"{found[0].phrase}, in {found[0].scenario}{more}"
