"""The tutorials' findings, set against other programs that know them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import StandardScaler

import harness
from harness import worker
from harness.analysis.expectations import check_all
from harness.job import Job
from harness.problem.data import make_data
from harness.record import unpack_arrays
from harness.scenario.cell import CellSpec
from harness.scenario.read import Scenario, read
from tests.commands import Surroundings

SCENARIOS = Path(__file__).parent.parent / "scenarios"
TUTORIALS = SCENARIOS / "tutorials"
# Minutes of steps or of seeds; `harness run scenarios/tutorials` has them.
LONG = ("realpython-line", "thermometer-net")


def the(name: str) -> Scenario:
    return read(SCENARIOS / f"{name}.toml")


def cells(scenario: Scenario, **axes: Any) -> list[CellSpec]:
    """The cells with these values; `model__standardize` is the axis "model.standardize"."""
    wanted = {axis.replace("__", "."): value for axis, value in axes.items()}
    found = [cell.spec for cell in scenario.cells if all(cell.axes[axis] == value for axis, value in wanted.items())]
    assert found
    return found


def visible(**axes: Any) -> list[CellSpec]:
    """Cells of `gradient descent made visible`, in NumPy on the processor."""
    return cells(the("gradient-descent"), implementation="numpy", device="cpu", **axes)


def test_the_scaling_is_scikit_learns() -> None:
    """Columns standardised by the population's spread are those of StandardScaler fitted on the 80 training rows."""
    for spec in visible(learning_rate=0.1, batch_size="full", model__standardize="population"):
        data = make_data(spec)
        assert data.validation is not None
        assert (len(data.training.y), len(data.validation.y)) == (80, 20)
        scaler = StandardScaler().fit(data.training.raw)
        for rows in (data.training, data.validation):
            assert_allclose(rows.x, scaler.transform(rows.raw), rtol=0, atol=1e-14)


def test_the_fit_is_scikit_learns() -> None:
    """Trained to the end, gradient descent gives the line that LinearRegression gives, scaled back and not."""
    for spec in visible(learning_rate=0.1, batch_size="full"):
        long = spec.model_copy(update={"training": spec.training.model_copy(update={"epochs": 4000})})
        record, trace = worker.run(Job(long))
        data = make_data(spec)
        wanted = LinearRegression().fit(data.training.raw, data.training.y)
        found = data.scaling.raw(unpack_arrays(trace)["parameters"][-1], intercept=True)
        assert_allclose(found, [*wanted.coef_, wanted.intercept_], rtol=1e-12)
        assert record.loss == pytest.approx(
            np.mean((wanted.predict(data.training.raw) - data.training.y) ** 2), rel=1e-12
        )


def test_the_line_is_slow_in_one_direction() -> None:
    """The Hessian's eigenvalues are 0.507 and 6702: a factor e takes 19,700 steps at the tutorial's rate."""
    for spec in cells(the("line"), implementation="numpy", seed=0, learning_rate=1e-4, batch_size="full"):
        x = np.column_stack([make_data(spec).training.x, np.ones(100)])
        low, high = np.linalg.eigvalsh(2 / 100 * x.T @ x)
        # As published with the tutorial's facts.
        assert (f"{low:.3f}", f"{high:.0f}") == ("0.507", "6702")
        assert round(1 / (1e-4 * low), -2) == 19_700


def test_the_net_keeps_what_is_redrawn() -> None:
    """The trace of the net has the state after every fifth step, which the tutorial draws."""
    spec = cells(the("relu-net"), implementation="numpy", dtype="float32", seed=0, learning_rate=0.5)[0]
    _, trace = worker.run(Job(spec))
    assert set(range(0, 101, 5)) <= set(unpack_arrays(trace)["step"].tolist())


def test_the_tutorials_of_other_authors(tmp_path: Path) -> None:
    """Scenarios that were written from the documentation alone: every printed number comes out, here in NumPy."""
    files = [path for path in sorted(TUTORIALS.glob("*.toml")) if path.stem not in LONG]
    assert len(files) >= 15
    there = Surroundings(tmp_path / "there")
    done = there.run(
        "run", *files, "--only", "implementation=numpy", "--only", "device=cpu", "--no-report", "--name", "r"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    run = harness.load(there.here / "reports" / "r")
    results = check_all(run)
    assert {result.scenario for result in results} == {path.stem for path in files}
    assert {result.status for result in results} == {"held"}
