"""The value of a quantity at a state of many cells at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from harness.packed import Packed, stacked
from harness.problem.optimum import correct_digits
from harness.scenario.cell import CellSpec
from harness.scenario.expect import Expect

# Spec, row of the cells frame, trace and the step of the state.
Asked: TypeAlias = tuple[CellSpec, dict[str, Any], Packed, int]
# What a trace says without the data.
_OF_TRACES = ("weights", "bias", "correct_digits", "loss", "step_loss")


def values(expect: Expect, asked: Sequence[Asked]) -> dict[int, float]:
    """
    What `quantities.value` gives, by place; what takes more than the traces is left out, to be asked for by itself.

    Reading one trace takes longer than all arithmetic on it.
    """
    if expect.of is not None or expect.name not in _OF_TRACES:
        return {}
    alike: dict[Any, list[int]] = {}
    for place, (spec, _, trace, step) in enumerate(asked):
        if expect.space != "raw" or spec.model.standardize == "none":
            alike.setdefault((trace.layout, step), []).append(place)
    found: dict[int, float] = {}
    for places in alike.values():
        found.update(zip(places, _of_alike(expect, [asked[place] for place in places]), strict=False))
    return found


def _of_alike(expect: Expect, asked: Sequence[Asked]) -> list[float]:
    """Of traces of one layout at one step; empty where that is not the same state of all."""
    traces, step = [trace for _, _, trace, _ in asked], asked[0][3]
    name = expect.name if expect.name in ("loss", "step_loss") else "parameters"
    recorded, values = stacked(traces, "step", name)
    row = min(int(np.searchsorted(recorded[0], step)), recorded.shape[1] - 1)
    if (recorded[:, row] != step).any():
        return []
    states = values[:, row]
    match expect.name:
        case "weights":
            states = states[:, expect.index or 0]
        case "bias":
            states = states[:, -1]
        case "correct_digits":
            best = [record["optimum"] for _, record, _, _ in asked]
            if None in best:
                return []
            return [correct_digits(state, np.array(point)) for state, point in zip(states, best, strict=True)]
    return [float(value) for value in states.tolist()]
