"""Rows that are read from a file, written out, or drawn by another engine; and that a run keeps what it was made of."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import harness.draws
from harness import worker
from harness.cli.main import main
from harness.draws import with_draws
from harness.errors import ScenarioError
from harness.frames import load
from harness.job import Job
from harness.plan import Cuts, Plan, make_plan
from harness.problem.data import Data, make_data
from harness.scenario.read import Scenario, parse, read
from tests.builders import LINE, document, toml, write_scenario
from tests.test_architecture import imported_by

NORRIS = Path(__file__).parent / "data" / "norris.dat"
# Three rows of two columns and a target, the target in the middle.
ROWS = [(1.0, 20.0, -3.0), (4.5, 0.0, 6e-3), (7.0, 8.25, 900.0)]


def sourced(data: dict[str, Any], files: dict[str, bytes] | None = None, **values: Any) -> Scenario:
    """LINE with other data, its files in memory."""
    content = document(**{"init": {}, **values, "data": data})
    return parse(toml(content), Path("line.toml"), {}, files or {})


def from_csv(content: bytes | str, table: dict[str, Any] | None = None, **values: Any) -> Scenario:
    """LINE on the rows of this file; its columns are a, y, b unless the table says otherwise."""
    csv = {"path": "d.csv", "x": ["a", "b"], "y": "y", **(table or {})}
    more = values.pop("data", {})
    return sourced(
        {"csv": csv, **more}, {"d.csv": content if isinstance(content, bytes) else content.encode()}, **values
    )


def data_of(scenario: Scenario, number: int = 0) -> Data:
    """The data of one of its cells."""
    spec = scenario.cells[number].spec
    return make_data(spec, scenario.inputs.of(spec))


def rows_of(data: Data) -> list[tuple[float, ...]]:
    """(a, y, b) of the training rows."""
    return [(a, y, b) for (a, b), y in zip(data.training.raw.tolist(), data.training.y.tolist(), strict=True)]


def faults(make: Any, *arguments: Any, **values: Any) -> dict[str, str]:
    """What is told, by key."""
    with pytest.raises(ScenarioError) as error:
        make(*arguments, **values)
    return {fault.path: fault.problem for fault in error.value.faults}


NAMED = "a,y,b\n1,20,-3\n4.5,0,0.006\n7,8.25,900\n"
BY_NUMBER = {"x": [0, 2], "y": 1}


@pytest.mark.parametrize(
    ("content", "table"),
    [
        (NAMED, {}),
        (NAMED, BY_NUMBER),
        (NAMED, {"x": ["a", 2], "y": 1}),
        ("b,y,a\n-3,20,1\n0.006,0,4.5\n900,8.25,7\n", {}),
        (NAMED.partition("\n")[2], {**BY_NUMBER, "header": False}),
        (NAMED.replace(",", ";"), {"delimiter": ";"}),
        (NAMED.replace(",", "\t"), {"delimiter": "\t"}),
        (NAMED.replace(",", "|"), {"delimiter": "|"}),
        (NAMED.replace(",", " "), {"delimiter": " "}),
        (NAMED.replace(",", "  \t "), {"delimiter": "whitespace"}),
        ("  " + NAMED.replace(",", "  ").replace("\n", "  \n   "), {"delimiter": "whitespace"}),
        ("# made by hand\n\n" + NAMED, {"skip_rows": 1}),
        ('"\nhalf a quote\n' + NAMED, {"skip_rows": 2}),
        ("# made by hand\n" + NAMED.replace(",", " "), {"skip_rows": 1, "delimiter": "whitespace"}),
        ("\ufeff" + NAMED, {}),
        ("\ufeff" + NAMED.replace(",", " "), {"delimiter": "whitespace"}),
        (NAMED.replace("\n", "\r\n"), {}),
        ("note\r\n" + NAMED.replace("\n", "\r\n"), {"skip_rows": 1}),
        (NAMED.replace("\n", "\r"), {}),
        (NAMED.removesuffix("\n"), {}),
        ('"a","y","b"\n"1","20","-3"\n"4.5","0","0.006"\n"7","8.25","900"\n', {}),
        ('"a",y,"b"\n"1",20,"-3"\n4.5,"0",6e-3\n7,8.25,900\n', {}),
        (" a , y , b \n 1 ,20 , -3\n4.5 , 0, 0.006 \n 7,8.25,900  \n", {}),
        ("\n\na,y,b\n\n1,20,-3\n   \n4.5,0,0.006\n\n7,8.25,900\n\n\n", {}),
        ("a\ty\tb\n1\t20\t-3\n \t \t \n4.5\t0\t0.006\n7\t8.25\t900\n", {"delimiter": "\t"}),
        ("a,y,b\n+1.,2E1,-3e0\n45e-1,.0,6e-03\n0.7e+1,825.e-2,9E2\n", {}),
        ("a,name,y,b\n1,one,20,-3\n4.5,,0,0.006\n7,nan,8.25,900\n", {}),
        ('a,"a ""name"", quoted",y,b\n1,"x, y",20,-3\n4.5,"two\nlines",0,0.006\n7,z,8.25,900\n', {}),
        ("a,y,b\nx,x,x\n1,20,-3\n4.5,0,0.006\n7,8.25,900\n1,2\n", {"rows": [2, 4]}),
        ("a,y,b\n9,9,9\n\n1,20,-3\n4.5,0,0.006\n7,8.25,900\n", {"rows": [2, 4]}),
        (NAMED, {"rows": [1, 3]}),
    ],
    ids=str,
)  # fmt: skip
def test_a_csv_file_in_all_its_forms(content: str, table: dict[str, Any]) -> None:
    """Names, numbers, delimiters, quotes, line ends, a BOM, blanks and other columns: the same three rows come out."""
    assert rows_of(data_of(from_csv(content, table))) == ROWS


def test_rows_are_counted_from_one_both_ends_included() -> None:
    """`rows = [2, 3]` is the second and the third data row."""
    assert rows_of(data_of(from_csv(NAMED, {"rows": [2, 3]}))) == ROWS[1:]


def test_numbers_are_read_to_the_last_bit() -> None:
    """A number with 17 digits is the float that Python reads, subnormal ones and the largest too."""
    numbers = ["0.1", "5e-324", "1.7976931348623157e308", "-0.0", "123456789.123456789"]
    content = "a,y\n" + "".join(f"{number},1\n" for number in numbers)
    found = data_of(from_csv(content, {"x": ["a"]})).training.raw[:, 0]
    assert [float(value).hex() for value in found] == [float(number).hex() for number in numbers]


def test_norris() -> None:
    """
    NIST's certified least squares come out of the file as it is published, to ten digits and more.

    tests/data/norris.dat: NIST/ITL StRD, https://www.itl.nist.gov/div898/strd/lls/data/Norris.shtml; the
    certified values stand in its lines 31 to 46, the data, y before x, in its lines 61 to 96.
    """
    table = {"path": "norris.dat", "x": [1], "y": 0, "header": False, "delimiter": "whitespace", "skip_rows": 60}
    scenario = sourced({"csv": table}, {"norris.dat": NORRIS.read_bytes()}, training={"steps": 1})
    spec = scenario.cells[0].spec
    record, _ = worker.run(Job(spec, inputs=scenario.inputs.of(spec)))
    assert spec.samples == 36
    assert record.optimum is not None
    assert record.optimum == pytest.approx([1.00211681802045, -0.262323073774029], rel=1e-10)


GOOD = "a,y,b\n1,2,3\n4,5,6\n7,8,9\n"


@pytest.mark.parametrize(
    ("content", "table", "key", "words"),
    [
        # fields
        ("a,y,b\n1,2,3\n4,,6\n", {}, "path", ['row 2 (line 3), column "y": found nothing; allowed: a finite number']),
        ("a,y,b\n1,2,3\n,,\n4,5,6\n", {}, "path", ["data row 2 (line 3)", '"a": found nothing', '"b": found nothing']),
        ("a,y,b\n1,2,3\n4,5,x\n", {}, "path", ['data row 2 (line 3), column "b": found "x"']),
        ("a,y,b\n1,nan,3\n4,5,6\n", {}, "path", ['data row 1 (line 2), column "y": found "nan"']),
        ("a,y,b\n1,-inf,3\n4,1e400,6\n", {}, "path", ['found "-inf"', 'found "1e400"']),
        ("a,y,b\n1_000,2,3\n4,5,6\n", {}, "path", ['found "1_000"']),
        ("a,y,b\n0x10,2,3\n4,5,1 000\n", {}, "path", ['found "0x10"', 'found "1 000"']),
        ("a,y,b\n\uff11,2,3\n4,\u0665,6\n", {}, "path", ['found "\uff11"', 'found "\u0665"']),
        ("a;y;b\n1,5;2;3\n4;5;6\n", {"delimiter": ";"}, "path", ['column "a": found "1,5"']),
        ("1,2,3\n4,x,6\n", {**BY_NUMBER, "header": False}, "path", ['data row 2 (line 2), column 1: found "x"']),
        ("-\n\na,y,b\n1,2,3\n\n4,5,x\n", {"skip_rows": 1}, "path", ["data row 2 (line 6)"]),
        ('a,y,b\n1,2,"3\n"\n4,5,x\n', {}, "path", ["data row 2 (line 4)"]),
        ("a y b\n1 2 3\n\n4 5 x\n", {"delimiter": "whitespace"}, "path", ["data row 2 (line 4)"]),
        # shape
        ("a,y,b\n1,2,3,4\n4,5,6\n", {}, "path", ["data row 1 (line 2) has 4 fields; the header has 3"]),
        ("a,y,b\n1,2,3\n4,5\n", {}, "path", ["data row 2 (line 3) has 2 fields; the header has 3"]),
        ("1,2,3\n4,5\n", {**BY_NUMBER, "header": False}, "path", ["row 2 (line 2) has 2 fields; the first row has 3"]),
        ("1,2,3\n4,5,6\n7,8,9\n", {}, "x[0]", ['found "a"; the header has "1", "2", "3"']),
        (GOOD, {"header": False}, "header", ["a column by its name (a) needs a header"]),
        (GOOD, {"x": ["a", "bb"]}, "x[1]", ['found "bb"; the header has "a", "y", "b"', 'Did you mean "b"?']),
        ("size,price\n1,2\n3,4\n", {"x": ["size"], "y": "prize"}, "y", ['Did you mean "price"?']),
        (GOOD, {"x": ["A"]}, "x[0]", ['found "A"']),
        ("a,a,y\n1,2,3\n4,5,6\n", {"x": ["a"]}, "x[0]", ["which the header holds twice; give the column's number"]),
        ("a,y,y\n1,2,3\n4,5,6\n", {"x": ["a"]}, "y", ["which the header holds twice"]),
        (GOOD, {"x": [3]}, "x[0]", ["found column 3; allowed: 0 to 2"]),
        (GOOD, {"y": 7}, "y", ["found column 7; allowed: 0 to 2"]),
        (GOOD, {"x": ["a", "a"]}, "x", ["twice"]),
        (GOOD, {"x": ["a", 0]}, "x[1]", ["the same column as x[0]"]),
        (GOOD, {"x": ["a"], "y": 0}, "y", ["the same column as x[0]"]),
        # rows
        ("", {}, "path", ["no header"]),
        ("\n \n", {}, "path", ["no header"]),
        (GOOD, {"skip_rows": 4}, "path", ["no header"]),
        ("", {**BY_NUMBER, "header": False}, "path", ["found 0 data rows; allowed: 2 or more"]),
        ("a,y,b\n", {}, "path", ["found 0 data rows; allowed: 2 or more"]),
        ("a,y,b\n1,2,3\n", {}, "path", ["found 1 data row; allowed: 2 or more"]),
        (GOOD, {"rows": [2, 2]}, "rows", ["found [2, 2], 1 data row; allowed: 2 or more"]),
        (GOOD, {"rows": [2, 4]}, "rows", ["found [2, 4]; the file has 3 data rows"]),
        (GOOD, {"rows": [8, 9]}, "rows", ["the file has 3 data rows"]),
        # text
        ("a,y,b\n1,2,3\n4,5,é\n".encode("latin-1"), {}, "path", ["UTF-8"]),
        (GOOD.encode("utf-16"), {}, "path", ["UTF-8"]),
        ('a,y,b\n1,2,"3\n4,5,6\n', {}, "path", ["no csv file"]),
        ('a,y,b\n1,2,"3"x\n4,5,6\n', {}, "path", ["no csv file"]),
        (GOOD, {"delimiter": "whitespace"}, "x[0]", ['the header has "a,y,b"']),
    ],
    ids=str,
)  # fmt: skip
def test_a_csv_file_that_does_not_fit(content: str | bytes, table: dict[str, Any], key: str, words: list[str]) -> None:
    """What is wrong in a file is told at the key it belongs to, with the row, its line and the column."""
    told = faults(from_csv, content, table)
    assert list(told) == [f"data.csv.{key}"]
    assert [word for word in words if word not in told[f"data.csv.{key}"]] == []


def test_several_faulty_fields_are_told_together() -> None:
    """Up to five faulty fields are named at once, the others counted."""
    (problem,) = faults(from_csv, "a,y,b\n1,2\nx,,z\n1,2,3\nnan,inf,1_0\n-,-,-\n").values()
    assert problem.count("data row") == 5
    assert problem.endswith("; and 5 more")
    assert [f"data row {row} (line {row + 1})" in problem for row in (1, 2, 3, 4)] == [True, True, False, True]


def test_a_wrong_file_is_told_with_other_faults_of_the_scenario(tmp_path: Path) -> None:
    """A csv file and an order file that cannot be used are told together."""
    data = {"csv": {"path": "no.csv", "x": [0], "y": 1}}
    told = faults(sourced, data, training={"epochs": 1, "order": {"file": "none.csv"}})
    assert sorted(told) == ["data.csv.path", "training.order.file"]


class TestPlaces:
    """Where a data file may lie."""

    @pytest.mark.parametrize("name", ["d.csv", "data/d.csv", "./data/../d.csv"])
    def test_below_the_scenario(self, tmp_path: Path, name: str) -> None:
        """Beside the scenario or below it."""
        (tmp_path / "data").mkdir()
        (tmp_path / name).write_text(GOOD, encoding="utf-8")
        assert read(self.scenario(tmp_path, name)).cells[0].spec.samples == 3

    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("no.csv", "cannot be read: No such file"),
            ("folder", "is no regular file"),
            ("", "is no regular file"),
            ("../d.csv", "below the scenario's own folder"),
            ("/etc/passwd", "below the scenario's own folder"),
            ("link.csv", "below the scenario's own folder"),
            ("a\0b", "no file has such a name"),
            ("x" * 300, "cannot be read"),
        ],
    )
    @pytest.mark.parametrize("key", ["data.csv.path", "training.order.file"])
    def test_not_readable(self, tmp_path: Path, key: str, name: str, words: str) -> None:
        """A missing file, a folder, and what lies outside, links included, are refused at the key that names it."""
        here = tmp_path / "here"
        (here / "folder").mkdir(parents=True)
        (tmp_path / "d.csv").write_text(GOOD, encoding="utf-8")
        (here / "link.csv").symlink_to(tmp_path / "d.csv")
        (here / "good.csv").write_text(GOOD, encoding="utf-8")
        if key == "data.csv.path":
            path = self.scenario(here, name)
        else:
            path = self.scenario(here, "good.csv", training={"epochs": 1, "order": {"file": name}})
        told = faults(read, path)
        assert list(told) == [key]
        assert words in told[key]

    @staticmethod
    def scenario(folder: Path, name: str, **values: Any) -> Path:
        csv = {"path": name, "x": ["a"], "y": "y"}
        return write_scenario(folder, init={}, data={"csv": csv}, **values)


class TestInline:
    """Rows written out in the scenario."""

    def test_they_are_the_data(self) -> None:
        """Whole numbers are numbers too, and the order is as written."""
        data = data_of(sourced({"inline": {"x": [[1], [2.5], [-3]], "y": [300, 500.5, 7]}}))
        assert data.training.raw.tolist() == [[1.0], [2.5], [-3.0]]
        assert data.training.y.tolist() == [300.0, 500.5, 7.0]

    @pytest.mark.parametrize(
        ("x", "y", "path", "words"),
        [
            ([[1.0], [2.0, 3.0]], [1.0, 2.0], "data.inline.x", "rows of 1 and 2 numbers"),
            ([[1.0], []], [1.0, 2.0], "data.inline.x[1]", "at least 1 value"),
            ([[1.0], [2.0]], [1.0], "data.inline.y", "found 1 numbers; x has 2 rows"),
            ([[1.0]], [1.0, 2.0], "data.inline.y", "found 2 numbers; x has 1 rows"),
            ([[1.0]], [1.0], "data.inline.y", "found 1 row; allowed: 2 or more"),
        ],
    )
    def test_what_is_no_table(self, x: Any, y: Any, path: str, words: str) -> None:
        """Ragged rows, other numbers of rows, and a single row are refused."""
        told = faults(sourced, {"inline": {"x": x, "y": y}})
        assert words in told[path]

    def test_a_source_is_one_source(self) -> None:
        """Keys of another kind of data beside are unknown."""
        points = {"x": [[1.0], [2.0]], "y": [1.0, 2.0]}
        assert list(faults(sourced, {"inline": points, "samples": 3})) == ["data.samples"]
        csv = {"path": "d.csv", "x": [0], "y": 1}
        assert list(faults(sourced, {"inline": points, "csv": csv})) == ["data.inline"]


def test_one_sample_is_refused_everywhere() -> None:
    """Made, read or written out: there are two rows or more."""
    assert "2 or more" in faults(sourced, {**LINE["data"], "samples": 1})["data.samples"]
    assert "2 or more" in faults(from_csv, "a,y,b\n1,2,3\n")["data.csv.path"]
    assert "2 or more" in faults(sourced, {"inline": {"x": [[1.0]], "y": [1.0]}})["data.inline.y"]


# Ten rows of which the target is the row's number.
TEN = "a,y,b\n" + "".join(f"{row}.5,{row},{row * row}\n" for row in range(10))
SPLITS: dict[str, Any] = {
    "csv": lambda split, **values: from_csv(TEN, data={"validation": split, **values.pop("data", {})}, **values),
    "inline": lambda split, **values: sourced(
        {
            "inline": {"x": [[row + 0.5, float(row * row)] for row in range(10)], "y": [*range(10)]},
            "validation": split,
            **values.pop("data", {}),
        },
        **values,
    ),
}


@pytest.mark.parametrize("source", SPLITS)
class TestValidation:
    """Rows held back, of a file and of rows written out alike."""

    @staticmethod
    def split(scenario: Scenario) -> tuple[list[float], list[float]]:
        data = data_of(scenario)
        assert data.validation is not None
        return data.training.y.tolist(), data.validation.y.tolist()

    @pytest.mark.parametrize(
        ("size", "held_back"),
        [({"rows": 1}, 1), ({"rows": 9}, 9), ({"fraction": 0.2}, 2), ({"fraction": 0.26}, 3), ({"fraction": 0.34}, 3),
         ({"fraction": 0.06}, 1), ({"fraction": 0.94}, 9)],
    )  # fmt: skip
    def test_first_and_last(self, source: str, size: dict[str, Any], held_back: int) -> None:
        """The first rows, or the last, in file order; a fraction is rounded to the nearest number of rows."""
        rows = [*map(float, range(10))]
        first = self.split(SPLITS[source]({**size, "pick": "first"}))
        assert first == (rows[held_back:], rows[:held_back])
        last = self.split(SPLITS[source]({**size, "pick": "last"}))
        assert last == (rows[: 10 - held_back], rows[10 - held_back :])

    @pytest.mark.parametrize(
        ("rng", "engine"), [("numpy", np.random.default_rng), ("numpy-legacy", np.random.RandomState)]
    )
    def test_shuffled(self, source: str, rng: str, engine: Any) -> None:
        """The split is the first thing drawn from the data's stream: the last rows of its permutation are held back."""
        order = engine(7).permutation(10).astype(float).tolist()
        found = self.split(SPLITS[source]({"rows": 3}, data={"rng": rng}, grid__seed=[7]))
        assert found == (order[:7], order[7:])
        assert self.split(SPLITS[source]({"rows": 3}, data={"rng": rng, "seed": 7}, grid__seed=[1])) == found

    @pytest.mark.parametrize(
        ("split", "words"),
        [({"rows": 10}, "all of the 10 rows"), ({"rows": 11}, "all of the 10 rows"),
         ({"fraction": 0.96}, "all of the 10 rows"), ({"fraction": 0.04}, "none of the 10 rows")],
    )  # fmt: skip
    def test_all_and_none(self, source: str, split: dict[str, Any], words: str) -> None:
        """A split that leaves nothing to train on, or holds nothing back, is refused."""
        told = faults(SPLITS[source], split)
        assert words in told["data.validation"]
        assert len(told) == 1

    def test_scaled_by_the_training_rows(self, source: str) -> None:
        """Rows held back are scaled as the training rows are, and have no say in it."""
        data = data_of(SPLITS[source]({"rows": 5, "pick": "last"}, model={"standardize": "population"}))
        assert data.validation is not None
        # Rows 0 to 4: a is row + 0.5, so its mean is 2.5 and its population variance (5² - 1) / 12 = 2.
        assert_array_equal(data.training.x[:, 0], (np.arange(5.0) - 2) / math.sqrt(2))
        assert_array_equal(data.validation.x[:, 0], (np.arange(5.0, 10) - 2) / math.sqrt(2))


def test_rows_of_a_file_count_before_the_split() -> None:
    """`rows` cuts the file first; the split is of what is left."""
    data = data_of(from_csv(TEN, {"rows": [3, 8]}, data={"validation": {"rows": 2, "pick": "first"}}))
    assert data.training.y.tolist() == [4.0, 5.0, 6.0, 7.0]


class TestEngines:
    """`data.rng`: published data come out again from the engine that drew them."""

    def test_numpy_legacy_by_hand(self) -> None:
        """RandomState(seed): x, then noise, then the split."""
        legacy = {
            **LINE["data"], "rng": "numpy-legacy", "x": {"kind": "uniform", "low": -1.0, "high": 3.0, "columns": 2},
            "noise": {"kind": "normal", "mean": 0.5, "sd": 2.0}, "validation": {"rows": 10},
        }  # fmt: skip
        data = data_of(sourced(legacy, grid__seed=[11]))
        draw = np.random.RandomState(11)
        x = draw.uniform(-1.0, 3.0, (40, 2))
        noise = draw.normal(0.5, 2.0, 40)
        order = draw.permutation(40)
        y = x @ np.array([3.0, -1.0]) + 0.5 + noise
        assert data.validation is not None
        assert_array_equal(data.training.raw, x[order[:30]])
        assert_array_equal(data.training.y, y[order[:30]])
        assert_array_equal(data.validation.raw, x[order[30:]])
        assert_array_equal(data.validation.y, y[order[30:]])


NOISY = {
    **LINE["data"],
    "rng": "torch",
    "noise": {"kind": "uniform", "low": -0.25, "high": 0.5},
    "validation": {"rows": 10},
}
BOTH: dict[str, Any] = {
    "grid__implementation": ["numpy", "module"],
    "grid__dtype": ["float32", "float64"],
    "grid__seed": [3, 4],
}


@pytest.fixture(scope="module")
def drawn() -> tuple[Plan, int]:
    """A plan of torch's draws: normal and uniform, a split, a csv file's split; and how many processes drew them."""
    scenarios = [
        sourced(NOISY, **BOTH),
        sourced({**NOISY, "x": {"kind": "linspace", "start": 0.0, "stop": 1.0}, "y": "sin"}),
        from_csv(TEN, data={"rng": "torch", "validation": {"rows": 3}}),
        # A model that cannot hold x must not take from the others what is drawn for all.
        sourced({**NOISY, "x": {"kind": "normal", "mean": 9.0, "sd": 1.0}, "y": "sin"},
                grid={**LINE["grid"], "model.powers": [[1], [900]]}),
    ]  # fmt: skip
    calls = []
    original = subprocess.run

    def counted(*arguments: Any, **options: Any) -> Any:
        calls.append(arguments)
        return original(*arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subprocess, "run", counted)
        plan = with_draws(make_plan(scenarios, Cuts(), 0))
    return plan, len(calls)


class TestTorch:
    """`data.rng = "torch"`: drawn once, in a process of its own, in float32."""

    def test_one_process_draws_for_all(self, drawn: tuple[Plan, int]) -> None:
        """Cells of several seeds and scenarios share one process; those of one seed share what it drew."""
        plan, processes = drawn
        assert processes == 1
        cells = [item.job for item in plan.cells[:8]]
        assert len({job.inputs.key for job in cells}) == 2
        assert len({job.inputs.draws for job in cells}) == 2
        assert {len(job.inputs.draws) for job in cells} == {3}

    @pytest.mark.parametrize("seed", [3, 4])
    def test_by_hand(self, drawn: tuple[Plan, int], seed: int) -> None:
        """torch.manual_seed(seed), then x, noise, split in float32, widened: bit for bit in every cell of the seed."""
        import torch

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            x = torch.randn(40, 2)
            noise = torch.rand(40) * 0.75 - 0.25
            order = torch.randperm(40).numpy()
        assert x.dtype == noise.dtype == torch.float32
        wide = x.double().numpy()
        y = wide @ np.array([3.0, -1.0]) + 0.5 + noise.double().numpy()
        jobs = [item.job for item in drawn[0].cells[:8] if item.job.spec.seed == seed]
        assert len(jobs) == 4
        for job in jobs:
            data = make_data(job.spec, job.inputs)
            assert data.validation is not None
            assert_array_equal(data.training.raw, wide[order[:30]])
            assert_array_equal(data.training.y, y[order[:30]])
            assert_array_equal(data.validation.raw, wide[order[30:]])

    def test_what_is_not_drawn_takes_no_numbers(self, drawn: tuple[Plan, int]) -> None:
        """Beside linspace the noise is the first draw."""
        import torch

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            noise = torch.rand(40) * 0.75 - 0.25
            order = torch.randperm(40).numpy()
        job = drawn[0].cells[8].job
        data = make_data(job.spec, job.inputs)
        x = np.linspace(0.0, 1.0, 40)
        assert_array_equal(data.training.y, (np.sin(x) + noise.double().numpy())[order[:30]])

    def test_the_split_of_a_file(self, drawn: tuple[Plan, int]) -> None:
        """Of a file's rows torch draws the split alone."""
        import torch

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            order = torch.randperm(10).double().tolist()
        job = drawn[0].cells[9].job
        data = make_data(job.spec, job.inputs)
        assert data.validation is not None
        assert (data.training.y.tolist(), data.validation.y.tolist()) == (order[:7], order[7:])

    def test_a_model_that_overflows_takes_nothing_from_the_others(self, drawn: tuple[Plan, int]) -> None:
        """Cells that share their data share the draws, though one of them cannot hold x to the power of 900."""
        good, bad = (item.job for item in drawn[0].cells[10:])
        assert len(make_data(good.spec, good.inputs).training.y) == 30
        with pytest.raises(ValueError, match="overflow"):
            make_data(bad.spec, bad.inputs)

    def test_without_the_draws_it_says_so(self) -> None:
        """A cell that was handed no draws fails in words."""
        with pytest.raises(ValueError, match="what torch draws is not there"):
            data_of(sourced(NOISY))

    def test_a_job_keeps_its_inputs_on_the_way(self, drawn: tuple[Plan, int]) -> None:
        """What a cell is handed survives as text, to the last bit."""
        job = drawn[0].cells[0].job
        again = Job.from_json(job.to_json()).inputs
        assert (again.key, again.draws) == (job.inputs.key, job.inputs.draws)

    def test_a_numpy_run_imports_no_torch(self, tmp_path: Path) -> None:
        """`harness run` of NumPy cells on torch's data never imports torch, neither the run nor its cells."""
        path = write_scenario(tmp_path, init={}, data=NOISY, run={"timing_repeats": 0})
        arguments = ["run", str(path), "--executor", "inline", "--no-report", "--out", str(tmp_path / "reports")]
        code = (
            "import harness.draws\nfrom harness.cli.main import main\nfrom tests.test_data_sources import drawn_here\n"
            f"harness.draws._drawn = drawn_here\nassert main({arguments!r}) == 0"
        )
        assert "torch" not in imported_by(code)

    def test_a_torch_that_fails_is_said(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where torch cannot draw, the run ends with code 2 in one sentence before anything is written."""
        monkeypatch.setattr(sys, "executable", "/bin/false")
        monkeypatch.chdir(tmp_path)
        path = write_scenario(tmp_path, init={}, data=NOISY)
        assert main(["run", str(path)]) == 2
        assert not (tmp_path / "reports").exists()


@pytest.mark.parametrize(
    "data",
    [LINE["data"], {**LINE["data"], "rng": "numpy-legacy", "validation": {"rows": 4}},
     {"csv": {"path": "d.csv", "x": ["a", "b"], "y": "y"}, "validation": {"rows": 4}},
     {"inline": {"x": [[0.1, 1.0], [0.2, 4.0], [0.7, 9.0]], "y": [0.1, 0.3, 1e-9]}}],
    ids=["numpy", "numpy-legacy", "csv", "inline"],
)  # fmt: skip
def test_data_of_one_seed_are_the_same_everywhere(data: dict[str, Any]) -> None:
    """Implementations, dtypes, devices, batch sizes and rates of a seed have the same rows, bit for bit."""
    grid = {
        "implementation": ["numpy", "autograd", "optim", "module"], "device": ["cpu", "cuda"],
        "dtype": ["float32", "float64"], "batch_size": [1, "full"], "learning_rate": [0.1, 0.2], "seed": [5],
    }  # fmt: skip
    scenario = sourced(data, {"d.csv": TEN.encode()}, grid=grid)
    found = [data_of(scenario, number) for number in range(len(scenario.cells))]
    assert len(found) == 64
    one = [found[0].training.raw.tobytes(), found[0].training.y.tobytes()]
    assert all([other.training.raw.tobytes(), other.training.y.tobytes()] == one for other in found)


class TestIdentity:
    """What stands in the files decides a cell's id, not what they are called."""

    def test_the_name_of_the_csv_file(self) -> None:
        """The same bytes under another name are the same cell."""
        files = {"a.csv": TEN.encode(), "b.csv": TEN.encode()}
        ids = {sourced({"csv": {"path": name, "x": [0], "y": 1}}, files).cells[0].id for name in files}
        assert len(ids) == 1

    @pytest.mark.parametrize("other", [TEN + "\n", TEN.replace("9.5", "9.6"), "\ufeff" + TEN])
    def test_its_bytes(self, other: str) -> None:
        """Other bytes are another cell, whatever they mean."""
        assert from_csv(other).cells[0].id != from_csv(TEN).cells[0].id

    @pytest.mark.parametrize(
        "table", [{"x": ["b", "a"]}, {"x": ["a"]}, {"rows": [1, 9]}, {"x": ["a", "y"], "y": "b"}], ids=str
    )
    def test_what_is_read_of_it(self, table: dict[str, Any]) -> None:
        """Other columns and other rows are another cell."""
        assert from_csv(TEN, table).cells[0].id != from_csv(TEN).cells[0].id

    def test_the_order_file(self) -> None:
        """Its bytes count, its name does not."""

        def identity(name: str, content: bytes) -> str:
            training = {"epochs": 1, "order": {"file": name}}
            files = {"d.csv": TEN.encode(), name: content}
            return sourced({"csv": {"path": "d.csv", "x": [0], "y": 1}}, files, training=training).cells[0].id

        order = b"0,1,2,3,4,5,6,7,8,9\n"
        assert identity("a.csv", order) == identity("b.csv", order)
        assert identity("a.csv", order) != identity("a.csv", order[::-1].strip() + b"\n")

    def test_a_file_is_an_axis(self) -> None:
        """`"data.csv.path"` may be an axis; each file is a cell of its own, two of the same bytes are one."""
        files = {"a.csv": TEN.encode(), "b.csv": TEN.replace("9.5", "9.6").encode(), "c.csv": TEN.encode()}
        grid = {**LINE["grid"], "data.csv.path": ["a.csv", "b.csv", "c.csv"]}
        scenario = sourced({"csv": {"path": "a.csv", "x": [0], "y": 1}}, files, grid=grid)
        assert len(scenario.cells) == 2
        assert [data_of(scenario, number).training.raw[9, 0] for number in (0, 1)] == [9.5, 9.6]
        told = faults(sourced, {"csv": {"path": "a.csv", "x": [0], "y": 1}},
                      {"a.csv": TEN.encode()}, grid={**grid, "data.csv.path": ["a.csv", "z.csv"]})  # fmt: skip
        assert list(told) == ['grid."data.csv.path"[1]']


LAST = {"rows": 1, "pick": "last"}
CONSTANT: dict[str, dict[str, Any]] = {
    # -1 and 1 squared are 1 and 1.
    "linspace": {
        "data": {"samples": 2, "x": {"kind": "linspace", "start": -1.0, "stop": 1.0}, "y": "sin"},
        "model": {"powers": [1, 2], "standardize": "sample"},
    },
    "csv": {"data": {"csv": {"path": "d.csv", "x": [0, 1], "y": 2}}, "model": {"standardize": "population"}},
    "sd": {"data__x__sd": 0.0, "model": {"standardize": "population"}},
    "training rows": {
        "data": {"inline": {"x": [[1.0], [1.0], [2.0]], "y": [1.0, 2.0, 3.0]}, "validation": LAST},
        "model": {"standardize": "sample"},
    },
    "one training row": {
        "data": {"inline": {"x": [[1.0], [2.0]], "y": [1.0, 2.0]}, "validation": LAST},
        "model": {"standardize": "sample"},
    },
    "scaled only": {
        "data": {"csv": {"path": "d.csv", "x": [0, 1], "y": 2}},
        "model": {"standardize": "population", "intercept": False},
    },
}  # fmt: skip


@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.parametrize("case", CONSTANT)
def test_a_constant_column_is_refused_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], case: str, command: str
) -> None:
    """A column without spread is not standardised: code 2 and `model.standardize` with its file, no run made."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d.csv").write_text("a,b,c\n1,5,1\n2,5,2\n4,5,0\n", encoding="utf-8")
    write_scenario(tmp_path, **{"init": {}, **CONSTANT[case]})
    assert main([command, "line.toml"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "line.toml: model.standardize: column" in err
    assert "is constant" in err
    assert not (tmp_path / "reports").exists()


def test_without_intercept_a_files_columns_are_scaled_not_centred() -> None:
    """(1, 2, 6) has mean 3 and population variance (4 + 1 + 9) / 3."""
    model = {"standardize": "population", "intercept": False}
    x = data_of(from_csv("a,y\n1,1\n2,2\n6,3\n", {"x": ["a"]}, model=model)).training.x
    assert_array_equal(x[:, 0], np.array([1.0, 2.0, 6.0]) / np.sqrt(14 / 3))


def test_a_spread_that_overflows_is_no_column_of_zeros() -> None:
    """Where the squares of a column overflow, it is refused: divided by infinity it would be all zero."""
    with pytest.raises(ValueError, match="overflow"):
        data_of(from_csv("a,y\n1e200,1\n2e200,2\n", {"x": ["a"]}, model={"standardize": "sample"}))


# Whole runs, in this process.


def drawn_here(jobs: list[Job]) -> list[tuple[tuple[float, ...], ...]]:
    """Stands for torch's process where no test is about it: x, noise and split of NOISY, nothing of others."""
    draw = np.random.default_rng(0)
    made = [tuple(values.tolist()) for values in (draw.normal(size=80), draw.normal(size=40), draw.permutation(40))]
    return [tuple(made) if job.spec.samples == 40 else () for job in jobs]


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """A folder with scenarios, their files, and a run of them of which nothing is done."""
    folder = tmp_path / "begun"
    folder.mkdir()
    (folder / "d.csv").write_text(TEN, encoding="utf-8")
    (folder / "order.csv").write_text("9,8,7,6,5,4,3,2,1,0\n" * 2, encoding="utf-8")
    values: dict[str, Any] = {"init": {}, "run": {"timing_repeats": 0}, "grid__batch_size": [5]}
    csv = {"csv": {"path": "d.csv", "x": ["a"], "y": "y"}}
    write_scenario(folder, "filed", data=csv, training={"epochs": 2, "order": {"file": "order.csv"}}, **values)
    write_scenario(folder, "torch", data=NOISY, **values)
    # Nothing is drawn here, though torch is to draw it.
    write_scenario(folder, "still", data={**csv, "rng": "torch"}, **values)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(harness.draws, "_drawn", drawn_here)
        assert main(["run", ".", "--executor", "inline", "--name", "r", "--no-report", "--budget", "1e-9"]) == 1
    assert len(load(folder / "reports" / "r").cells) == 0
    return folder


class TestTheRunFileSuffices:
    """A run holds its data, order and draws; what they came from may change, move or go."""

    @pytest.mark.parametrize("name", ["d.csv", "order.csv"])
    def test_a_changed_file_is_refused(
        self, begun: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
    ) -> None:
        """--resume names the data file or order file whose bytes are others, with code 2."""
        monkeypatch.chdir(begun)
        (begun / name).write_bytes((begun / name).read_bytes().replace(b"8", b"3", 1))
        assert main(["run", "--resume", "reports/r", "--no-report"]) == 2
        assert f"{name}: has changed" in capsys.readouterr().err

    @pytest.mark.parametrize("name", ["d.csv", "order.csv"])
    def test_a_file_that_is_gone_is_no_difference(
        self, begun: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
    ) -> None:
        """As with a scenario that is gone, the run goes on with its own copy."""
        monkeypatch.chdir(begun)
        (begun / name).unlink()
        assert main(["run", "--resume", "reports/r", "--dry-run"]) == 0
        assert "3 processes are missing" in capsys.readouterr().out

    def test_sources_are_not_needed_again(
        self, begun: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Without scenarios, files and torch the run is resumed, reported on, moved, and reproduced to the last bit."""

        def no_torch(*_: Any) -> None:
            raise AssertionError("torch drew again")

        monkeypatch.setattr(harness.draws, "_drawn", no_torch)
        here = tmp_path / "here"
        begun.rename(here)
        for path in [*here.glob("*.toml"), *here.glob("*.csv")]:
            path.unlink()
        monkeypatch.chdir(here)
        assert main(["run", "--resume", "reports/r", "--no-report"]) == 0
        assert main(["report", "reports/r"]) == 0
        assert (here / "reports" / "r" / "index.html").stat().st_size > 10_000
        (here / "reports" / "r").rename(tmp_path / "moved")
        monkeypatch.chdir(tmp_path)
        capsys.readouterr()
        assert main(["reproduce", "moved", "--executor", "inline"]) == 0
        assert capsys.readouterr().out.endswith("3 of 3 cells came out again, to the last bit.\n")
        assert set(load(tmp_path / "moved").cells["status"]) == {"ok"}
