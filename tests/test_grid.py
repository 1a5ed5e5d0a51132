"""The grid: which cells a scenario has."""

from __future__ import annotations

from typing import Any

import pytest

from harness.errors import ScenarioError
from harness.scenario.expansion import same, with_values
from tests.builders import LINE, scenario


def grid(**axes: Any) -> dict[str, Any]:
    """LINE's grid with these axes; a dotted axis is written with two underscores for its dot."""
    return {**LINE["grid"], **{key.replace("__", "."): value for key, value in axes.items()}}


def faults_of(**values: Any) -> dict[str, str]:
    with pytest.raises(ScenarioError) as error:
        scenario(**values)
    return {fault.path: fault.problem for fault in error.value.faults}


def test_every_combination_is_one_cell() -> None:
    """Cells are the product of all axes, in file order, the last axis fastest; all ids differ."""
    found = scenario(grid=grid(dtype=["float32", "float64"], batch_size=[8, "full"], seed=[3, 1])).cells
    assert [(c.spec.dtype, c.spec.batch_size, c.spec.seed) for c in found] == [
        (dtype, batch, seed) for dtype in ("float32", "float64") for batch in (8, "full") for seed in (3, 1)
    ]
    assert len({cell.id for cell in found}) == len(found)


def test_defaults_of_the_axes() -> None:
    """All four implementations, cpu, float32, full batches, seed 0; only the rate has no default."""
    cells = scenario(grid={"learning_rate": [0.1]}).cells
    assert [cell.axes for cell in cells] == [
        {"implementation": name, "device": "cpu", "dtype": "float32", "batch_size": "full", "learning_rate": 0.1,
         "seed": 0}
        for name in ("numpy", "autograd", "optim", "module")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("seeds", "expected"), [({"count": 3}, [0, 1, 2]), ({"start": 7, "count": 2}, [7, 8]), ([5], [5])]
)
def test_seeds_as_a_range(seeds: Any, expected: list[int]) -> None:
    """{ start, count } is short for so many seeds."""
    assert [cell.spec.seed for cell in scenario(grid__seed=seeds).cells] == expected


@pytest.mark.parametrize(
    ("axis", "values", "read"),
    [
        ("data.samples", [40, 80], lambda spec: spec.samples),
        ("data.x.sd", [1.0, 2.0], lambda spec: spec.data.x.sd),
        ("data.y.weights", [[1.0, 2.0], [3.0, 4.0]], lambda spec: list(spec.data.y.weights)),
        ("data.seed", [1, 2], lambda spec: spec.data.seed),
        ("model.standardize", ["none", "sample"], lambda spec: spec.model.standardize),
        ("model.powers", [[1], [1, 2]], lambda spec: list(spec.model.powers)),
        ("model", ["linear", {"kind": "mlp", "hidden": [2]}], None),
        ("init.weights", ["zeros", "default"], lambda spec: spec.init.weights.kind),
        ("init.weights.sd", [0.1, 0.2], lambda spec: spec.init.weights.sd),
        ("init.bias", [0.5, 1.0], lambda spec: spec.init.bias),
        ("training.loss", ["mse", "mae"], lambda spec: spec.training.loss.kind),
        ("training.order", ["shuffle", "sequential"], lambda spec: spec.training.order),
        ("training.drop_last", [True, False], lambda spec: spec.training.drop_last),
        ("run.threads", [1, 2], lambda spec: spec.threads),
        ("run.tf32", [True, False], lambda spec: spec.tf32),
        ("run.deterministic", [True, False], lambda spec: spec.deterministic),
    ],
)
def test_a_dotted_axis(axis: str, values: list[Any], read: Any) -> None:
    """Any key that decides a cell's numbers may be an axis; the axis wins over the base value."""
    if read is None:
        assert axis in " ".join(faults_of(grid={**LINE["grid"], axis: values}))
        return
    cells = scenario(grid={**LINE["grid"], axis: values}).cells
    assert [read(cell.spec) for cell in cells] == values
    assert [cell.axes[axis] for cell in cells] == values
    assert len({cell.id for cell in cells}) == len(values)


def test_two_dotted_axes() -> None:
    """Dotted axes combine with each other and with the standard ones."""
    cells = scenario(
        grid={**LINE["grid"], "seed": [0, 1], "data.samples": [40, 50], "training.loss": ["mse", "mae"]}
    ).cells
    assert len({cell.id for cell in cells}) == 8
    assert {(c.spec.samples, c.spec.training.loss.kind) for c in cells} == {
        (samples, loss) for samples in (40, 50) for loss in ("mse", "mae")
    }


def test_an_axis_may_supply_a_required_key() -> None:
    """What an axis sets need not stand in its table."""
    training = {"loss": "mse"}
    cells = scenario(training=training, grid={**LINE["grid"], "training.steps": [3, 4]}).cells
    assert [cell.spec.steps for cell in cells] == [3, 4]


@pytest.mark.parametrize(
    ("axis", "words"),
    [
        ("target.digits", "cannot be an axis"),
        ("target.tau", "cannot be an axis"),
        ("run.replicates", "cannot be an axis"),
        ("run.timeout_seconds", "cannot be an axis"),
        ("expect.value", "cannot be an axis"),
        ("grid.seed", "cannot be an axis"),
        ("foo.bar", "cannot be an axis"),
        (".", "cannot be an axis"),
    ],
)
def test_what_cannot_be_an_axis(axis: str, words: str) -> None:
    """Limits, targets and expectations decide no number, so they cannot vary over cells."""
    told = faults_of(grid={**LINE["grid"], axis: [1]})
    assert list(told) == [f'grid."{axis}"']
    assert words in told[f'grid."{axis}"']


@pytest.mark.parametrize(
    ("axis", "values", "path", "words"),
    [
        ("data.sampels", [40], 'grid."data.sampels"[0]', 'mean "samples"'),
        ("data.x.columns.a", [1], "data.x.columns", "a whole number"),
        ("data.samples", 40, 'grid."data.samples"', "a list with at least one value"),
        ("data.samples", [], 'grid."data.samples"', "a list with at least one value"),
        ("data.samples", {"start": 0, "count": 2}, 'grid."data.samples"', "a list with at least one value"),
        ("data.samples", [40, 50, 40], 'grid."data.samples"', "holds 40 twice"),
        ("data.samples", [40, 1], 'grid."data.samples"[1]', "2 or more"),
        ("data.samples", [1, 40], 'grid."data.samples"[0]', "2 or more"),
        ("data.samples", [40, "50"], 'grid."data.samples"[1]', "a whole number"),
        ("run.threads", [1, True], 'grid."run.threads"[1]', "a whole number"),
        ("training.loss", ["mse", "msee"], 'grid."training.loss"[1]', 'mean "mse"'),
        ("data.x", [{"kind": "normal", "mean": 0.0}], 'grid."data.x"[0]', "missing"),
        ("init.weights", [[1.0, 2.0], [1.0]], "init.weights", "found 1 numbers"),
        ("data.y.weights", [[1.0, 2.0], [1.0]], 'grid."data.y.weights"[1]', "found 1 numbers"),
        ("training.steps", [3], "training", "exactly one of epochs and steps"),
    ],
)
def test_a_faulty_axis(axis: str, values: Any, path: str, words: str) -> None:
    """A wrong value of an axis is told at its place in the axis."""
    told = faults_of(grid={**LINE["grid"], axis: values})
    assert path in told, told
    assert words in told[path]


def test_faulty_values_of_two_axes() -> None:
    """Every faulty value of every axis is told, once each."""
    told = faults_of(grid={**LINE["grid"], "seed": [0, 1], "data.samples": [40, 1, 0], "training.loss": ["mse", "x"]})
    assert sorted(told) == ['grid."data.samples"[1]', 'grid."data.samples"[2]', 'grid."training.loss"[1]']


class TestExclude:
    """`[[grid.exclude]]` leaves cells out."""

    AXES = {"seed": [0, 1, 2], "batch_size": [8, "full"], "learning_rate": [1.0, 0.5]}

    def left(self, *excludes: dict[str, Any]) -> list[tuple[int, Any, float]]:
        tables = [{**exclude, "why": "x"} for exclude in excludes]
        cells = scenario(grid={**LINE["grid"], **self.AXES, "exclude": tables}).cells
        return [(cell.spec.seed, cell.spec.batch_size, cell.spec.learning_rate) for cell in cells]

    def test_cells_with_all_values(self) -> None:
        """A cell is left out when it has all the values, not one of them."""
        left = self.left({"seed": 1, "batch_size": "full"})
        assert len(left) == 10
        assert not [cell for cell in left if cell[:2] == (1, "full")]

    @pytest.mark.parametrize("seeds", [[0, 2], {"start": 1, "count": 2}])
    def test_any_of_a_list(self, seeds: Any) -> None:
        """A list, or a range of seeds, means any of its values."""
        assert len(self.left({"seed": seeds})) == 4

    def test_values_after_coercion(self) -> None:
        """1 leaves out the rate 1.0."""
        assert {cell[2] for cell in self.left({"learning_rate": 1})} == {0.5}

    def test_a_dotted_axis(self) -> None:
        """A dotted axis is named in quotes."""
        tables = [{"data.samples": 50, "why": "x"}]
        cells = scenario(grid={**LINE["grid"], "data.samples": [40, 50], "exclude": tables}).cells
        assert [cell.spec.samples for cell in cells] == [40]

    def test_true_is_not_one(self) -> None:
        """`seed = true` is not seed 1."""
        tables = [{"seed": True, "why": "x"}]
        told = faults_of(grid={**LINE["grid"], "seed": [0, 1], "exclude": tables})
        assert list(told) == ["grid.exclude[0].seed"]


@pytest.mark.parametrize(
    ("found", "wanted", "equal"),
    [(1, 1.0, True), (1, True, False), (0, False, False), (True, True, True), ("1", 1, False), (3, [1, 3], True),
     (3, [1, True], False), ((1, 2), [1, 2.0], True), ((1, 2), [1], False), ("full", "full", True),
     ({"a": 1}, {"a": 1}, True)],
)  # fmt: skip
def test_same(found: Any, wanted: Any, equal: bool) -> None:
    """Axis values are equal after coercion; a bool is no number, and a list means any of its members."""
    assert same(found, wanted) is equal


def test_with_values_leaves_the_original() -> None:
    """A setting makes a copy; words give way to tables, and missing tables are made."""
    raw = {"training": {"loss": "mse"}, "data": {"noise": "normal"}}
    changed = with_values(raw, {"data.noise.sd": 1.0, "run.threads": 2})
    assert changed == {
        "training": {"loss": "mse"},
        "data": {"noise": {"kind": "normal", "sd": 1.0}},
        "run": {"threads": 2},
    }
    assert raw == {"training": {"loss": "mse"}, "data": {"noise": "normal"}}
