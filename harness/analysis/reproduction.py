"""Does a cell, run again, give the same bits as the run file says?"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.analysis.departure import Departure

# What a clock, a gauge of memory or a reader of outputs says differs from process to process.
MEASURED = (
    "step_seconds", "cpu_step_seconds", "setup_seconds", "first_step_seconds", "peak_bytes", "device_peak_bytes",
    "phases", "timings", "stdout", "stderr",
)  # fmt: skip
# Of a cell that did not finish only this can be compared: reasons name amounts of memory.
_OF_UNFINISHED = ("status",)


@dataclass(frozen=True)
class Reproduction:
    """
    One cell, run again.

    Args:
        scenario: Its scenario.
        cell: Its id.
        replicate: Which of its records was compared with.
        axes: Its values on the axes.
        status: The run file's status.
        now: The status this time.
        reason: Why, this time, where it is not ok.
        differing: Fields of the record that are not the same to the last bit.
        departure: Where the paths part; None where they do not, or one has none.
    """

    scenario: str
    cell: str
    replicate: int
    axes: dict[str, Any]
    status: str
    now: str
    reason: str
    differing: tuple[str, ...]
    departure: Departure | None

    @property
    def reproduced(self) -> bool:
        """Whether everything that can be compared is the same."""
        return not self.differing

    @property
    def is_not_run(self) -> bool:
        """Whether it was skipped on one of the two machines, so that there is nothing to compare."""
        return self.status != self.now and "skipped" in (self.status, self.now)

    @property
    def is_same(self) -> bool:
        """Whether it has numbers, and they are the same to the last bit."""
        return self.reproduced and self.now == "ok"

    @property
    def differs(self) -> bool:
        """Whether something that was compared is not the same."""
        return not self.reproduced and not self.is_not_run


def differing_fields(then: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, ...]:
    """
    Names of the fields that are not the same to the last bit.

    Args:
        then: A record's fields, as the run file holds them.
        now: The other's; what JSON cannot tell apart (tuple and list) is the same.
    """
    finished = then["status"] == now["status"] == "ok"
    names = [name for name in then if name not in MEASURED] if finished else _OF_UNFINISHED
    return tuple(name for name in names if _text(then.get(name)) != _text(now.get(name)))


def _text(value: Any) -> str:
    """Every bit of a number, and nan equal to nan."""
    return json.dumps(value, sort_keys=True)


@dataclass(frozen=True)
class Distance:
    """
    How far the cells of one implementation and dtype are from what they were.

    Args:
        implementation: The implementation.
        dtype: The dtype.
        cells: Those that differ.
        first_step: The first recorded state at which one of them does; None where no path tells it.
        largest_ulp: The largest of their `largest_ulp`; likewise.
    """

    implementation: str
    dtype: str
    cells: int
    first_step: int | None
    largest_ulp: float | None


def distances(found: Iterable[Reproduction]) -> list[Distance]:
    """Of the cells that differ, by implementation and dtype."""
    groups: dict[tuple[str, str], list[Reproduction]] = {}
    for result in found:
        if result.differs:
            groups.setdefault((result.axes["implementation"], result.axes["dtype"]), []).append(result)
    return [_distance(*key, group) for key, group in sorted(groups.items())]


def _distance(implementation: str, dtype: str, group: list[Reproduction]) -> Distance:
    parted = [result.departure for result in group if result.departure is not None]
    first = min((part.step for part in parted), default=None)
    return Distance(implementation, dtype, len(group), first, max((part.largest_ulp for part in parted), default=None))
