"""From a scenario's base values and its axes to cells."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from harness import catalogue
from harness.errors import Fault
from harness.scenario import faults
from harness.scenario.base import FaultAtKeyError
from harness.scenario.cell import Cell, CellSpec
from harness.scenario.grid import AXIS_ROOTS, STANDARD_AXES, Grid
from harness.scenario.inputs import InputFiles
from harness.scenario.scenario import Experiment
from harness.scenario.training import Constant

# Each is at least one process; more is a slip of the pen, and would fill the memory before it is refused.
MOST_CELLS = 1_000_000


def expand(raw: dict[str, Any], grid: Grid, files: InputFiles) -> tuple[list[Cell], list[Fault]]:
    """
    All cells of a scenario file: the grid without what is excluded, then what is included; duplicates merged.

    Args:
        raw: The file as read: the base values that the dotted axes override.
        grid: Its validated axes.
        files: Its data and order files.

    Returns:
        The cells in file order, and the faults of axis values and files that do not validate.
    """
    axes: dict[str, list[Any]] = {axis: list(getattr(grid, axis)) for axis in STANDARD_AXES} | grid.dotted()
    blocks = [_Block(axes)] + [
        _Block({**axes, **include.axes()}, f"grid.include[{number}]", frozenset(include.axes()))
        for number, include in enumerate(grid.include)
    ]
    combinations = sum(math.prod(map(len, block.axes.values())) for block in blocks)
    if combinations > MOST_CELLS:
        return [], [Fault("grid", f"has {combinations:,} combinations; allowed: at most {MOST_CELLS:,}")]
    excluded = [exclude.axes() for exclude in grid.exclude]
    cells: dict[str, Cell] = {}
    found: list[Fault] = []
    for block in blocks:
        made, faulty = _cells(raw, block, files)
        found += faulty
        for cell in made:
            if block.path or not any(_matches(cell.axes, wanted) for wanted in excluded):
                cells.setdefault(cell.id, cell)
    return list(cells.values()), list(dict.fromkeys(found))


@dataclass(frozen=True)
class _Block:
    """
    Axes of which every combination is a cell: the grid's, or those of one `[[grid.include]]`.

    Args:
        axes: The values of every axis.
        path: Of the `[[grid.include]]`; empty for the grid itself.
        own: The axes whose values stand there.
    """

    axes: dict[str, list[Any]]
    path: str = ""
    own: frozenset[str] = frozenset()

    def told(self, found: Iterable[Fault], dotted: dict[str, Any]) -> list[Fault]:
        """The faults of one combination of dotted axes, each told at the axis that names its key, where one does."""
        result = []
        for fault in found:
            axis = axis_of(fault.path, dotted)
            if axis in self.own:
                fault = Fault(f'{self.path}."{axis}"', fault.problem)
            elif axis is not None:
                # By how they are written: 1 == true, and nan is not even itself.
                position = [*map(repr, self.axes[axis])].index(repr(dotted[axis]))
                fault = Fault(f'grid."{axis}"[{position}]', fault.problem)
            result.append(fault)
        return result


def _cells(raw: dict[str, Any], block: _Block, files: InputFiles) -> tuple[list[Cell], list[Fault]]:
    """Every combination of the block's values, and what is wrong with them."""
    cells: list[Cell] = []
    found: list[Fault] = []
    standard = {axis: block.axes[axis] for axis in STANDARD_AXES}
    for dotted in _combinations({axis: values for axis, values in block.axes.items() if axis not in standard}):
        merged = with_values(_experiment_only(raw), dotted)
        try:
            experiment = Experiment.model_validate(merged)
        except ValidationError as error:
            found += block.told(faults.from_errors(error.errors(), merged, Experiment), dotted)
            continue
        read, faulty = _files(experiment, files)
        if not standard["learning_rate"] and isinstance(experiment.training.schedule, Constant):
            faulty.append(Fault("grid.learning_rate", "is missing; it is required here"))
        found += block.told(faulty, dotted)
        if not faulty:
            cells += _of_experiment(experiment, _rated(standard), dotted, read)
    return cells, found


def _of_experiment(
    experiment: Experiment, axes: dict[str, list[Any]], dotted: dict[str, Any], read: dict[str, Any]
) -> Iterator[Cell]:
    """Every combination of standard axes; seeds vary fastest, and one of them is validated for all."""
    first, seeds = {**axes, "seed": axes["seed"][:1]}, axes["seed"]
    for values in _combinations(first):
        yield from _cell(experiment, values, dotted, read).at_seeds(seeds)


def _rated(axes: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """With something where no learning rate is given; the schedule then has its own."""
    return {**axes, "learning_rate": axes["learning_rate"] or [0.0]}


def _files(experiment: Experiment, files: InputFiles) -> tuple[dict[str, Any], list[Fault]]:
    """What a cell holds of the files its tables name, and what is wrong with them."""
    read: dict[str, Any] = {}
    found: list[Fault] = []
    try:
        read["data_file"] = files.data_file(experiment.data)
    except FaultAtKeyError as error:
        found.append(Fault(f"data.csv.{error.key}", str(error)))
    try:
        read["order_digest"] = files.order_digest(experiment.training)
    except FaultAtKeyError as error:
        found.append(Fault(f"training.order.{error.key}", str(error)))
    return read, found


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
    known = (*STANDARD_AXES, "exclude", "include")
    result = []
    for key, value in table.items() if isinstance(table, dict) else ():
        path = f"grid.{faults.key(key)}"
        if key in NAMED_AXES:
            result += unknown_names(path, value, *NAMED_AXES[key])
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
    return result + _overlapping(dotted_axes(raw))


def _overlapping(axes: Iterable[str]) -> list[Fault]:
    """An axis inside another: which of the two values holds would depend on their order."""
    return [
        Fault(f"grid.{faults.key(inner)}", f"is inside the axis {faults.key(outer)}; vary one of the two")
        for outer in axes
        for inner in axes
        if inner.startswith(outer + ".")
    ]


# Who knows the names, and how others become known.
NAMED_AXES = {
    "implementation": (catalogue.implementations, "; one of your own needs --plugin FILE.py"),
    "device": (catalogue.devices, ""),
}


def unknown_names(
    path: str, values: Any, names: Callable[[], tuple[str, ...]], hint: str, *, listed: bool = True
) -> list[Fault]:
    """Names that nobody knows, each told at its place in the list."""
    known = names()
    return [
        Fault(
            f"{path}[{position}]" if listed else path,
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


def _cell(experiment: Experiment, values: dict[str, Any], dotted: dict[str, Any], read: dict[str, Any]) -> Cell:
    values = {**values, "learning_rate": experiment.training.first_rate(values["learning_rate"])}
    spec = CellSpec(
        data=experiment.data,
        model=experiment.model,
        init=experiment.init,
        training=experiment.training,
        threads=experiment.run.threads,
        tf32=experiment.run.tf32,
        deterministic=experiment.run.deterministic,
        **values,
        **read,
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
                told = faults.from_errors(error.errors(), with_values(raw, dotted), Experiment)
                found += [fault for fault in _Block(axes).told(told, dotted) if fault.path.startswith(mine)]
    return list(dict.fromkeys(found))
