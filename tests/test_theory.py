"""Theory beside measurement: the predicted loss, the contraction and the divergence of real cells."""

from __future__ import annotations

import dataclasses
import math
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.analysis.divergence import divergences
from harness.analysis.prediction import Prediction, predictions
from harness.analysis.theory import (
    CONTRACTION_LIMIT,
    LIMIT,
    Beside,
    Contraction,
    besides,
    contraction,
    deviation,
    limit,
)
from harness.executors.base import Task
from harness.frames import Run
from harness.problem.data import make_data
from harness.problem.optimum import optimum
from harness.record import Arrays, Record
from harness.reference.extended import extended
from harness.reference.theory import Theory
from tests.referenced import Change, run_here, unchanged
from tests.test_report_page import one_scenario

STEPS = 200
# One column, no intercept, x = 1, -1, 1, -1 and mse: the curvature is 2 mean(x²) = 2, the largest stable rate 1.
UNIT: dict[str, Any] = {
    "data": {"inline": {"x": [[1.0], [-1.0], [1.0], [-1.0]], "y": [3.0, -1.0, 2.0, -2.0]}},
    "model": {"kind": "linear", "intercept": False},
    "init": {"weights": [0.5]},
}
# A mean far from 0 beside a spread of 1: the condition number of two such columns and an intercept is 39,000.
ILL = {"data__x": {"kind": "normal", "mean": 10.0, "sd": 1.0, "columns": 2}}


def sgd(momentum: float = 0.0, *, nesterov: bool = False) -> dict[str, Any]:
    table = {"kind": "sgd", "momentum": momentum, "nesterov": nesterov}
    return {"loss": "mse", "steps": STEPS, "optimizer": table}


def run_of(folder: Path, change: Change = unchanged, **values: Any) -> Run:
    folder.mkdir(exist_ok=True)
    values = {"grid__batch_size": ["full"], "run": {"timing_repeats": 0}, "training": sgd(), **values}
    return run_here(folder / "run", one_scenario(folder, **values), change).run


def cells_of(folder: Path, **values: Any) -> list[Beside]:
    return list(besides(run_of(folder, **values), "line"))


@pytest.mark.parametrize("data", [{}, ILL], ids=["well", "ill-conditioned"])
@pytest.mark.parametrize("training", [sgd(), sgd(0.9), sgd(0.9, nesterov=True)], ids=["plain", "momentum", "nesterov"])
def test_cells_walk_as_theory_says(data: dict[str, Any], training: dict[str, Any], tmp_path: Path) -> None:
    """On both sides of the largest stable rate the loss is the predicted one to 1e-10, the contraction to 1 %."""
    (scout,) = cells_of(tmp_path / "scout", **data, training=training, grid__learning_rate=[1e-6])
    rates = [share * scout.stable for share in (0.2, 0.9, 0.99, 1.01, 1.1, 1.5)]
    values = {**data, "training": training, "grid__learning_rate": rates}
    cells = cells_of(tmp_path / "all", **values, grid__implementation=["numpy", "autograd"])
    assert len(cells) == 12
    for cell in cells:
        assert cell.deviation is not None
        assert cell.deviation.compared > 60
        assert cell.deviation.largest <= LIMIT
        assert (cell.long_run > 1) == (cell.axes["learning_rate"] > cell.stable)
        assert cell.contraction is not None
        assert cell.contraction.error <= CONTRACTION_LIMIT


@pytest.mark.parametrize(("rate", "factor"), [(0.25, 0.5), (0.75, 0.5), (0.9, 0.8), (1.1, 1.2), (1.5, 2.0)])
def test_one_direction_shrinks_by_its_factor(rate: float, factor: float, tmp_path: Path) -> None:
    """With curvature 2 the distance is multiplied by |1 - 2 rate| in each step, on both sides of the stable rate 1."""
    (cell,) = cells_of(tmp_path, **UNIT, grid__learning_rate=[rate])
    assert cell.stable == pytest.approx(1.0, rel=1e-14)
    assert cell.long_run == pytest.approx(factor, rel=1e-14)
    assert cell.contraction is not None
    assert cell.contraction.predicted == pytest.approx(factor, rel=1e-12)
    assert cell.contraction.measured == pytest.approx(factor, rel=1e-4)


def test_steps_are_counted_and_predicted(tmp_path: Path) -> None:
    """The excess is left to (1 - 2 rate)^2t = 1/4^t: 10 % after 2 steps, 1e-3 after 5, 1e-5 after 9, 1e-7 after 12."""
    (cell,) = cells_of(tmp_path, **UNIT, grid__learning_rate=[0.25])
    assert cell.steps == cell.predicted_steps == (2, 5, 9, 12)


def test_float32_has_its_own_limit(tmp_path: Path) -> None:
    """Its roundings are 2^29 times as large, and so is what is let pass."""
    (cell,) = cells_of(tmp_path, grid__dtype=["float32"])
    assert limit("float32") == LIMIT * 2**29
    assert cell.deviation is not None
    assert 1e-10 < cell.deviation.largest < 1e-5
    assert cell.follows


@pytest.fixture(scope="module")
def prediction(tmp_path_factory: pytest.TempPathFactory) -> tuple[Prediction, Arrays]:
    """The prediction of UNIT at a rate of 0.45, whose factor is 0.1, and the trace of its cell."""
    run = run_of(tmp_path_factory.mktemp("unit"), **UNIT, grid__learning_rate=[0.45])
    row = run.cells.iloc[0]
    found = predictions(run, "line")(row["cell"], row["reference"])
    assert found is not None
    return found, run.file.trace("line", str(row["cell"]), 0)


def test_a_loss_that_is_off_is_found(prediction: tuple[Prediction, Arrays]) -> None:
    """A billionth at step 3 is told with its step; so is a loss that is nan where it should not be."""
    known, trace = prediction
    loss = trace["loss"].copy()
    loss[3] *= 1 + 1e-9
    found = deviation("float64", loss, known)
    assert found is not None
    assert found.step == 3
    assert found.largest == pytest.approx(1e-9, rel=1e-5)
    loss[5] = np.nan
    found = deviation("float64", loss, known)
    assert found is not None
    assert (found.step, found.largest) == (5, math.inf)


def test_the_start_is_not_compared(prediction: tuple[Prediction, Arrays]) -> None:
    """Nothing has trained it: a loss that is off at step 0 alone is none, and a prediction of step 0 alone neither."""
    known, trace = prediction
    loss = trace["loss"].copy()
    loss[0] *= 2
    assert deviation("float64", loss, known) == deviation("float64", trace["loss"], known)
    blurred = dataclasses.replace(known, loss=np.where(known.step == 0, known.loss, 1e-300))
    assert deviation("float64", trace["loss"], blurred) is None


def test_what_rounding_may_explain_is_not_compared(prediction: tuple[Prediction, Arrays]) -> None:
    """A loss that goes to 0 is compared as long as it is well above its rounding, and not where it is rounding."""
    known, _ = prediction
    fading = dataclasses.replace(known, loss=30.0 * 0.01 ** known.step.astype(float) + 1e-300)
    found = deviation("float64", fading.loss, fading)
    assert found is not None
    assert found.largest == 0
    # 0.01^t: the root of the loss is 1e-6 of the start's at step 6, where a rounding of 2e-16 is 2e-10 of it.
    assert found.floor is not None
    assert 3 <= found.floor <= 6


def test_a_wrong_contraction_is_measured_as_such(prediction: tuple[Prediction, Arrays]) -> None:
    """States that shrink by 0.11 a step, where 0.1 is predicted, are off by 4 % of the way: log 0.11 / log 0.1."""
    known, trace = prediction
    assert known.optimum is not None
    states = known.optimum[0] + 2.0 * 0.11 ** trace["step"].astype(float)[:, None]
    found = contraction("float64", {**trace, "parameters": states}, known)
    assert found is not None
    assert found.measured == pytest.approx(0.11, rel=1e-4)
    assert found.error == pytest.approx(1 - math.log(0.11) / math.log(0.1), rel=1e-2)
    assert Contraction(0.5, 0.5, 1, 9).error == 0


def test_without_an_optimum_or_a_window_nothing_is_measured(prediction: tuple[Prediction, Arrays]) -> None:
    """No single optimum has no distance; states that are the optimum from the start leave no window."""
    known, trace = prediction
    assert contraction("float64", trace, dataclasses.replace(known, optimum=None)) is None
    assert known.optimum is not None
    there = np.broadcast_to(known.optimum[0], trace["parameters"].shape)
    assert contraction("float64", {**trace, "parameters": there}, known) is None


def test_many_rows_need_no_square_matrix(tmp_path: Path) -> None:
    """Of 20,000 rows the theory takes a few times their own size, and not the 3 GB of rows by rows."""
    (tmp_path / "one").mkdir()
    (cell,) = one_scenario(tmp_path / "one", data__samples=20_000, grid__batch_size=["full"], training=sgd())[0].cells
    rows = make_data(cell.spec).training
    tracemalloc.start()
    theory = Theory.of(cell.spec, rows, extended(np.zeros(3)), optimum(cell.spec, rows))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert theory is not None
    assert theory.curvature.shape == (3,)
    assert peak < 40e6


def test_what_theory_does_not_cover_is_left_out(tmp_path: Path) -> None:
    """Mini-batches and an absolute loss have no prediction."""
    assert cells_of(tmp_path / "batches", grid__batch_size=[8]) == []
    assert cells_of(tmp_path / "mae", training={"loss": "mae", "steps": 20}) == []


def test_predicted_divergence_is_no_surprise(tmp_path: Path) -> None:
    """Below the stable rate none may diverge, above it all must; mini-batches go as their reference goes."""
    run = run_of(tmp_path, grid__learning_rate=[0.05, 1.3], grid__batch_size=["full", 8])
    found = list(divergences(run, "line"))
    assert sorted((item.by, item.diverged, item.expected) for item in found) == [
        ("reference", False, False), ("reference", True, True), ("theory", False, False), ("theory", True, True),
    ]  # fmt: skip
    assert not any(item.surprise for item in found)


def test_divergence_that_theory_does_not_predict_is_a_finding(tmp_path: Path) -> None:
    """A cell that blew up at a stable rate, and one that did not above it, each went another way than predicted."""

    def swapped(task: Task, record: Record) -> tuple[Record, bool]:
        if task.job.spec.implementation != "numpy":
            return record, True
        outcome = "diverged" if record.outcome != "diverged" else "unfinished"
        return dataclasses.replace(record, outcome=outcome, loss=1e9), True

    run = run_of(tmp_path, swapped, grid__learning_rate=[0.05, 1.3], grid__implementation=["numpy", "autograd"])
    found = list(divergences(run, "line"))
    assert {item.axes["implementation"] for item in found if item.surprise} == {"numpy"}
    assert sum(item.surprise for item in found) == 2
    assert all(item.loss == 1e9 for item in found if item.surprise)


def test_a_start_at_the_optimum_is_left_to_rounding(tmp_path: Path) -> None:
    """Above the stable rate a start at the optimum grows only from rounding, so theory claims nothing."""
    exact = {"x": [[1.0], [2.0]], "y": [2.0, 4.0]}
    values = {**UNIT, "data": {"inline": exact}, "init": {"weights": [2.0]}}
    (found,) = divergences(run_of(tmp_path, **values, grid__learning_rate=[9.0]), "line")
    assert (found.expected, found.surprise) == (None, False)


def test_a_start_at_the_optimum_stays_at_a_stable_rate(tmp_path: Path) -> None:
    """Below the stable rate nothing grows, rounding neither: such a cell need not diverge, and does not."""
    exact = {"x": [[1.0], [2.0]], "y": [2.0, 4.0]}
    values = {**UNIT, "data": {"inline": exact}, "init": {"weights": [2.0]}, "grid__dtype": ["float32", "float64"]}
    found = list(divergences(run_of(tmp_path, **values, grid__learning_rate=[0.1]), "line"))
    assert [(item.diverged, item.expected, item.by) for item in found] == [(False, False, "theory")] * 2


def test_without_a_reference_nothing_is_claimed(tmp_path: Path) -> None:
    """Where there is no extended precision the reference is skipped: no prediction, no surprise."""

    def skipped(task: Task, record: Record) -> tuple[Record, bool]:
        if task.job.spec.implementation == "reference":
            return Record("skipped", "no extended precision"), False
        return record, True

    run = run_of(tmp_path, skipped, grid__learning_rate=[1.3])
    assert list(besides(run, "line")) == []
    (found,) = divergences(run, "line")
    assert (found.expected, found.surprise, found.diverged) == (None, False, True)


def test_what_rounding_makes_of_a_chaotic_end_is_no_surprise(tmp_path: Path) -> None:
    """A float32 cell that follows a path of huge parameters ends where their rounding puts it."""
    data = {"inline": {"x": [[1.0], [2.0], [3.0], [4.0]], "y": [1.0, 1.0, 2.0, 2.0]}}
    values: dict[str, Any] = {
        "training": {"loss": "mae", "epochs": 30},
        "grid__batch_size": [3],
        "grid__dtype": ["float32"],
    }
    run = run_of(tmp_path, data=data, init={"weights": "zeros"}, **values, grid__learning_rate=[1e9])
    (found,) = divergences(run, "line")
    assert (found.diverged, found.by, found.expected, found.surprise) == (True, "reference", None, False)
