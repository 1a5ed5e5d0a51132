"""`harness show`: the cells, their number, and an estimate of the time."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.cli.main import main
from harness.cli.show import _duration
from harness.estimate import cost, speed
from harness.estimate.absent import absent
from harness.estimate.estimate import Estimate, estimate
from harness.job import Job
from harness.plan import Cuts, Plan, make_plan
from tests.builders import scenario, write_scenario

MANY: dict[str, Any] = {"grid__seed": {"start": 0, "count": 30}, "run__timed_seeds": 2}


def shown(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    assert main(["show", *map(str, arguments)]) == 0
    return capsys.readouterr().out


def plan_of(**values: Any) -> Plan:
    return make_plan([scenario(**values)], Cuts(), shuffle_seed=0)


def estimated(plan: Plan, folder: Path, jobs: int = 1, slow: float = 1.0) -> Estimate:
    return estimate(plan, jobs, folder, speed=lambda: slow)


def test_counts_cells_and_processes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """30 seeds, two of them timed twice: 30 cells, 32 processes, 4 of them timed."""
    path = write_scenario(tmp_path, **MANY)
    out = shown(capsys, path, "--out", tmp_path, "--jobs", "3")
    assert "30 cells, 32 processes: 28 untimed, 3 at a time; then 4 timed, one at a time\n" in out


def test_shortens_long_grids(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Twelve cells and how many more there are; all of them with --all."""
    path = write_scenario(tmp_path, **MANY)
    out = shown(capsys, path, "--out", tmp_path)
    assert len(re.findall(r"^  c[0-9a-f]{12} ", out, re.MULTILINE)) == 12
    assert "… and 18 more; --all shows them" in out
    out = shown(capsys, path, "--out", tmp_path, "--all")
    assert len(re.findall(r"^  c[0-9a-f]{12} ", out, re.MULTILINE)) == 30
    assert "more" not in out


def test_the_table_has_the_ids_and_the_axes_that_vary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What all cells share stands once; columns are the axes that differ, and steps."""
    values: dict[str, Any] = {
        "grid": {"implementation": ["numpy"], "learning_rate": [0.05], "data.samples": [40, 80], "batch_size": [8]}
    }
    path = write_scenario(tmp_path, **values)
    lines = shown(capsys, path, "--out", tmp_path).splitlines()
    assert lines[1].startswith("  all: implementation = numpy, device = cpu, dtype = float32, batch_size = 8")
    assert lines[2].split() == ["cell", "data.samples", "steps"]
    assert [line.split()[1:] for line in lines[3:5]] == [["40", "25"], ["80", "50"]]


def test_takes_the_cuts_of_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--quick, --only and --set mean what they mean for run."""
    path = write_scenario(tmp_path, **MANY)
    assert "2 cells, 2 processes: 2 timed" in shown(capsys, path, "--quick", "--out", tmp_path)
    assert "1 cells, 1 processes: 1 untimed" in shown(capsys, path, "--only", "seed=9", "--out", tmp_path)
    assert "30 cells, 30 processes: 30 untimed" in shown(capsys, path, "--set", "run.timed_seeds=0", "--out", tmp_path)


@pytest.mark.parametrize("arguments", [["--only", "seed=99"], ["--set", "training.losss=1"], ["--plugin", "none.py"]])
def test_wrong_input_is_refused(arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One message and exit code 2."""
    assert main(["show", str(write_scenario(tmp_path)), *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1


def test_names_what_will_be_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """NumPy on cuda, and any cell on cuda where there is no driver, are told before anything runs."""
    monkeypatch.setattr("harness.environment.versions", lambda: {"torch": "2.13.0"})
    plan = plan_of(grid__implementation=["numpy", "autograd"], grid__device=["cpu", "cuda"], run__timed_seeds=0)
    by_cell = {(cell.job.spec.implementation, cell.job.spec.device): cell.job for cell in plan.cells}
    here, nowhere = (tmp_path,), (tmp_path / "none",)
    assert absent(by_cell["numpy", "cpu"], nowhere) is None
    assert absent(by_cell["numpy", "cuda"], here) == "numpy runs on cpu only"
    assert absent(by_cell["autograd", "cuda"], here) is None
    assert "NVIDIA" in str(absent(by_cell["autograd", "cuda"], nowhere))
    monkeypatch.setattr("harness.environment.versions", lambda: {"torch": "2.13.0+cpu"})
    assert "without CUDA" in str(absent(by_cell["autograd", "cuda"], here))


def test_without_a_run_the_model_is_the_basis(tmp_path: Path) -> None:
    """Twice as slow a machine takes twice as long; two at a time take less; the basis is in words."""
    plan = plan_of(run__timed_seeds=0, training__epochs=2000, grid__seed={"start": 0, "count": 8})
    one, slow, two = (estimated(plan, tmp_path, jobs, factor) for jobs, factor in ((1, 1.0), (1, 2.0), (2, 1.0)))
    assert slow.seconds == pytest.approx(2 * one.seconds)
    assert two.seconds < one.seconds
    assert one.least < one.seconds < one.most
    assert "usually costs" in one.basis


def costs() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    yield {"training__epochs": 5}, {"training__epochs": 50}
    yield {"data__samples": 100}, {"data__samples": 100_000}
    yield {"grid__implementation": ["numpy"]}, {"grid__implementation": ["module"]}
    yield {"run__timing_repeats": 1}, {"run__timing_repeats": 9}
    yield {"training__optimizer": "sgd"}, {"training__optimizer": "adam"}
    yield {"grid__batch_size": ["full"]}, {"grid__batch_size": [8]}
    yield {"model": {"kind": "linear"}}, {"model": {"kind": "mlp", "hidden": [10]}}


@pytest.mark.parametrize(("less", "more"), list(costs()))
def test_more_work_costs_more(less: dict[str, Any], more: dict[str, Any]) -> None:
    """More steps, rows, passes or layers, and costlier ways to write a step, take longer in the model."""
    first, second = (cost.process_seconds(_job(values)) for values in (less, more))
    assert first < second


def _job(values: dict[str, Any]) -> Job:
    return plan_of(**{"init__weights": "zeros", **values}).cells[0].job


def test_a_cell_takes_no_longer_than_its_limit(tmp_path: Path) -> None:
    """A training of a million epochs counts as its timeout."""
    values = {"training__epochs": 10**6, "run__timed_seeds": 0}
    short, long = (estimated(plan_of(**values, run__timeout_seconds=limit), tmp_path) for limit in (5.0, 10.0))
    assert long.seconds == pytest.approx(short.seconds + 5.0)


def test_the_latest_run_of_these_cells_is_the_basis(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """After a run its seconds are used, by name, and the estimate no longer asks the model."""
    path = write_scenario(tmp_path, grid__seed=[0, 1, 2], run__timed_seeds=1)
    run = ["run", str(path), "--executor", "inline", "--no-report", "--out", str(tmp_path / "reports")]
    assert main([*run, "--name", "first"]) == 0
    assert main([*run, "--name", "second", "--only", "seed=0"]) == 0
    capsys.readouterr()
    assert "from the run first on this machine, which has all of the cells" in shown(
        capsys, path, "--out", tmp_path / "reports"
    )
    out = shown(capsys, path, "--only", "seed=0,1", "--out", tmp_path / "reports")
    assert "from the run second on this machine, which has 1 of 2 of the cells" in out


def test_runs_that_cannot_be_read_are_passed_over(tmp_path: Path) -> None:
    """A damaged run file in the folder is no basis, and no error."""
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "run.sqlite").write_bytes(b"SQLite format 3\0 and no more")
    assert "usually costs" in estimated(plan_of(), tmp_path).basis


def test_slowness_is_by_the_clock() -> None:
    """A loop that takes twice the reference is a slowness of two."""
    ticks = iter(range(1000))
    one = 300 * cost.REFERENCE_STEP_SECONDS
    assert speed.slowness(clock=lambda: 2 * one * next(ticks)) == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (4.26, "4.3 s"),
        (42.4, "42 s"),
        (99.4, "99 s"),
        (130, "2.2 min"),
        (3000, "50 min"),
        (7200, "2.0 h"),
        (10**6, "278 h"),
    ],
)
def test_durations_have_two_figures(seconds: float, text: str) -> None:
    """An estimate is not said to the second."""
    assert _duration(seconds) == text


def test_imports_no_torch(tmp_path: Path) -> None:
    """`harness show` of a scenario for torch does not import torch."""
    path = write_scenario(tmp_path, grid__implementation=["module"], grid__device=["cpu", "cuda"])
    code = (
        "import sys\nfrom harness.cli.main import main\n"
        f"assert main(['show', {str(path)!r}]) == 0\nassert 'torch' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
