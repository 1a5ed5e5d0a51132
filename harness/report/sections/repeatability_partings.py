"""Where two implementations part, and what parts them: a line a pair, the full account folded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.analysis.levels import by
from harness.analysis.pairs import Pair
from harness.analysis.parting import JUMP, Why, why
from harness.report import findings_partings as words
from harness.report import numbers, palette
from harness.report.findings_levels import ulps
from harness.report.parts import Content, Finding, Markup, Table, table_of
from harness.report.view import View

# Of each two implementations in a dtype, spread over the cells: one takes about 10 ms.
_LOOKED_AT = 12


@dataclass(frozen=True)
class Partings:
    """
    What the template shows.

    Args:
        finding: What parts most of them.
        table: A line a pair.
        full: Every cause of each pair that parts; folded. None where none does.
        how: How it is told.
    """

    finding: Finding
    table: Table
    full: Table | None
    how: str


@dataclass(frozen=True)
class Told:
    """Two implementations in one dtype: their pairs of cells, those that part, and why some of these do."""

    names: words.Names
    dtype: str
    pairs: tuple[Pair, ...]
    parted: tuple[Pair, ...]
    whys: tuple[Why, ...]

    @property
    def title(self) -> str:
        """`numpy and autograd, float32`."""
        return f"{numbers.listed(palette.label(name) for name in self.names)}, {self.dtype}"


def partings(view: View, found: Sequence[Pair]) -> Partings | None:
    """
    Why implementations part, as far as their last common state tells.

    Args:
        view: The scenario.
        found: Its pairs of implementations; None comes of none.
    """
    if not found:
        return None
    told = [
        _told(view, names, dtype, group)
        for (names, dtype), group in by(found, lambda pair: (pair.levels, pair.dtype)).items()
    ]
    everything = [(item.names, reason) for item in told for reason in item.whys]
    head = (
        "Pair",
        "Same bits#",
        "Farthest apart#",
        "From step#",
        "What parts most of those looked at",
        "Cells#",
    )
    apart = [item for item in told if item.whys]
    full = table_of("What parts two implementations, in how many of the cells looked at", ("Pair", "What parts them"),
                    [(item.title, _account(item)) for item in apart])  # fmt: skip
    return Partings(
        Finding(*words.of_partings(everything)),
        table_of("Where two implementations part", head, list(map(_row, told))),
        full if apart else None,
        words.HOW,
    )


def _told(view: View, names: words.Names, dtype: str, group: Sequence[Pair]) -> Told:
    parted = tuple(pair for pair in group if not pair.same)
    return Told(names, dtype, tuple(group), parted, tuple(_why(view, pair) for pair in _spread(parted)))


def _row(item: Told) -> tuple[Content, ...]:
    first = min((pair.first or 0 for pair in item.parted), default=None)
    cause, count = words.in_short(item.names, item.whys) if item.whys else ("never apart", None)
    return (
        item.title,
        numbers.share(len(item.pairs) - len(item.parted), len(item.pairs)),
        ulps(max(pair.ulp for pair in item.pairs)) if item.parted else "0",
        numbers.MISSING if first is None else numbers.count(first),
        cause,
        numbers.MISSING if count is None else numbers.share(count, len(item.whys)),
    )


def _account(item: Told) -> Content:
    """Every cause with its count, and how many of those that part were looked at."""
    said = words.of_pair(item.names, item.whys)
    if len(item.whys) < len(item.parted):
        said.append(f"looked at: {numbers.share(len(item.whys), len(item.parted))} that part")
    return Markup("<br>").join(said)


def _spread(parted: Sequence[Pair]) -> Sequence[Pair]:
    """At most so many, evenly spread."""
    return parted[:: max(1, -(-len(parted) // _LOOKED_AT))]


def _why(view: View, pair: Pair) -> Why:
    """Of two that jump apart by more than rounding that jump is told, and not the harmless first bit."""
    if pair.beyond is not None and not pair.beyond.amplified:
        return Why(JUMP, step=pair.beyond.step)
    run = view.assessment.run
    one, other = (
        run.file.trace(view.name, cell, number) for cell, number in zip(pair.cells, pair.replicates, strict=True)
    )
    return why(run, view.name, view.spec(pair.cells[0]), one, other, pair.first or 0)
