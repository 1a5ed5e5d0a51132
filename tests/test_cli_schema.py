"""`harness schema`: the JSON Schema of scenario files, held against the files that the harness takes and refuses."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator

import harness
from harness.cli.main import main
from harness.errors import ScenarioError
from harness.scenario.read import parse
from harness.schema import json_schema
from tests.builders import document, toml
from tests.fuzzing import BASES, FILES, ROWS, bounded, mutated, written

SCENARIOS = sorted((Path(harness.__file__).parent.parent / "scenarios").glob("*.toml"))
TEMPLATE = Path(main.__code__.co_filename).parent / "init.toml"
SCHEMA = json_schema.json_schema()
VALIDATOR = Draft202012Validator(SCHEMA)


def mistakes(content: dict[str, Any]) -> list[str]:
    """What the schema has against a file."""
    return [error.message for error in VALIDATOR.iter_errors(tomllib.loads(toml(content)))]


def is_taken(content: dict[str, Any]) -> bool:
    """Whether the harness itself takes the file."""
    try:
        parse(toml(content), Path("line.toml"), {}, {"rows.csv": ROWS})
    except ScenarioError:
        return False
    return True


def test_it_is_a_schema() -> None:
    """The schema is one of draft 2020-12, with a title, and every key it names is described."""
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert SCHEMA["title"]
    assert set(SCHEMA["properties"]) >= {
        "schema",
        "data",
        "model",
        "init",
        "training",
        "grid",
        "run",
        "expect",
        "gates",
    }
    for name, table in SCHEMA["$defs"].items():
        for key, value in table.get("properties", {}).items():
            dotted = "." in key or (name == "Exclude" and key != "why")
            assert dotted or key == "kind" or value.get("description"), (name, key)


def test_nothing_of_python_is_left() -> None:
    """There is no null, no Python name with an underscore at its end, no mark of ours, in the schema."""
    text = json.dumps(SCHEMA)
    for word in ('"null"', "schema_", "x-word", "discriminator", "null,"):
        assert word not in text, word


@pytest.mark.parametrize("path", [*SCENARIOS, TEMPLATE], ids=lambda path: path.stem)
def test_takes_our_scenarios(path: Path) -> None:
    """Each file in scenarios/, and that of `harness init`, is valid by the schema."""
    assert list(VALIDATOR.iter_errors(tomllib.loads(path.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize("base", BASES)
def test_takes_every_key_and_kind(base: dict[str, Any]) -> None:
    """Scenarios that between them have every key and kind are valid by the schema."""
    assert mistakes(base) == []


TAKEN: list[dict[str, Any]] = [
    {"model": {"powers": [1, 2]}},
    {"model": "linear"},
    {"data__noise": "none"},
    {"data__noise": {"kind": "none"}},
    {"init__weights": "default", "init__bias": {"kind": "uniform", "low": 0, "high": 1}},
    {"training__optimizer": "adam"},
    {"training__optimizer": {"kind": "adam", "betas": [0.9, 0.99]}},
    {"training__schedule": {"kind": "inverse", "t0": 1.0, "t1": 10.0}},
    {"training__loss": "huber"},
    {"grid__seed": {"count": 3}},
    {"grid__seed": [0, 7]},
    {"grid": {"learning_rate": [1, 0.5], "data.samples": [10, 20], "training.loss": ["mse", {"kind": "huber"}]}},
    {"grid": {"learning_rate": [0.1], "data.noise.sd": [0.1, 0.2], "run.threads": [1, 2]}},
    {"grid": {"learning_rate": [0.1], "seed": [0, 1], "include": [{"learning_rate": 0.2, "seed": {"count": 2}}]}},
    {"grid": {"learning_rate": [0.1], "seed": [0, 1], "exclude": [{"seed": {"count": 1}, "why": "x"}]}},
    {"data": {"inline": {"x": [[1.0], [2.0]], "y": [1, 2]}}, "init": {}},
    {"gates": {"loss": {"at_most": 1.0, "where": {"dtype": "float64"}}, "weights[1]": {"at_least": 0}}},
    {"expect": [{"quantity": "loss", "at": {"step": [0, 1]}, "value": [1, 2], "within": 1e9}]},
]  # fmt: skip


@pytest.mark.parametrize("values", TAKEN, ids=str)
def test_takes_what_the_harness_takes(values: dict[str, Any]) -> None:
    """Words for tables, models without a kind, ranges of seeds, dotted axes: both take them."""
    content = document(**values)
    assert is_taken(content)
    assert mistakes(content) == []


def test_a_key_may_come_from_an_axis() -> None:
    """A key of the data that an axis supplies may be missing; one that nothing supplies may not."""
    content = document(grid={"learning_rate": [0.1], "data.samples": [10, 20]})
    del content["data"]["samples"]
    assert is_taken(content)
    assert mistakes(content) == []
    del content["grid"]["data.samples"]
    assert not is_taken(content)
    assert mistakes(content)


REFUSED: list[dict[str, Any]] = [
    # unknown keys
    {"titel": "x"}, {"training__losss": "mse"}, {"data__x__sdd": 1.0}, {"data__noise__low": 1.0}, {"run__thread": 1},
    {"model": {"kind": "linear", "hidden": [3]}}, {"model": {"kind": "mlp", "hidden": [3], "intercept": False}},
    {"grid__sede": [1]}, {"grid__seed": {"start": 0, "count": 2, "stop": 3}}, {"target__tua": [0.1]},
    {"grid": {"learning_rate": [0.1], "dat.samples": [1]}}, {"gates": {"loss": {"value": 1.0}}},
    {"grid": {"learning_rate": [0.1], "run.replicates": [1, 2]}},
    # wrong types
    {"title": 3}, {"data": 5}, {"data__samples": "40"}, {"data__samples": True}, {"data__x__mean": True},
    {"data__y__weights": 3.0}, {"data__y__weights": [3.0, "1"]}, {"training__drop_last": 1}, {"run__tf32": "yes"},
    {"grid__learning_rate": 0.05}, {"grid__learning_rate": [True]}, {"grid__seed": [1, 2.5]}, {"schema": "1"},
    {"grid": {"learning_rate": [0.1], "data.samples": 5}}, {"grid": {"learning_rate": [0.1], "data.samples": []}},
    # impossible values
    {"schema": 2}, {"data__samples": 1}, {"training__epochs": 0}, {"grid__dtype": ["float16"]},
    {"grid__device": ["gpu"]},
    {"grid__batch_size": [8, "ful"]}, {"grid__batch_size": [0]}, {"grid__learning_rate": [0.0]}, {"grid__dtype": []},
    {"run__timeout_seconds": 0}, {"target__tau": [1.5]}, {"data__x__sd": -1.0},
    {"training__optimizer": {"kind": "sgd", "momentum": 1.0}},
    # wrong kinds
    {"data__x": "normal"}, {"data__x": {"kind": "gauss", "mean": 0, "sd": 1}}, {"data__noise": "loud"},
    {"training__loss": "l2"}, {"training__loss": {"delta": 1.0}}, {"init__weights": "random"}, {"model": "mlp"},
    {"model": {"kind": "tree"}}, {"training__order": "random"}, {"training__schedule": "inverse"},
    {"grid": {"learning_rate": [0.1], "training.loss": ["mse", "l2"]}},
    {"grid": {"learning_rate": [0.1], "model.standardize": ["none", "minmax"]}},
    # sources that exclude each other, and tables and keys that are missing
    {"data__csv": {"path": "a.csv", "x": [0], "y": 1}}, {"data": {}}, {"data": {"samples": 5}}, {"grid": None},
    # expectations
    {"expect": [{"quantity": "los", "at_most": 1.0}]}, {"expect": [{"quantity": "weights", "at_most": 1.0}]},
    {"expect": [{"at_most": 1.0}]}, {"expect": [{"quantity": "loss", "at": "middle", "at_most": 1.0}]},
    {"expect": [{"quantity": "outcome", "equals": "fine"}]}, {"expect": [{"quantity": "loss", "where": {"sed": 0}}]},
    {"expect": [{"quantity": "loss", "value": "1.0", "within": 1.0}]}, {"gates": {"los": {"at_most": 1.0}}},
]  # fmt: skip


@pytest.mark.parametrize("values", REFUSED, ids=str)
def test_refuses_what_the_harness_refuses(values: dict[str, Any]) -> None:
    """Unknown keys, wrong types, impossible values and wrong kinds are refused by both."""
    content = document(**values)
    assert not is_taken(content)
    assert mistakes(content) != []


@bounded(200)
@given(mutated())
def test_fuzz_it_is_no_stricter_than_the_harness(content: dict[str, Any]) -> None:
    """What the harness takes the schema takes too, but for keys whose value an axis replaces or completes."""
    text = written(content)
    try:
        parse(text, Path("fuzz.toml"), {}, FILES)
    except (ScenarioError, KeyError):
        return
    read = tomllib.loads(text)
    axes = [axis for axis in read["grid"] if "." in axis]
    for error in VALIDATOR.iter_errors(read):
        path = ".".join(str(part) for part in error.absolute_path)
        assert any(axis.startswith(path) or path.startswith(axis) for axis in axes), error.message


def test_prints_the_schema(capsys: pytest.CaptureFixture[str]) -> None:
    """`harness schema` prints it as JSON."""
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == SCHEMA


def test_writes_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`-o FILE` writes it there and prints nothing."""
    path = tmp_path / "scenario.schema.json"
    assert main(["schema", "-o", str(path)]) == 0
    assert capsys.readouterr().out == ""
    assert json.loads(path.read_text(encoding="utf-8")) == SCHEMA


def test_a_file_that_cannot_be_written_is_one_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder in the file's place ends with 3 and one line."""
    assert main(["schema", "-o", str(tmp_path)]) == 3
    assert capsys.readouterr().err.count("\n") == 1


def test_a_validator_that_the_schema_does_not_know_is_an_error() -> None:
    """Whoever puts a new function before a table's validation is told to say so in the schema."""
    schema = {"type": "function-before", "schema": {"type": "str"}, "function": {"type": "no-info", "function": len}}
    with pytest.raises(TypeError, match="what a file may hold"):
        json_schema._Generator().generate(schema)
