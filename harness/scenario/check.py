"""What one table alone cannot tell: whether the tables of a scenario fit each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain, pairwise
from typing import Any

from harness.errors import Fault
from harness.scenario.cell import Cell, CellSpec
from harness.scenario.data import split_problem
from harness.scenario.expansion import NAMED_AXES, same, unknown_names
from harness.scenario.expect import LEAST_SEEDS, LINEAR_ONLY, AtEpoch, AtStep, Expect
from harness.scenario.faults import key, nearest, one_of, show
from harness.scenario.grid import STANDARD_AXES, Grid
from harness.scenario.inputs import InputFiles
from harness.scenario.model import Linear, Mlp
from harness.scenario.tables import ExpectedRows
from harness.scenario.training import OrderFile, SquaredLoss


def of_cells(cells: Sequence[Cell], inputs: InputFiles) -> list[Fault]:
    """Faults between tables, and between tables and files, expectations aside."""
    found: list[Fault] = []
    specs = _trainings(cells)
    found += chain.from_iterable(_start_shape(spec) for spec in specs)
    found += chain.from_iterable(_length(spec) for spec in specs)
    found += chain.from_iterable(_split(spec) for spec in specs)
    found += chain.from_iterable(_orders(spec, inputs) for spec in specs)
    if not cells:
        found.append(Fault("grid", "has no cell: every combination is excluded"))
    return list(dict.fromkeys(found))


def _trainings(cells: Iterable[Cell]) -> list[CellSpec]:
    """
    A spec of each combination of what faults depend on: tables, files and batch size.

    Tables count by identity: cells of one combination of dotted axes share them, and comparing them takes long.
    Equal ones of two combinations are checked twice, and say the same.
    """
    found: dict[Any, CellSpec] = {}
    for spec in (cell.spec for cell in cells):
        tables = (spec.data, spec.model, spec.init, spec.training, spec.data_file)
        found.setdefault((*map(id, tables), spec.order_digest, spec.batch_size), spec)
    return list(found.values())


def _start_shape(spec: CellSpec) -> list[Fault]:
    """Faults of starts written out as numbers, against the model's shape."""
    weights, bias = spec.init.weights, spec.init.bias
    if isinstance(spec.model, Mlp):
        return _net_start_shape(spec.model, spec.features, weights, bias)
    found = []
    if isinstance(weights, tuple):
        if isinstance(weights[0], tuple):
            found.append(Fault("init.weights", "found numbers per layer; a linear model takes one list of numbers"))
        elif len(weights) != spec.features:
            problem = f"found {len(weights)} numbers; the model has {spec.features} columns"
            found.append(Fault("init.weights", problem))
    if isinstance(bias, tuple):
        found.append(Fault("init.bias", "found a list; a linear model takes one number"))
    if bias is not None and not spec.model.intercept:
        found.append(Fault("init.bias", "the model has no intercept; leave it out"))
    return found


def _net_start_shape(model: Mlp, features: int, weights: Any, bias: Any) -> list[Fault]:
    sizes = [features, *model.hidden, 1]
    found = []
    if isinstance(weights, tuple):
        wanted = [(units, inputs) for inputs, units in pairwise(sizes)]
        layers = weights if isinstance(weights[0], tuple) else None
        shapes = layers and [(len(layer), {len(row) for row in layer}) for layer in layers]
        if shapes != [(units, {inputs}) for units, inputs in wanted]:
            text = ", ".join(f"{units} x {inputs}" for units, inputs in wanted)
            found.append(Fault("init.weights", f"must be numbers for each layer, one row a unit: {text}"))
    if isinstance(bias, tuple):
        lengths = [len(row) for row in bias] if isinstance(bias[0], tuple) else None
        if lengths != sizes[1:]:
            found.append(Fault("init.bias", f"must be numbers for each layer: {', '.join(map(str, sizes[1:]))}"))
    return found


def _length(spec: CellSpec) -> list[Fault]:
    if spec.training_rows > 0 and spec.batches_per_epoch == 0:
        problem = f"drops the only batch: batch_size {spec.batch_size} is more than {spec.training_rows} rows"
        return [Fault("training.drop_last", problem)]
    return []


def _split(spec: CellSpec) -> list[Fault]:
    """Of rows from a file; those of the other kinds are known to their table."""
    problem = split_problem(spec.data.validation, spec.samples)
    return [Fault("data.validation", problem)] if problem else []


def _orders(spec: CellSpec, inputs: InputFiles) -> list[Fault]:
    """An order file must have a line for each epoch, and an index of a training row for each of them."""
    order, rows = spec.training.order, spec.training_rows
    if not isinstance(order, OrderFile) or spec.batch_size == "full" or spec.batches_per_epoch < 1:
        return []
    lines = inputs.orders(order)
    epochs = -(-spec.steps // spec.batches_per_epoch)
    if len(lines) < epochs:
        return [Fault("training.order.file", f"has {len(lines)} lines; {epochs} epochs need one each")]
    for number, line in enumerate(lines, 1):
        if len(line) != rows:
            problem = f"the line of epoch {number} has {len(line)} indices; there are {rows} training rows"
            return [Fault("training.order.file", problem)]
        if max(line) >= rows:
            problem = f"the line of epoch {number}: found {max(line)}; allowed: 0 to {rows - 1}, the training rows"
            return [Fault("training.order.file", problem)]
    return []


def _axes(grid: Grid) -> dict[str, Sequence[Any]]:
    return {**{axis: getattr(grid, axis) for axis in STANDARD_AXES}, **grid.dotted()}


def of_inclusions(grid: Grid) -> list[Fault]:
    """Faults of `[[grid.include]]`: an axis that there is not, a name that nobody knows."""
    axes = _axes(grid)
    found = []
    for number, include in enumerate(grid.include):
        path = f"grid.include[{number}]"
        values = include.axes()
        if not values:
            found.append(Fault(path, "names no axis; the grid has these cells already"))
        for axis in values:
            if axis not in axes:
                hint = nearest(axis, axes) or (". A key of the file becomes one in [grid]" if "." in axis else "")
                found.append(Fault(f"{path}.{key(axis)}", f"no such axis; allowed: {one_of(axes)}{hint}"))
            elif axis in NAMED_AXES:
                names, hint = NAMED_AXES[axis]
                found += unknown_names(f"{path}.{axis}", values[axis], names, hint, listed=False)
    return found


def of_exclusions(grid: Grid) -> list[Fault]:
    """Faults of `[[grid.exclude]]`: an axis that there is not, a value that it never has."""
    axes = _axes(grid)
    found = []
    for number, exclude in enumerate(grid.exclude):
        for axis, wanted in exclude.axes().items():
            path = f"grid.exclude[{number}].{key(axis)}"
            if axis not in axes:
                found.append(Fault(path, f"no such axis; allowed: {one_of(axes)}{nearest(axis, axes)}"))
            elif not any(same(value, wanted) for value in axes[axis]):
                values = one_of(map(show, axes[axis][:8]))
                found.append(Fault(path, f"found {show(wanted)}, which {axis} never is; it is {values}"))
    return found


def of_expectation(path: str, expect: Expect, rows: ExpectedRows | None, cells: Sequence[Cell]) -> list[Fault]:
    """Faults of one expectation against the cells of the whole file."""
    axes = list(dict.fromkeys(chain.from_iterable(cell.axes for cell in cells)))
    unknown = [axis for axis in expect.where if axis not in axes]
    if unknown:
        return [
            Fault(f"{path}.where.{key(axis)}", f"no such axis; allowed: {one_of(axes)}{nearest(axis, axes)}")
            for axis in unknown
        ]
    matching = [cell for cell in cells if all(same(cell.axes[a], v) for a, v in expect.where.items())]
    if not matching:
        return [Fault(f"{path}.where", f"matches no cell: {_unmatched(expect, cells)}")]
    if few := _few_seeds(expect, matching):
        return [Fault(f"{path}.statistic", few)]
    found = chain.from_iterable(_against(path, expect, rows, spec) for spec in _trainings(matching))
    return list(dict.fromkeys(found))


def _few_seeds(expect: Expect, cells: Sequence[Cell]) -> str:
    """Whether a statistic has too few seeds; empty where it has not."""
    least = 1 if expect.statistic is None else LEAST_SEEDS.get(expect.statistic, 1)
    if least == 1:
        return ""
    fewest = min(Counter(cell.without("seed") for cell in cells).values())
    return f"{expect.statistic} takes at least {least} seeds; found {fewest}" if fewest < least else ""


def _unmatched(expect: Expect, cells: Sequence[Cell]) -> str:
    for axis, wanted in expect.where.items():
        values = list(dict.fromkeys(show(cell.axes[axis]) for cell in cells))
        if not any(same(cell.axes[axis], wanted) for cell in cells):
            return f"{axis} is never {show(wanted)}; it is {one_of(values[:8])}"
    return "no cell has all these values together"


def _against(path: str, expect: Expect, rows: ExpectedRows | None, spec: CellSpec) -> list[Fault]:
    found = []
    # The key of a gate is its quantity.
    quantity = path if path.startswith("gates.") else f"{path}.quantity"
    if expect.name in LINEAR_ONLY and not isinstance(spec.model, Linear):
        found.append(Fault(quantity, f"{expect.name} exists for a linear model only"))
    limit = spec.features - 1 + (1 if expect.name == "gradient" and spec.model.intercept else 0)
    if expect.index is not None and isinstance(spec.model, Linear) and expect.index > limit:
        found.append(Fault(quantity, f"found index {expect.index}; the model's last is {limit}"))
    if expect.name == "bias" and not spec.model.intercept:
        found.append(Fault(quantity, "the model has no intercept"))
    squared = isinstance(spec.training.loss, SquaredLoss)
    if expect.name in ("condition_number", "stable_learning_rate") and not squared:
        found.append(Fault(quantity, f"{expect.name} exists for squared losses only"))
    if expect.name == "stable_learning_rate" and spec.training.optimizer.kind != "sgd":
        found.append(Fault(quantity, f"{spec.training.optimizer.kind} has no largest stable rate; sgd has one"))
    if expect.of is not None and not isinstance(spec.model, Linear):
        found.append(Fault(f"{path}.of", "there is an exact optimum of a linear model only"))
    if expect.name.startswith("validation_") and spec.data.validation is None:
        found.append(Fault(quantity, "there are no validation rows; set data.validation"))
    if expect.x is not None and len(expect.x) != spec.columns:
        found.append(Fault(f"{path}.x", f"found {len(expect.x)} numbers; the data have {spec.columns} columns"))
    return found + _places(path, expect, rows, spec)


def _places(path: str, expect: Expect, rows: ExpectedRows | None, spec: CellSpec) -> list[Fault]:
    where = f"{path}.table" if rows else f"{path}.at"
    per_step = expect.name == "step_loss"
    first = 1 if expect.name == "epoch_loss" else 0
    found = []
    for unit, place in named_places(expect, rows):
        step = place * (spec.batches_per_epoch if unit == "epoch" else 1)
        last = spec.steps - (1 if per_step else 0)
        if place < first or step > last:
            lasting = last // spec.batches_per_epoch if unit == "epoch" else last
            found.append(Fault(where, f"found {unit} {place}; allowed: {first} to {lasting}"))
    if expect.name == "epoch_loss" and rows and rows.unit != "epoch":
        found.append(Fault(where, "epoch_loss needs a column epoch"))
    return found[:1]


def named_places(expect: Expect, rows: ExpectedRows | None) -> list[tuple[str, int]]:
    """The states that an expectation names, as (`epoch` or `step`, number); none for start and end."""
    if rows is not None:
        return [(rows.unit, place) for place in rows.places]
    if isinstance(expect.at, AtEpoch | AtStep):
        unit = "epoch" if isinstance(expect.at, AtEpoch) else "step"
        places = getattr(expect.at, unit)
        return [(unit, place) for place in (places if isinstance(places, tuple) else (places,))]
    return []


def recorded_steps(expect: Expect, rows: ExpectedRows | None, spec: CellSpec) -> set[int]:
    """States that this expectation needs in the trace of this cell, start and end aside."""
    per_unit = {"epoch": spec.batches_per_epoch, "step": 1}
    return {place * per_unit[unit] for unit, place in named_places(expect, rows)}
