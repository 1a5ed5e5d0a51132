"""From a scenario's base values and its axes to cells."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pydantic import ValidationError

from harness import catalogue
from harness.errors import Fault
from harness.scenario import faults
from harness.scenario.cell import Cell, CellSpec
from harness.scenario.grid import AXIS_ROOTS, STANDARD_AXES, Grid
from harness.scenario.scenario import Experiment

# Each is at least one process; more is a slip of the pen, and would fill the memory before it is refused.
MOST_CELLS = 1_000_000


def expand(raw: dict[str, Any], grid: Grid) -> tuple[list[Cell], list[Fault]]:
    """
    All cells of a scenario file, exclusions applied, duplicates merged.

    Args:
        raw: The file as read: the base values that the dotted axes override.
        grid: Its validated axes.

    Returns:
        The cells in file order, and the faults of axis values that do not validate.
    """
    axes = {axis: list(getattr(grid, axis)) for axis in STANDARD_AXES}
    combinations = math.prod(map(len, [*axes.values(), *grid.dotted().values()]))
    if combinations > MOST_CELLS:
        return [], [Fault("grid", f"has {combinations:,} combinations; allowed: at most {MOST_CELLS:,}")]
    excluded = [exclude.axes() for exclude in grid.exclude]
    cells: dict[str, Cell] = {}
    found: list[Fault] = []
    for dotted in _combinations(grid.dotted()):
        try:
            experiment = Experiment.model_validate(with_values(_experiment_only(raw), dotted))
        except ValidationError as error:
            found += _axis_faults(error, raw, dotted)
            continue
        for values in _combinations(axes):
            cell = _cell(experiment, values, dotted)
            if not any(_matches(cell.axes, wanted) for wanted in excluded):
                cells.setdefault(cell.id, cell)
    return list(cells.values()), list(dict.fromkeys(found))


def with_values(raw: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """A copy of the raw file with these dotted keys set; a plain word gives way to a table."""
    result = copy.deepcopy(raw)
    for key, value in values.items():
        *parents, last = key.split(".")
        here = result
        if parents and not isinstance(here.get(parents[0], {}), (dict, str)):
            continue  # not a table: refused as what it is
        for parent in parents:
            inner = here.get(parent, {})
            if isinstance(inner, str):
                inner = {"kind": inner}
            here[parent] = inner if isinstance(inner, dict) else {}
            here = here[parent]
        here[last] = value
    return result


def bad_axes(raw: dict[str, Any]) -> list[Fault]:
    """Faults of the keys of `[grid]` that are neither standard axes nor keys that may be one."""
    table = raw.get("grid")
    known = (*STANDARD_AXES, "exclude")
    result = []
    for key, value in table.items() if isinstance(table, dict) else ():
        path = f"grid.{faults.key(key)}"
        if key in NAMED_AXES:
            result += _unknown_names(path, value, *NAMED_AXES[key])
        if key in known:
            continue
        if "." not in key:
            message = f"unknown key; allowed here: {faults.one_of(known)}, or a dotted key of the file in quotes"
            result.append(Fault(path, message + faults.nearest(key, known)))
        elif not key.startswith(AXIS_ROOTS):
            message = f"cannot be an axis; keys that can begin with {faults.one_of(AXIS_ROOTS)}"
            result.append(Fault(path, message))
        elif not isinstance(value, list) or not value:
            result.append(Fault(path, f"found {faults.show(value)}; allowed: a list with at least one value"))
        elif len(set(map(repr, value))) < len(value):
            twice = next(item for item in value if [*map(repr, value)].count(repr(item)) > 1)
            result.append(Fault(path, f"holds {faults.show(twice)} twice; name each value once"))
    return result


# Who knows the names, and how others become known.
NAMED_AXES = {
    "implementation": (catalogue.implementations, "; one of your own needs --plugin FILE.py"),
    "device": (catalogue.devices, ""),
}


def _unknown_names(path: str, values: Any, names: Callable[[], tuple[str, ...]], hint: str) -> list[Fault]:
    known = names()
    return [
        Fault(
            f"{path}[{position}]",
            f"found {faults.show(name)}; allowed: {faults.one_of(known)}{faults.nearest(name, known) or hint}",
        )
        for position, name in enumerate(values if isinstance(values, list) else ())
        if isinstance(name, str) and name not in known
    ]


def _experiment_only(raw: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in raw.items() if key in Experiment.model_fields}


def _combinations(axes: dict[str, list[Any]]) -> Iterator[dict[str, Any]]:
    for values in itertools.product(*axes.values()):
        yield dict(zip(axes, values, strict=True))


def _cell(experiment: Experiment, values: dict[str, Any], dotted: dict[str, Any]) -> Cell:
    spec = CellSpec(
        data=experiment.data,
        model=experiment.model,
        init=experiment.init,
        training=experiment.training,
        threads=experiment.run.threads,
        tf32=experiment.run.tf32,
        deterministic=experiment.run.deterministic,
        **values,
    )
    return Cell(spec, {**values, **dotted})


def _matches(axes: dict[str, Any], wanted: dict[str, Any]) -> bool:
    return all(axis in axes and same(axes[axis], value) for axis, value in wanted.items())


def same(found: Any, wanted: Any) -> bool:
    """Equality of axis values after coercion: 1 is 1.0, true is not 1, a list is any of its members."""
    if isinstance(wanted, list) and not isinstance(found, (list, tuple)):
        # A list in the list is no member: depth is not walked.
        return any(same(found, value) for value in wanted if not isinstance(value, list))
    if isinstance(found, bool) != isinstance(wanted, bool):
        return False
    if isinstance(found, (list, tuple)) and isinstance(wanted, (list, tuple)):
        return len(found) == len(wanted) and all(map(same, found, wanted))
    return bool(found == wanted)


def axis_of(path: str, dotted: Iterable[str]) -> str | None:
    """The dotted axis that supplied the key at this path, if one did."""
    return next((key for key in dotted if path == key or path.startswith((key + ".", key + "["))), None)


def dotted_axes(raw: dict[str, Any]) -> dict[str, list[Any]]:
    """The dotted axes of a file as read, those that cannot be an axis left out."""
    table = raw.get("grid")
    return {
        key: value
        for key, value in (table.items() if isinstance(table, dict) else ())
        if key.startswith(AXIS_ROOTS) and isinstance(value, list) and value
    }


def later_faults(raw: dict[str, Any], axes: dict[str, list[Any]], first: dict[str, Any]) -> list[Fault]:
    """
    Faults of every value of the dotted axes but the first, each beside the first of the others.

    For a file that is refused anyway: its cells are not made, and all faults are to be told at once.
    """
    found: list[Fault] = []
    for axis, values in axes.items():
        for value in values[1:]:
            dotted = {**first, axis: value}
            try:
                Experiment.model_validate(with_values(_experiment_only(raw), dotted))
            except ValidationError as error:
                mine = f'grid."{axis}"['
                found += [fault for fault in _axis_faults(error, raw, dotted) if fault.path.startswith(mine)]
    return list(dict.fromkeys(found))


def _axis_faults(error: ValidationError, raw: dict[str, Any], dotted: dict[str, Any]) -> list[Fault]:
    """Faults of one combination, told at the axis where the axis names the key."""
    merged = with_values(raw, dotted)
    result = []
    for fault in faults.from_errors(error.errors(), merged, Experiment):
        axis = axis_of(fault.path, dotted)
        if axis is not None:
            # By how they are written: 1 == true, and nan is not even itself.
            position = [*map(repr, raw["grid"][axis])].index(repr(dotted[axis]))
            fault = Fault(f'grid."{axis}"[{position}]', fault.problem)
        result.append(fault)
    return result
