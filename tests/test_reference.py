"""The same training in extended precision: right to its last digits, one for all who compute it, and never lost."""

from __future__ import annotations

import itertools
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import worker
from harness.analysis.following import compared
from harness.analysis.verdict import Assessment
from harness.cli.main import main
from harness.executors.base import Finished, Task
from harness.executors.inline import InlineExecutor
from harness.frames import Run, load
from harness.job import Job
from harness.plan import Cuts, make_plan
from harness.problem.data import make_data
from harness.problem.orders import batches, orders
from harness.problem.start import start
from harness.record import Arrays, Record, unpack_arrays
from harness.reference.extended import extended, joined, split
from harness.resume import missing as missing_of
from harness.runner import Reference
from harness.scenario.cell import CellSpec
from harness.scenario.reference import reference_id, reference_spec
from harness.targets import steps_to_targets
from tests.builders import PARABOLA, scenario, write_scenario
from tests.faulty import finished_run

OPTIMIZERS: list[dict[str, Any]] = [
    {"kind": "sgd"},
    {"kind": "sgd", "momentum": 0.9},
    {"kind": "sgd", "momentum": 0.9, "nesterov": True},
    {"kind": "rmsprop", "momentum": 0.5, "centered": True},
    {"kind": "adagrad", "lr_decay": 0.01, "initial_accumulator_value": 0.1},
    {"kind": "adam", "amsgrad": True},
]


def only_spec(**values: Any) -> CellSpec:
    (cell,) = scenario(**values).cells
    return cell.spec


def walked(spec: CellSpec, **job: Any) -> tuple[Record, Arrays]:
    """The reference of a cell, in this process."""
    record, trace = worker.run(Job(reference_spec(spec), **job))
    assert record.status == "ok", record.reason
    return record, unpack_arrays(trace)


usual = st.floats(1e-250, 1e300) | st.floats(-1e300, -1e-250)


@given(st.lists(st.tuples(usual, st.floats(-1.0, 1.0)), min_size=1))
def test_two_halves_hold_an_extended_number(pairs: list[tuple[float, float]]) -> None:
    """Nothing is lost when an extended number is kept as two of float64."""
    values = extended([a for a, _ in pairs]) * (1 + extended([b * 2.0**-53 for _, b in pairs]))
    high, low = split(values)
    assert (joined(high, low) == values).all()
    assert high.dtype == low.dtype == np.float64


def test_what_float64_cannot_hold_is_infinite() -> None:
    """A parameter beyond float64's range is inf, with nothing below it, and no warning."""
    high, low = split(extended([1e300, -1e300]) * extended(1e300))
    assert high.tolist() == [np.inf, -np.inf]
    assert low.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("batch", ["full", 3])
def test_the_path_is_that_of_exact_arithmetic(batch: Any) -> None:
    """Twelve steps in fractions, every number exact, are the reference's to 17 digits and more."""
    spec = only_spec(data__samples=8, training={"steps": 12}, grid__batch_size=[batch])
    rows = make_data(spec).training
    x = [[Fraction(v) for v in row] + [Fraction(1)] for row in rows.x.tolist()]
    y = [Fraction(v) for v in rows.y.tolist()]
    weights, bias = start(spec)
    state: list[Any] = [Fraction(float(v)) for v in (*weights, bias)]
    rate = Fraction(spec.learning_rate)
    for index in batches(spec, orders(spec)):
        picked = range(8)[index] if isinstance(index, slice) else index.tolist()
        errors = {i: sum(a * w for a, w in zip(x[i], state, strict=True)) - y[i] for i in picked}
        gradient = [2 * sum(errors[i] * x[i][p] for i in picked) / len(errors) for p in range(3)]
        state = [w - rate * g for w, g in zip(state, gradient, strict=True)]
    _, arrays = walked(spec)
    for high, low, wanted in zip(arrays["parameters"][-1], arrays["parameters_low"][-1], state, strict=True):
        found = Fraction(float(high)) + Fraction(float(low))
        assert abs(found - wanted) < abs(wanted) * Fraction(1, 10**17)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
@pytest.mark.parametrize("loss", ["half_mse", "sse", "mae", {"kind": "huber", "delta": 0.1}], ids=str)
def test_a_float64_cell_is_the_reference_rounded(optimizer: dict[str, Any], loss: Any) -> None:
    """Every optimiser and loss, written twice, takes one path: 20 steps of float64 stay within 1e-14 of it."""
    spec = only_spec(
        training={"loss": loss, "steps": 20, "optimizer": optimizer},
        grid__learning_rate=[0.001 if loss == "sse" else 0.01],
    )
    _, arrays = walked(spec)
    record, trace = worker.run(Job(spec))
    assert record.status == "ok", record.reason
    found = compared("float64", unpack_arrays(trace), arrays)
    assert found is not None
    assert found[0] < 1e-14
    assert found[0] != 0.0  # a reference that were float64 itself


def test_a_net_has_a_reference_too() -> None:
    """Two hidden layers, a schedule, rows held back: the path is the cell's within rounding."""
    spec = only_spec(
        model={"kind": "mlp", "hidden": [4, 3], "activation": "tanh"},
        init={"weights": "default"},
        data__validation={"rows": 5},
        training__schedule={"kind": "inverse", "t0": 5.0, "t1": 50.0},
    )
    _, arrays = walked(spec)
    _, trace = worker.run(Job(spec))
    found = compared("float64", unpack_arrays(trace), arrays)
    assert found is not None
    assert 0 < found[0] < 1e-14


def test_one_reference_for_all_that_compute_one_training() -> None:
    """Implementations, devices, dtypes, threads and torch's arithmetic share it; whatever is trained does not."""
    how = {
        "implementation": ["numpy", "optim"],
        "device": ["cpu", "cuda"],
        "dtype": ["float32", "float64"],
        "learning_rate": [0.1],
        "run.threads": [1, 2],
        "run.tf32": [False, True],
    }
    plan = make_plan([scenario(grid=how)], Cuts(), 0)
    assert len(plan.cells) == 32
    assert len(plan.references) == len({item.reference for item in plan.cells}) == 1
    what: dict[str, Any] = {"grid__seed": [0, 1], "grid__batch_size": [8, "full"], "grid__learning_rate": [0.1, 0.2]}
    plan = make_plan([scenario(**what)], Cuts(), 0)
    assert len(plan.references) == 8
    assert all(item.reference.startswith("r") for item in plan.references)
    assert reference_id(plan.references[0].job.spec) == plan.references[0].reference


def test_steps_to_targets_by_hand() -> None:
    """10, 4, 2, 1.05 with a least loss of 1: a tenth of 9 is left at 1.9, at state 3; a hundredth is, too, just not."""
    losses = np.array([10.0, 4.0, 2.0, 1.05])
    assert steps_to_targets(losses, 1.0, (0.5, 0.1, 0.01, 0.001)) == [1, 3, 3, None]
    assert steps_to_targets(losses, 1.0, (0.1,), np.array([0, 5, 10, 20])) == [20]
    assert steps_to_targets(np.array([1.0, 3.0]), 1.0, (0.1,)) == [0]
    assert steps_to_targets(np.array([np.inf, np.nan]), 1.0, (0.1,)) == [None]


# What theory says, against the path itself.


@pytest.mark.parametrize("rate", [0.05, 0.4, 0.9])
@pytest.mark.parametrize("options", [{}, {"momentum": 0.8}, {"momentum": 0.8, "nesterov": True}], ids=str)
@pytest.mark.parametrize("standardize", ["none", "population"])
def test_the_predicted_loss_is_the_references(rate: float, options: dict[str, Any], standardize: str) -> None:
    """The closed form and 300 steps in extended precision give one loss, below and above the largest stable rate."""
    spec = only_spec(
        training={"steps": 300, "optimizer": {"kind": "sgd", **options}},
        model__standardize=standardize,
        grid__batch_size=["full"],
        grid__learning_rate=[rate],
    )
    record, arrays = walked(spec, targets=(0.1, 1e-3, 1e-7))
    np.testing.assert_allclose(arrays["predicted_loss"], arrays["loss"], rtol=1e-11)
    assert record.theory is not None
    assert record.stable_learning_rate is not None
    assert (record.theory["contraction"] > 1) == (rate > record.stable_learning_rate)
    if rate < record.stable_learning_rate:
        assert record.theory["predicted_steps"] == record.target_steps
    else:
        assert record.outcome == "diverged"
        assert record.target_steps == [None] * 3
        assert record.theory["predicted_steps"] == [np.inf] * 3


def test_the_parabolas_theory_by_hand() -> None:
    """Curvatures 8.21 and 112.6 of half the sum of squares, so 2 / 112.6 is stable, and 1 - 0.001 * 8.21 contracts."""
    base = {"schema": 1, **PARABOLA, "training": {"loss": "half_sse", "steps": 800}, "grid": {"learning_rate": [0.001]}}
    (spec,) = {cell.spec for cell in scenario(base=base, grid__implementation=["numpy"]).cells}
    record, _ = walked(spec, targets=(1e-7,))
    # X'X of the columns x² and 1 at 100 even points from -1 to 1, by the sums of their even powers.
    x = np.linspace(-1, 1, 100)
    low, high = np.linalg.eigvalsh(np.array([[np.sum(x**4), np.sum(x**2)], [np.sum(x**2), 100.0]]))
    assert record.theory is not None
    assert record.theory["largest_curvature"] == pytest.approx(high, rel=1e-12)
    assert record.theory["smallest_curvature"] == pytest.approx(low, rel=1e-12)
    assert record.theory["contraction"] == pytest.approx(1 - 0.001 * low, rel=1e-12)
    assert record.theory["predicted_steps"] == record.target_steps


def test_theory_knows_steps_that_nobody_took() -> None:
    """One curvature: the loss falls by (1 - rate c)² a step, so the steps to any share are a logarithm."""
    spec = only_spec(
        data={"inline": {"x": [[1.0], [1.0]], "y": [1.0, 3.0]}},
        model__intercept=False,
        init={"weights": [0.0]},
        training={"steps": 5, "loss": "half_mse"},
        grid__batch_size=["full"],
        grid__learning_rate=[1e-4],
    )
    record, _ = walked(spec, targets=(0.5, 1e-7))
    assert record.theory is not None
    wanted = [float(np.ceil(np.log(share) / (2 * np.log1p(-1e-4)))) for share in (0.5, 1e-7)]
    assert record.theory["predicted_steps"] == wanted
    assert record.target_steps == [None, None]


@pytest.mark.parametrize(
    "values",
    [
        {"grid__batch_size": [8]},
        {"training__loss": "mae"},
        {"training__optimizer": "adam"},
        {"training__schedule": {"kind": "inverse", "t0": 1.0, "t1": 50.0}},
    ],
    ids=["mini-batches", "mae", "adam", "schedule"],
)
def test_where_theory_says_nothing_of_the_path(values: dict[str, Any]) -> None:
    """Without full batches, a squared loss, plain descent and a constant rate, no loss is predicted."""
    record, arrays = walked(only_spec(**{"grid__batch_size": ["full"], **values}), targets=(0.1,))
    assert "predicted_loss" not in arrays
    assert record.theory is None or record.theory["predicted_steps"] is None


def test_fewer_rows_than_parameters() -> None:
    """Where the optimum is not unique, the loss along the rows' directions is predicted all the same."""
    spec = only_spec(
        data={"inline": {"x": [[1.0, 2.0, 0.0], [0.0, 1.0, 5.0]], "y": [1.0, -1.0]}},
        init={"weights": [0.3, -0.2, 0.1]},
        training={"steps": 60},
        grid__batch_size=["full"],
        grid__learning_rate=[0.02],
    )
    record, arrays = walked(spec)
    assert (record.rank, record.optimum) == (2, None)
    np.testing.assert_allclose(arrays["predicted_loss"], arrays["loss"], rtol=1e-9)


# In a run.


def ran(folder: Path, *options: str, **values: Any) -> Run:
    write_scenario(folder, **{"run": {"replicates": 1, "timing_repeats": 0}, **values})
    main(["run", str(folder / "line.toml"), "--out", str(folder), "--name", "r", "--no-report", *options])
    return load(folder / "r")


def status_of(run: Run) -> list[str]:
    return [str(row["status"]) for row in run.file.rows("SELECT status FROM reference ORDER BY position")]


def changed(run: Run, sql: str) -> None:
    with closing(sqlite3.connect(run.file.path)) as db, db:
        db.execute(sql)


def test_a_run_keeps_its_references(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Each has a row in the table of its own, and its cells name it; no cell of the plan is added."""
    run = ran(tmp_path, grid__seed=[0, 1, 2], grid__dtype=["float32", "float64"], grid__batch_size=[8, "full"])
    assert (len(run.cells), len(run.plan), len(run.reference)) == (12, 12, 6)
    assert set(run.cells["reference"]) == set(run.reference["reference"])
    assert set(run.reference["status"]) == {"ok"}
    by_id = run.reference.set_index("reference")
    for row in run.cells.to_dict("records"):
        there = by_id.loc[row["reference"]]
        assert (there["seed"], there["batch_size"]) == (row["seed"], row["batch_size"])
        assert there["loss"] == pytest.approx(row["loss"], rel=1e-5)
    capfd.readouterr()
    assert main(["export", str(tmp_path / "r"), "--table", "reference", "--format", "json"]) == 0
    assert len(json.loads(capfd.readouterr().out)["rows"]) == 6


def test_missing_references_are_run_by_resume(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A run that ended between its cells and its references gets them by --resume, and no cell runs again."""
    run = ran(tmp_path, grid__seed=[0, 1])
    before = run.file.rows("SELECT * FROM record")
    changed(run, "UPDATE reference SET status = '', content = '', data = X'' WHERE position = 1")
    assert len(load(tmp_path / "r").reference) == 1
    assert main(["run", "--resume", str(tmp_path / "r"), "--no-report"]) == 0
    capfd.readouterr()
    again = load(tmp_path / "r")
    assert again.file.rows("SELECT * FROM record") == before
    pd_columns = [name for name in run.reference if name not in ("seconds", "started")]
    assert again.reference[pd_columns].to_json() == run.reference[pd_columns].to_json()


class Slow(InlineExecutor):
    """No reference ends within its limit; cells do."""

    def run(self, tasks: Iterable[Task], jobs: int) -> Iterator[Finished]:
        for finished in super().run(tasks, jobs):
            if isinstance(finished.key, Reference):
                finished = replace(finished, record=Record("timed_out", "still running after 2 s"), trace=b"")
            yield finished


def test_a_reference_that_takes_too_long_costs_no_cell(tmp_path: Path) -> None:
    """Extended precision has no fast matrix products; what a late reference lacks is said, and cells stand."""
    run = finished_run(tmp_path / "r", scenario(grid__seed=[0, 1]), executor=Slow())
    assert run.cells["status"].tolist() == ["ok"] * len(run.cells)
    assert set(run.reference["status"]) == {"timed_out"}
    assert set(run.reference["reason"]) == {"still running after 2 s"}
    budget = run.budget
    assert budget["rounding"].isna().all()
    assert budget["optimisation"].isna().all()
    assert budget["total"].notna().all()
    assert Assessment(run).verdict().passed


class Late(InlineExecutor):
    """The first reference does not end within its limit; the second does."""

    def run(self, tasks: Iterable[Task], jobs: int) -> Iterator[Finished]:
        late = True
        for finished in super().run(tasks, jobs):
            if late and isinstance(finished.key, Reference):
                finished = replace(finished, record=Record("timed_out", "still running after 2 s"), trace=b"")
                late = False
            yield finished


def test_a_late_reference_is_counted_and_run_again_by_a_retry(tmp_path: Path) -> None:
    """Its cells are not said to follow anything; --retry timed_out asks for it, and --resume alone does not."""
    run = finished_run(tmp_path / "r", scenario(grid__seed=[0, 1]), executor=Late())
    (gate,) = (gate for gate in Assessment(run).verdict().gates if gate.name == "agreement")
    assert gate.found == "1 of 1 cell follows its reference, 1 without a reference"
    assert gate.held == "1 cell follows its reference (1 without a reference)"
    late = run.reference.loc[run.reference["status"] == "timed_out", "reference"].tolist()
    assert [item.reference for item in missing_of(run.file, ["timed_out"]).references] == late
    assert missing_of(run.file).references == missing_of(run.file, ["failed"]).references == ()


def test_without_extended_precision_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine whose long double is float64 a reference is skipped, with the reason."""
    monkeypatch.setattr(np, "longdouble", np.float64)
    record, trace = worker.run(Job(reference_spec(only_spec())))
    assert (record.status, trace) == ("skipped", b"")
    assert "53 bits" in record.reason


def test_no_plug_in_may_be_called_reference(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The name is taken, and a scenario cannot ask for it."""
    plugin = tmp_path / "p.py"
    plugin.write_text(
        "import harness\n@harness.implementation('reference')\nclass R:\n"
        "  def load(self, p): ...\n  def step(self, r): ...\n  def parameters(self): ...\n",
        encoding="utf-8",
    )
    path = write_scenario(tmp_path, grid__implementation=["reference"])
    assert main(["check", str(path)]) == 2
    assert main(["run", str(write_scenario(tmp_path)), "--plugin", str(plugin)]) == 2
    assert "extended precision" in capfd.readouterr().err


DAMAGES: list[Callable[[Run], None]] = [
    lambda run: changed(run, "UPDATE reference SET data = X'00ff'"),
    lambda run: changed(run, "UPDATE reference SET content = '{'"),
]


@pytest.mark.parametrize("damage", DAMAGES, ids=["data", "content"])
def test_a_damaged_reference_is_one_message(
    tmp_path: Path, damage: Callable[[Run], None], capfd: pytest.CaptureFixture[str]
) -> None:
    """Exit code 3 and a line, no traceback."""
    damage(ran(tmp_path))
    capfd.readouterr()
    codes = [main(["export", str(tmp_path / "r"), "--table", table]) for table in ("reference", "budget")]
    err = capfd.readouterr().err
    assert 3 in codes
    assert "is damaged" in err
    assert "Traceback" not in err


def test_named_states_are_in_the_references_trace(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """What an expectation names is recorded of the reference too, so the two can be compared at every state."""
    expect = [{"quantity": "loss", "at": {"step": 777}, "at_most": 1e9}]
    run = ran(tmp_path, training={"steps": 1000, "loss": "mse"}, expect=expect)
    capfd.readouterr()
    (cell,), (reference,) = run.cells.to_dict("records"), run.reference.to_dict("records")
    steps = [
        run.file.trace("line", cell["cell"], 0)["step"].tolist(),
        run.file.reference("line", reference["reference"])["step"].tolist(),
    ]
    assert 777 in steps[0]
    assert all(a == b for a, b in itertools.pairwise(steps))
