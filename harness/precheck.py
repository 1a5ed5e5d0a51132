"""What only the data themselves can tell of a scenario, told before anything runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from harness.errors import Fault, ScenarioError
from harness.problem.data import make_data
from harness.scenario.base import FaultAtKeyError
from harness.scenario.cell import CellSpec
from harness.scenario.inputs import Inputs

# Data sets looked at for each scenario; one of another seed is rarely constant where these are not.
_MOST = 200


def must_be_scalable(cells: Iterable[tuple[str, CellSpec, Inputs]]) -> None:
    """
    Refuse a column without spread where it is to be standardised.

    Args:
        cells: The path of its scenario, the cell, and what it is handed.

    Raises:
        ScenarioError: With every fault found.
    """
    found: dict[Fault, None] = {}
    seen: set[tuple[str, str, int]] = set()
    looked_at: Counter[str] = Counter()
    for path, spec, inputs in cells:
        if spec.model.standardize == "none" or looked_at[path] >= _MOST:
            continue
        key = (path, spec.model_dump_json(include={"data", "model", "data_file"}), spec.data_seed)
        if key not in seen:
            seen.add(key)
            looked_at[path] += 1
            found.update(dict.fromkeys(_faults(path, spec, inputs)))
    if found:
        raise ScenarioError(list(found))


def _faults(path: str, spec: CellSpec, inputs: Inputs) -> list[Fault]:
    try:
        make_data(spec, inputs)
    except FaultAtKeyError as error:
        return [Fault(error.key, str(error), path)]
    except ValueError:
        pass  # data that overflow are one cell's failure, with its reason
    return []
