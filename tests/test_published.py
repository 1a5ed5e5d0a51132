"""Published numbers come out again, each is told beside the measured one, and one that is changed is told."""

from __future__ import annotations

import json
import math
import re
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness import runner
from harness.analysis import rules
from harness.analysis.expectations import check_all
from harness.analysis.published import Row, least_seeds, off_by, published, verdict, worst
from harness.analysis.result import Check, Result
from harness.analysis.verdict import Assessment
from harness.cli.main import main
from harness.frames import Run, load
from harness.report.summary import as_json, as_terminal
from harness.scenario.expect import Expect
from harness.scenario.read import Scenario, read
from tests.builders import document, scenario, toml
from tests.faulty import finished_run

FOLDER = Path(__file__).parent.parent / "scenarios" / "published"
# Each with numbers that its publication prints, as they stand in the file: a file that is lost, or a number, is missed.
PRINTED = {
    "dlzta-lab2": ("4.666667", "0.012043", "0.001756", "0.000158", "0.873", "0.033"),
    "four-traits-seeds": ("8.0994", "2.0012", "2.0073", "4.0042", "1.0013", "8.09971", "0.00468"),
    "geron-batch": ("4.21509616", "2.77011339"),
    "godoy-nnlinear": ("0.7645", "0.83", "1.969", "1.0235"),
    "godoy-numpy": ("2.7421577700550976", "-3.044811379650508", "-1.8337537171510832", "0.80119529", "1.02354094"),
    "godoy-torch": ("0.3367", "0.1288", "-3.1125", "-1.8156", "1.0235", "1.969", "0.008044655434787273"),
    "line-seeds": ("0.99253", "0.0162", "0.47801", "0.36627", "98.613", "9.828", "2.984e-4"),
    "ng-lab05": ("7.93e4", "3.41", "2.90e-5", "108.228", "100.024", "199.9929", "100.0116"),
    "nist-noint1": ("2.07438016528926", "127.272727272727"),
    "nist-norris": ("-0.262323073774029", "1.00211681802045", "26.6173985294224", "0.999993745883712"),
    "parabola-numpy": ("2.98927619", "2.09818307", "2.9892761947", "2.0981830679", "0.1669796904", "2.0974173771"),
    "parabola-torch": ("0.24365249", "-0.58001679", "2.96477318", "2.11454487", "0.16678932"),
    "ptex-band": ("0.8503276705741882", "8.817165410007023", "10.074", "1.115", "0.84418", "0.0145", "3.558e-6"),
    "r-cars": ("-17.57909489", "3.93240876"),
}


@pytest.mark.parametrize("name", PRINTED)
def test_each_publication_has_its_file(name: str) -> None:
    """The file is without fault, says its source, and has the printed numbers as values with a source of their own."""
    path = FOLDER / f"{name}.toml"
    assert read(path).document.source
    values = set(re.findall(r"(?:value = |[\[,] ?)(-?[0-9.]+(?:e-?\d+)?)", path.read_text(encoding="utf-8")))
    assert set(PRINTED[name]) <= values
    assert all(expect["source"] for expect in tomllib.loads(path.read_text(encoding="utf-8"))["expect"])


def test_no_file_is_without_its_numbers() -> None:
    """Every file of the folder is in the table above."""
    assert {path.stem for path in FOLDER.glob("*.toml")} == set(PRINTED)


def in_numpy(name: str) -> Scenario:
    """Its NumPy cells, and the expectations that are about them."""
    full = read(FOLDER / f"{name}.toml")
    return replace(full, cells=tuple(cell for cell in full.cells if cell.axes["implementation"] == "numpy"))


# What torch draws comes from a process of its own, and fifty seeds take as many; `test_the_command` has them.
IN_PROCESSES = ("four-traits-seeds", "line-seeds", "parabola-torch", "ptex-band")
QUICK = [name for name in PRINTED if name not in IN_PROCESSES]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The publications that take neither fifty seeds nor another process, in NumPy, in this process."""
    return finished_run(tmp_path_factory.mktemp("published") / "run", *map(in_numpy, QUICK))


@pytest.fixture(scope="module")
def rows(run: Run) -> list[Row]:
    return published(run, check_all(run))


def test_every_published_number_comes_out(run: Run, rows: list[Row]) -> None:
    """In NumPy, in both dtypes: all hold but what is about other implementations, and each has its row."""
    results = check_all(run)
    assert [row.result.claim for row in rows] == [result.claim for result in results]
    for result in results:
        only_torch = "numpy" not in str(result.expect.where.get("implementation", "numpy"))
        assert result.status == ("not checked" if only_torch else "held"), (result.scenario, result.claim)


def said(rows: list[Row], name: str, label: str) -> list[str]:
    return [row.verdict for row in rows if (row.scenario, row.label) == (name, label)]


@pytest.mark.parametrize(
    ("name", "label", "words"),
    [
        ("godoy-numpy", "loss at the start", "bitwise"),
        ("godoy-numpy", "gradient[0] at the start", "bitwise"),
        ("nist-norris", "optimum's weights[0], raw", "to 1[45] digits"),
        ("nist-norris", "bias, raw", "to 1[345] digits"),
        ("nist-noint1", "weights[0], raw", "to 1[45] digits"),
        ("geron-batch", "weights[0]", "to 8 digits"),
        ("parabola-numpy", "weights[0] (float64)", "to (8|10) digits"),
        ("parabola-numpy", "correct_digits", "holds"),
        ("godoy-torch", "step_loss at step 999 (autograd/optim/module)", "not checked: none of its cells .*"),
    ],
)
def test_what_is_said_of_real_runs(rows: list[Row], name: str, label: str, words: str) -> None:
    """The verdicts of published numbers, each by its label."""
    found = said(rows, name, label)
    assert found
    assert all(re.fullmatch(words, word) for word in found), found


def result(*found: Any, dtype: str = "float64", place: str = "end", **expect: Any) -> Result:
    """An expectation after a run that found these values, one a cell."""
    given = Expect.model_validate({"quantity": "weights[0]", "source": "printed", **expect})
    wanted = expect.get("value", expect.get("at_least", 0.0))
    checks = []
    for number in found:
        distance = rules.distance(given, number, wanted) if isinstance(number, float) else math.inf
        checks.append(Check("c", {"dtype": dtype}, place, number, wanted, distance <= 1, distance))
    return Result("s", 0, given, tuple(checks), "" if found else "none of its cells is in this run")


@pytest.mark.parametrize(
    ("of", "words"),
    [
        (result(2.0, value=2.0, within=0.0), "bitwise"),
        (result(2.0, 2.0 + 2**-51, value=2.0, digits=12), "to 15 digits"),
        (result(2.98927620, value=2.98927619, within=5e-8), "to 8 digits"),
        (result(1.02, 1.3, value=1.0, within=0.5), "holds"),
        (result(1.02, 1.05, value=1.0, within=0.5), "to 1 digit"),
        (result(1e-17, value=0.0, within=1e-9), "to 17 decimals"),
        (result(1.0, value=5e-324, within=2.0), "holds"),
        (result(3.2, at_least=3.0), "holds"),
        (result(2.75, at_least=3.0), "not: off by 0.25"),
        (result(2.5, value=2.0, within=0.25), "not: off by 0.5, 2 times what is allowed"),
        (result(2.0, 2.5, 3.0, value=2.0, within=0.25), "not: off by 1, 4 times what is allowed"),
        (result(38.5, value=1.0, within=0.01), "not: off by 38, 3,800 times what is allowed"),
        (result(1.0, value=101.0, within=1.0), "not: off by 100, 100 times what is allowed"),
        (result(4.0, value=1.0, within=1e-6), "not: off by 3, 3e+06 times what is allowed"),
        (result(2.0 + 2**-51, value=2.0, within=0.0), "not: off by 4.4e-16"),
        (result("crashed", value=2.0, within=0.1), "not: crashed"),
        (result(math.nan, value=2.0, within=0.1), "not: not finite"),
        (result(math.nan, value=2.0, within=0.1, statistic="start_correlation"), "not: undefined"),
        (result(value=2.0, within=0.1), "not checked: none of its cells is in this run"),
    ],
    ids=lambda item: item if isinstance(item, str) else "",
)
def test_the_verdict_in_words(of: Result, words: str) -> None:
    """What agrees least decides, no more is claimed than was measured, and up to a million no power of ten is said."""
    assert verdict(of) == words


@pytest.mark.parametrize(
    ("dtype", "more", "words"),
    [
        ("float32", {}, "bitwise"),
        ("float64", {}, "to 9 digits"),
        ("float32", {"quantity": "loss"}, "to 9 digits"),
        ("float32", {"of": "optimum"}, "to 9 digits"),
        ("float32", {"space": "raw"}, "to 9 digits"),
    ],
    ids=["float32", "float64", "a loss is float64", "so is an optimum", "and what is scaled back"],
)
def test_the_same_float32(dtype: str, more: dict[str, Any], words: str) -> None:
    """A printed float32 is bitwise the parameter of a float32 cell whose shortest text it is; nowhere else."""
    found = 0.24365249276161194  # a float32, as a float64
    assert verdict(result(found, value=0.2436524929, digits=7, dtype=dtype, **more)) == words


def over_seeds(low: float, high: float, wanted: float, **expect: Any) -> Result:
    given = Expect.model_validate({"quantity": "loss", "value": wanted, "source": "printed", **expect})
    held = low <= wanted <= high
    check = Check("c", {}, "end", (low, high), wanted, held, 0.5 if held else 2.0)
    return Result("s", 0, given, (check,))


@pytest.mark.parametrize("rule", [{"inside": "seeds"}, {"sd": 3.0}], ids=["inside", "sd"])
def test_over_seeds(rule: dict[str, Any]) -> None:
    """A number inside the spread says of how many seeds; one outside says how far beyond the nearer end."""
    assert verdict(over_seeds(1.0, 2.0, 1.5, **rule), 50) == "within the spread of 50 seeds"
    assert verdict(over_seeds(1.0, 2.0, 2.125, **rule), 50) == "not: off by 0.12"
    assert verdict(over_seeds(1.0, 2.0, 0.5, **rule), 50) == "not: off by 0.5"


def test_a_statistic_is_a_number_as_any_other() -> None:
    """A mean of many seeds that is near enough says to how many digits: their spread was not looked at."""
    of = result(2.98927620, value=2.98927619, within=5e-8, statistic="mean")
    assert verdict(of, 20) == verdict(of, 1) == "to 8 digits"


def test_words_hold_or_not() -> None:
    """An outcome holds; another word is told."""
    given = Expect.model_validate({"quantity": "outcome", "equals": "converged", "source": "printed"})
    check = Check("c", {}, "", "converged", "converged", True, 0.0)
    assert verdict(Result("s", 0, given, (check,))) == "holds"
    missed = replace(check, found="diverged", held=False, distance=math.inf)
    assert verdict(Result("s", 0, given, (check, missed))) == "not: diverged"


def test_the_worst_row_of_a_table() -> None:
    """Of several states the one with the fewest digits is shown, whatever the tolerance; missed ones come first."""
    given = Expect.model_validate(
        {"quantity": "bias", "at": {"step": [1, 2]}, "value": [100.0, 0.01], "within": 0.005, "source": "printed"}
    )
    checks = (
        Check("c", {}, "step 1", 100.004, 100.0, True, 0.8),
        Check("c", {}, "step 2", 0.0101, 0.01, True, 0.02),
    )
    of = Result("s", 0, given, checks)
    assert (worst(of), verdict(of)) == (checks[1], "to 2 digits")
    far = replace(checks[0], found=100.01, held=False, distance=2.0)
    assert worst(replace(of, checks=(far, checks[1]))) == far


def test_seeds_are_counted_where_they_are_looked_at() -> None:
    """The seeds of the cells that an expectation is about; of several groups the fewest."""
    one = scenario(grid={**document()["grid"], "seed": [0, 1, 2], "learning_rate": [0.01, 0.05],
                         "exclude": [{"learning_rate": 0.05, "seed": 2, "why": "enough"}]})  # fmt: skip
    assert least_seeds(one, Expect(quantity="loss", value=1.0, inside="seeds")) == 2
    assert least_seeds(one, Expect(quantity="loss", value=1.0, inside="seeds", where={"learning_rate": 0.01})) == 3
    assert least_seeds(one, Expect(quantity="loss", value=1.0, inside="seeds", where={"seed": [0]})) == 1


def table(assessment: Assessment) -> list[str]:
    """The lines of the table of published numbers, without its head."""
    lines = as_terminal(assessment, Path("page")).splitlines()
    start = next((place for place, line in enumerate(lines) if "published numbers:" in line), len(lines))
    return lines[start:]


def test_the_table_has_a_row_for_each(run: Run, rows: list[Row]) -> None:
    """Grouped by scenario with its source, no row lost, in the order of the files, no line longer than 118."""
    lines = table(Assessment(run))
    assert max(map(len, lines)) <= 118
    assert sum(line.startswith(("  ✓ ", "  ✕ ", "  ○ ")) for line in lines) == len(rows)
    assert lines[0].startswith(f"  {len(rows)} published numbers: ")
    heads = [line.strip().partition(":")[0] for line in lines if re.match(r"  [a-z0-9-]+: ", line)]
    assert heads == QUICK
    assert lines[2].split() == ["claim", "source", "published", "measured", "verdict"]


def test_the_table_shows_both_numbers(run: Run) -> None:
    """Published and measured stand in one line, point below point."""
    lines = table(Assessment(run))
    (line,) = [line for line in lines if "loss at the start" in line and "bitwise" in line and "chapter 0" in line]
    assert line.count("2.7421577700550976") == 2
    ends = [line for line in lines if "printed: theta " in line]
    assert len(ends) == 4
    assert {line.index(".") for line in ends} == {ends[0].index("4.2") + 1}


def test_json_has_the_rows(run: Run, rows: list[Row]) -> None:
    """summary.json has all of them in full, with numbers as numbers."""
    found = json.loads(as_json(Assessment(run)))["published"]
    assert [item["verdict"] for item in found] == [row.verdict for row in rows]
    (loss,) = [item for item in found if item["scenario"] == "godoy-numpy" and item["measured"] == 2.7421577700550976]
    assert loss["published"] == [2.7421577700550976]
    assert "Godoy" in loss["scenario_source"]
    (rows_of_a_table,) = [item for item in found if item["claim"].startswith("step_loss at steps 0, 100, 500")]
    assert rows_of_a_table["published"] == [4.666667, 0.012043, 0.001756, 0.000158]


def test_without_sources_there_is_no_table(tmp_path: Path) -> None:
    """A scenario's own expectations, published nowhere, are no published numbers."""
    expect = [{"quantity": "loss", "at_least": 0.0}]
    done = Assessment(finished_run(tmp_path / "run", scenario(expect=expect, run__timing_repeats=0)))
    assert table(done) == []
    assert json.loads(as_json(done))["published"] == []


# One printed digit of a publication, by one.
CHANGED = [
    ("parabola-numpy", "value = 2.98927619\n", "value = 2.98927618\n"),
    ("godoy-numpy", "value = 2.7421577700550976", "value = 2.7421577700550986"),
    ("nist-noint1", "value = 2.07438016528926", "value = 2.07438016528936"),
    ("ng-lab05", "value = 2.90e-5", "value = 2.91e-5"),
]


@pytest.mark.parametrize(("name", "before", "after"), CHANGED, ids=[name for name, *_ in CHANGED])
def test_a_changed_digit_is_told(
    name: str, before: str, after: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A published number with one digit changed: exit code 1, and the table says by how much it is off."""
    text = (FOLDER / f"{name}.toml").read_text(encoding="utf-8")
    assert before in text
    (tmp_path / f"{name}.toml").write_text(text.replace(before, after), encoding="utf-8")
    options = ["--only", "implementation=numpy", "--executor", "inline", "--no-report", "--out", str(tmp_path / "out")]
    assert main(["run", str(tmp_path / f"{name}.toml"), *options, "--name", "r"]) == 1
    assert re.search(r"✕ .*not: off by", capsys.readouterr().out)
    run = load(tmp_path / "out" / "r")
    off = [off_by(row) for row in published(run, check_all(run)) if row.result.status == "missed"]
    wanted = float(after.partition("=")[2])
    assert off
    assert all(size == pytest.approx(abs(wanted - float(before.partition("=")[2])), rel=0.6) for size in off)


references = runner._references


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("name", "seeds"),
    [("four-traits-seeds", {50}), ("line-seeds", set()), ("parabola-torch", set()), ("ptex-band", {50})],
)
def test_the_command(
    name: str,
    seeds: set[int],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What takes fifty seeds, or what torch draws: the command holds every number and ends with the table."""
    # Of fifty references one is walked: they take most of the time, and no number rests on them.
    monkeypatch.setattr(runner, "_references", lambda plan: references(plan)[:1])
    options = ["--only", "implementation=numpy", "--no-report", "--out", str(tmp_path), "--name", "r"]
    assert main(["run", str(FOLDER / f"{name}.toml"), *options]) == 0
    rows = published(run := load(tmp_path / "r"), check_all(run))
    assert {row.result.status for row in rows} == {"held"}
    assert len(rows) == len(run.file.scenarios[0].expectations)
    assert f"{len(rows)} published numbers: " in capsys.readouterr().out
    over = {row.verdict for row in rows if row.result.expect.over_seeds and row.result.expect.statistic is None}
    over -= {"holds"}
    assert over == {f"within the spread of {count} seeds" for count in seeds}


def test_not_checked_is_said_with_its_reason(tmp_path: Path) -> None:
    """What did not run stands in the table all the same."""
    expect = [{"quantity": "loss", "value": 1.0, "inside": "seeds", "source": "printed"}]
    text = toml(document(expect=expect, run__timing_repeats=0))
    path = tmp_path / "s.toml"
    path.write_text(text, encoding="utf-8")
    (row,) = published(run := finished_run(tmp_path / "run", read(path)), check_all(run))
    assert row.verdict == "not checked: 1 seed; it takes 50"
    assert any(line.startswith("  ○ loss") for line in table(Assessment(run)))
