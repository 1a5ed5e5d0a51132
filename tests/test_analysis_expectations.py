"""What a scenario says must come out, against what came out; the numbers are trained again by hand."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.analysis.expectations import Result, check_all
from harness.analysis.verdict import Assessment
from harness.executors.base import Finished, Task
from harness.executors.inline import InlineExecutor
from harness.frames import Run, load
from harness.plan import Cuts
from harness.record import Arrays, Record, pack_arrays, unpack_arrays
from harness.scenario.read import Scenario, parse
from tests.builders import document, scenario, toml
from tests.faulty import finished_run

Vector = NDArray[np.float64]
UNTIMED: dict[str, Any] = {"run__timing_repeats": 0}


class Line(NamedTuple):
    """The scenario LINE of the builders, trained here by the formulas of the design."""

    x: Vector
    y: Vector
    states: Vector  # (26, 3): two weights and the bias after each update
    step_losses: Vector  # (25,): of the batch, before its update

    def loss(self, step: int) -> float:
        return float(np.mean(self.error(step) ** 2))

    def error(self, step: int) -> Vector:
        state = self.states[step]
        return np.asarray(self.x @ state[:2] + state[2] - self.y)

    def gradient(self, step: int) -> Vector:
        e = self.error(step)
        return np.array([2 * np.mean(e * self.x[:, 0]), 2 * np.mean(e * self.x[:, 1]), 2 * np.mean(e)])

    @property
    def design(self) -> Vector:
        return np.column_stack([self.x, np.ones(len(self.y))])


@cache
def line(seed: int = 0) -> Line:
    """x and noise from default_rng(seed); start and order from PCG64 with spawn keys 0 and 1, as the design says."""
    draw = np.random.default_rng(seed)
    x = draw.normal(0.0, 1.0, (40, 2))
    y = x @ np.array([3.0, -1.0]) + 0.5 + draw.normal(0.0, 0.1, 40)
    start, order = (np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(k,)))) for k in (0, 1))
    w, b = start.normal(0.0, 0.1, 2), 0.01
    states, losses = [np.array([*w, b])], []
    for _ in range(5):
        rows = order.permutation(40)
        for batch in np.split(rows, 5):
            e = x[batch] @ w + b - y[batch]
            losses.append(np.mean(e**2))
            w, b = w - 0.05 * 2 / 8 * (x[batch].T @ e), b - 0.05 * 2 / 8 * e.sum()
            states.append(np.array([*w, b]))
    return Line(x, y, np.array(states), np.array(losses))


def results(folder: Path, *expect: dict[str, Any], **values: Any) -> list[Result]:
    return check_all(finished_run(folder / "run", scenario(expect=list(expect), **{**UNTIMED, **values})))


def only(folder: Path, expect: dict[str, Any], **values: Any) -> Result:
    (result,) = results(folder, expect, **values)
    return result


def curvature() -> Vector:
    """Eigenvalues of the Hessian of the mean squared error, 2 X'X / n, smallest first."""
    design = line().design
    return np.asarray(np.linalg.eigvalsh(2 * design.T @ design / 40))


def optimum() -> Vector:
    return np.asarray(np.linalg.lstsq(line().design, line().y, rcond=None)[0])


def digits(step: int) -> float:
    """The least, over parameters, of -log10 of the relative error against the optimum."""
    return float(np.min(-np.log10(np.abs(line().states[step] - optimum()) / np.abs(optimum()))))


def r2() -> float:
    e, y = line().error(25), line().y
    return float(1 - e @ e / np.sum((y - y.mean()) ** 2))


QUANTITIES: list[tuple[dict[str, Any], Callable[[], Any]]] = [
    ({"quantity": "loss"}, lambda: line().loss(25)),
    ({"quantity": "loss", "at": "start"}, lambda: line().loss(0)),
    ({"quantity": "loss", "at": {"epoch": 0}}, lambda: line().loss(0)),
    ({"quantity": "loss", "at": {"epoch": 2}}, lambda: line().loss(10)),
    ({"quantity": "loss", "at": {"step": 7}}, lambda: line().loss(7)),
    ({"quantity": "loss", "at": {"epoch": [1, 5]}}, lambda: [line().loss(5), line().loss(25)]),
    ({"quantity": "weights[1]", "at": {"step": [0, 25, 3]}}, lambda: line().states[[0, 25, 3], 1].tolist()),
    ({"quantity": "step_loss", "at": {"step": 3}}, lambda: line().step_losses[3]),
    ({"quantity": "step_loss", "at": "start"}, lambda: line().step_losses[0]),
    ({"quantity": "step_loss", "at": {"epoch": 1}}, lambda: line().step_losses[5]),
    ({"quantity": "epoch_loss", "at": {"epoch": 1}}, lambda: line().step_losses[:5].sum()),
    ({"quantity": "epoch_loss", "at": {"epoch": 5}, "reduce": "mean"}, lambda: line().step_losses[20:].mean()),
    ({"quantity": "epoch_loss", "at": {"epoch": 2}, "reduce": "last"}, lambda: line().step_losses[9]),
    ({"quantity": "weights[0]"}, lambda: line().states[25, 0]),
    ({"quantity": "weights[1]", "at": "start"}, lambda: line().states[0, 1]),
    ({"quantity": "bias", "at": {"epoch": 3}}, lambda: line().states[15, 2]),
    ({"quantity": "gradient[0]", "at": {"step": 4}}, lambda: line().gradient(4)[0]),
    ({"quantity": "gradient[1]"}, lambda: line().gradient(25)[1]),
    ({"quantity": "gradient[2]", "at": "start"}, lambda: line().gradient(0)[2]),
    ({"quantity": "gradient_norm"}, lambda: np.sqrt(np.sum(line().gradient(25) ** 2))),
    ({"quantity": "prediction", "x": [2.0, -1.5]}, lambda: line().states[25] @ [2.0, -1.5, 1.0]),
    ({"quantity": "r2"}, r2),
    ({"quantity": "correct_digits"}, lambda: digits(25)),
    ({"quantity": "correct_digits", "at": {"epoch": 1}}, lambda: digits(5)),
    ({"quantity": "condition_number"}, lambda: curvature()[-1] / curvature()[0]),
    ({"quantity": "stable_learning_rate"}, lambda: 2 / curvature()[-1]),
]
NAMES = [" ".join(map(str, expect.values())) for expect, _ in QUANTITIES]


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Result], list[Result]]:
    """Every quantity with the value made by hand to 9 digits, then with one that is off by a millionth."""
    right = [{**expect, "value": _plain(by_hand(), 1.0), "digits": 9} for expect, by_hand in QUANTITIES]
    wrong = [{**expect, "value": _plain(by_hand(), 1 + 1e-6), "digits": 9} for expect, by_hand in QUANTITIES]
    found = results(tmp_path_factory.mktemp("quantities"), *right, *wrong)
    return found[: len(right)], found[len(right) :]


def _plain(value: Any, factor: float) -> Any:
    """Floats for TOML; of a list only the last is changed, so that one miss among hits is seen."""
    if isinstance(value, list):
        return [*map(float, value[:-1]), float(value[-1]) * factor]
    return float(value) * factor


@pytest.mark.parametrize("number", range(len(QUANTITIES)), ids=NAMES)
def test_a_quantity_is_what_the_formula_says(checked: tuple[list[Result], list[Result]], number: int) -> None:
    """Each quantity agrees with NumPy's own training to 9 digits, and a value a millionth off is missed."""
    right, wrong = checked[0][number], checked[1][number]
    assert right.status == "held", right.checks
    assert wrong.status == "missed", wrong.checks
    assert len(wrong.missed) == 1
    # The relative distance of a millionth, in units of the 1e-9 allowed.
    assert wrong.missed[0].distance == pytest.approx(1000, rel=0.01)


def test_a_comparison_names_its_place(checked: tuple[list[Result], list[Result]]) -> None:
    """Each comparison says at which state it was made, in the words of the file."""
    places = {name: [check.place for check in result.checks] for name, result in zip(NAMES, checked[0], strict=True)}
    assert places["loss"] == ["end"]
    assert places["loss start"] == ["start"]
    assert places["loss {'epoch': [1, 5]}"] == ["epoch 1", "epoch 5"]
    assert places["step_loss {'step': 3}"] == ["step 3"]


def test_validation_quantities(tmp_path: Path) -> None:
    """Loss and r2 of rows held back are over those rows alone, r2 about their own mean."""
    run = finished_run(tmp_path / "run", scenario(**UNTIMED, data__validation={"rows": 10, "pick": "last"}))
    w, b = np.array(run.cells["weights"][0]), run.cells["bias"][0]
    x, y = line().x[30:], line().y[30:]
    e = x @ w + b - y
    loss, share = float(np.mean(e**2)), float(1 - e @ e / np.sum((y - y.mean()) ** 2))
    expect = [
        {"quantity": "validation_loss", "value": loss, "digits": 12},
        {"quantity": "validation_r2", "value": share, "digits": 12},
        {"quantity": "validation_loss", "value": line().loss(25), "digits": 3},
    ]
    again = scenario(**UNTIMED, data__validation={"rows": 10, "pick": "last"}, expect=expect)
    found = check_all(finished_run(tmp_path / "again", again))
    assert [result.status for result in found] == ["held", "held", "missed"]


@pytest.mark.parametrize("kind", ["none", "population", "sample"])
def test_a_prediction_takes_a_raw_row(tmp_path: Path, kind: str) -> None:
    """A raw row goes through powers and standardisation as the training rows did."""
    model = {"powers": [1, 2], "standardize": kind, "kind": "linear"}
    run = finished_run(tmp_path / "run", scenario(**UNTIMED, model=model))
    columns = np.concatenate([line().x, line().x ** 2], axis=1)
    row = np.array([0.5, -1.0, 0.25, 1.0])
    if kind != "none":
        row = (row - columns.mean(axis=0)) / columns.std(axis=0, ddof=int(kind == "sample"))
    wanted = float(row @ run.cells["weights"][0] + run.cells["bias"][0])
    expect = {"quantity": "prediction", "x": [0.5, -1.0], "value": wanted, "digits": 11}
    again = finished_run(tmp_path / "again", scenario(**UNTIMED, model=model, expect=[expect]))
    assert check_all(again)[0].status == "held"


L = line().loss(25)
RULES: list[tuple[dict[str, Any], str]] = [
    ({"value": L + 0.1, "within": 0.11}, "held"),
    ({"value": L + 0.1, "within": 0.09}, "missed"),
    ({"value": L, "within": 0.0}, "held or missed"),
    ({"value": L * 1.05, "relative": 0.05}, "held"),
    ({"value": L * 1.05, "relative": 0.04}, "missed"),
    ({"value": L * 1.0009, "digits": 3}, "held"),
    ({"value": L * 1.0011, "digits": 3}, "missed"),
    ({"at_least": L - 0.01}, "held"),
    ({"at_least": L + 0.01}, "missed"),
    ({"at_most": L + 0.01}, "held"),
    ({"at_most": L - 0.01}, "missed"),
    ({"at_least": L - 0.01, "at_most": L + 0.01}, "held"),
    ({"at_least": L + 0.01, "at_most": L + 0.02}, "missed"),
]


@pytest.fixture(scope="module")
def ruled(tmp_path_factory: pytest.TempPathFactory) -> list[Result]:
    return results(tmp_path_factory.mktemp("rules"), *({"quantity": "loss", **rule} for rule, _ in RULES))


@pytest.mark.parametrize("number", range(len(RULES)), ids=[str(rule) for rule, _ in RULES])
def test_a_rule_holds_on_one_side_and_not_on_the_other(ruled: list[Result], number: int) -> None:
    """Each rule just holds and just misses where it should; L is the last loss, trained by hand."""
    assert ruled[number].status in RULES[number][1].split(" or ")


def test_words(tmp_path: Path) -> None:
    """equals and not_equals take a word or a list of words, of outcome and of status."""
    words: list[tuple[dict[str, Any], str]] = [
        ({"quantity": "outcome", "equals": "unfinished"}, "held"),
        ({"quantity": "outcome", "equals": ["stalled", "unfinished"]}, "held"),
        ({"quantity": "outcome", "equals": "converged"}, "missed"),
        ({"quantity": "outcome", "not_equals": "diverged"}, "held"),
        ({"quantity": "outcome", "not_equals": ["diverged", "unfinished"]}, "missed"),
        ({"quantity": "status", "equals": "ok"}, "held"),
        ({"quantity": "status", "not_equals": "ok"}, "missed"),
    ]
    found = results(tmp_path, *(expect for expect, _ in words))
    assert [result.status for result in found] == [status for _, status in words]


def test_where_chooses_cells(tmp_path: Path) -> None:
    """An expectation is compared in the cells that match, and in no other; 0 and 0.0 are the same seed."""
    found = results(
        tmp_path,
        {"quantity": "loss", "at_most": 9.0},
        {"quantity": "loss", "at_most": 9.0, "where": {"seed": 1.0}},
        {"quantity": "loss", "at_most": 9.0, "where": {"dtype": "float32", "seed": [0, 2]}},
        grid__seed=[0, 1, 2],
        grid__dtype=["float32", "float64"],
    )
    assert [len(result.checks) for result in found] == [6, 2, 2]
    assert {check.axes["dtype"] for check in found[2].checks} == {"float32"}


def test_where_on_a_dotted_axis(tmp_path: Path) -> None:
    """A dotted axis chooses cells like any other; a list value is compared as a list."""
    grid = {**document()["grid"], "model.powers": [[1], [1, 2]], "data.samples": [30, 40]}
    expect = {"quantity": "loss", "at_most": 9.0, "where": {"model.powers": [1, 2], "data.samples": 40.0}}
    assert len(only(tmp_path, expect, grid=grid).checks) == 1


@pytest.mark.parametrize("unit", ["epoch", "step"])
def test_a_table_gives_a_value_a_state(tmp_path: Path, unit: str) -> None:
    """A csv with a column epoch or step is compared row by row; the row that is wrong is named."""
    factor = 5 if unit == "epoch" else 1
    places = [0, 1, 3, 5]
    rows = [f"{place},{line().loss(place * factor)!r}" for place in places]
    rows[2] = f"3,{line().loss(3 * factor) * 1.01!r}"
    text = toml(document(**UNTIMED, expect=[{"quantity": "loss", "table": "rows.csv", "digits": 6}]))
    content = "\n".join([f"{unit},loss", *rows]).encode()
    read = parse(text, tmp_path / "line.toml", {}, {"rows.csv": content})
    (result,) = check_all(finished_run(tmp_path / "run", read))
    assert [check.held for check in result.checks] == [True, True, False, True]
    assert result.missed[0].place == f"{unit} 3"


def test_a_table_column_may_have_another_name(tmp_path: Path) -> None:
    """`column` names the column where it is not called like the quantity."""
    content = f"epoch,cost\n1,{float(line().step_losses[:5].sum())!r}\n".encode()
    expect = {"quantity": "epoch_loss", "table": "rows.csv", "column": "cost", "digits": 10}
    read = parse(toml(document(**UNTIMED, expect=[expect])), tmp_path / "line.toml", {}, {"rows.csv": content})
    assert check_all(finished_run(tmp_path / "run", read))[0].status == "held"


def test_named_states_of_a_long_training_are_there(tmp_path: Path) -> None:
    """States that the sparse trace of a long training would leave out are kept where an expectation names them."""
    expect = {"quantity": "loss", "at": {"step": [3, 1234, 2999]}, "value": [9.0, 9.0, 9.0], "within": 9.0}
    result = only(tmp_path, expect, training={"steps": 3000})
    assert [check.place for check in result.checks] == ["step 3", "step 1234", "step 2999"]
    assert result.status == "held"


# Over the seeds.


def last_losses(count: int) -> list[float]:
    return [line(seed).loss(25) for seed in range(count)]


def test_inside_the_seeds(tmp_path: Path) -> None:
    """A value between the least and the largest of 50 seeds is inside, one beyond is not."""
    losses = last_losses(50)
    low, high = min(losses), max(losses)
    rule = {"quantity": "loss", "inside": "seeds"}
    found = results(
        tmp_path,
        {**rule, "value": (low + high) / 2},
        {**rule, "value": low * 0.999},
        {**rule, "value": high * 1.001},
        {**rule, "value": low * 1.001},
        grid__seed={"start": 0, "count": 50},
    )
    assert [result.status for result in found] == ["held", "missed", "missed", "held"]
    assert found[0].checks[0].found == pytest.approx((low, high), rel=1e-10)
    assert "seed" not in found[0].checks[0].axes


def test_inside_needs_50_seeds_or_what_the_file_says(tmp_path: Path) -> None:
    """With 49 seeds the default is not checked and says so; least_seeds lowers the number."""
    rule = {"quantity": "loss", "inside": "seeds", "value": float(np.median(last_losses(49)))}
    found = results(tmp_path, rule, {**rule, "least_seeds": 49}, grid__seed={"start": 0, "count": 49})
    assert [result.status for result in found] == ["not checked", "held"]
    assert found[0].not_checked == "49 seeds; it takes 50"


def test_standard_deviations_from_the_seeds_mean(tmp_path: Path) -> None:
    """sd counts standard deviations (n - 1) from the mean of the seeds."""
    losses = last_losses(8)
    mean, sd = float(np.mean(losses)), float(np.std(losses, ddof=1))
    found = results(
        tmp_path,
        *({"quantity": "loss", "sd": 2.0, "value": mean + off * sd} for off in (0.0, 1.99, 2.01, -1.99, -2.01)),
        grid__seed={"start": 0, "count": 8},
    )
    assert [result.status for result in found] == ["held", "held", "missed", "held", "missed"]
    assert found[1].checks[0].distance == pytest.approx(1.99 / 2, rel=1e-6)


def test_one_seed_has_no_spread(tmp_path: Path) -> None:
    """A rule of standard deviations over a single seed cannot be checked, and says so."""
    result = only(tmp_path, {"quantity": "loss", "sd": 3.0, "value": 1.0})
    assert (result.status, result.not_checked) == ("not checked", "1 seed; it takes 2")


def test_the_seeds_are_grouped_by_the_other_axes(tmp_path: Path) -> None:
    """A rule over seeds is one comparison for each combination of the other axes."""
    rule = {"quantity": "loss", "inside": "seeds", "least_seeds": 3, "value": 1e9}
    result = only(tmp_path, rule, grid__seed=[0, 1, 2], grid__batch_size=[8, "full"], grid__learning_rate=[0.05, 0.1])
    assert len(result.checks) == 4


@pytest.mark.parametrize("cuts", [Cuts(quick=True), Cuts(only=(("seed", (0, 1)),))], ids=["--quick", "--only"])
def test_seeds_that_were_left_out_leave_their_rule_unchecked(tmp_path: Path, cuts: Cuts) -> None:
    """A rule over seeds is not checked, and fails nothing, when --quick or --only leaves some of them out."""
    rule = {"quantity": "loss", "inside": "seeds", "least_seeds": 3, "value": 1e9}
    each = {"quantity": "loss", "at_most": 1e9}
    read = scenario(**UNTIMED, expect=[rule, each], grid__seed=[0, 1, 2, 3])
    run = finished_run(tmp_path / "run", read, cuts=cuts)
    found = check_all(run)
    assert [result.status for result in found] == ["not checked", "held"]
    assert found[0].not_checked == "2 of its 4 seeds are not in this run"
    assert len(found[1].checks) == 2
    assert Assessment(run).verdict().passed


def edit_trace(run: Run, seed: int, change: Callable[[Arrays], None]) -> Run:
    """The run with the trace of one seed changed behind its back."""
    cell = run.cells[run.cells["seed"] == seed].to_dict("records")[0]["cell"]
    trace = {name: array.copy() for name, array in run.file.trace("line", cell, 0).items()}
    change(trace)
    with closing(sqlite3.connect(run.file.path)) as db, db:
        db.execute("UPDATE trace SET data = ? WHERE cell = ?", (pack_arrays(trace), cell))
    return load(run.file.path)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_seed_that_is_not_finite_holds_no_rule_over_seeds(tmp_path: Path, seed: int, bad: float) -> None:
    """One diverged seed, wherever it stands, makes minimum, maximum, mean and spread meaningless: missed."""
    rules = [
        {"quantity": "loss", "inside": "seeds", "least_seeds": 3, "value": sorted(last_losses(3))[1]},
        {"quantity": "loss", "sd": 1e6, "value": sorted(last_losses(3))[1]},
    ]
    run = finished_run(tmp_path / "run", scenario(**UNTIMED, expect=rules, grid__seed=[0, 1, 2]))
    assert [result.status for result in check_all(run)] == ["held", "held"]

    def spoil(trace: Arrays) -> None:
        trace["loss"][-1] = bad

    assert [result.status for result in check_all(edit_trace(run, seed, spoil))] == ["missed", "missed"]


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning", "ignore:invalid value:RuntimeWarning:harness.implem")
def test_a_diverged_cell_misses(tmp_path: Path) -> None:
    """Where the training overflowed to NaN no rule of numbers holds, and its outcome says so."""
    rules: list[dict[str, Any]] = [
        {"quantity": "loss", "at_least": -1e300},
        {"quantity": "weights[0]", "value": 1.0, "within": 1e300},
        {"quantity": "gradient_norm", "at_least": 0.0},
        {"quantity": "r2", "at_most": 1.0},
        {"quantity": "prediction", "x": [1.0, 1.0], "at_least": -1e300},
        {"quantity": "epoch_loss", "at": {"epoch": 100}, "at_least": -1.0},
    ]
    found = results(
        tmp_path,
        *rules,
        {"quantity": "outcome", "equals": "diverged"},
        {"quantity": "correct_digits", "at_least": -1e300},
        grid__learning_rate=[50.0],
        training__epochs=300,
    )
    assert math.isnan(found[1].checks[0].found)
    assert [result.status for result in found] == ["missed"] * 6 + ["held", "missed"]


def test_no_unique_optimum_has_no_correct_digits(tmp_path: Path) -> None:
    """Two rows for three parameters leave no unique optimum; correct digits cannot be claimed there."""
    rules = [{"quantity": "correct_digits", "at_least": -1e300}, {"quantity": "condition_number", "at_least": 1e300}]
    found = results(tmp_path, *rules, data__samples=2, grid__batch_size=["full"])
    assert [result.status for result in found] == ["missed", "held"]


# Cells that did not run to their end, or are others than the file's.


class Failing(InlineExecutor):
    """Every cell comes back with this status."""

    def __init__(self, status: str) -> None:
        self.status = status

    def run(self, tasks: Any, jobs: int) -> Any:
        for task in tasks:
            assert isinstance(task, Task)
            yield Finished(task.key, Record(self.status, "a reason"), b"", "pretended", 0.0, 0.0)


EVERY_KIND: list[dict[str, Any]] = [
    {"quantity": "loss", "at_least": -1e300},
    {"quantity": "condition_number", "at_least": 0.0},
    {"quantity": "outcome", "equals": "diverged"},
    {"quantity": "outcome", "not_equals": "diverged"},
    {"quantity": "loss", "sd": 1e9, "value": 1.0},
]


@pytest.mark.parametrize("status", ["failed", "crashed", "timed_out", "out_of_memory"])
def test_a_cell_that_failed_misses_its_expectations(tmp_path: Path, status: str) -> None:
    """A cell without numbers misses every expectation, not_equals too; one of its status holds."""
    about_status = [{"quantity": "status", "equals": status}, {"quantity": "status", "equals": "ok"}]
    read = scenario(**UNTIMED, expect=[*EVERY_KIND, *about_status], grid__seed=[0, 1])
    run = finished_run(tmp_path / "run", read, executor=Failing(status))
    assert [result.status for result in check_all(run)] == ["missed"] * 5 + ["held", "missed"]


def test_a_skipped_cell_is_not_checked(tmp_path: Path) -> None:
    """Expectations of cells that this machine cannot run are not checked, with the reason; nothing fails."""
    ok = {"quantity": "status", "equals": "ok"}
    read = scenario(**UNTIMED, expect=[*EVERY_KIND, ok], grid__seed=[0, 1])
    run = finished_run(tmp_path / "run", read, executor=Failing("skipped"))
    found = check_all(run)
    assert [result.status for result in found] == ["not checked"] * 6
    assert {result.not_checked for result in found} == {"skipped: a reason"}
    assert Assessment(run).verdict().passed


def test_that_a_cell_is_skipped_can_be_expected(tmp_path: Path) -> None:
    """An expectation that names the status skipped is checked where cells were skipped."""
    expect = [{"quantity": "status", "equals": "skipped"}, {"quantity": "status", "not_equals": "skipped"}]
    run = finished_run(tmp_path / "run", scenario(**UNTIMED, expect=expect), executor=Failing("skipped"))
    assert [result.status for result in check_all(run)] == ["held", "missed"]


def with_settings(expect: list[dict[str, Any]], settings: dict[str, Any]) -> Scenario:
    return parse(toml(document(**UNTIMED, expect=expect)), Path("line.toml"), settings)


def test_a_set_that_makes_another_cell_leaves_expectations_unchecked(tmp_path: Path) -> None:
    """Expectations are about the file: a --set that changes ids leaves them unchecked, and fails nothing."""
    settings = {"training.epochs": 7}
    read = with_settings([{"quantity": "loss", "at_least": 1e9}], settings)
    run = finished_run(tmp_path / "run", read, settings=settings)
    (result,) = check_all(run)
    assert (result.status, result.checks) == ("not checked", ())
    assert "--set" in result.not_checked
    assert Assessment(run).verdict().passed


def test_a_set_of_limits_keeps_expectations(tmp_path: Path) -> None:
    """--set run.* changes no id, so expectations are checked."""
    settings = {"run.timeout_seconds": 99.0, "title": "other"}
    read = with_settings([{"quantity": "loss", "at_least": 1e9}], settings)
    assert check_all(finished_run(tmp_path / "run", read, settings=settings))[0].status == "missed"


def test_an_expected_failure_excuses_the_files_cells_only(tmp_path: Path) -> None:
    """A status expectation excuses the failure of the cells it was checked on, not of those that a --set made."""
    expect = [{"quantity": "status", "equals": "failed"}]
    run = finished_run(tmp_path / "one", with_settings(expect, {}), executor=Failing("failed"))
    assert Assessment(run).verdict().passed
    settings = {"training.epochs": 7}
    changed = with_settings(expect, settings)
    run = finished_run(tmp_path / "two", changed, executor=Failing("failed"), settings=settings)
    assert not Assessment(run).verdict().passed


def test_replicates_on_other_bits_are_all_checked(tmp_path: Path) -> None:
    """Where replicates differ, an expectation is compared in each; where they agree, once."""
    rule = {"quantity": "loss", "value": line().loss(25), "digits": 9}
    run = finished_run(tmp_path / "run", scenario(expect=[rule], run__timing_repeats=1))
    assert len(check_all(run)[0].checks) == 1
    with closing(sqlite3.connect(run.file.path)) as db, db:
        db.execute("UPDATE record SET content = json_set(content, '$.digest', 'other') WHERE replicate = 1")
        (blob,) = db.execute("SELECT data FROM trace WHERE replicate = 1").fetchone()
        trace = {name: array.copy() for name, array in unpack_arrays(blob).items()}
        trace["loss"][-1] *= 2
        db.execute("UPDATE trace SET data = ? WHERE replicate = 1", (pack_arrays(trace),))
    (result,) = check_all(load(run.file.path))
    assert [check.held for check in result.checks].count(False) == 1
    assert len(result.checks) == 2
