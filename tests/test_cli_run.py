"""`harness run`: what it writes, prints and returns."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.cli.main import main
from harness.frames import load
from tests.builders import document, write_scenario

UNTIMED: dict[str, Any] = {"run__timing_repeats": 0}
HELD = {"quantity": "loss", "at_most": 100.0}


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*options: str, executor: str = "inline") -> int:
    return main(["run", "line.toml", "--executor", executor, "--no-report", "--name", "r", *options])


def test_a_run_leaves_a_file_and_a_verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run that holds returns 0; the verdict goes to stdout, progress to stderr, the data to reports/NAME."""
    write_scenario(tmp_path, expect=[HELD])
    assert run() == 0
    out, err = capsys.readouterr()
    assert out.startswith("✓ Passed.")
    assert "1 of 1" in out
    assert re.fullmatch(r"2 of 2 processes, \d+ s\n", err)
    assert len(load(tmp_path / "reports" / "r").cells) == 2


def test_the_default_name_is_the_time_and_never_taken_twice(tmp_path: Path) -> None:
    """Two runs in the same second have folders of their own, both named by the time."""
    write_scenario(tmp_path, **UNTIMED)
    for _ in range(2):
        assert main(["run", "line.toml", "--executor", "inline", "--no-report"]) == 0
    names = sorted(path.name for path in (tmp_path / "reports").iterdir())
    assert len(names) == 2
    assert all(name.startswith("20") for name in names)


def test_scenarios_is_the_default_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a path the scenarios in scenarios/ run, those in folders below it do not."""
    (tmp_path / "scenarios" / "below").mkdir(parents=True)
    write_scenario(tmp_path / "scenarios", "one", **UNTIMED)
    write_scenario(tmp_path / "scenarios", "two", **UNTIMED)
    write_scenario(tmp_path / "scenarios" / "below", "three", **UNTIMED)
    assert main(["run", "--executor", "inline", "--no-report", "--json"]) == 0
    assert list(json.loads(capsys.readouterr().out)["scenarios"]) == ["one", "two"]


def test_json_is_the_verdict_for_machines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--json prints one JSON object with gates and counts on stdout, and says nothing else."""
    write_scenario(tmp_path, expect=[HELD], grid__device=["cpu", "cuda"])
    assert run("--json") == 0
    out, err = capsys.readouterr()
    verdict = json.loads(out, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert err == ""
    assert verdict["passed"] is True
    gates = {gate["name"]: gate["status"] for gate in verdict["gates"]}
    assert gates == {
        "cells": "passed", "expectations": "passed", "repeatability": "not checked", "agreement": "passed"
    }  # fmt: skip
    counts = verdict["counts"]
    assert (counts["planned"], counts["ok"], counts["skipped"]) == (4, 2, 2)
    assert verdict["expectations"][0]["status"] == "held"
    assert verdict["scenarios"]["line"]["counts"] == counts


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_json_stays_json_when_numbers_are_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A diverged cell misses with words where JSON has no number; no NaN or Infinity is printed."""
    expect = [{"quantity": "loss", "value": 1.0, "within": 0.5}, {"quantity": "weights[0]", "at_most": 3.0}]
    write_scenario(tmp_path, expect=expect, grid__learning_rate=[50.0], training__epochs=100, **UNTIMED)
    assert run("--json") == 1
    verdict = json.loads(capsys.readouterr().out, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert [item["status"] for item in verdict["expectations"]] == ["missed", "missed"]


def test_a_missed_expectation_is_exit_code_1_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A changed expected value fails the run and is named on stdout with its file, number, claim and cell."""
    write_scenario(tmp_path, expect=[HELD, {"quantity": "weights[0]", "value": 7.25, "within": 0.001}], **UNTIMED)
    assert run() == 1
    out = capsys.readouterr().out
    assert out.startswith("✕ Not passed.")
    assert "line expect[1]: weights[0] at the end is 7.25 within 0.001; found" in out
    assert "implementation=numpy" in out
    assert "(1 of 1 comparisons missed)" in out


def test_a_device_that_is_not_here_is_skipped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Cells that this machine cannot run are skipped with their reason, and the run holds."""
    grid: dict[str, Any] = {"grid__implementation": ["numpy", "autograd"], "grid__device": ["cuda"]}
    write_scenario(tmp_path, expect=[HELD], **grid, **UNTIMED)
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a card")
    assert run() == 0
    cells = load(tmp_path / "reports" / "r").cells
    assert set(cells["status"]) == {"skipped"}
    assert cells["reason"].str.len().gt(0).all()
    assert "not checked" in capsys.readouterr().out.lower()


def test_a_failed_cell_is_exit_code_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A cell that fails fails the run, by the first gate; the others are kept."""
    write_scenario(tmp_path, grid={**document()["grid"], "data.x.sd": [1.0, 1e200]}, model__powers=[2], **UNTIMED)
    assert run() == 1
    assert "1 failed of 2 processes" in capsys.readouterr().out
    assert load(tmp_path / "reports" / "r").cells["status"].to_list() == ["ok", "failed"]


def test_a_failure_that_a_status_names_is_expected(tmp_path: Path) -> None:
    """A cell whose failure the scenario expects does not fail the run."""
    grid = {**document()["grid"], "data.x.sd": [1.0, 1e200]}
    expect = [{"quantity": "status", "where": {"data.x.sd": 1e200}, "equals": "failed"}]
    write_scenario(tmp_path, grid=grid, model__powers=[2], expect=expect, **UNTIMED)
    assert run() == 0


def test_a_cell_past_its_limit_is_exit_code_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--timeout ends cells, in processes of their own, and says so."""
    write_scenario(tmp_path, training={"steps": 2_000_000, "order": "sequential"}, grid__seed=[0, 1], **UNTIMED)
    assert run("--timeout", "0.5", "--jobs", "2", executor="local") == 1
    assert "2 timed out of 2 processes" in capsys.readouterr().out


FAULTS: list[tuple[str, list[str], list[str]]] = [
    ("no such scenario", ["run", "nowhere.toml"], ["nowhere.toml"]),
    ("no such axis", ["run", "line.toml", "--only", "optimiser=sgd"], ["optimiser", "learning_rate"]),
    ("a near axis", ["run", "line.toml", "--only", "dtyp=float64"], ['Did you mean "dtype"']),
    ("no such value", ["run", "line.toml", "--only", "dtype=float16"], ["float16", "float64"]),
    ("one value of two", ["run", "line.toml", "--only", "dtype=float64,float16"], ["float16"]),
    ("no value", ["run", "line.toml", "--only", "dtype"], ["AXIS=VALUE"]),
    ("empty value", ["run", "line.toml", "--only", "dtype="], ["AXIS=VALUE"]),
    ("no cell left", ["run", "line.toml", "--only", "seed=0", "--only", "seed=1"], ["no cell"]),
    ("set without sign", ["run", "line.toml", "--set", "training.epochs"], ["KEY=VALUE"]),
    ("set without key", ["run", "line.toml", "--set", "=3"], ["KEY=VALUE"]),
    ("set an unknown key", ["run", "line.toml", "--set", "training.epoch=3"], ["training.epoch", '"epochs"']),
    ("set a wrong type", ["run", "line.toml", "--set", "training.epochs=many"], ["training.epochs", "many"]),
    ("set below a number", ["run", "line.toml", "--set", "training.epochs.x=3"], ["training.epochs"]),
    ("set a float", ["run", "line.toml", "--set", "data.samples=3.5"], ["data.samples", "3.5"]),
    ("set a loss", ["run", "line.toml", "--set", "training.loss=msee"], ["msee", '"mse"']),
    ("name with a slash", ["run", "line.toml", "--name", "a/b"], ["a/b"]),
    ("name above", ["run", "line.toml", "--name", ".."], [".."]),
    ("name latest", ["run", "line.toml", "--name", "latest"], ["latest"]),
    ("empty name", ["run", "line.toml", "--name", ""], ["--name"]),
    ("existing name", ["run", "line.toml", "--name", "taken"], ["taken", "exists"]),
    ("no run", ["export", "nowhere"], ["nowhere"]),
    ("set an expectation", ["run", "line.toml", "--set", "expect[0].value=3"], ["expectations"]),
    ("set a bad exclusion", ["run", "line.toml", "--set", 'grid.exclude=[{sed=1, why="x"}]'], ["grid.exclude", "sed"]),
    ("retry of what", ["run", "line.toml", "--retry", "failed"], ["--resume RUN"]),
    ("a debugger from afar", ["run", "line.toml", "--pdb"], ["--executor inline"]),
    ("no plug-in", ["run", "line.toml", "--plugin", "none.py"], ["--plugin none.py", "Python file"]),
    ("nothing to resume", ["run", "--resume", "nowhere"], ["nowhere"]),
    ("nothing to reproduce", ["reproduce", "nowhere"], ["nowhere"]),
]


@pytest.mark.parametrize(("options", "words"), [case[1:] for case in FAULTS], ids=[case[0] for case in FAULTS])
def test_wrong_input_is_refused_before_anything_is_written(
    tmp_path: Path, options: list[str], words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Wrong input: exit code 2, one message on stderr that names it, nothing on stdout, nothing on disk."""
    write_scenario(tmp_path, grid__seed=[0, 1], **UNTIMED)
    (tmp_path / "reports" / "taken").mkdir(parents=True)
    before = sorted(tmp_path.rglob("*"))
    assert main(options) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1), err
    assert all(word in err for word in words), err
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["runn"],
        ["run", "--jobs", "0"],
        ["run", "--jobs", "two"],
        ["run", "--timeout", "0"],
        ["run", "--timeout", "-1"],
        ["run", "--timeout", "nan"],
        ["run", "--timeout", "soon"],
        ["run", "--executor", "cloud"],
        ["run", "--jobs", "1" + "0" * 23],
        ["run", "--budget", "0"],
        ["run", "--resume", "x", "--retry", "ok"],
        ["reproduce"],
        ["reproduce", "x", "--sample", "0"],
        ["run", "--isolation", "none"],
        ["run", "--no-such-option"],
        ["export", "latest", "--table", "rows"],
        ["export", "latest", "--format", "xlsx"],
    ],
)
def test_an_option_that_does_not_exist_is_exit_code_2(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """argparse's own faults have the exit code of all wrong input, and leave no traceback."""
    with pytest.raises(SystemExit) as end:
        main(options)
    assert end.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err


def test_all_faults_of_all_files_are_told_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two files with faults give a line each, with file and key, and nothing runs, the good file too."""
    write_scenario(tmp_path, "good", **UNTIMED)
    write_scenario(tmp_path, "one", training__loss="msee", training__epochs=0)
    write_scenario(tmp_path, "two", grid__dtype=["float16"])
    assert main(["run", "good.toml", "one.toml", "two.toml"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[:2] for line in lines] == [
        ["one.toml", "training.loss"],
        ["one.toml", "training.epochs"],
        ["two.toml", "grid.dtype[0]"],
    ]
    assert not (tmp_path / "reports").exists()


def test_a_dry_run_prints_the_plan_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--dry-run counts cells and processes, as --quick and --only leave them, and makes no folder."""
    write_scenario(tmp_path, grid__seed={"start": 0, "count": 9}, run__timed_seeds=2)
    assert main(["run", "line.toml", "--dry-run"]) == 0
    # 2 timed seeds x 2 replicates, and 7 others once.
    assert capsys.readouterr().out == "line.toml: 9 cells, 11 processes, 4 of them timed\n"
    assert main(["run", "line.toml", "--dry-run", "--quick"]) == 0
    assert capsys.readouterr().out == "line.toml: 2 cells, 2 processes, 2 of them timed\n"
    assert main(["run", "line.toml", "--dry-run", "--only", "seed=3,4"]) == 0
    assert capsys.readouterr().out == "line.toml: 2 cells, 2 processes, 0 of them timed\n"
    assert not (tmp_path / "reports").exists()


def test_quick_and_only_cut_the_run(tmp_path: Path) -> None:
    """--quick runs two seeds once with one timed pass; what is left out is not missing."""
    write_scenario(tmp_path, grid__seed={"start": 3, "count": 9}, grid__dtype=["float32", "float64"])
    assert run("--quick", "--only", "dtype=float64") == 0
    made = load(tmp_path / "reports" / "r")
    assert list(zip(made.cells["seed"], made.cells["dtype"], strict=True)) == [(3, "float64"), (4, "float64")]
    assert made.timings["kind"].value_counts()["pass"] == 2
    assert made.counts()["missing"] == 0


def test_set_reaches_the_cells_and_stays_with_the_run(tmp_path: Path) -> None:
    """--set changes what runs; the run file knows the settings, so its cells are found again."""
    write_scenario(tmp_path, **UNTIMED)
    assert run("--set", "training.epochs=2", "--set", "training.loss=mae", "--set", "grid.seed=[4, 5]") == 0
    made = load(tmp_path / "reports" / "r")
    assert made.cells["steps"].to_list() == [10, 10]
    assert made.cells["seed"].to_list() == [4, 5]
    cells = made.file.scenarios[0].cells
    assert [cell.id for cell in cells] == made.cells["cell"].to_list()
    assert cells[0].spec.training.loss.kind == "mae"


def test_isolation_and_jobs_change_no_number(tmp_path: Path) -> None:
    """The same scenario inline, forked two at a time, and in new interpreters has the same digests."""
    write_scenario(tmp_path, grid__seed=[0, 1], **UNTIMED)
    variants = {
        "inline": ["--executor", "inline"],
        "fork": ["--jobs", "2"],
        "spawn": ["--isolation", "spawn", "--jobs", "2"],
    }
    digests = {}
    for name, options in variants.items():
        assert main(["run", "line.toml", "--no-report", "--name", name, *options]) == 0
        digests[name] = load(tmp_path / "reports" / name).cells["digest"].to_list()
    assert digests["inline"] == digests["fork"] == digests["spawn"]
    assert len(set(digests["inline"])) == 2


def test_the_four_ways_agree_in_a_whole_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """NumPy, autograd, optim and module, forked and timed, walk the same path and hold what is expected."""
    write_scenario(
        tmp_path,
        grid__implementation=["numpy", "autograd", "optim", "module"],
        expect=[HELD],
        run={"replicates": 1, "timed_seeds": 1, "timing_repeats": 1},
    )
    assert run("--json", executor="local") == 0
    verdict = json.loads(capsys.readouterr().out)
    gates = {gate["name"]: (gate["status"], gate["found"]) for gate in verdict["gates"]}
    assert gates["cells"] == ("passed", "4 of 4")
    assert gates["agreement"] == ("passed", "3 of 3 pairs, 4 of 4 cells follow their reference")
    assert gates["expectations"] == ("passed", "1 of 1")
    templates = load(tmp_path / "reports" / "r").cells.set_index("implementation")["template"]
    assert templates.to_dict() == {
        "numpy": "numpy-0.0", "autograd": "torch-0.0", "optim": "torch-0.0", "module": "torch-0.0"
    }  # fmt: skip


def test_a_name_of_the_users_own_modules_does_no_harm(tmp_path: Path) -> None:
    """A random.py or numpy.py where the command is given is not imported by cells."""
    write_scenario(tmp_path, **UNTIMED)
    for name in ("random", "numpy", "json"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong module')\n", encoding="utf-8")
    harness = Path(sys.executable).with_name("harness")
    command = [str(harness), "run", "line.toml", "--no-report", "--name", "r"]
    for isolation in ("fork", "spawn"):
        options = ["--isolation", isolation, "--name", isolation]
        done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=100, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def _shell(script: str, *arguments: Any) -> subprocess.CompletedProcess[str]:
    command = ["bash", "-c", script, "bash", sys.executable, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)


@pytest.mark.parametrize(
    "command", ["check scenarios", "run scenarios --dry-run", "export reports/r", "export reports/r --table traces"]
)
def test_a_reader_that_has_enough_is_no_error(tmp_path: Path, command: str) -> None:
    """A closed pipe (head, less) ends a command silently, with its own exit code."""
    write_scenario(tmp_path, grid__seed={"start": 0, "count": 30}, **UNTIMED)
    assert run() == 0
    (tmp_path / "scenarios").mkdir()
    for number in range(30):
        write_scenario(tmp_path / "scenarios", f"number{number}", **UNTIMED)
    done = _shell(f'"$1" -m harness {command} | true; echo "${{PIPESTATUS[0]}}"')
    assert (done.stdout, done.stderr) == ("0\n", "")


@pytest.mark.parametrize("options", ["--help", "run --help", "--version"])
def test_help_into_a_closed_pipe_is_silent(options: str) -> None:
    """Help that nobody reads is no error either."""
    done = _shell(f'"$1" -m harness {options} | true; echo "${{PIPESTATUS[0]}}"')
    assert (done.stdout, done.stderr) == ("0\n", "")


def test_a_verdict_that_nobody_reads_still_counts(tmp_path: Path) -> None:
    """`harness run … | true` returns 1 when the run did not hold, and `2>&1 | true` loses no record."""
    missed = {"quantity": "loss", "at_least": 1e9}
    write_scenario(tmp_path, expect=[missed], grid__seed={"start": 0, "count": 5}, **UNTIMED)
    for name, pipe in (("one", "| true"), ("two", "2>&1 | true")):
        script = f'"$1" -m harness run line.toml --executor inline --no-report --name {name} {pipe}'
        done = _shell(script + '; echo "${PIPESTATUS[0]}"')
        assert done.stdout == "1\n", done.stderr
        assert load(tmp_path / "reports" / name).counts()["ok"] == 5


def test_an_encoding_without_our_signs_is_no_error(tmp_path: Path) -> None:
    """Where stdout is ASCII or Latin-1, the verdict is printed with what it can spell."""
    write_scenario(tmp_path, **UNTIMED)
    for encoding in ("ascii", "latin-1"):
        script = f'PYTHONIOENCODING={encoding} "$1" -m harness run line.toml --executor inline --no-report'
        done = _shell(f"{script} --name {encoding}")
        assert done.returncode == 0, done.stderr
        assert "Passed" in done.stdout


@pytest.mark.parametrize("debug", [False, True])
def test_debug_shows_where_an_error_came_from(debug: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """A traceback is shown with --debug and only then; the message is the last line either way."""
    assert main(["check", "nowhere.toml", *(["--debug"] if debug else [])]) == 2
    err = capsys.readouterr().err
    assert ("Traceback (most recent call last)" in err) is debug
    assert err.splitlines()[-1].startswith("harness: nowhere.toml")


def test_an_error_of_our_own_is_one_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug of the harness itself is no success and no traceback, but a line that asks to report it."""

    def broken(*_arguments: object, **_options: object) -> None:
        raise ZeroDivisionError("a bug")

    write_scenario(tmp_path)
    monkeypatch.setattr("harness.cli.run.make_plan", broken)
    assert run() == 1
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "ZeroDivisionError: a bug" in err
    assert "--debug" in err


def test_a_path_that_the_system_refuses_is_one_message(capsys: pytest.CaptureFixture[str]) -> None:
    """A name longer than file names may be (255 bytes) ends in a message, not in a traceback."""
    for options in (["run", "x" * 300], ["export", "x" * 300], ["check", "x" * 300 + ".toml"]):
        assert main(options) in (2, 3)
        assert capsys.readouterr().err.count("\n") == 1


def test_a_default_that_is_asked_for_is_noticed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A resumed run keeps its own executor: naming another is refused, be it the default; its own, or none, is fine."""
    write_scenario(tmp_path, **UNTIMED)
    assert run() == 0
    capsys.readouterr()
    assert main(["run", "--resume", "r", "--executor", "local", "--no-report"]) == 2
    assert "executor: there it is inline" in capsys.readouterr().err
    assert main(["run", "--resume", "r", "--executor", "inline", "--no-report"]) == 0
    assert main(["run", "--resume", "r", "--no-report"]) == 0
    assert "nothing is missing" in capsys.readouterr().err
