"""Expectations in scenario files: which rules, states, cells and tables are accepted."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from harness.errors import Fault, ScenarioError
from harness.record import OUTCOMES, STATUSES
from harness.scenario.expect import VOCABULARY
from harness.scenario.read import Scenario, parse, read
from tests.builders import LINE, document, toml, write_scenario

# LINE has 40 rows in batches of 8, so 5 updates an epoch and 25 in its 5 epochs.
PER_EPOCH, STEPS = 5, 25


def expecting(*expects: dict[str, Any], **values: Any) -> Scenario:
    return parse(toml(document(**values, expect=list(expects))), Path("line.toml"), {})


def faults_of(*expects: dict[str, Any], **values: Any) -> list[Fault]:
    try:
        expecting(*expects, **values)
    except ScenarioError as error:
        return list(error.faults)
    return []


LOSS = {"quantity": "loss", "value": 1.0, "within": 9.0}


@pytest.mark.parametrize(
    "rule",
    [
        {"value": 1.0, "within": 0.1},
        {"value": 1.0, "within": 0},
        {"value": 1, "relative": 0.1},
        {"value": 1.0, "digits": 6},
        {"value": 1.0, "inside": "seeds"},
        {"value": 1.0, "inside": "seeds", "least_seeds": 2},
        {"value": 1.0, "sd": 3},
        {"at_least": 0.0},
        {"at_most": 9.0},
        {"at_least": 0.0, "at_most": 9.0},
        {"value": [1.0, 2.0], "within": 0.1, "at": {"epoch": [1, 2]}},
        {"value": [1.0], "within": 0.1, "at": {"step": [0]}},
    ],
)
def test_every_rule_is_accepted(rule: dict[str, Any]) -> None:
    """Each rule of the contract is valid by itself."""
    assert faults_of({"quantity": "loss", **rule}) == []


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({}, "found none"),
        ({"value": 1.0}, "needs one of within, relative, digits, inside, sd; found 0"),
        ({"within": 1.0}, "found none"),
        ({"value": 1.0, "within": 0.1, "relative": 0.1}, "found 2"),
        ({"value": 1.0, "within": 0.1, "digits": 3}, "found 2"),
        ({"value": 1.0, "inside": "seeds", "sd": 3}, "found 2"),
        ({"value": 1.0, "within": 0.1, "at_least": 0.0}, "value and at_least"),
        ({"value": 1.0, "within": 0.1, "at_most": 0.0}, "value and at_most"),
        ({"at_least": 0.0, "within": 0.1}, "within: goes with value"),
        ({"at_most": 0.0, "digits": 2}, "digits: goes with value"),
        ({"at_least": 2.0, "at_most": 1.0}, "at_most: found 1"),
        ({"equals": "converged"}, "does not fit loss"),
        ({"not_equals": ["converged"]}, "does not fit loss"),
        ({"value": 1.0, "within": 0.1, "column": "x"}, "column: goes with table"),
        ({"value": 1.0, "within": 0.1, "reduce": "sum"}, "reduce: goes with"),
        ({"value": 1.0, "within": 0.1, "x": [1.0]}, "x: goes with"),
        ({"value": [1.0, 2.0], "within": 0.1}, "a list of states takes a list of values"),
        ({"value": 1.0, "within": 0.1, "at": {"epoch": [1, 2]}}, "a list of states takes a list of values"),
        ({"value": [1.0], "within": 0.1, "at": {"epoch": [1, 2]}}, "1 values for 2 states"),
        ({"value": [1.0, 2.0], "within": 0.1, "at": {"epoch": 1}}, "a list of states takes a list of values"),
    ],
)
def test_a_rule_that_is_none_or_two(rule: dict[str, Any], words: str) -> None:
    """No rule, two rules, parts of different rules and rules for words are refused, saying why."""
    (fault,) = faults_of({"quantity": "loss", **rule})
    assert fault.path == "expect[0]"
    assert words in fault.problem


@pytest.mark.parametrize(
    ("rule", "path", "words"),
    [
        ({"within": -0.1}, "expect[0].within", "0 or more"),
        ({"within": True}, "expect[0].within", "a number"),
        ({"sd": 0}, "expect[0].sd", "more than 0"),
        ({"inside": "cells"}, "expect[0].inside", '"seeds"'),
        ({"inside": "seeds", "least_seeds": 1}, "expect[0].least_seeds", "2 or more"),
        ({"within": 0.1, "value": True}, "expect[0].value", "a number"),
        ({"within": 0.1, "value": "1"}, "expect[0].value", "a number"),
        ({"within": 0.1, "value": [1.0, "x"]}, "expect[0].value[1]", "a number"),
        ({"within": 0.1, "whitin": 0.1}, "expect[0].whitin", 'mean "within"'),
        ({"within": 0.1, "reduce": "max"}, "expect[0].reduce", '"sum"'),
        ({"within": 0.1, "at": "endd"}, "expect[0].at", 'mean "end"'),
        ({"within": 0.1, "at": 5}, "expect[0].at", "start, end, { epoch = … }, { step = … }"),
        ({"within": 0.1, "at": {"epoch": 1, "step": 2}}, "expect[0].at.step", "unknown key"),
        ({"within": 0.1, "at": {"epoch": 1.5}}, "expect[0].at.epoch", "a whole number"),
        ({"within": 0.1, "at": {"epoch": True}}, "expect[0].at.epoch", "a whole number"),
        ({"within": 0.1, "at": {"step": -1}}, "expect[0].at.step", "0 or more"),
        ({"within": 0.1, "at": {}}, "expect[0]", "at: needs epoch or step"),
    ],
)
def test_a_faulty_key_of_an_expectation(rule: dict[str, Any], path: str, words: str) -> None:
    """A wrong type, word or number inside an expectation is told at its own key."""
    told = {fault.path: fault.problem for fault in faults_of({"quantity": "loss", "value": 1.0, **rule})}
    assert path in told, told
    assert words in told[path]


@pytest.mark.parametrize(
    "quantity",
    ["loss", "gradient_norm", "r2", "correct_digits", "condition_number", "stable_learning_rate", "weights[0]",
     "weights[1]", "bias", "gradient[0]", "gradient[2]"],
)  # fmt: skip
def test_every_quantity_is_accepted(quantity: str) -> None:
    """Each quantity that a linear model with an intercept and two columns has."""
    assert faults_of({"quantity": quantity, "at_least": 0.0}) == []


@pytest.mark.parametrize(
    ("expect", "words"),
    [
        ({"quantity": "los", "at_least": 0.0}, 'mean "loss"'),
        ({"quantity": "", "at_least": 0.0}, "allowed: loss"),
        ({"quantity": "loss[0]", "at_least": 0.0}, "takes no index"),
        ({"quantity": "bias[0]", "at_least": 0.0}, "takes no index"),
        ({"quantity": "weights", "at_least": 0.0}, "needs an index, as in weights[0]"),
        ({"quantity": "weights[-1]", "at_least": 0.0}, "allowed: loss"),
        ({"quantity": "weights[0", "at_least": 0.0}, "allowed: loss"),
        ({"quantity": "weights[2]", "at_least": 0.0}, "index 2; the model's last is 1"),
        ({"quantity": "gradient[3]", "at_least": 0.0}, "index 3; the model's last is 2"),
        ({"quantity": "prediction", "at_least": 0.0}, 'goes with quantity = "prediction"'),
        ({"quantity": "prediction", "x": [1.0], "at_least": 0.0}, "found 1 numbers; the data have 2 columns"),
        ({"quantity": "prediction", "x": [], "at_least": 0.0}, "found 0 numbers; the data have 2 columns"),
        ({"quantity": "validation_loss", "at_least": 0.0}, "no validation rows"),
        ({"quantity": "validation_r2", "at_least": 0.0}, "no validation rows"),
        ({"quantity": "condition_number", "at_least": 0.0, "at": "start"}, "one for the whole cell"),
        ({"quantity": "outcome", "equals": "converged", "at": "end"}, "one for the whole cell"),
        ({"quantity": "outcome", "value": 1.0, "within": 1.0}, "does not fit outcome"),
        ({"quantity": "outcome", "equals": "convergd"}, 'mean "converged"'),
        ({"quantity": "outcome", "equals": "ok"}, "allowed: diverged"),
        ({"quantity": "status", "not_equals": ["ok", "crash"]}, 'mean "crashed"'),
    ],
)
def test_a_quantity_that_the_cells_do_not_have(expect: dict[str, Any], words: str) -> None:
    """Unknown names, indices out of range, rows and words that do not exist are refused."""
    (fault,) = faults_of(expect)
    assert fault.path.startswith("expect[0]")
    assert words in fault.problem


@pytest.mark.parametrize("name", ["weights[0]", "bias", "gradient[0]", "correct_digits", "condition_number"])
def test_linear_quantities_of_a_net(name: str) -> None:
    """A net has no single weight, bias, gradient or optimum to name."""
    (fault,) = faults_of({"quantity": name, "at_least": 0.0}, model={"kind": "mlp", "hidden": [2]})
    assert "linear model only" in fault.problem


@pytest.mark.parametrize("name", ["bias", "gradient[2]"])
def test_an_intercept_that_is_not_there(name: str) -> None:
    """Without an intercept there is no bias, and the gradient is one shorter."""
    faults = faults_of(
        {"quantity": name, "at_least": 0.0},
        model={"kind": "linear", "intercept": False},
        init={},
    )
    assert [fault.path for fault in faults] == ["expect[0].quantity"]


@pytest.mark.parametrize("name", ["condition_number", "stable_learning_rate"])
def test_squared_quantities_of_an_absolute_loss(name: str) -> None:
    """The mean absolute error has no curvature."""
    (fault,) = faults_of({"quantity": name, "at_least": 0.0}, training__loss="mae")
    assert "squared losses only" in fault.problem


@pytest.mark.parametrize("loss", ["mae", "huber"])
def test_the_optimum_of_every_loss(loss: str) -> None:
    """Every loss of a linear model has an exact optimum to be told of."""
    assert faults_of({"quantity": "correct_digits", "at_least": 0.0}, training__loss=loss) == []
    assert faults_of({"quantity": "loss", "of": "optimum", "at_least": 0.0}, training__loss=loss) == []


def test_the_words_are_those_of_records() -> None:
    """What an expectation may name is exactly what a record may say."""
    assert set(VOCABULARY["outcome"]) == set(OUTCOMES)
    assert set(VOCABULARY["status"]) == set(STATUSES)


class TestStates:
    """An expectation names a state that the cells have."""

    @pytest.mark.parametrize("at", ["start", "end", {"step": 0}, {"step": STEPS}, {"epoch": 0}, {"epoch": 5}])
    def test_states_of_the_training(self, at: Any) -> None:
        """State 0 to the last, by step and by epoch."""
        assert faults_of({**LOSS, "at": at}) == []

    @pytest.mark.parametrize(
        ("at", "words"),
        [({"step": STEPS + 1}, "step 26; allowed: 0 to 25"), ({"epoch": 6}, "epoch 6; allowed: 0 to 5")],
    )
    def test_states_beyond_the_end(self, at: Any, words: str) -> None:
        """A state after the last is refused with the last one named."""
        (fault,) = faults_of({**LOSS, "at": at})
        assert fault.path == "expect[0].at"
        assert words in fault.problem

    def test_one_of_many(self) -> None:
        """One state of a list beyond the end is enough."""
        (fault,) = faults_of({**LOSS, "value": [1.0, 2.0], "at": {"step": [3, 99]}})
        assert "step 99" in fault.problem

    @pytest.mark.parametrize(
        ("at", "good"),
        [(None, False), ("end", False), ({"step": STEPS}, False), ({"epoch": 5}, False), ("start", True),
         ({"step": STEPS - 1}, True), ({"epoch": 4}, True)],
    )  # fmt: skip
    def test_a_step_loss_leaves_its_state(self, at: Any, good: bool) -> None:
        """No update leaves the last state, so step_loss is never there, and its state must be said."""
        expect = {"quantity": "step_loss", "at_least": 0.0, **({} if at is None else {"at": at})}
        assert (faults_of(expect) == []) is good

    @pytest.mark.parametrize(
        ("at", "good"),
        [(None, False), ("start", False), ({"step": 5}, False), ({"epoch": 0}, False), ({"epoch": 1}, True),
         ({"epoch": 5}, True), ({"epoch": 6}, False)],
    )  # fmt: skip
    def test_an_epoch_loss_ends_its_epoch(self, at: Any, good: bool) -> None:
        """epoch_loss is of the e-th epoch, from 1 to the last."""
        expect = {"quantity": "epoch_loss", "at_least": 0.0, **({} if at is None else {"at": at})}
        assert (faults_of(expect) == []) is good

    def test_a_cut_epoch_has_no_sum(self) -> None:
        """Steps that end inside an epoch leave the whole ones before it."""
        training = {"loss": "mse", "steps": 7}
        assert faults_of({"quantity": "epoch_loss", "at_least": 0.0, "at": {"epoch": 1}}, training=training) == []
        assert faults_of({"quantity": "epoch_loss", "at_least": 0.0, "at": {"epoch": 2}}, training=training)

    def test_every_matching_cell_must_have_the_state(self) -> None:
        """A grid of batch sizes has cells of different lengths; the shortest that matches decides."""
        expect = {**LOSS, "at": {"step": 25}}
        assert faults_of(expect, grid__batch_size=[8, "full"])
        assert faults_of({**expect, "where": {"batch_size": 8}}, grid__batch_size=[8, "full"]) == []

    def test_values_without_a_list_of_states(self) -> None:
        """Limits may hold at each of several states."""
        assert faults_of({"quantity": "loss", "at_least": 0.0, "at": {"epoch": [1, 2]}}) == []


class TestWhere:
    """`where` names axes and values of the whole file."""

    @pytest.mark.parametrize(
        "where",
        [{"batch_size": 8}, {"learning_rate": 0.05}, {"seed": 0}, {"dtype": "float64", "device": "cpu"},
         {"seed": [0, 7]}, {}],
    )  # fmt: skip
    def test_cells_that_exist(self, where: dict[str, Any]) -> None:
        """Standard axes may be named whether the file writes them or not; a list means any of its values."""
        assert faults_of({**LOSS, "where": where}) == []

    def test_a_rate_written_as_a_whole_number(self) -> None:
        """1 and 1.0 are one rate."""
        assert faults_of({**LOSS, "where": {"learning_rate": 1}}, grid__learning_rate=[1.0]) == []

    @pytest.mark.parametrize(
        ("where", "path", "words"),
        [
            ({"batchsize": 8}, "expect[0].where.batchsize", 'mean "batch_size"'),
            ({"data.samples": 40}, 'expect[0].where."data.samples"', "no such axis"),
            ({"batch_size": 9}, "expect[0].where", "batch_size is never 9; it is 8"),
            ({"batch_size": "8"}, "expect[0].where", 'batch_size is never "8"'),
            ({"seed": False}, "expect[0].where", "seed is never false"),
            ({"seed": []}, "expect[0].where", "seed is never []"),
            ({"learning_rate": {"a": 1}}, "expect[0].where", "learning_rate is never"),
        ],
    )
    def test_cells_that_do_not(self, where: dict[str, Any], path: str, words: str) -> None:
        """An axis that there is not, and a value that no cell has."""
        (fault,) = faults_of({**LOSS, "where": where})
        assert fault.path == path
        assert words in fault.problem

    def test_every_unknown_axis(self) -> None:
        """Two unknown axes are two faults."""
        found = faults_of({**LOSS, "where": {"a": 1, "b": 2}})
        assert [fault.path for fault in found] == ["expect[0].where.a", "expect[0].where.b"]

    def test_values_that_are_never_together(self) -> None:
        """Values that exist, but in no one cell."""
        grid = {**LINE["grid"], "batch_size": [8, "full"], "seed": [0, 1],
                "exclude": [{"batch_size": 8, "seed": 1, "why": "x"}]}  # fmt: skip
        (fault,) = faults_of({**LOSS, "where": {"batch_size": 8, "seed": 1}}, grid=grid)
        assert "no cell has all these values together" in fault.problem

    def test_a_dotted_axis(self) -> None:
        """A dotted axis is named in quotes."""
        grid = {**LINE["grid"], "data.samples": [40, 80]}
        assert faults_of({**LOSS, "where": {"data.samples": 80}}, grid=grid) == []
        assert faults_of({**LOSS, "where": {"data.samples": 41}}, grid=grid)


def test_faults_of_all_expectations() -> None:
    """Every expectation's fault is told, each with its number."""
    found = faults_of(
        {"quantity": "weights[9]", "at_least": 0.0},
        LOSS,
        {**LOSS, "where": {"seed": 5}},
        {**LOSS, "at": {"epoch": 9}},
        {**LOSS, "value": None, "within": 1.0, "table": "no.csv"} | {"value": 1.0, "table": "x"},
    )
    assert [fault.path for fault in found] == ["expect[4]"]
    found = faults_of(
        {"quantity": "weights[9]", "at_least": 0.0},
        LOSS,
        {**LOSS, "where": {"seed": 5}},
        {**LOSS, "at": {"epoch": 9}},
        {"quantity": "loss", "within": 1.0, "table": "no.csv"},
    )
    assert [fault.path for fault in found] == [
        "expect[0].quantity",
        "expect[2].where",
        "expect[3].at",
        "expect[4].table",
    ]


class TestTables:
    """Tables of expected rows: csv files below the scenario's folder."""

    @staticmethod
    def faults(folder: Path, content: str | bytes | None, **expect: Any) -> list[Fault]:
        if content is not None:
            (folder / "rows.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
        wanted = {"quantity": "loss", "table": "rows.csv", "within": 9.0, **expect}
        try:
            read(write_scenario(folder, expect=[wanted]))
        except ScenarioError as error:
            return list(error.faults)
        return []

    @pytest.mark.parametrize(
        "content",
        ["epoch,loss\n0,1.0\n5,2\n", "step,loss\n25,1e-3\n", "\ufeffepoch,loss\r\n1,2.0\r\n",
         "epoch , loss\n 1 , 2.0 \n", "other,loss,epoch\nx,2.0,1\n", "epoch,loss\n1,2.0\n\n"],
        ids=["epoch", "step", "bom and crlf", "blanks", "other columns", "empty line"],
    )  # fmt: skip
    def test_good(self, tmp_path: Path, content: str) -> None:
        """Epochs or steps, other columns, blanks and either line end are read."""
        assert self.faults(tmp_path, content) == []

    def test_rows(self, tmp_path: Path) -> None:
        """Places and values come out as they stand in the file, in order."""
        (tmp_path / "rows.csv").write_text("step,printed\n3,1.5\n0,2.5\n", encoding="utf-8")
        expect = {"quantity": "loss", "table": "rows.csv", "column": "printed", "within": 1.0}
        (expectation,) = read(write_scenario(tmp_path, expect=[expect])).expectations
        assert expectation.rows is not None
        assert (expectation.rows.unit, expectation.rows.places, expectation.rows.values) == ("step", (3, 0), (1.5, 2.5))

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (None, "cannot be read"),
            ("", "no rows"),
            ("epoch,loss\n", "no rows"),
            ("loss\n1.0\n", "needs a column step or epoch"),
            ("epoch,los\n1,1.0\n", 'no column "loss"'),
            ("epoch,loss\n1,\n", 'row 2, column "loss": found ""'),
            ("epoch,loss\n1\n", 'row 2, column "loss": found ""'),
            ("epoch,loss\n,1.0\n", 'row 2, column "epoch": found ""'),
            ("epoch,loss\n1,1.0\n2,x\n", 'row 3, column "loss": found "x"'),
            ("epoch,loss\n1,nan\n", 'found "nan"'),
            ("epoch,loss\n1,inf\n", 'found "inf"'),
            ("epoch,loss\n1.5,1.0\n", "found 1.5; allowed: whole numbers"),
            ("epoch,loss\n-1,1.0\n", "found -1; allowed: whole numbers"),
            ("epoch,loss\n6,1.0\n", "epoch 6; allowed: 0 to 5"),
            (b"\xff\xfe\x00", "no csv file"),
            ('epoch,loss\n1,"' + "x" * 200_000, "no csv file"),
            ('"a\nb",loss\n1,1.0\n', "needs a column"),
        ],
    )
    def test_bad(self, tmp_path: Path, content: str | bytes | None, words: str) -> None:
        """A missing file, column, row or number, a hole, and states that are none are told on one line."""
        (fault,) = self.faults(tmp_path, content)
        assert fault.path == "expect[0].table"
        assert words in fault.problem
        assert str(fault).isprintable()

    def test_an_epoch_loss_takes_the_epochs(self, tmp_path: Path) -> None:
        """Where a table has both columns, epoch_loss is by epoch."""
        assert self.faults(tmp_path, "step,epoch,epoch_loss\n5,1,2.0\n", quantity="epoch_loss") == []
        (fault,) = self.faults(tmp_path, "step,epoch_loss\n5,2.0\n", quantity="epoch_loss")
        assert "needs a column epoch" in fault.problem

    @pytest.mark.parametrize("name", ["../rows.csv", "/etc/passwd", "sub/../../rows.csv", "link.csv", "dir/rows.csv"])
    def test_escaping_the_folder(self, tmp_path: Path, name: str) -> None:
        """`..`, an absolute path and a link out of the scenario's folder are refused; nothing is read there."""
        (tmp_path / "rows.csv").write_text("epoch,loss\n1,1.0\n", encoding="utf-8")
        (outside := tmp_path / "outside").mkdir()
        (outside / "rows.csv").write_text("epoch,loss\n1,1.0\n", encoding="utf-8")
        (folder := tmp_path / "scenarios").mkdir()
        (folder / "link.csv").symlink_to(tmp_path / "rows.csv")
        (folder / "dir").symlink_to(outside)
        (fault,) = self.faults(folder, None, table=name)
        assert "below the scenario's own folder" in fault.problem

    def test_a_link_inside_the_folder(self, tmp_path: Path) -> None:
        """A link to a file below the folder is that file."""
        (tmp_path / "real.csv").write_text("epoch,loss\n1,1.0\n", encoding="utf-8")
        (tmp_path / "link.csv").symlink_to("real.csv")
        assert self.faults(tmp_path, None, table="link.csv") == []

    @pytest.mark.parametrize("kind", ["folder", "loop", "pipe", "nul", "long", "empty"])
    def test_what_is_no_file(self, tmp_path: Path, kind: str) -> None:
        """A folder, links in a circle, a pipe and impossible names are faults; none of them blocks."""
        name = {"nul": "a\0b", "long": "x" * 5000, "empty": ""}.get(kind, "thing")
        if kind == "folder":
            (tmp_path / name).mkdir()
        elif kind == "loop":
            (tmp_path / name).symlink_to(name)
        elif kind == "pipe":
            os.mkfifo(tmp_path / name)
        (fault,) = self.faults(tmp_path, None, table=name)
        assert fault.path == "expect[0].table"
        assert str(fault).replace("\0", "").isprintable() or kind == "nul"

    def test_at_beside_a_table(self, tmp_path: Path) -> None:
        """The table says where; `at` beside it is refused."""
        (fault,) = self.faults(tmp_path, "epoch,loss\n1,1.0\n", at="end")
        assert "leave it out" in fault.problem

    def test_recorded_text_needs_no_disk(self, tmp_path: Path) -> None:
        """With the bytes of its tables known, a scenario is read again without its folder."""
        (tmp_path / "rows.csv").write_text("epoch,loss\n1,1.0\n", encoding="utf-8")
        found = read(write_scenario(tmp_path, expect=[{"quantity": "loss", "table": "rows.csv", "within": 1.0}]))
        again = parse(found.text, Path("/nowhere/line.toml"), {}, found.files)
        assert again.expectations == found.expectations
