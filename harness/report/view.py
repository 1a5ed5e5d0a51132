"""One scenario of a run, as sections look at it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from harness.analysis.timing import TimingGroup, timing_groups
from harness.analysis.verdict import Assessment
from harness.record import BAD_STATUSES, Arrays
from harness.report import numbers, palette
from harness.scenario.cell import CellSpec
from harness.scenario.inputs import Inputs
from harness.scenario.level import level_text
from harness.scenario.read import Scenario

# Axes that tables and figures show side by side; all others are fixed at a reference.
COMPARED = ("implementation", "device", "seed")
Axes = dict[str, Any]
_SHORT = {"learning_rate": "learning rate", "batch_size": "batch", "dtype": "", "implementation": "", "device": ""}


def phrase(axis: str, level: Any) -> str:
    """One axis in words: `batch 16`, `float64`, `data.samples 100`."""
    if axis == "implementation":
        return palette.label(str(level))
    return f"{_SHORT.get(axis, axis)} {numbers.level(level)}".strip()


def phrases(axes: Axes, without: Iterable[str] = ()) -> str:
    """Axes in words, comma-separated."""
    return ", ".join(phrase(axis, level) for axis, level in axes.items() if axis not in without)


def key(level: Any) -> str:
    """A hashable form of an axis value, or of axes; a value may be a list."""
    return level_text(level)


@dataclass(frozen=True)
class View:
    """
    A scenario of a run.

    Args:
        assessment: What was checked.
        scenario: The scenario.
    """

    assessment: Assessment
    scenario: Scenario

    @property
    def name(self) -> str:
        """The scenario's name."""
        return self.scenario.name

    @cached_property
    def axes_of(self) -> dict[str, Axes]:
        """The axes of every planned cell, by its id; the frames may turn a whole number into a float."""
        return {cell: axes for (name, cell), axes in self.assessment.run.file.axes.items() if name == self.name}

    @cached_property
    def configs(self) -> dict[str, str]:
        """The axes of every planned cell that are fixed, as text, by its id."""
        return {cell: key(_fixed(axes)) for cell, axes in self.axes_of.items()}

    @cached_property
    def levels(self) -> dict[str, list[Any]]:
        """The values of each axis among the planned cells, in file order."""
        found: dict[str, dict[str, Any]] = {}
        for axes in self.axes_of.values():
            for axis, level in axes.items():
                found.setdefault(axis, {}).setdefault(key(level), level)
        return {axis: list(levels.values()) for axis, levels in found.items()}

    @cached_property
    def varied(self) -> list[str]:
        """Axes with more than one value."""
        return [axis for axis, levels in self.levels.items() if len(levels) > 1]

    @cached_property
    def cells(self) -> pd.DataFrame:
        """The scenario's rows of the cells frame, with `axes` (a dictionary) and `config` (its fixed axes, as text)."""
        frame = self.assessment.run.cells
        frame = frame[frame["scenario"] == self.name].reset_index(drop=True)
        axes = pd.Series([self.axes_of[cell] for cell in frame["cell"]], index=frame.index, dtype="object")
        return frame.assign(axes=axes, config=[self.configs[cell] for cell in frame["cell"]])

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """The same as dictionaries: those of the run, whose copies would take as much memory as its frame."""
        mine = [row for row in self.assessment.run.cell_rows if row["scenario"] == self.name]
        for row in mine:
            row.update(axes=self.axes_of[row["cell"]], config=self.configs[row["cell"]])
        return mine

    @cached_property
    def first_replicates(self) -> pd.DataFrame:
        """One row a cell: its first replicate that is ok, else its first."""
        order = self.cells.assign(bad=self.cells["status"] != "ok").sort_values("bad", kind="stable")
        return order.drop_duplicates("cell").sort_index()

    @cached_property
    def bad(self) -> list[dict[str, Any]]:
        """Rows that failed, crashed, timed out or ran out of memory."""
        return [row for row in self.rows if row["status"] in BAD_STATUSES]

    @cached_property
    def reference(self) -> Axes:
        """
        The values at which the axes that are not compared are held fixed.

        A configuration that was timed, where one was; of those the one with the most cells
        that did not diverge, then the most correct digits, the least loss, the first of the file.
        """
        done = self.first_replicates
        done = done[(done["status"] == "ok") & (done["outcome"] != "diverged")]
        order = list(dict.fromkeys(self.configs.values()))
        if done.empty:
            return dict(json.loads(order[0])) if order else {}
        groups = done.groupby("config", sort=False)
        summary = pd.DataFrame(
            {
                "timed": groups["step_seconds"].count() > 0,
                "count": groups.size(),
                "digits": groups["correct_digits"].median(),
                "loss": groups["loss"].median(),
            }
        )
        summary["place"] = [-order.index(config) for config in summary.index]
        summary["digits"] = summary["digits"].fillna(-1.0)
        summary["loss"] = -summary["loss"]
        best = summary.sort_values(["timed", "count", "digits", "loss", "place"], kind="stable").index[-1]
        return dict(json.loads(str(best)))

    @cached_property
    def at_reference(self) -> pd.DataFrame:
        """One row a cell of the reference configuration."""
        return self.first_replicates[self.first_replicates["config"] == key(self.reference)]

    @cached_property
    def reference_words(self) -> str:
        """The reference configuration in words."""
        return phrases(self.reference)

    @cached_property
    def timings(self) -> list[TimingGroup]:
        """The timing groups of the scenario."""
        return timing_groups(self.rows)

    def timings_at(self, config: Axes) -> list[TimingGroup]:
        """The timing groups of one configuration, one for each implementation and device."""
        return [group for group in self.timings if key(_fixed(group.axes)) == key(config)]

    @cached_property
    def arms(self) -> list[tuple[str, str]]:
        """The planned pairs of implementation and device, in file order."""
        pairs = [(str(axes["implementation"]), str(axes["device"])) for axes in self.axes_of.values()]
        return list(dict.fromkeys(pairs))

    def spec(self, cell: str) -> CellSpec:
        """What decides the numbers of a cell."""
        return self.assessment.run.file.spec(self.name, cell)

    def inputs(self, spec: CellSpec) -> Inputs:
        """What a cell was handed beside its spec."""
        return self.assessment.run.file.inputs(self.name, spec)

    def trace(self, row: Any) -> Arrays:
        """The trace of a row of `cells`."""
        return self.assessment.run.file.trace(self.name, str(row["cell"]), int(row["replicate"]))

    @property
    def is_net(self) -> bool:
        """Whether the model is a net, for which there is no closed form."""
        return self.scenario.document.model.kind == "mlp"

    def arm_name(self, implementation: str, device: str) -> str:
        """An implementation, with its device where there is more than one."""
        label = palette.label(implementation)
        return f"{label} {device}" if len(self.devices) > 1 else label

    @cached_property
    def devices(self) -> list[str]:
        """The devices that cells ran on; one that is not here is skipped, and said."""
        ran = set(self.cells.loc[self.cells["status"] != "skipped", "device"])
        return [device for device in self.levels.get("device", []) if device in ran]


def _fixed(axes: Axes) -> Axes:
    return {axis: level for axis, level in axes.items() if axis not in COMPARED}
