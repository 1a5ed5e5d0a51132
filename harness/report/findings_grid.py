"""Captions of the table of learning rate by batch size. Pure functions that claim no more than their numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.analysis.targets import Target
from harness.report import numbers
from harness.report.findings_convergence import share_words
from harness.report.numbers import listed, plural

# What became of a configuration.
REACHED, DIVERGED, MISSED, NOT_RUN = "reached", "diverged", "missed", "not run"
_MOST_NAMES = 3


@dataclass(frozen=True)
class Square:
    """
    One configuration.

    Args:
        rate: Its learning rate, in words.
        batch: Its batch size, in words.
        target: Its steps to the target, over the seeds; None where nothing ran.
        diverged: How many of its cells did.
        axes: The two levels themselves.
    """

    rate: str
    batch: str
    target: Target | None
    diverged: int = 0
    axes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def state(self) -> str:
        """One of the four words: reached by enough seeds for a median, diverged in at least half, or neither."""
        if self.target is None or not self.target.count:
            return NOT_RUN
        if math.isfinite(self.target.steps):
            return REACHED
        return DIVERGED if 2 * self.diverged >= self.target.count else MISSED

    @property
    def steps(self) -> float:
        """The median over seeds; inf where it is missed."""
        return self.target.steps if self.target is not None and self.target.count else math.inf

    @property
    def seeds(self) -> list[float]:
        """Steps of each seed."""
        return [attempt.steps for attempt in self.target.attempts] if self.target is not None else []


def useful(shares: Sequence[float], squares: Mapping[float, Sequence[Square]]) -> float:
    """
    The target that tells configurations apart: the hardest that at least half of those reach that reach any.

    Args:
        shares: The scenario's targets.
        squares: By target, every configuration.
    """
    reached = {share: sum(square.state == REACHED for square in squares[share]) for share in shares}
    most = max(reached.values())
    # Where nothing reaches any, the easiest says the most.
    return min(share for share in shares if 2 * reached[share] >= most) if most else max(shares)


def fewest(squares: Iterable[Square]) -> Square | None:
    """Where the target is reached in the fewest steps; None where it is nowhere."""
    reached = (square for square in squares if square.state == REACHED)
    return min(reached, key=lambda square: square.steps, default=None)


def of_grid(squares: Sequence[Square], share: float) -> str:
    """Where the target is reached in the fewest steps, who is not told apart from that, and what diverges."""
    ran = [square for square in squares if square.state != NOT_RUN]
    if not ran:
        return "No cell of these configurations ran."
    left = f"{share_words(share)} of the possible loss reduction"
    reached, best = [square for square in ran if square.state == REACHED], fewest(ran)
    if best is None:
        return f"No configuration gets to where {left} is left.{_diverges(ran)}"
    where = f"learning rate {best.rate}, {best.batch}"
    enough = "1 step is enough to get" if best.steps == 1 else f"{steps_words(best.steps)} steps are the fewest"
    text = f"{enough} to where {left} is left, with {where}"
    if len(reached) == 1:
        only = "the only configuration that gets there" if len(ran) > 1 else "the only configuration"
        return f"{text}, {only}.{_diverges(ran)}"
    return f"{text}{_near(best, reached)}.{_diverges(ran)}"


def _near(best: Square, reached: Sequence[Square]) -> str:
    """Others whose seeds overlap with the best one's: the order of their medians may be luck."""
    worst = max(best.seeds)
    others = [square for square in reached if square is not best and min(square.seeds) <= worst]
    if not others:
        return ""
    same = [square for square in others if square.steps == best.steps]
    if len(same) == len(others):
        return f"; {plural(len(same), 'other takes', 'others take')} as many"
    return f"; over the seeds {plural(len(others), 'other overlaps', 'others overlap')} with it"


def _diverges(ran: Sequence[Square]) -> str:
    lost = [square for square in ran if square.state == DIVERGED]
    if not lost:
        return ""
    if len(lost) == len(ran):
        return " All of them diverge." if len(ran) > 1 else " It diverges."
    batches = {
        rate: {square.batch for square in ran if square.rate == rate} for rate in dict.fromkeys(s.rate for s in ran)
    }
    gone = {rate: [square.batch for square in lost if square.rate == rate] for rate in batches}
    whole = [rate for rate in batches if len(gone[rate]) == len(batches[rate])]
    parts = [f"learning rate {listed(whole)}" + (" with every batch" if _several(batches) else "")] if whole else []
    rest = [f"learning rate {rate}, {batch}" for rate in batches if rate not in whole for batch in gone[rate]]
    parts += (
        rest if len(rest) <= _MOST_NAMES else [plural(len(rest), "other configuration" if whole else "configuration")]
    )
    return f" {numbers.upper(numbers.share(len(lost), len(ran)))} configurations diverge: {'; '.join(parts)}."


def _several(batches: Mapping[str, set[str]]) -> bool:
    return max(map(len, batches.values())) > 1


def steps_words(steps: float) -> str:
    """`1,053`, `92.5`."""
    return f"{steps:,.0f}" if steps == round(steps) or steps >= 100 else f"{steps:,.1f}"


def strength(steps: float, low: float, high: float) -> int:
    """A shade from 1 to 8 on a log scale, stronger for more steps; of no steps at all the weakest."""
    if high <= low:
        return 1
    part = (math.log1p(steps) - math.log1p(low)) / (math.log1p(high) - math.log1p(low))
    return 1 + round(7 * min(1.0, max(0.0, part)))
