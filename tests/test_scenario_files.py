"""Scenario files: what is refused, and how it is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.errors import Fault, ScenarioError, UserError
from harness.scenario.data import Generated
from harness.scenario.read import parse, read, read_all
from tests.builders import LINE, document, scenario, toml, write_scenario


def faults_of(**values: Any) -> list[Fault]:
    """The faults of LINE with these keys set; none where it is valid."""
    return faults_of_text(toml(document(**values)))


def faults_of_text(text: str) -> list[Fault]:
    try:
        parse(text, Path("line.toml"), {})
    except ScenarioError as error:
        return list(error.faults)
    return []


def without(*keys: str) -> dict[str, Any]:
    """LINE without these dotted keys."""
    result = document()
    for dotted in keys:
        *parents, last = dotted.split(".")
        here = result
        for parent in parents:
            here = here[parent]
        del here[last]
    return result


def test_line_is_valid() -> None:
    """The document that all cases here change is itself without a fault."""
    assert faults_of() == []


@pytest.mark.parametrize(
    ("values", "path", "words"),
    [
        # unknown keys, with the names allowed and the nearest
        ({"titel": "x"}, "titel", ["unknown key", "schema", "title", 'mean "title"']),
        ({"training__losss": "mse"}, "training.losss", ["unknown key", "epochs", 'mean "loss"']),
        ({"data__x__sdd": 1.0}, "data.x.sdd", ["unknown key", "mean", 'mean "sd"']),
        ({"data__noise__low": 1.0}, "data.noise.low", ["unknown key", "mean"]),
        ({"model": {"kind": "linear", "hidden": [3]}}, "model.hidden", ["unknown key", "powers"]),
        ({"model": {"kind": "mlp", "hidden": [3], "intercept": False}}, "model.intercept", ["unknown key", "hidden"]),
        ({"init__weights__columns": 1}, "init.weights.columns", ["unknown key", "mean"]),
        ({"run__thread": 1}, "run.thread", ["unknown key", 'mean "threads"']),
        ({"target__tua": [0.1]}, "target.tua", ["unknown key", 'mean "tau"']),
        ({"grid__sede": [1]}, "grid.sede", ["unknown key", 'mean "seed"']),
        ({"grid__seed": {"start": 0, "count": 2, "stop": 3}}, "grid.seed.stop", ["unknown key", "start, count"]),
        # wrong types
        ({"title": 3}, "title", ["found 3", "a text"]),
        ({"data": 5}, "data", ["found 5", "a table"]),
        ({"data__samples": 40.0}, "data.samples", ["found 40.0", "a whole number"]),
        ({"data__samples": "40"}, "data.samples", ['found "40"', "a whole number"]),
        ({"data__samples": True}, "data.samples", ["found true", "a whole number"]),
        ({"data__x__mean": True}, "data.x.mean", ["found true", "a number"]),
        ({"data__y__weights": 3.0}, "data.y.weights", ["found 3.0", "a list"]),
        ({"data__y__weights": [3.0, "1"]}, "data.y.weights[1]", ['found "1"', "a number"]),
        ({"training__epochs": True}, "training.epochs", ["found true", "a whole number"]),
        ({"training__drop_last": 1}, "training.drop_last", ["found 1", "true or false"]),
        ({"init__bias": True}, "init.bias", ["found true", "a number"]),
        ({"run__tf32": "yes"}, "run.tf32", ['found "yes"', "true or false"]),
        ({"grid__learning_rate": 0.05}, "grid.learning_rate", ["found 0.05", "a list"]),
        ({"grid__learning_rate": [True]}, "grid.learning_rate[0]", ["found true", "a number"]),
        ({"grid__seed": [1, 2.5]}, "grid.seed[1]", ["found 2.5", "a whole number"]),
        ({"grid__batch_size": [8, "ful"]}, "grid.batch_size[1]", ['found "ful"', '"full"', 'mean "full"']),
        ({"schema": True}, "schema", ["found true", "allowed: 1"]),
        ({"schema": "1"}, "schema", ['found "1"', "allowed: 1"]),
        # impossible values
        ({"schema": 2}, "schema", ["found 2", "allowed: 1"]),
        ({"data__samples": 1}, "data.samples", ["found 1", "2 or more"]),
        ({"data__x__sd": -1.0}, "data.x.sd", ["found -1.0", "0 or more"]),
        ({"data__x__columns": 0}, "data.x.columns", ["found 0", "1 or more"]),
        ({"data__seed": -1}, "data.seed", ["found -1", "0 or more"]),
        ({"data__seed": 2**32}, "data.seed", [f"found {2**32}", f"less than {2**32}"]),
        ({"data__validation": {"fraction": 1.0}}, "data.validation.fraction", ["found 1.0", "less than 1"]),
        ({"data__validation": {"rows": 40}}, "data.validation", ["all of the 40 rows"]),
        ({"data__validation": {"fraction": 0.999}}, "data.validation", ["all of the 40 rows"]),
        ({"data__validation": {"fraction": 0.001}}, "data.validation", ["none of the 40 rows"]),
        ({"data__validation": {"fraction": 0.5, "rows": 3}}, "data.validation", ["exactly one of fraction and rows"]),
        ({"data__validation": {}}, "data.validation", ["exactly one of fraction and rows"]),
        ({"data__x": {"kind": "uniform", "low": 1.0, "high": 0.0, "columns": 2}}, "data.x.high", ["found 0", "low"]),
        ({"data__noise": {"kind": "uniform", "low": 1.0, "high": 0.5}}, "data.noise.high", ["found 0.5", "low"]),
        ({"init__weights": {"kind": "uniform", "low": -1e308, "high": 1e308}}, "init.weights.high", ["finite"]),
        ({"model": {"kind": "linear", "powers": []}}, "model.powers", ["found []", "at least 1"]),
        ({"model": {"kind": "linear", "powers": [0]}}, "model.powers[0]", ["found 0", "1 or more"]),
        ({"model": {"kind": "mlp", "hidden": []}}, "model.hidden", ["found []", "at least 1"]),
        ({"training__epochs": 0}, "training.epochs", ["found 0", "1 or more"]),
        ({"training__steps": 4}, "training", ["exactly one of epochs and steps"]),
        ({"grid__learning_rate": [0.0]}, "grid.learning_rate[0]", ["found 0.0", "more than 0"]),
        ({"grid__learning_rate": []}, "grid.learning_rate", ["found []", "at least 1"]),
        ({"grid__batch_size": [0]}, "grid.batch_size[0]", ["found 0", "1 or more"]),
        ({"grid__seed": {"start": 0}}, "grid.seed.count", ["is missing"]),
        ({"grid__seed": {"count": 0}}, "grid.seed.count", ["found 0", "1 or more"]),
        ({"grid__seed": {"count": 10**12}}, "grid.seed.count", ["or less"]),
        ({"grid__seed": [1, 2, 1]}, "grid", ["seed holds 1 twice"]),
        ({"grid__learning_rate": [1, 1.0]}, "grid", ["learning_rate holds 1.0 twice"]),
        ({"grid__exclude": [{"batch_size": 8, "why": "all"}]}, "grid", ["no cell"]),
        ({"grid__exclude": [{"batch_size": 8}]}, "grid.exclude[0].why", ["is missing"]),
        ({"grid__exclude": [{"bach_size": 8, "why": "x"}]}, "grid.exclude[0].bach_size", ['mean "batch_size"']),
        ({"grid__exclude": [{"batch_size": 9, "why": "x"}]}, "grid.exclude[0].batch_size", ["found 9", "it is 8"]),
        ({"grid__exclude": [{"seed": {"stat": 1}, "why": "x"}]}, "grid.exclude[0].seed", ["allowed", "count"]),
        ({"run__replicates": 0}, "run.replicates", ["found 0", "1 or more"]),
        ({"run__timeout_seconds": 0.0}, "run.timeout_seconds", ["found 0.0", "more than 0"]),
        ({"target__tau": [1.0]}, "target.tau[0]", ["found 1.0", "less than 1"]),
        # wrong kinds and words
        ({"data__x": {"kind": "norml"}}, "data.x", ['"norml"', "linspace", 'mean "normal"']),
        ({"data__x": {"mean": 0.0, "sd": 1.0}}, "data.x", ['without a "kind"', "normal, uniform, linspace, arange"]),
        ({"data__x": {"kind": 5}}, "data.x", ["found kind 5", "normal"]),
        ({"data__y": "polynom"}, "data.y", ['"polynom"', 'mean "polynomial"']),
        ({"data__noise": "nonee"}, "data.noise", ['"nonee"', 'mean "none"']),
        ({"model": "linaer"}, "model", ['"linaer"', "mlp", 'mean "linear"']),
        ({"model": {"kind": "mlp", "hidden": [2], "activation": "gelu"}}, "model.activation", ['"relu"', '"tanh"']),
        ({"init__weights": "zeroes"}, "init.weights", ['"zeroes"', 'mean "zeros"', "a list"]),
        ({"init__bias": "zeroes"}, "init.bias", ['"zeroes"', "normal", "a number"]),
        ({"training__loss": "msee"}, "training.loss", ['"msee"', "half_sse", 'mean "mse"']),
        ({"training__order": "shufle"}, "training.order", ['"sequential"', 'mean "shuffle"']),
        ({"grid__dtype": ["float16"]}, "grid.dtype[0]", ['"float16"', '"float32"']),
        ({"grid__implementation": ["numpi"]}, "grid.implementation[0]", ['"numpi"', 'mean "numpy"']),
        ({"grid__device": ["cpu", "gpu"]}, "grid.device[1]", ['"gpu"', "cpu, cuda"]),
        # a plain word for a kind that has parameters
        ({"data__x": "linspace"}, "data.x.start", ["is missing"]),
        ({"data__noise": "normal"}, "data.noise.sd", ["is missing"]),
        ({"model": "mlp"}, "model.hidden", ["is missing"]),
        ({"init__weights": "normal"}, "init.weights.mean", ["is missing"]),
        # what other tables say
        ({"data__y__weights": [1.0]}, "data.y.weights", ["found 1 numbers", "2 columns"]),
        ({"init__weights": [1.0]}, "init.weights", ["found 1 numbers", "2 columns"]),
        ({"init__weights": [[[1.0, 2.0]]]}, "init.weights", ["one list of numbers"]),
        ({"init__weights": [[1.0, 2.0]]}, "init.weights[0][0]", ["found 1.0", "a list"]),
        ({"init__bias": [1.0]}, "init.bias", ["one number"]),
        ({"model": {"kind": "linear", "intercept": False}}, "init.bias", ["no intercept"]),
        ({"training__drop_last": True, "grid__batch_size": [41]}, "training.drop_last", ["41", "40 rows"]),
    ],
)
def test_a_fault_names_key_found_allowed_and_nearest(values: dict[str, Any], path: str, words: list[str]) -> None:
    """Each mistake is told at its own key, with what was found, what is allowed, and the nearest name."""
    told = {fault.path: fault.problem for fault in faults_of(**values)}
    assert path in told, told
    missing = [word for word in words if word not in told[path]]
    assert not missing, told[path]


@pytest.mark.parametrize(
    "key",
    ["schema", "data", "data.samples", "data.x", "data.x.kind", "data.x.mean", "data.y.weights", "training",
     "grid", "grid.learning_rate"],
)  # fmt: skip
def test_a_missing_key_is_named(key: str) -> None:
    """What has no default and is left out is told at its own path."""
    told = {fault.path: fault.problem for fault in faults_of_text(toml(without(key)))}
    path = "data.x" if key == "data.x.kind" else key
    assert path in told, told
    assert "missing" in told[path] or "kind" in told[path]


def test_neither_epochs_nor_steps() -> None:
    """A training without a length is refused."""
    (fault,) = faults_of_text(toml(without("training.epochs")))
    assert fault == Fault("training", "needs exactly one of epochs and steps")


@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
@pytest.mark.parametrize(
    ("key", "old"), [("init.bias", "bias = 0.01"), ("grid.learning_rate[0]", "0.05"), ("data.y.bias", "bias = 0.5")]
)
def test_numbers_are_finite(key: str, old: str, number: str) -> None:
    """TOML can spell nan and inf; no key may hold them."""
    text = toml(document()).replace(old, old.rpartition(" ")[0] + " " + number)
    assert [fault.path for fault in faults_of_text(text)] == [key]


def test_every_fault_at_once() -> None:
    """Mistakes in several tables, several in one table, in lists, axes and expectations are all told together."""
    found = faults_of(
        titel="x",
        data__samples=1,
        data__noise__sd=-1.0,
        training__loss="msee",
        training__order="up",
        run__threads=0,
        target__digits=-1.0,
        grid={
            **LINE["grid"],
            "dtype": ["float16", "float64", "float8"],
            "implementation": ["numpy", "torch"],
            "data.rng": ["numpy", "numpie"],
            "target.digits": [1.0],
        },
        expect=[{"quantity": "los", "value": 1.0, "within": 1.0}, {"quantity": "loss", "value": 1.0}],
    )
    assert {fault.path for fault in found} == {
        "titel",
        "data.samples",
        "data.noise.sd",
        "training.loss",
        "training.order",
        "run.threads",
        "target.digits",
        "grid.dtype[0]",
        "grid.dtype[2]",
        "grid.implementation[1]",
        'grid."data.rng"[1]',
        'grid."target.digits"',
        "expect[0]",
        "expect[1]",
    }


def test_faults_of_all_files_with_their_names(tmp_path: Path) -> None:
    """Several wrong files are all told, each line beginning with its file."""
    one = write_scenario(tmp_path, "one", data__samples=1)
    two = write_scenario(tmp_path, "two", training__loss="msee", titel="")
    write_scenario(tmp_path, "good")
    with pytest.raises(ScenarioError) as error:
        read_all([str(tmp_path)])
    lines = str(error.value).splitlines()
    assert [line.split(": ")[:2] for line in lines] == [
        [str(one), "data.samples"],
        [str(two), "training.loss"],
        [str(two), "titel"],
    ]


def test_one_name_twice(tmp_path: Path) -> None:
    """Two files of the same name in different folders cannot be in one run."""
    paths = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        paths.append(str(write_scenario(tmp_path / folder)))
    with pytest.raises(ScenarioError, match="line is used by"):
        read_all(paths)


def test_one_file_named_twice_is_read_once(tmp_path: Path) -> None:
    """A file given by itself and by its folder is one scenario."""
    path = write_scenario(tmp_path)
    assert len(read_all([str(path), str(tmp_path)])) == 1


@pytest.mark.parametrize(("name", "words"), [("", "holds no scenario"), ("no.toml", "no such file")])
def test_a_path_without_scenarios(tmp_path: Path, name: str, words: str) -> None:
    """An empty folder and a missing file are the user's errors, in a sentence."""
    with pytest.raises(UserError, match=words):
        read_all([str(tmp_path / name)])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is missing"),
        (b"\xff\xfe", "UTF-8"),
        (b"schema = ", "not valid TOML"),
        (b"schema = 1\nschema = 1", "not valid TOML"),
        (b"schema = " + b"1" * 5000, "not valid TOML"),
        (b"a = " + b"[" * 5000, "nested too deeply"),
        (b".".join([b"a"] * 5000) + b" = 1", "nested too deeply"),
        (b"data." + b".".join([b"a"] * 5000) + b" = 1", "nested too deeply"),
        (b"[[expect]]\nwhere." + b".".join([b"a"] * 5000) + b" = 1", "nested too deeply"),
    ],
    ids=["empty", "bytes", "cut", "twice", "digits", "lists", "keys", "data", "where"],
)
def test_a_file_that_is_no_scenario(tmp_path: Path, content: bytes, words: str) -> None:
    """Whatever a file holds, the answer is a ScenarioError that names the file."""
    path = tmp_path / "x.toml"
    path.write_bytes(content)
    with pytest.raises(ScenarioError, match=words) as error:
        read(path)
    assert {fault.file for fault in error.value.faults} == {str(path)}


@pytest.mark.parametrize("key", ["a\nb", "\u001b[31m", "a b", "", 'a"b'])
def test_a_strange_key_is_told_on_one_line(key: str) -> None:
    """Line ends and control characters in a key are escaped, so that a fault is one harmless line."""
    for fault in (*faults_of(**{key: 1}), *faults_of(grid={**LINE["grid"], key: [1]})):
        assert str(fault).isprintable()


class TestStarts:
    """Starts written as numbers must have the model's shape."""

    MLP = {"kind": "mlp", "hidden": [3]}
    WEIGHTS = [[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], [[7.0, 8.0, 9.0]]]

    def test_a_net(self) -> None:
        """One row a unit, layer by layer, is accepted, numbers and bias alike."""
        assert faults_of(model=self.MLP, init={"weights": self.WEIGHTS, "bias": [[0.0, 0.0, 1.0], [2.0]]}) == []

    @pytest.mark.parametrize(
        "weights",
        [[1.0, 2.0], [[[1.0, 2.0]], [[7.0, 8.0, 9.0]]], WEIGHTS[:1], [*WEIGHTS, [[1.0]]],
         [[[1.0], [2.0], [3.0]], [[1.0] * 3]], [[], []], [[[1.0, 2.0], [3.0, 4.0], [5.0]], [[7.0, 8.0, 9.0]]]],
    )  # fmt: skip
    def test_a_net_of_another_shape(self, weights: list[Any]) -> None:
        """Too few units, layers or inputs, too many, and ragged rows are refused with the shape wanted."""
        (fault,) = faults_of(model=self.MLP, init={"weights": weights})
        assert fault.path == "init.weights"
        assert "3 x 2, 1 x 3" in fault.problem

    @pytest.mark.parametrize(
        "bias", [[1.0, 2.0], [[1.0, 2.0], [1.0]], [[1.0, 2.0, 3.0]], [[1.0, 2.0, 3.0], [1.0, 2.0]]]
    )
    def test_a_nets_bias_of_another_shape(self, bias: list[Any]) -> None:
        """A bias in numbers is one list for each layer, one number a unit."""
        (fault,) = faults_of(model=self.MLP, init={"bias": bias})
        assert fault.path == "init.bias"
        assert "3, 1" in fault.problem

    def test_powers_count_as_columns(self) -> None:
        """Two columns in two powers take four numbers."""
        model = {"kind": "linear", "powers": [1, 2]}
        assert faults_of(model=model, init={"weights": [1.0] * 4}) == []
        assert [fault.path for fault in faults_of(model=model, init={"weights": [1.0] * 2})] == ["init.weights"]

    @pytest.mark.parametrize("bias", [{"kind": "normal", "mean": 0.0, "sd": 1.0}, 0.5])
    def test_one_bias_for_all_layers(self, bias: Any) -> None:
        """A number or a distribution holds for every layer of a net."""
        assert faults_of(model=self.MLP, init={"bias": bias}) == []


class TestPlainWords:
    """A kind without parameters may be a plain word."""

    @pytest.mark.parametrize(
        ("word", "table"),
        [
            ({"data__noise": "none"}, {"data__noise": {"kind": "none"}}),
            ({"init__weights": "zeros"}, {"init__weights": {"kind": "zeros"}}),
            ({"init__weights": "default"}, {"init__weights": {"kind": "default"}}),
            ({"training__optimizer": "sgd"}, {"training__optimizer": {"kind": "sgd"}}),
            ({"training__loss": "mae"}, {"training__loss": {"kind": "mae"}}),
            ({"model": "linear"}, {"model": {"kind": "linear"}}),
        ],
    )
    def test_word_and_table_are_one_cell(self, word: dict[str, Any], table: dict[str, Any]) -> None:
        """The word and its table give the same cell."""
        assert scenario(**word).cells[0].id == scenario(**table).cells[0].id

    def test_sin_by_its_word(self) -> None:
        """A kind whose parameters all have defaults may be a word as well."""
        data = scenario(data__x={"kind": "linspace", "start": 0.0, "stop": 1.0}, data__y="sin").cells[0].spec.data
        assert isinstance(data, Generated)
        assert data.y.kind == "sin"


def test_a_model_without_kind_is_linear() -> None:
    """`model.kind` is linear unless said, so `powers` may stand alone."""
    with_kind = scenario(model={"kind": "linear", "powers": [1, 2]}).cells[0]
    assert scenario(model={"powers": [1, 2]}).cells[0].id == with_kind.id


@pytest.mark.parametrize("key", ["seed", "data"])
def test_scenarios_are_frozen(key: str) -> None:
    """A validated scenario cannot be changed by a stage that reads it."""
    spec = scenario().cells[0].spec
    with pytest.raises(ValueError, match="frozen"):
        setattr(spec, key, getattr(spec, key))


def test_nothing_is_read_but_what_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A scenario opens its own file and the tables it names, nothing else."""
    (tmp_path / "rows.csv").write_text("epoch,loss\n1,2.0\n", encoding="utf-8")
    expect = [{"quantity": "loss", "table": "rows.csv", "within": 9.0}]
    path = write_scenario(tmp_path, expect=expect)
    opened: list[Path] = []
    original = Path.read_bytes

    def spy(self: Path) -> bytes:
        opened.append(self)
        return original(self)

    monkeypatch.setattr(Path, "read_bytes", spy)
    found = read(path)
    assert opened == [path, (tmp_path / "rows.csv").resolve()]
    assert found.files == {"rows.csv": b"epoch,loss\n1,2.0\n"}
