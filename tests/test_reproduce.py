"""Cells of a run once more: the same bits, or where they part."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.analysis.reproduction import departure, differing_fields, ulps
from harness.cli.main import main
from harness.executors.inline import InlineExecutor
from harness.frames import Run
from harness.reproduce import recorded, reproductions
from tests.builders import scenario, write_scenario
from tests.faulty import finished_run
from tests.test_plugins import MINE, file, harness

# A plug-in whose numbers depend on a file, and which cannot be read off its code.
FICKLE = """
import os, pathlib
import harness

@harness.implementation("mine")
class Mine(harness.implementations.get("numpy")):
    def step(self, rows):
        loss = super().step(rows)
        self.count = getattr(self, "count", 0) + 1
        if self.count == 4 and (pathlib.Path(__file__).parent / "moved").exists():
            self.w[0] = self.w[0] * (1 + 2**-52)
        return loss

    def load(self, problem):
        super().load(problem)
        self.count = 0
        if (pathlib.Path(__file__).parent / "broken").exists():
            raise ValueError("not this time")
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of five cells, two of them timed twice."""
    values: dict[str, Any] = {"grid__seed": [0, 1, 2, 3, 4], "run__timed_seeds": 2, "run__timing_repeats": 1}
    return finished_run(tmp_path_factory.mktemp("reproduce") / "run", scenario(**values))


def command(run: Run, *arguments: str) -> int:
    return main(["reproduce", str(run.file.folder), *arguments])


def test_every_cell_comes_out_again(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Without options all cells are run again, each once, in processes of their own, and hold."""
    assert command(run, "--jobs", "2") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "✓ 5 of 5 cells came out again, to the last bit."
    assert {line.split()[1] for line in lines[:-1]} == set(run.cells["cell"])
    assert all("the same bits" in line for line in lines[:-1])


@pytest.mark.parametrize("isolation", ["fork", "spawn"])
def test_one_cell_by_its_id(run: Run, capsys: pytest.CaptureFixture[str], isolation: str) -> None:
    """`--cell ID` runs that cell and no other, however its process is made."""
    wanted = run.cells["cell"].iloc[2]
    assert command(run, "--cell", wanted, "--isolation", isolation) == 0
    assert [line.split()[1] for line in capsys.readouterr().out.splitlines()[:-1]] == [wanted]


def test_a_sample_is_so_many(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """`--sample N` draws N cells of the run; more than there are is all."""
    assert command(run, "--sample", "2", "--executor", "inline") == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert command(run, "--sample", "99", "--executor", "inline") == 0
    assert len(capsys.readouterr().out.splitlines()) == 6


def test_a_cell_that_the_run_has_not_is_refused(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """An id with a slip gives code 2 and the nearest id."""
    wanted = run.cells["cell"].iloc[0]
    assert command(run, "--cell", f"{wanted}0") == 2
    assert capsys.readouterr().err.endswith(f'no record of such a cell. Did you mean "{wanted}"?\n')


def test_as_json(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """`--json` gives one object: the cells, and what is not as in the run."""
    assert command(run, "--sample", "1", "--json") == 0
    content = json.loads(capsys.readouterr().out)
    assert [cell["reproduced"] for cell in content["cells"]] == [True]
    assert content["cells"][0]["axes"]["implementation"] == "numpy"


def fickle_run(folder: Path) -> str:
    """A finished run of one cell of the fickle plug-in; the cell's id."""
    path = write_scenario(folder, grid__implementation=["mine"], grid__dtype=["float64"], run__timed_seeds=0)
    done = harness("run", str(path), "--plugin", file(folder, FICKLE), "--name", "run", "--no-report", cwd=folder)
    assert done.returncode == 0, done.stderr
    out = harness("export", "run", cwd=folder).stdout
    return out.splitlines()[1].split(",")[0]


def test_the_first_difference_is_named(tmp_path: Path) -> None:
    """A cell that gives other bits ends with code 1 and names the state, the parameter, both values and the ULPs."""
    cell = fickle_run(tmp_path)
    (tmp_path / "moved").touch()
    done = harness("reproduce", "run", "--cell", cell, cwd=tmp_path)
    assert done.returncode == 1
    # The fourth update moves the first weight by one unit in the last place: state 4.
    assert "differs from step 4 on: weights[0] was" in done.stdout
    assert "(1 ULP)" in done.stdout
    assert "digest" in done.stdout
    assert "0 of 1 cells came out again" in done.stdout


def test_another_status_is_a_difference(tmp_path: Path) -> None:
    """A cell that ran then and fails now ends with code 1, its status then and now, and the reason."""
    cell = fickle_run(tmp_path)
    (tmp_path / "broken").touch()
    done = harness("reproduce", "run", "--cell", cell, cwd=tmp_path)
    assert done.returncode == 1
    assert "was ok, is failed: ValueError: not this time" in done.stdout


def test_code_that_changed_is_said_and_run(tmp_path: Path) -> None:
    """A plug-in that changed since is named, and run as it is now: that is the question."""
    cell = fickle_run(tmp_path)
    with (tmp_path / "mine.py").open("a", encoding="utf-8") as text:
        text.write("# a comment\n")
    done = harness("reproduce", "run", "--cell", cell, cwd=tmp_path)
    assert (done.returncode, "the same bits" in done.stdout) == (0, True), done.stdout
    assert f"not as in the run: {tmp_path / 'mine.py'}: has changed" in done.stderr


def test_a_failure_that_fails_again_came_out_again(tmp_path: Path) -> None:
    """A cell that failed then and fails now is the same, with its reason."""
    bad = scenario(data__x__sd=1e200, model__powers=[2], run__timed_seeds=0)
    failed = finished_run(tmp_path / "run", bad)
    assert set(failed.cells["status"]) == {"failed"}
    (result,) = reproductions(failed.file, recorded(failed.file), InlineExecutor(), 1)
    assert (result.reproduced, result.status, result.now) == (True, "failed", "failed")


def test_fields_are_compared_to_the_last_bit() -> None:
    """-0 and 0, neighbours and lists differ; nan equals nan, a tuple its list, and clocks are left aside."""
    then = {"status": "ok", "loss": 0.1, "bias": float("nan"), "weights": [0.0], "step_seconds": 1.0}
    assert differing_fields(then, {**then, "weights": (0.0,), "step_seconds": 2.0, "bias": float("nan")}) == ()
    assert differing_fields(then, {**then, "weights": [-0.0]}) == ("weights",)
    assert differing_fields(then, {**then, "loss": float(np.nextafter(0.1, 1))}) == ("loss",)
    assert differing_fields({**then, "status": "failed"}, then) == ("status",)


def test_units_in_the_last_place() -> None:
    """Neighbours are one apart in their own dtype; what is not finite is infinitely far."""
    one = np.float64(1.0)
    assert ulps(one, np.nextafter(one, 2), "float64") == 1
    assert ulps(one, np.float64(np.nextafter(np.float32(1), np.float32(2))), "float32") == 1
    assert ulps(one, np.float64("inf"), "float64") == float("inf")


def test_traces_of_other_steps_have_no_first_difference(run: Run) -> None:
    """Without the same recorded states there is no place to name, and no crash."""
    row = run.cells.iloc[0]
    trace = run.file.trace(row["scenario"], row["cell"], int(row["replicate"]))
    spec = run.file.specs[row["scenario"], row["cell"]]
    assert departure(spec, trace, {}) is None
    assert departure(spec, trace, {**trace, "step": trace["step"] + 1}) is None
    assert departure(spec, trace, trace) is None


DEBUGGED = MINE.replace("pass", "def step(self, rows):\n        here = 41\n        raise ValueError('look')")


@pytest.mark.parametrize("how", ["run", "reproduce"])
def test_the_debugger_stands_where_the_cell_raised(tmp_path: Path, how: str) -> None:
    """`--pdb` opens at the line that raised, with its variables; leaving it goes on to the record and the verdict."""
    path = write_scenario(tmp_path, grid__implementation=["mine"], run__timed_seeds=0)
    plugin = file(tmp_path, DEBUGGED)
    ran = harness("run", str(path), "--plugin", plugin, "--name", "run", "--no-report", cwd=tmp_path)
    assert ran.returncode == 1
    run = ["run", str(path), "--plugin", plugin, "--executor", "inline", "--pdb", "--no-report"]
    arguments = run if how == "run" else ["reproduce", "run", "--pdb"]
    done = subprocess.run(
        [sys.executable, "-m", "harness", *arguments],
        cwd=tmp_path, env=dict(os.environ), input="p here + 1\nq\n", capture_output=True, text=True, check=False,
        timeout=100,
    )  # fmt: skip
    assert "raise ValueError('look')" in done.stdout
    assert "42" in done.stdout
    assert done.returncode == (1 if how == "run" else 0), done.stderr


def test_a_debugger_needs_the_same_process(tmp_path: Path) -> None:
    """`--pdb` without `--executor inline` is refused with what to add, before anything runs."""
    done = harness("run", str(write_scenario(tmp_path)), "--pdb", cwd=tmp_path)
    assert (done.returncode, "--executor inline" in done.stderr) == (2, True)
    assert not (tmp_path / "reports").exists()


def test_inline_prints_nothing_into_the_result(tmp_path: Path) -> None:
    """What a cell prints inline goes to stderr: stdout is the JSON alone."""
    plugin = file(tmp_path, MINE.replace("pass", "def load(self, p):\n        print('hello')\n        super().load(p)"))
    path = write_scenario(tmp_path, grid__implementation=["mine"])
    arguments = ("run", str(path), "--plugin", plugin, "--executor", "inline", "--json", "--no-report")
    done = harness(*arguments, cwd=tmp_path)
    assert json.loads(done.stdout)["passed"] is True
    assert "hello" in done.stderr
