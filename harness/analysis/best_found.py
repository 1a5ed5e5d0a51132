"""Targets of a net: it has no least loss that is known, so the least that any cell of the same data found stands in."""

from __future__ import annotations

import hashlib
from typing import Any

from harness.analysis.quantities import data_of
from harness.analysis.targets import least_found
from harness.frames import Run
from harness.scenario.cell import CellSpec
from harness.targets import steps_to_targets


def steps_to_best_found(run: Run, scenario: str, shares: tuple[float, ...]) -> dict[str, list[int | None]]:
    """
    Steps to each target, by cell, from the recorded states: the first recorded state that has reached it.

    Args:
        run: The run.
        scenario: One whose model is a net.
        shares: Its `target.tau`.
    """
    done = run.cells[(run.cells["scenario"] == scenario) & (run.cells["status"] == "ok")].drop_duplicates("cell")
    groups: dict[Any, list[tuple[str, Any, Any]]] = {}
    digests: dict[Any, str] = {}
    for cell, replicate in zip(done["cell"], done["replicate"], strict=True):
        trace = run.file.trace(scenario, str(cell), int(replicate))
        spec = run.file.specs[scenario, str(cell)]
        drawn = spec.data, spec.data_seed, spec.data_file
        if drawn not in digests:
            digests[drawn] = _digest(run, scenario, spec)
        same = digests[drawn], spec.training.loss
        groups.setdefault(same, []).append((str(cell), trace["step"], trace["loss"]))
    found: dict[str, list[int | None]] = {}
    for members in groups.values():
        least = least_found(loss for _, _, loss in members)
        found |= {cell: steps_to_targets(loss, least, shares, step) for cell, step, loss in members}
    return found


def _digest(run: Run, scenario: str, spec: CellSpec) -> str:
    """Of the training rows themselves: rows of a formula without noise are the same for all seeds."""
    rows = data_of(spec, run.file.inputs(scenario, spec)).training
    return hashlib.blake2b(rows.raw.tobytes() + rows.y.tobytes(), digest_size=16).hexdigest()
