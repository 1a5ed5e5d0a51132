"""Cells of a run once more: the same bits, or where they part."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness import environment
from harness.analysis.attribution import Attribution, Difference, Key
from harness.analysis.departure import Departure, departure, ulps
from harness.analysis.reproduction import Distance, Reproduction, differing_fields, distances
from harness.analysis.scopes import Subject, is_aside, rests
from harness.cli.main import main
from harness.executors.inline import InlineExecutor
from harness.fingerprint import fingerprint
from harness.frames import Run, load
from harness.record import pack_arrays
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


@contextmanager
def edited(path: Path) -> Iterator[sqlite3.Connection]:
    """A run file, to be made another: an older machine's, another program's."""
    db = sqlite3.connect(path)
    try:
        yield db
        db.commit()
    finally:
        db.close()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of five cells, two of them timed twice."""
    values: dict[str, Any] = {"grid__seed": [0, 1, 2, 3, 4], "run__timed_seeds": 2, "run__timing_repeats": 1}
    return finished_run(tmp_path_factory.mktemp("reproduce") / "run", scenario(**values))


def command(run: Run, *arguments: str) -> int:
    return main(["reproduce", str(run.file.folder), *arguments])


def cells_told(output: str) -> list[str]:
    """The ids of the cells that have a line of their own."""
    return [line.split()[1] for line in output.splitlines()[:-1] if line.startswith(("✓", "✕", "○"))]


def test_every_cell_comes_out_again(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Without options all cells are run again, each once, in processes of their own, and hold."""
    assert command(run, "--jobs", "2") == 0
    output = capsys.readouterr().out
    assert output.splitlines()[-1] == "✓ 5 of 5 cells came out again, to the last bit."
    assert set(cells_told(output)) == set(run.cells["cell"])
    assert output.count("the same bits") == 5


@pytest.mark.parametrize("isolation", ["fork", "spawn"])
def test_one_cell_by_its_id(run: Run, capsys: pytest.CaptureFixture[str], isolation: str) -> None:
    """`--cell ID` runs that cell and no other, however its process is made."""
    wanted = run.cells["cell"].iloc[2]
    assert command(run, "--cell", wanted, "--isolation", isolation) == 0
    assert cells_told(capsys.readouterr().out) == [wanted]


def test_a_sample_is_so_many(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """`--sample N` draws N cells of the run; more than there are is all."""
    assert command(run, "--sample", "2", "--executor", "inline") == 0
    assert len(cells_told(capsys.readouterr().out)) == 2
    assert command(run, "--sample", "99", "--executor", "inline") == 0
    assert len(cells_told(capsys.readouterr().out)) == 5


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


def test_of_many_cells_only_those_that_differ_have_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Beyond 20 cells stdout has those that differ (20 at most) and the sum; how far it is goes to stderr."""
    values: dict[str, Any] = {"grid__seed": list(range(45)), "run__timed_seeds": 0}
    many = finished_run(tmp_path / "run", scenario(**values))
    assert command(many, "--jobs", "2") == 0
    output = capsys.readouterr()
    assert (cells_told(output.out), output.out.splitlines()[-1]) == (
        [], "✓ 45 of 45 cells came out again, to the last bit.",
    )  # fmt: skip
    assert "45 of 45 processes" in output.err
    with edited(many.file.path) as db:
        db.execute("UPDATE record SET content = json_set(content, '$.loss', 1.5) WHERE cell IN "
                   "(SELECT cell FROM cell ORDER BY position LIMIT 22)")  # fmt: skip
    assert command(many, "--executor", "inline") == 1
    output = capsys.readouterr()
    assert len(cells_told(output.out)) == 20
    assert "… and 2 more that differ" in output.out
    assert output.out.splitlines()[-1] == "✕ 23 of 45 cells came out again, to the last bit."


@pytest.fixture(scope="module")
def fickle_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder with a finished run of one cell of the fickle plug-in; the cell's id."""
    folder = tmp_path_factory.mktemp("fickle")
    path = write_scenario(folder, grid__implementation=["mine"], grid__dtype=["float64"], run__timed_seeds=0)
    done = harness("run", str(path), "--plugin", file(folder, FICKLE), "--name", "run", "--no-report", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder, str(load(folder / "reports" / "run").cells["cell"].item())


@pytest.fixture
def fickle(fickle_run: tuple[Path, str]) -> Iterator[tuple[Path, str]]:
    """The same for a test that makes the plug-in give something else."""
    yield fickle_run
    folder, _ = fickle_run
    file(folder, FICKLE)
    for name in ("moved", "broken"):
        (folder / name).unlink(missing_ok=True)


def test_the_first_difference_is_named(fickle: tuple[Path, str]) -> None:
    """A cell that gives other bits ends with code 1 and names the state, the parameter, both values and the ULPs."""
    folder, cell = fickle
    (folder / "moved").touch()
    done = harness("reproduce", "run", "--cell", cell, cwd=folder)
    assert done.returncode == 1
    # The fourth update moves the first weight by one unit in the last place: state 4.
    assert "differs from step 4 on: weights[0] was" in done.stdout
    assert "(1 ULP)" in done.stdout
    assert "digest" in done.stdout
    assert "0 of 1 cells came out again" in done.stdout


def test_another_status_is_a_difference(fickle: tuple[Path, str]) -> None:
    """A cell that ran then and fails now ends with code 1, its status then and now, and the reason."""
    folder, cell = fickle
    (folder / "broken").touch()
    done = harness("reproduce", "run", "--cell", cell, cwd=folder)
    assert done.returncode == 1
    assert "was ok, is failed: ValueError: not this time" in done.stdout


def test_code_that_changed_is_said_and_run(fickle: tuple[Path, str]) -> None:
    """A plug-in that changed since is named, and run as it is now: that is the question."""
    folder, cell = fickle
    with (folder / "mine.py").open("a", encoding="utf-8") as text:
        text.write("# a comment\n")
    done = harness("reproduce", "run", "--cell", cell, cwd=folder)
    assert (done.returncode, "the same bits" in done.stdout) == (0, True), done.stdout
    assert f"not as in the run: {folder / 'mine.py'}: has changed" in done.stderr


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
    run = ["run", str(path), "--plugin", plugin, "--executor", "inline", "--no-report"]
    if how == "reproduce":
        assert harness(*run, "--name", "run", cwd=tmp_path).returncode == 1
    arguments = [*run, "--pdb"] if how == "run" else ["reproduce", "run", "--pdb"]
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


# A plug-in that needs a module beside it and a package elsewhere, and imports nothing of what a cell has.
NEIGHBOUR = """
import beside
import part.half
import harness

@harness.implementation("mine")
class Mine(harness.implementations.get("numpy")):
    def load(self, problem):
        super().load(problem)
        assert (beside.ONE, part.half.HALF) == (1, 0.5)
"""


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sources of a run of numpy and of a plug-in with neighbours, and the run."""
    there = tmp_path_factory.mktemp("sources") / "there"
    (there / "lib" / "part").mkdir(parents=True)
    (there / "lib" / "part" / "__init__.py").write_text("", encoding="utf-8")
    (there / "lib" / "part" / "half.py").write_text("HALF = 0.5\n", encoding="utf-8")
    (there / "beside.py").write_text("ONE = 1\n", encoding="utf-8")
    (there / "d.csv").write_text("x,y\n" + "".join(f"{n / 7},{n}\n" for n in range(12)), encoding="utf-8")
    data = {"csv": {"path": "d.csv", "x": ["x"], "y": "y"}}
    path = write_scenario(there, data=data, grid__implementation=["numpy", "mine"], run__timed_seeds=0)
    plugin = file(there, NEIGHBOUR)
    arguments = ("run", str(path), "--plugin", plugin, "--name", "run", "--no-report")
    done = harness(*arguments, cwd=there, PYTHONPATH=str(there / "lib"))
    assert done.returncode == 0, done.stderr
    shutil.copytree(there, there.parent / "as it was")
    return there


@pytest.fixture
def with_plugin(sources: Path) -> Iterator[Path]:
    """The same for a test that may delete and change what it likes."""
    yield sources
    shutil.rmtree(sources, ignore_errors=True)
    shutil.copytree(sources.parent / "as it was", sources)


def test_only_the_run_file_is_needed_elsewhere(with_plugin: Path, tmp_path: Path) -> None:
    """Without scenario, data, plug-in, the modules beside it and a package elsewhere, the same bits come out."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copy(with_plugin / "reports" / "run" / "run.sqlite", elsewhere / "as-sent.sqlite")
    shutil.rmtree(with_plugin)
    elsewhere.chmod(0o555)
    done = harness("reproduce", "as-sent.sqlite", cwd=elsewhere, TMPDIR=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("✓ 2 of 2 cells came out again, to the last bit.\n")
    assert f"{with_plugin / 'mine.py'} is not here; the run's own copy is used" in done.stderr
    assert "not as in the run" not in done.stderr + done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["elsewhere"], "nothing is left in TMPDIR"


def test_a_module_that_is_gone_comes_from_the_run_and_what_is_here_is_used(with_plugin: Path) -> None:
    """Only the neighbour is missing: its copy is used beside today's plug-in, whose change is told."""
    (with_plugin / "beside.py").unlink()
    with (with_plugin / "mine.py").open("a", encoding="utf-8") as text:
        text.write("# a comment\n")
    done = harness("reproduce", "run", cwd=with_plugin, PYTHONPATH=str(with_plugin / "lib"))
    assert done.returncode == 0, done.stderr
    assert f"{with_plugin / 'beside.py'} is not here; the run's own copy is used" in done.stderr
    assert f"not as in the run: {with_plugin / 'mine.py'}: has changed" in done.stderr
    assert "mine.py is not here" not in done.stderr
    assert "No cell differs, in spite of 1 difference of environment." in done.stdout


def test_a_run_without_copies_says_what_is_missing(with_plugin: Path) -> None:
    """Where the plug-in is neither here nor in the run, it is named with code 2; cells that do not need it come out."""
    with edited(with_plugin / "reports" / "run" / "run.sqlite") as db:
        db.execute("DELETE FROM file WHERE name LIKE 'plug-in:%'")
        ((ours,),) = db.execute("SELECT cell FROM cell WHERE axes LIKE '%numpy%'").fetchall()
    (with_plugin / "mine.py").unlink()
    done = harness("reproduce", "run", cwd=with_plugin)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        f"harness: the run's plug-in {with_plugin / 'mine.py'} is not here, and the run file has no copy. "
        "Put it there again."
    ]
    assert harness("reproduce", "run", "--cell", ours, cwd=with_plugin).returncode == 0


def test_a_copy_that_cannot_be_loaded_here_is_one_message(with_plugin: Path) -> None:
    """A plug-in from the run file is called by the path that it had, with the reason."""
    with edited(with_plugin / "reports" / "run" / "run.sqlite") as db:
        db.execute("UPDATE file SET content = ? WHERE name LIKE '%beside.py'", (b"import no_such_package",))
    for name in ("beside.py", "mine.py"):
        (with_plugin / name).unlink()
    done = harness("reproduce", "run", cwd=with_plugin)
    assert done.returncode == 2
    said = f"the run's plug-in {with_plugin / 'mine.py'}: cannot be loaded: ModuleNotFoundError: No module named"
    assert said in done.stderr


def test_a_device_that_is_not_here_is_no_difference(tmp_path: Path) -> None:
    """A cell that is skipped here was not run: told with its reason, apart from the others, with code 0."""
    path = write_scenario(tmp_path, grid__implementation=["numpy", "mine"], run__timed_seeds=0)
    plugin = file(tmp_path, MINE)
    done = harness("run", str(path), "--plugin", plugin, "--name", "run", "--no-report", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    file(tmp_path, MINE.replace('("mine")', '("mine", devices=("cuda",))'))
    done = harness("reproduce", "run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "not run here: mine runs on cuda only\n" in done.stdout
    summary = "✓ 1 of 1 cells came out again, to the last bit. 1 not run here: mine runs on cuda only."
    assert done.stdout.splitlines()[-1] == summary


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of numpy and autograd from a machine with another torch and kernel, whose autograd gave other bits."""
    values: dict[str, Any] = {"grid__implementation": ["numpy", "autograd"], "grid__dtype": ["float32", "float64"]}
    folder = tmp_path_factory.mktemp("older") / "run"
    run = finished_run(folder, scenario(**values, run__timed_seeds=0))
    now = fingerprint(())
    with edited(run.file.path) as db:
        rows = [(kind, name, "2.0.1" if name == "torch" else value) for (kind, name), value in now.items()]
        db.executemany("INSERT INTO fingerprint VALUES (?, ?, ?)", rows)
        db.execute("UPDATE environment SET value = '2.0.1' WHERE key = 'torch'")
        db.execute("UPDATE environment SET value = 'Linux 5.4' WHERE key = 'os'")
        for cell in run.cells[run.cells["implementation"] == "autograd"]["cell"]:
            trace = dict(run.file.trace("line", cell, 0))
            moved = trace["parameters"].copy()
            moved[-1, 0] += 3 * np.spacing(np.float64(np.abs(moved[-1]).max()))
            blob = pack_arrays({**trace, "parameters": moved})
            db.execute("UPDATE trace SET data = ? WHERE cell = ?", (blob, cell))
            db.execute("UPDATE record SET content = json_set(content, '$.digest', 'other') WHERE cell = ?", (cell,))
    return run.file.folder


def test_differences_of_result_beside_those_of_environment(older: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A table counts the cells that rest on each difference; the sentence names what goes with those that differ."""
    assert main(["reproduce", str(older), "--executor", "inline"]) == 1
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    version = fingerprint(())["package", "torch"]
    kernel = environment.describe()["os"]
    assert ["torch", "2.0.1", version, "2", "0", "2"] in lines
    assert ["os", "Linux", "5.4", *kernel.split(), "4", "2", "2"] in lines
    assert ["none", "of", "these", "0", "0", "0"] in lines
    assert ["autograd", "float64", "1", "25", "3", "ULP"] in lines
    assert ["autograd", "float32", "1", "25", "5.59e-09", "ULP"] in lines
    sentence = (
        f"All 2 cells that differ rest on torch (was 2.0.1, is {version}); the 2 that do not are the same to the last "
        f"bit. What more cells rest on may take part in it: os (was Linux 5.4, is {kernel})."
    )
    assert sentence.split() in lines


def test_the_same_as_json(older: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--json` has the counts, the differences with their cells, how far they go, and the sentence."""
    assert main(["reproduce", str(older), "--executor", "inline", "--json"]) == 1
    content = json.loads(capsys.readouterr().out)
    assert set(content) == {"cells", "counts", "changed", "differences", "untouched", "distances", "conclusion"}
    assert content["counts"] == {"cells": 4, "same": 2, "ended_as_before": 0, "differ": 2, "not_run": 0}
    torch, kernel = content["differences"]
    assert [torch[key] for key in ("kind", "name", "was", "cells", "same", "differ")] == [
        "package", "torch", "2.0.1", 2, 0, 2,
    ]  # fmt: skip
    assert [kernel[key] for key in ("kind", "name", "was", "cells", "same", "differ")] == [
        "machine", "os", "Linux 5.4", 4, 2, 2,
    ]  # fmt: skip
    assert content["untouched"] == {"cells": 0, "same": 0, "differ": 0}
    assert content["distances"][1] == {
        "implementation": "autograd", "dtype": "float64", "cells": 1, "first_step": 25, "largest_ulp": "3.0",
    }  # fmt: skip
    assert content["conclusion"].startswith("All 2 cells that differ rest on torch")


def keys(first: int, last: int) -> frozenset[Key]:
    return frozenset(("s", f"c{number:02d}") for number in range(first, last))


def differing(name: str, cells: frozenset[Key], kind: str = "package") -> Difference:
    return Difference(kind, name, "1", "2", cells)


@pytest.mark.parametrize(
    ("differences", "same", "differ", "sentence"),
    [
        ([], keys(0, 5), keys(0, 0), "No difference of environment is known, and no cell differs."),
        (
            [],
            keys(0, 5),
            keys(5, 9),
            "No difference of environment is known; 4 cells differ all the same: c05, c06, c07 and 1 more.",
        ),
        (
            [differing("torch", keys(0, 9)), differing("cpu", keys(0, 9), "machine")],
            keys(0, 9),
            keys(0, 0),
            "No cell differs, in spite of 2 differences of environment.",
        ),
        (
            [differing("torch", keys(5, 9)), differing("tqdm", keys(5, 9))],
            keys(0, 5),
            keys(5, 9),
            "All 4 cells that differ rest on torch (was 1, is 2) and tqdm (was 1, is 2); "
            "the 5 that do not are the same to the last bit.",
        ),
        (
            [differing("torch", keys(4, 9)), differing("m.py", keys(8, 9), "code")],
            keys(0, 8),
            keys(8, 9),
            "The cell that differs rests on m.py (changed); the 8 that do not are the same to the last bit. "
            "What more cells rest on may take part in it: torch (was 1, is 2).",
        ),
        (
            [differing("torch", keys(2, 9)), differing("python", keys(0, 9))],
            keys(0, 5),
            keys(5, 9),
            "All 4 cells that differ rest on torch (was 1, is 2), and so do 3 that are the same to the last bit; "
            "the 2 that do not are the same to the last bit. "
            "What more cells rest on may take part in it: python (was 1, is 2).",
        ),
        (
            [differing("torch", keys(6, 9))],
            keys(0, 5),
            keys(5, 9),
            "1 cell differs and rests on no difference that is known: c05. All 3 other cells that differ rest on torch "
            "(was 1, is 2); of the 6 that do not, 5 are the same to the last bit.",
        ),
        (
            [differing("torch", keys(4, 7)), differing("tqdm", keys(7, 9))],
            keys(0, 5),
            keys(5, 9),
            "No one difference of environment goes with all 4 cells that differ.",
        ),
        (
            [differing("python", keys(0, 9)), differing("os", keys(0, 9), "machine")],
            keys(0, 5),
            keys(5, 9),
            "Every difference of environment applies to all cells; they cannot be told apart. "
            "5 of 9 cells are the same all the same.",
        ),
        (
            [differing("python", keys(0, 9)), differing("os", keys(0, 9), "machine")],
            keys(0, 0),
            keys(0, 9),
            "Every difference of environment applies to all cells; they cannot be told apart.",
        ),
        (
            [differing("python", keys(0, 9))],
            keys(0, 0),
            keys(0, 9),
            "The one difference of environment, python (was 1, is 2), applies to all cells.",
        ),
        (
            [differing("python", keys(0, 9)), differing("torch", keys(4, 7))],
            keys(0, 3),
            keys(3, 9),
            "Only what applies to all cells goes with every cell that differs: python (was 1, is 2).",
        ),
        ([differing("python", keys(0, 9))], keys(0, 0), keys(0, 0), "No cell could be compared."),
    ],
    ids=["nothing", "unknown", "in spite", "told apart", "closest", "some are the same", "one is alone", "no one",
         "everywhere", "everywhere and all", "the one", "only everywhere", "not compared"],
)  # fmt: skip
def test_the_sentence_claims_no_more_than_the_counts(
    differences: list[Difference], same: frozenset[Key], differ: frozenset[Key], sentence: str
) -> None:
    """What goes with the cells that differ is named, with the counts that it follows from."""
    assert Attribution(differences, same, differ).conclusion() == sentence


NUMPY = Subject(("s", "n"), "harness.implementations.numpy", "numpy")
MODULE = Subject(("s", "m"), "harness.implementations.module", "torch", threads=2)
CUDA = Subject(("s", "c"), "harness.implementations.autograd", "torch", device="cuda")
PLUGIN = Subject(("s", "p"), "", "numpy", plugin_files=frozenset({"/mine.py"}), packages=frozenset({"pandas", "tqdm"}))


@pytest.mark.parametrize(
    ("kind", "name", "those"),
    [
        ("package", "numpy", {NUMPY, MODULE, CUDA, PLUGIN}),
        ("package", "python", {NUMPY, MODULE, CUDA, PLUGIN}),
        ("package", "torch", {MODULE, CUDA}),
        ("package", "pandas", {PLUGIN}),
        ("package", "jinja2", set()),
        ("package", "tqdm", {PLUGIN}),
        ("package", "threadpoolctl", {MODULE}),
        ("code", "harness/worker.py", {NUMPY, MODULE, CUDA, PLUGIN}),
        ("code", "harness/__init__.py", {NUMPY, MODULE, CUDA, PLUGIN}),
        ("code", "harness/problem/data.py", {NUMPY, MODULE, CUDA, PLUGIN}),
        ("code", "harness/implementations/base.py", {NUMPY, MODULE, CUDA, PLUGIN}),
        ("code", "harness/implementations/module.py", {MODULE, PLUGIN}),
        ("code", "harness/implementations/numpy_rules.py", {NUMPY, PLUGIN}),
        ("code", "harness/implementations/torch_rules.py", {CUDA, PLUGIN}),
        ("code", "harness/devices/cuda.py", {CUDA}),
        ("code", "harness/runner.py", set()),
        ("code", "harness/that_was_removed.py", {NUMPY, MODULE, CUDA, PLUGIN}),
        ("plug-in", "/mine.py", {PLUGIN}),
        ("machine", "cpu", {NUMPY, MODULE, CUDA, PLUGIN}),
        ("machine", "variable OMP_NUM_THREADS", {NUMPY, MODULE, CUDA, PLUGIN}),
        ("machine", "torch_config", {MODULE, CUDA}),
        ("machine", "gpu", {CUDA}),
        ("machine", "variable CUDA_VISIBLE_DEVICES", {CUDA}),
        ("machine", "cpus", {MODULE}),
    ],
)
def test_what_a_cell_rests_on(kind: str, name: str, those: set[Subject]) -> None:
    """Torch's cells rest on torch, a file's on the file, by what imports what; all on whatever is not known better."""
    assert {subject for subject in (NUMPY, MODULE, CUDA, PLUGIN) if rests(subject, kind, name)} == those


def test_what_decides_no_bit_is_no_difference() -> None:
    """How much memory a machine has and how busy it was is left out; its processor is not."""
    aside = ("memory", "load before", "import_seconds torch-0.0", "commit", "variable LANG", "plug-in /x.py")
    assert all(map(is_aside, aside))
    assert not any(map(is_aside, ("cpu", "os", "libc", "variable MKL_CBWR", "isolation")))


def test_how_far_a_cell_is_from_what_it_was(run: Run) -> None:
    """The first difference is named where it is; the largest over all states, in units of the largest parameter."""
    row = run.cells.iloc[0]
    then = dict(run.file.trace(row["scenario"], row["cell"], int(row["replicate"])))
    moved = then["parameters"].copy()
    moved[3, 0] = np.nextafter(moved[3, 0], 9)
    moved[-1, 1] += 5 * np.spacing(np.abs(moved).max())
    found = departure(run.file.specs[row["scenario"], row["cell"]], then, {**then, "parameters": moved})
    assert found is not None
    assert (found.step, found.quantity, found.ulp, found.largest_ulp) == (3, "weights[0]", 1, 5)


def test_distances_by_implementation_and_dtype() -> None:
    """The earliest step and the largest distance of each group; cells that came out again are in none."""

    def one(implementation: str, step: int | None, ulp: float = 0.0) -> Reproduction:
        parted = None if step is None else Departure(step, "bias", 0.0, 1.0, 1.0, ulp)
        axes = {"implementation": implementation, "dtype": "float32"}
        return Reproduction("s", "c", 0, axes, "ok", "ok", "", ("digest",), parted)

    same = Reproduction("s", "c", 0, {"implementation": "optim", "dtype": "float32"}, "ok", "ok", "", (), None)
    found = [one("module", 9, 4.0), one("autograd", None), same, one("module", 3, 2.0)]
    assert distances(found) == [
        Distance("autograd", "float32", 1, None, None),
        Distance("module", "float32", 2, 3, 4.0),
    ]


def test_long_descriptions_are_told_from_where_they_differ() -> None:
    """Of torch's configuration only the words that are others."""
    before, after = "PyTorch built with: GCC 13.3, CPU capability usage:", "- Build settings: BLAS_INFO=mkl"
    told = Difference("machine", "torch_config", f"{before} AVX512 {after}", f"{before} AVX2 {after}", keys(0, 1))
    assert str(told) == "torch_config (was … AVX512 …, is … AVX2 …)"
