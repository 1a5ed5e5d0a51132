"""What the parts of the section on convergence share."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.report import numbers
from harness.report.parts import Figure, Finding, Table
from harness.report.view import View, key

_TWO = ("learning_rate", "batch_size")


@dataclass(frozen=True)
class Block:
    """
    A question under the section's own, and its answer.

    Args:
        heading: The question.
        finding: The answer.
        tables: In the open.
        figure: Under a finding of its own.
        folded: Behind a click, with what it is called there.
        warns: Whether the answer is a fault.
        is_quiet: Whether it only says why there is no answer.
    """

    heading: str
    finding: Finding
    tables: tuple[Table, ...] = ()
    figure: Figure | None = None
    folded: Table | None = None
    warns: bool = False
    is_quiet: bool = False


@dataclass(frozen=True)
class Levels:
    """
    Learning rates and batch sizes.

    Args:
        rates: In file order.
        batches: Likewise.
    """

    rates: list[Any]
    batches: list[Any]

    @staticmethod
    def of(view: View, configs: Iterable[str]) -> Levels:
        """Those of configurations that ran, where these have their other axes at the reference."""
        axes = [json.loads(config) for config in dict.fromkeys(configs)]
        others = [axis for axis in view.reference if axis not in _TWO]
        there = [found for found in axes if all(found[axis] == view.reference[axis] for axis in others)]
        rates, batches = ({key(found[axis]) for found in there} for axis in _TWO)
        return Levels(
            [level for level in view.levels["learning_rate"] if key(level) in rates],
            [level for level in view.levels["batch_size"] if key(level) in batches],
        )

    def thinned(self, rates: int, batches: int, best: Mapping[str, Any]) -> Levels:
        """At most so many, the best's among them."""
        return Levels(
            evenly(self.rates, rates, best["learning_rate"]), evenly(self.batches, batches, best["batch_size"])
        )

    def shares(self, of: Levels) -> str:
        """`7 of 14 batch sizes`; empty where these are all."""
        pairs = ((self.rates, of.rates, "learning rates"), (self.batches, of.batches, "batch sizes"))
        return ", ".join(f"{numbers.share(len(some), len(all_))} {name}" for some, all_, name in pairs if some != all_)


def stable_rates(view: View) -> dict[str, float]:
    """The largest stable learning rate of each configuration's full batches, the middle one over seeds."""
    return dict(view.first_replicates.groupby("config")["stable_learning_rate"].median())


def evenly(levels: list[Any], most: int, best: Any = None) -> list[Any]:
    """First, last, evenly spaced ones between, and the best in place of the one next to it."""
    if len(levels) <= most:
        return levels
    places = [int(place) for place in np.linspace(0, len(levels) - 1, most).round()]
    if best in levels and (wanted := levels.index(best)) not in places:
        nearest = min(range(1, most - 1), key=lambda here: abs(places[here] - wanted), default=most - 1)
        places[nearest] = wanted
    return [levels[place] for place in sorted(places)]
