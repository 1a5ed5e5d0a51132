"""The levels at which a run's numbers come out again, each with a verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from harness.analysis.pairs import Pair, replicas
from harness.analysis.repeatability import INLINE, TWICE, Repeated
from harness.frames import Run
from harness.scenario.read import Scenario

BITWISE, ROUNDING, DIFFERS, NOT_RUN = "bitwise", "within rounding", "differs", "not run"
# Of cells that one process ran again, as --executor inline does.
AGAIN = "same process, run again"
# Part of the reason that a timed pass leaves when it ends on other bits than the recorded one.
_OTHER_BITS = "ended on other parameters than the recorded pass"
_NONE = "no two cells that did all their steps differ in it alone"


@dataclass(frozen=True)
class Level:
    """
    One level of repeatability.

    Args:
        name: `other process`.
        unit: What is counted, in the singular.
        dtype: Whose units distances are in; empty where that is each cell's own.
        same: How many of them are the same to the last bit.
        of: How many were compared.
        verdict: One of the four words.
        required: Whether anything but the same bits is a fault.
        reason: Why it was not run, or what cannot be told by the recorded states.
        pairs: What was compared state by state: all pairs, or replicates whose digests differ.
    """

    name: str
    unit: str
    dtype: str
    same: int
    of: int
    verdict: str
    required: bool = False
    reason: str = ""
    pairs: tuple[Pair, ...] = ()

    @property
    def farthest(self) -> Pair | None:
        """The pair that is farthest apart; None where no distance is known, or all are 0."""
        apart = [pair for pair in self.pairs if pair.ulp > 0]
        return max(apart, key=lambda pair: pair.ulp) if apart else None

    @property
    def earliest(self) -> Pair | None:
        """The pair that parts at the earliest recorded step."""
        parted = [pair for pair in self.pairs if pair.first is not None]
        return min(parted, key=lambda pair: pair.first or 0) if parted else None

    @property
    def beyond(self) -> tuple[Pair, ...]:
        """Pairs farther apart than the rounding of each step explains."""
        return tuple(pair for pair in self.pairs if pair.beyond is not None)

    @property
    def kinks(self) -> int:
        """How many pairs are compared up to a kink only."""
        return sum(pair.kink is not None for pair in self.pairs)


def levels(run: Run, scenario: Scenario, repeated: Sequence[Repeated], found: Sequence[Pair]) -> list[Level]:
    """
    Every level, those that were not run too.

    Args:
        run: The run.
        scenario: One of its scenarios.
        repeated: Cells of that scenario that ran more than once.
        found: Pairs of its cells, as `pairs` gives them.
    """
    inline, apart = ([item for item in repeated if item.inline is here] for here in (True, False))
    among_templates = [item for item in apart if len(item.templates) > 1]
    return [
        _same_process(run, scenario.name),
        *([_processes(run, AGAIN, inline, "")] if inline else []),
        _processes(run, "other process", apart, INLINE if inline else TWICE),
        _processes(run, "other template", among_templates, "no cell ran in processes of two templates"),
        *_of_axis(scenario, "thread counts", "run.threads", found),
        *_of_axis(scenario, "implementations", "implementation", found),
        *_of_axis(scenario, "dtypes", "dtype", found),
        *_of_axis(scenario, "devices", "device", found),
        Level("other run", "cell", "", 0, 0, NOT_RUN, True, f"harness reproduce {run.file.name}"),
    ]


def _same_process(run: Run, scenario: str) -> Level:
    rows = run.cells[run.cells["scenario"] == scenario]
    same = int(((rows["status"] == "ok") & rows["step_seconds"].notna()).sum())
    other = int(((rows["status"] == "failed") & rows["reason"].map(lambda text: _OTHER_BITS in str(text))).sum())
    if not same + other:
        return Level("same process", "process", "", 0, 0, NOT_RUN, True, "no timed pass repeated a recorded one")
    reason = "how far is said by the reason of each that failed" if other else ""
    return Level("same process", "process", "", same, same + other, DIFFERS if other else BITWISE, True, reason)


def _processes(run: Run, name: str, repeated: Sequence[Repeated], none: str) -> Level:
    if not repeated:
        return Level(name, "cell", "", 0, 0, NOT_RUN, True, none)
    differing = [item for item in repeated if not item.bitwise]
    found = tuple(pair for item in differing for pair in replicas(run, item.scenario, item.cell))
    hidden = sum(pair.same for pair in found)
    # Then nothing bounds how far they are apart.
    verdict = DIFFERS if hidden else _verdict(found) if differing else BITWISE
    reason = "the digests of some differ in a state that was not recorded, or in a step's loss" if hidden else ""
    return Level(name, "cell", "", len(repeated) - len(differing), len(repeated), verdict, True, reason, found)


def _of_axis(scenario: Scenario, name: str, axis: str, found: Sequence[Pair]) -> list[Level]:
    """A level for each dtype; between dtypes there is one."""
    mine = [pair for pair in found if pair.axis == axis]
    if not mine:
        planned = {str(cell.axes.get(axis)) for cell in scenario.cells}
        reason = _NONE if len(planned) > 1 else f"the grid has one value of {axis}"
        return [Level(name, "pair", "", 0, 0, NOT_RUN, reason=reason)]
    return [
        Level(name, "pair", dtype, sum(pair.same for pair in group), len(group), _verdict(group), pairs=tuple(group))
        for dtype, group in by(mine, lambda pair: pair.dtype).items()
    ]


def by(found: Iterable[Pair], key: Callable[[Pair], Any]) -> dict[Any, list[Pair]]:
    """Pairs in groups, in the order of their first."""
    groups: dict[Any, list[Pair]] = {}
    for pair in found:
        groups.setdefault(key(pair), []).append(pair)
    return groups


def _verdict(found: Sequence[Pair]) -> str:
    if all(pair.same for pair in found):
        return BITWISE
    return DIFFERS if any(pair.beyond is not None for pair in found) else ROUNDING
