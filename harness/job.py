"""What is asked of one process: a cell, and how to run it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from harness.catalogue import Plugin
from harness.scenario.cell import CellSpec
from harness.scenario.inputs import NOTHING, Inputs


@dataclass(frozen=True)
class Job:
    """
    One cell, to be run once in a process of its own.

    Args:
        spec: What decides its numbers.
        timing_repeats: Timed passes; 0 for an untimed cell.
        target_digits: Correct digits that count as converged.
        targets: Shares of the possible loss reduction whose steps are told.
        record_steps: States that expectations name; they are kept in the trace.
        timeout_seconds: Limit on the whole process.
        memory_mb: Limit on what it takes beyond its template.
        outfit: What its process has imported beforehand: `numpy` or `torch`.
        plugin: Where its implementation's code is; None for our own.
        inputs: What its data come from beside the spec.
    """

    spec: CellSpec
    timing_repeats: int = 0
    target_digits: float = 3.0
    targets: tuple[float, ...] = ()
    record_steps: tuple[int, ...] = ()
    timeout_seconds: float = 120.0
    memory_mb: int = 4096
    outfit: str = "numpy"
    plugin: Plugin | None = None
    inputs: Inputs = NOTHING

    def to_json(self) -> str:
        """The job as text, for a process that shares no memory with this one."""
        plugin = vars(self.plugin) if self.plugin else None
        content = {**vars(self), "plugin": plugin, "spec": self.spec.model_dump(mode="json"), "inputs": None}
        if self.inputs != NOTHING:
            content["inputs"] = vars(self.inputs)
        return json.dumps(content)

    @staticmethod
    def from_json(text: str | bytes) -> Job:
        """The job that `to_json` wrote."""
        content: dict[str, Any] = json.loads(text)
        spec = CellSpec.model_validate(content.pop("spec"))
        plugin = Plugin(**content["plugin"]) if content["plugin"] else None
        inputs = Inputs.from_lists(given) if (given := content.pop("inputs", None)) else NOTHING
        lists = {name: tuple(content[name]) for name in ("record_steps", "targets")}
        return Job(spec=spec, **{**content, **lists, "plugin": plugin, "inputs": inputs})
