"""A cell's identity, its length, and the truth behind its data."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest

from harness.job import Job
from harness.scenario.cell import Cell
from harness.scenario.read import parse
from tests.builders import LINE, document, scenario, toml


def identity(**values: Any) -> str:
    (cell,) = scenario(**values).cells
    return cell.id


def reversed_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: reversed_keys(value[key]) for key in reversed(value)}
    return value


def test_an_id_begins_with_a_letter() -> None:
    """No reader takes an id for a number: a letter, then twelve hex digits."""
    cells = scenario(grid__seed={"count": 300}).cells
    assert all(re.fullmatch(r"c[0-9a-f]{12}", cell.id) for cell in cells)
    assert len({cell.id for cell in cells}) == 300


def test_ids_are_the_same_in_every_process() -> None:
    """The id does not depend on hash seeds or order of construction, so it can be compared between runs."""
    text = toml(document())
    assert {parse(text, Path("a.toml"), {}).cells[0].id for _ in range(3)} == {identity()}


DEFAULTS: dict[str, Any] = {
    "data__noise": {"kind": "none"},
    "data__rng": "numpy",
    "data__y__bias": 0.0,
    "model": {"kind": "linear", "powers": [1], "intercept": True, "standardize": "none"},
    "init": {"weights": "zeros", "bias": 0},
    "training__loss": "mse",
    "training__optimizer": {"kind": "sgd"},
    "training__order": "shuffle",
    "training__drop_last": False,
    "training__schedule": "constant",
    "grid__device": ["cpu"],
    "grid__seed": [0],
    "run": {"threads": 1, "tf32": False, "deterministic": False},
}


@pytest.mark.parametrize("key", DEFAULTS)
def test_a_default_written_out(key: str) -> None:
    """A key left out and the same key with its default from the contract's table are one cell."""
    bare = document(data__noise=None, init=None)
    del bare["data"]["noise"], bare["data"]["y"]["bias"], bare["training"]["loss"], bare["init"]
    written = copy.deepcopy(bare)
    *parents, last = key.split("__")
    here = written
    for parent in parents:
        here = here[parent]
    here[last] = DEFAULTS[key]
    (one,) = parse(toml(bare), Path("a.toml"), {}).cells
    (other,) = parse(toml(written), Path("a.toml"), {}).cells
    assert one.id == other.id


def test_all_defaults_written_out() -> None:
    """All of them together, too."""
    bare = document(data__noise=None, init=None)
    del bare["data"]["noise"], bare["data"]["y"]["bias"], bare["training"]["loss"], bare["init"]
    (one,) = parse(toml(bare), Path("a.toml"), {}).cells
    assert identity(**DEFAULTS) == one.id


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"grid__learning_rate": [1]}, {"grid__learning_rate": [1.0]}),
        ({"grid__learning_rate": [1e-3]}, {"grid__learning_rate": [0.001]}),
        ({"data__y__weights": [3, -1]}, {"data__y__weights": [3.0, -1.0]}),
        ({"data__x__mean": 0}, {"data__x__mean": 0.0}),
        ({"init__bias": 1}, {"init__bias": 1.0}),
        ({"init__weights": [1, 2]}, {"init__weights": [1.0, 2.0]}),
        ({"data__x__columns": 1, "data__y__weights": [1]},
         {"data__x": {"kind": "normal", "mean": 0.0, "sd": 1.0}, "data__y__weights": [1.0]}),
        ({"data__validation": {"rows": 8}}, {"data__validation": {"rows": 8, "pick": "shuffle"}}),
        ({"init__weights": "normal"} | {"init__weights": {"kind": "normal", "mean": 0, "sd": 1}},
         {"init__weights": {"sd": 1.0, "mean": 0.0, "kind": "normal"}}),
        ({"model": {"kind": "mlp", "hidden": [2]}}, {"model": {"kind": "mlp", "hidden": [2], "activation": "relu"}}),
    ],
)  # fmt: skip
def test_the_same_cell_written_otherwise(one: dict[str, Any], other: dict[str, Any]) -> None:
    """1 and 1.0, a default, and a table in another order are one cell."""
    assert identity(**one) == identity(**other)


def test_order_of_keys() -> None:
    """The order of keys and tables in the file decides nothing."""
    (cell,) = parse(toml(reversed_keys(document())), Path("a.toml"), {}).cells
    assert cell.id == identity()


@pytest.mark.parametrize(
    "values",
    [
        {"title": "Another"},
        {"source": "somewhere"},
        {"expect": [{"quantity": "loss", "at_least": 0.0}]},
        {"run": {"replicates": 7, "timed_seeds": 1, "timing_repeats": 0, "timeout_seconds": 1, "memory_mb": 5}},
        {"target": {"tau": [0.5], "digits": 6}},
        {"grid__exclude": [{"seed": 1, "why": "x"}], "grid__seed": [0, 1]},
    ],
    ids=lambda values: next(iter(values)),
)
def test_what_decides_no_number(values: dict[str, Any]) -> None:
    """Titles, expectations, replicates, limits, targets and other cells do not change an id."""
    assert identity(**values) == identity()


@pytest.mark.parametrize(
    "values",
    [
        {"data__samples": 41},
        {"data__x__mean": 1.0},
        {"data__x": {"kind": "uniform", "low": 0.0, "high": 1.0, "columns": 2}},
        {"data__y__weights": [3.0, -1.5]},
        {"data__y__bias": 0.25},
        {"data__noise": "none"},
        {"data__rng": "numpy-legacy"},
        {"data__seed": 0},
        {"data__validation": {"rows": 8}},
        {"model": {"kind": "linear", "powers": [1, 2]}},
        {"model": {"kind": "linear", "standardize": "sample"}},
        {"model": {"kind": "linear", "intercept": False}, "init": {}},
        {"model": {"kind": "mlp", "hidden": [2]}},
        {"init": {}},
        {"init__bias": 0.02},
        {"init__bias": {"kind": "normal", "mean": 0.0, "sd": 1.0}},
        {"init__weights": "default"},
        {"init__seed": 0},
        {"training__loss": "half_mse"},
        {"training": {"epochs": 6}},
        {"training": {"steps": 25}},
        {"training__order": "sequential"},
        {"training__drop_last": True},
        {"training__seed": 0},
        {"grid__implementation": ["autograd"]},
        {"grid__device": ["cuda"]},
        {"grid__dtype": ["float32"]},
        {"grid__batch_size": ["full"]},
        {"grid__batch_size": [40]},
        {"grid__learning_rate": [0.06]},
        {"grid__seed": [1]},
        {"run": {"threads": 2}},
        {"run": {"tf32": True}},
        {"run": {"deterministic": True}},
    ],
    ids=json.dumps,
)
def test_what_decides_numbers(values: dict[str, Any]) -> None:
    """Everything that changes, or may change, a number changes the id."""
    assert identity(**values) != identity()


def test_a_zero_bias_beside_the_default_scheme() -> None:
    """With the default scheme a bias left out is drawn, so a bias of 0 is another cell."""
    assert identity(init={"weights": "default"}) != identity(init={"weights": "default", "bias": 0.0})


def test_ids_are_unique_over_a_grid() -> None:
    """Over all axes at once no two cells share an id."""
    grid = {
        "learning_rate": [0.1, 0.2],
        "dtype": ["float32", "float64"],
        "batch_size": [1, 8, "full"],
        "seed": {"count": 5},
        "data.samples": [40, 50],
        "training.loss": ["mse", "mae"],
        "run.threads": [1, 2],
    }
    cells = scenario(grid=grid).cells
    assert len(cells) == 4 * 2 * 2 * 3 * 5 * 2 * 2 * 2
    assert len({cell.id for cell in cells}) == len(cells)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"init__weights": [0.1, 1e-300]},
        {"model": {"kind": "mlp", "hidden": [1]}, "init": {"weights": [[[1.0, 2.0]], [[3.0]]], "bias": [[1.0], [2.0]]}},
        {"data__x": {"kind": "linspace", "start": 0.1, "stop": 1e22}, "data__y": "cos"},
        {"data__y": "sin", "data__noise": {"kind": "uniform", "low": 0, "high": 0.2}},
        {"data__validation": {"fraction": 0.1}, "grid__batch_size": ["full"]},
        {"grid__seed": [2**32 - 1]},
    ],
    ids=json.dumps,
)  # fmt: skip
def test_a_job_survives_its_way_to_a_worker(values: dict[str, Any]) -> None:
    """The spec that a worker reads is the spec that was planned, and the same cell."""
    spec = scenario(**values).cells[0].spec
    again = Job.from_json(Job(spec, record_steps=(1, 2)).to_json())
    assert again.spec == spec
    assert again.record_steps == (1, 2)
    assert Cell(again.spec, {}).id == Cell(spec, {}).id


@pytest.mark.parametrize(
    ("values", "per_epoch", "steps"),
    [
        ({}, 5, 25),
        ({"grid__batch_size": ["full"]}, 1, 5),
        ({"grid__batch_size": [1]}, 40, 200),
        ({"grid__batch_size": [16]}, 3, 15),
        ({"grid__batch_size": [16], "training__drop_last": True}, 2, 10),
        ({"grid__batch_size": [40], "training__drop_last": True}, 1, 5),
        ({"grid__batch_size": [100]}, 1, 5),
        ({"grid__batch_size": ["full"], "training__drop_last": True}, 1, 5),
        ({"data__validation": {"rows": 10}}, 4, 20),
        ({"training": {"steps": 7}}, 5, 7),
        ({"training": {"steps": 7}, "grid__batch_size": ["full"]}, 1, 7),
    ],
)
def test_length(values: dict[str, Any], per_epoch: int, steps: int) -> None:
    """Updates in an epoch and in the training: a short last batch is one more unless it is dropped."""
    spec = scenario(**values).cells[0].spec
    assert (spec.batches_per_epoch, spec.steps) == (per_epoch, steps)


@pytest.mark.parametrize(
    ("values", "truth"),
    [
        ({}, ([3.0, -1.0], 0.5)),
        # tutorial 003: y = 3x² + 2 with noise on [0, 0.2), whose mean moves the bias to 2.1
        (
            {
                "data__x": {"kind": "linspace", "start": -1.0, "stop": 1.0},
                "data__y": {"kind": "polynomial", "coefficients": [2.0, 0.0, 3.0]},
                "data__noise": {"kind": "uniform", "low": 0.0, "high": 0.2},
                "model": {"kind": "linear", "powers": [2]},
            },
            ([3.0], 2.1),
        ),
        # tutorial 001: the noise's mean is the whole intercept
        ({"data__y": {"kind": "linear", "weights": [8.1, 2.0]}, "data__noise__mean": 1.0}, ([8.1, 2.0], 1.0)),
        ({"model": {"kind": "linear", "powers": [1, 2]}}, ([3.0, -1.0, 0.0, 0.0], 0.5)),
        # what the model cannot say
        ({"model": {"kind": "linear", "powers": [2]}}, None),
        ({"model": {"kind": "linear", "intercept": False}, "init": {}}, None),
        # of the columns as they were
        ({"model": {"kind": "linear", "standardize": "sample"}}, ([3.0, -1.0], 0.5)),
        ({"model": {"kind": "mlp", "hidden": [2]}}, None),
        ({"data__y": "sin"}, None),
    ],
)
def test_truth(values: dict[str, Any], truth: Any) -> None:
    """The coefficients that the data were made with, the noise's mean in the bias; None where the model has no such."""
    found: Any = scenario(**values).cells[0].spec.raw_truth()
    assert found == (None if truth is None else (truth[0], pytest.approx(truth[1], rel=1e-15)))


def test_columns_and_features() -> None:
    """Features are the columns in every power."""
    spec = scenario(model={"kind": "linear", "powers": [1, 2, 3]}).cells[0].spec
    assert (spec.columns, spec.features) == (LINE["data"]["x"]["columns"], 6)
