"""What each quantity of an expectation is, at each state, for each kind of model, loss and data; made again by hand."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.analysis.expectations import Result, check_all
from harness.errors import ScenarioError
from harness.scenario.read import Scenario, parse
from tests.builders import LINE, document, scenario, toml
from tests.faulty import finished_run

Vector = NDArray[np.float64]
UNTIMED: dict[str, Any] = {"run": {"timing_repeats": 0}}
# A rule that any number but nan keeps: what is looked at is what was found.
ANY: dict[str, Any] = {"at_least": -1e300}


def found_in(folder: Path, read: Scenario) -> list[list[Any]]:
    """What each expectation found, in one cell's order of states."""
    return [[check.found for check in result.checks] for result in check_all(finished_run(folder / "run", read))]


def faults_of(expect: dict[str, Any], **values: Any) -> list[str]:
    try:
        scenario(expect=[expect], **values)
    except ScenarioError as error:
        return [f"{fault.path}: {fault.problem}" for fault in error.faults]
    return []


class Exact:
    """
    A line through four points, in rows of two, file order, at a rate of 1/16, in fractions.

    Every number of its parameters has few enough binary digits to be one of float64's.
    """

    x = (Fraction(1), Fraction(2), Fraction(3), Fraction(4))
    y = (Fraction(1), Fraction(3), Fraction(5), Fraction(4))
    rate = Fraction(1, 16)
    table: dict[str, Any] = {
        "schema": 1,
        "data": {"inline": {"x": [[1.0], [2.0], [3.0], [4.0]], "y": [1.0, 3.0, 5.0, 4.0]}},
        "training": {"loss": "mse", "epochs": 3, "order": "sequential"},
        "grid": {"implementation": ["numpy"], "dtype": ["float64"], "batch_size": [2], "learning_rate": [0.0625]},
        **UNTIMED,
    }

    @classmethod
    def states(cls) -> list[tuple[Fraction, Fraction]]:
        """Weight and bias of states 0 to 6."""
        found = [(Fraction(0), Fraction(0))]
        for step in range(6):
            w, b = found[-1]
            gw, gb = cls.gradient(w, b, cls.rows(step))
            found.append((w - cls.rate * gw, b - cls.rate * gb))
        return found

    @staticmethod
    def rows(step: int) -> range:
        return range(2) if step % 2 == 0 else range(2, 4)

    @classmethod
    def errors(cls, w: Fraction, b: Fraction, rows: Sequence[int]) -> list[Fraction]:
        return [w * cls.x[i] + b - cls.y[i] for i in rows]

    @classmethod
    def gradient(cls, w: Fraction, b: Fraction, rows: Sequence[int] = range(4)) -> tuple[Fraction, Fraction]:
        e = cls.errors(w, b, rows)
        return 2 * sum((k * cls.x[i] for k, i in zip(e, rows, strict=True)), Fraction(0)) / len(rows), 2 * sum(
            e, Fraction(0)
        ) / len(rows)

    @classmethod
    def loss(cls, step: int, rows: Sequence[int] = range(4)) -> Fraction:
        e = cls.errors(*cls.states()[step], rows)
        return sum((k * k for k in e), Fraction(0)) / len(rows)

    @classmethod
    def step_loss(cls, step: int) -> Fraction:
        return cls.loss(step, cls.rows(step))

    @classmethod
    def r2(cls, step: int) -> Fraction:
        mean = sum(cls.y, Fraction(0)) / 4
        return 1 - 4 * cls.loss(step) / sum(((y - mean) ** 2 for y in cls.y), Fraction(0))

    # About the means 5/2 and 13/4: Sxy 11/2 over Sxx 5, and 13/4 - 11/10 * 5/2.
    optimum = (Fraction(11, 10), Fraction(1, 2))

    @classmethod
    def digits(cls, step: int) -> float:
        pairs = zip(cls.states()[step], cls.optimum, strict=True)
        return min(-math.log10(abs((found - wanted) / wanted)) for found, wanted in pairs)


STEPS = {"start": 0, "end": 6, "epoch 1": 2, "epoch 0": 0, "epoch 3": 6, "step 3": 3, "step 5": 5}
AT: dict[str, Any] = {
    "start": "start", "end": "end", "epoch 1": {"epoch": 1}, "epoch 0": {"epoch": 0}, "epoch 3": {"epoch": 3},
    "step 3": {"step": 3}, "step 5": {"step": 5},
}  # fmt: skip
OF_A_STATE: dict[str, tuple[dict[str, Any], Callable[[int], Any]]] = {
    "loss": ({}, Exact.loss),
    "weights[0]": ({}, lambda step: Exact.states()[step][0]),
    "bias": ({}, lambda step: Exact.states()[step][1]),
    "gradient[0]": ({}, lambda step: Exact.gradient(*Exact.states()[step])[0]),
    "gradient[1]": ({}, lambda step: Exact.gradient(*Exact.states()[step])[1]),
    "gradient_norm": ({}, lambda step: math.hypot(*map(float, Exact.gradient(*Exact.states()[step])))),
    "prediction": ({"x": [5.0]}, lambda step: 5 * Exact.states()[step][0] + Exact.states()[step][1]),
    "r2": ({}, Exact.r2),
    "correct_digits": ({}, Exact.digits),
}


@pytest.fixture(scope="module")
def exact(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Any]:
    """Every quantity at every state, by its name and the state's."""
    keys = [(quantity, at) for quantity in OF_A_STATE for at in AT]
    expect = [{"quantity": quantity, "at": AT[at], **OF_A_STATE[quantity][0], **ANY} for quantity, at in keys]
    read = parse(toml({**Exact.table, "expect": expect}), Path("exact.toml"), {})
    found = found_in(tmp_path_factory.mktemp("exact"), read)
    return {key: values[0] for key, values in zip(keys, found, strict=True)}


@pytest.mark.parametrize("at", AT)
@pytest.mark.parametrize("quantity", OF_A_STATE)
def test_a_quantity_of_a_state_is_the_fraction(exact: dict[tuple[str, str], Any], quantity: str, at: str) -> None:
    """Each quantity at start, end, an epoch and a step is the one of a training in fractions, parameters to the bit."""
    wanted = float(OF_A_STATE[quantity][1](STEPS[at]))
    if quantity in ("weights[0]", "bias"):
        assert exact[quantity, at] == wanted
    assert exact[quantity, at] == pytest.approx(wanted, rel=1e-13)


def test_losses_of_steps_and_epochs_are_the_fractions(tmp_path: Path) -> None:
    """step_loss is the batch's before its update; epoch_loss adds, averages or ends the step losses of an epoch."""
    steps = [Exact.step_loss(step) for step in range(6)]
    cases: list[tuple[dict[str, Any], list[Fraction]]] = [
        ({"quantity": "step_loss", "at": "start"}, steps[:1]),
        ({"quantity": "step_loss", "at": {"step": [5, 0, 3]}, "value": [0.0] * 3}, [steps[5], steps[0], steps[3]]),
        ({"quantity": "step_loss", "at": {"epoch": [0, 1, 2]}, "value": [0.0] * 3}, steps[::2]),
        ({"quantity": "epoch_loss", "at": {"epoch": 1}}, [steps[0] + steps[1]]),
        ({"quantity": "epoch_loss", "at": {"epoch": 3}, "reduce": "sum"}, [steps[4] + steps[5]]),
        ({"quantity": "epoch_loss", "at": {"epoch": 2}, "reduce": "mean"}, [(steps[2] + steps[3]) / 2]),
        ({"quantity": "epoch_loss", "at": {"epoch": [3, 1]}, "reduce": "last", "value": [0.0] * 2},
         [steps[5], steps[1]]),
    ]  # fmt: skip
    rule = {"within": 1e300}
    expect = [{**case, **(rule if "value" in case else ANY)} for case, _ in cases]
    found = found_in(tmp_path, parse(toml({**Exact.table, "expect": expect}), Path("exact.toml"), {}))
    for values, (_, wanted) in zip(found, cases, strict=True):
        assert values == pytest.approx([*map(float, wanted)], rel=1e-14)


def test_epochs_of_unequal_batches(tmp_path: Path) -> None:
    """A short last batch is averaged over its own rows; the mean over the epoch counts each step loss once."""
    table = {**Exact.table, "training": {**Exact.table["training"], "epochs": 1, "order": "sequential"}}
    table["grid"] = {**Exact.table["grid"], "batch_size": [3]}
    first = Exact.loss(0, range(3))
    w, b = (-Exact.rate * g for g in Exact.gradient(Fraction(0), Fraction(0), range(3)))
    second = (w * 4 + b - 4) ** 2
    expect = [{"quantity": "epoch_loss", "at": {"epoch": 1}, "reduce": how, **ANY} for how in ("sum", "mean", "last")]
    found = found_in(tmp_path, parse(toml({**table, "expect": expect}), Path("exact.toml"), {}))
    wanted = [first + second, (first + second) / 2, second]
    assert [values[0] for values in found] == pytest.approx([*map(float, wanted)], rel=1e-14)


def test_a_float32_cell_adds_its_epochs_in_float32(tmp_path: Path) -> None:
    """epoch_loss of float32 is a number of float32, and so is step_loss; loss of the same state is in float64."""
    expect = [
        {"quantity": "epoch_loss", "at": {"epoch": 2}, **ANY},
        {"quantity": "step_loss", "at": {"step": 3}, **ANY},
        {"quantity": "loss", "at": {"step": 3}, **ANY},
    ]
    (epoch,), (step,), (loss,) = found_in(tmp_path, scenario(**UNTIMED, grid__dtype=["float32"], expect=expect))
    assert float(np.float32(epoch)) == epoch
    assert float(np.float32(step)) == step
    assert float(np.float32(loss)) != loss


def test_constants_of_the_cell(tmp_path: Path) -> None:
    """Condition and largest stable rate are those of the Hessian 2 X'X / 4 = [[15, 5], [5, 2]], by its quadratic."""
    root = math.sqrt((15 - 2) ** 2 + 4 * 5 * 5)
    low, high = (17 - root) / 2, (17 + root) / 2
    expect = [
        {"quantity": "condition_number", **ANY},
        {"quantity": "stable_learning_rate", **ANY},
        {"quantity": "outcome", "not_equals": "diverged"},
        {"quantity": "status", "equals": "ok"},
    ]
    found = found_in(tmp_path, parse(toml({**Exact.table, "expect": expect}), Path("exact.toml"), {}))
    assert found[0][0] == pytest.approx(high / low, rel=1e-12)
    assert found[1][0] == pytest.approx(2 / high, rel=1e-14)
    assert (found[2], found[3]) == (["unfinished"], ["ok"])


@pytest.mark.parametrize("unit", ["epoch", "step"])
def test_a_table_file_takes_any_quantity_of_a_state(tmp_path: Path, unit: str) -> None:
    """Rows of a table, in any order, are compared each at its own state, also where its header has other columns."""
    factor = {"epoch": 2, "step": 1}[unit]
    lines = [f"x,{place},{float(Exact.states()[place * factor][0])!r}" for place in (3, 0, 2)]
    expect = {"quantity": "weights[0]", "table": "rows.csv", "within": 0.0}
    files = {"rows.csv": "\n".join([f"note,{unit},weights[0]", *lines]).encode()}
    read = parse(toml({**Exact.table, "expect": [expect]}), Path("exact.toml"), {}, files)
    (result,) = check_all(finished_run(tmp_path / "run", read))
    assert result.status == "held"
    assert [check.place for check in result.checks] == [f"{unit} {place}" for place in (3, 0, 2)]


# Nets.

ACTIVATIONS: dict[str, tuple[Callable[[float], float], Callable[[float], float]]] = {
    "tanh": (math.tanh, lambda z: 1 - math.tanh(z) ** 2),
    "sigmoid": (lambda z: 1 / (1 + math.exp(-z)), lambda z: math.exp(-z) / (1 + math.exp(-z)) ** 2),
    "relu": (lambda z: max(z, 0.0), lambda z: float(z > 0)),
}
NET_X, NET_Y = (0.0, 1.0, 3.0, 4.0, 2.0), (1.0, -1.0, 0.5, 2.0, 1.5)


class Net:
    """One input, two hidden units, one output, trained one number at a time on the first four standardised rows."""

    def __init__(self, activation: str, steps: int) -> None:
        self.function, self.slope = ACTIVATIONS[activation]
        mean, sd = 2.0, math.sqrt(2.5)  # of 0 1 3 4, the population's
        self.x = [(x - mean) / sd for x in NET_X]
        self.w, self.b, self.v, self.c = [0.5, -0.75], [0.25, 0.125], [1.0, -0.5], 0.25
        for _ in range(steps):
            w, b, v, c = self.gradient()
            self.w = [old - 0.1 * g for old, g in zip(self.w, w, strict=True)]
            self.b = [old - 0.1 * g for old, g in zip(self.b, b, strict=True)]
            self.v = [old - 0.1 * g for old, g in zip(self.v, v, strict=True)]
            self.c -= 0.1 * c

    def at(self, x: float) -> float:
        return sum(v * self.function(w * x + b) for w, b, v in zip(self.w, self.b, self.v, strict=True)) + self.c

    def errors(self) -> list[float]:
        return [self.at(x) - y for x, y in zip(self.x[:4], NET_Y[:4], strict=True)]

    def gradient(self) -> tuple[list[float], list[float], list[float], float]:
        pairs = list(zip(self.errors(), self.x[:4], strict=True))
        w, b, v = [], [], []
        for unit in range(2):
            z = [self.w[unit] * x + self.b[unit] for _, x in pairs]
            slopes = [self.v[unit] * self.slope(value) for value in z]
            w.append(sum(2 / 4 * e * s * x for (e, x), s in zip(pairs, slopes, strict=True)))
            b.append(sum(2 / 4 * e * s for (e, _), s in zip(pairs, slopes, strict=True)))
            v.append(sum(2 / 4 * e * self.function(value) for (e, _), value in zip(pairs, z, strict=True)))
        return w, b, v, sum(2 / 4 * e for e, _ in pairs)

    def norm(self) -> float:
        w, b, v, c = self.gradient()
        return math.hypot(*w, *b, *v, c)

    def loss(self) -> float:
        return sum(e * e for e in self.errors()) / 4

    def r2(self) -> float:
        y = NET_Y[:4]
        return 1 - 4 * self.loss() / sum((value - sum(y) / 4) ** 2 for value in y)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_quantities_of_a_net(tmp_path: Path, activation: str) -> None:
    """Loss, norm of the gradient, prediction of a raw row, r2 and the losses of steps are those of a net of scalars."""
    table = {
        **Exact.table,
        "data": {"inline": {"x": [[x] for x in NET_X], "y": NET_Y}, "validation": {"rows": 1, "pick": "last"}},
        "model": {"kind": "mlp", "hidden": [2], "activation": activation, "standardize": "population"},
        "init": {"weights": [[[0.5], [-0.75]], [[1.0, -0.5]]], "bias": [[0.25, 0.125], [0.25]]},
        "training": {"loss": "mse", "steps": 5},
        "grid": {**Exact.table["grid"], "batch_size": ["full"], "learning_rate": [0.1]},
    }
    cases: list[tuple[dict[str, Any], float]] = [
        ({"quantity": "loss"}, Net(activation, 5).loss()),
        ({"quantity": "loss", "at": "start"}, Net(activation, 0).loss()),
        ({"quantity": "loss", "at": {"epoch": 2}}, Net(activation, 2).loss()),
        ({"quantity": "step_loss", "at": {"step": 3}}, Net(activation, 3).loss()),
        ({"quantity": "epoch_loss", "at": {"epoch": 4}}, Net(activation, 3).loss()),
        ({"quantity": "gradient_norm", "at": {"step": 4}}, Net(activation, 4).norm()),
        ({"quantity": "gradient_norm"}, Net(activation, 5).norm()),
        ({"quantity": "prediction", "x": [2.5]}, Net(activation, 5).at(0.5 / math.sqrt(2.5))),
        ({"quantity": "r2", "at": {"step": 1}}, Net(activation, 1).r2()),
        ({"quantity": "validation_loss"}, (Net(activation, 5).at(0.0) - 1.5) ** 2),
    ]
    expect = [{**case, **ANY} for case, _ in cases]
    found = found_in(tmp_path, parse(toml({**table, "expect": expect}), Path("net.toml"), {}))
    assert [values[0] for values in found] == pytest.approx([wanted for _, wanted in cases], rel=1e-12)


# Losses that are not squared, and rows from files.

POINTS = b"size;rooms;price\n1;2;1.5\n2;1;-0.5\n4;3;2.0\n5;5;7.0\n8;4;3.5\n3;3;1.0\n"


@cache
def points() -> Vector:
    return np.array([line.split(b";") for line in POINTS.split()[1:]], dtype=np.float64)


def from_file(expect: Sequence[dict[str, Any]], **values: Any) -> Scenario:
    """The six points, the last two held back, at their start of 0.5, -0.25 and 0.125."""
    data = {
        "csv": {"path": "points.csv", "x": ["size", "rooms"], "y": "price", "delimiter": ";"},
        "validation": {"rows": 2, "pick": "last"},
    }
    start = {"weights": [0.5, -0.25], "bias": 0.125}
    given = {"data": data, "init": start, "training": {"loss": "mse", "steps": 1}, "grid__batch_size": ["full"]}
    table = document(**{**given, **UNTIMED, **values, "expect": list(expect)})
    return parse(toml(table), Path("points.toml"), {}, {"points.csv": POINTS})


def costs(loss: str, e: Vector) -> tuple[float, Vector]:
    """A loss and its derivative by each error; the bend of huber at 0.5."""
    n = len(e)
    sums = {"mse": (2.0, n), "half_mse": (1.0, n), "sse": (2.0, 1), "half_sse": (1.0, 1)}
    if loss in sums:
        factor, rows = sums[loss]
        return float(factor / 2 * (e @ e) / rows), factor * e / rows
    if loss == "mae":
        return float(np.mean(np.abs(e))), np.sign(e) / n
    small = np.abs(e) <= 0.5
    each = np.where(small, e**2 / 2, 0.5 * (np.abs(e) - 0.25))
    return float(np.mean(each)), np.where(small, e, 0.5 * np.sign(e)) / n


@pytest.mark.parametrize("loss", ["mse", "half_mse", "sse", "half_sse", "mae", "huber"])
def test_quantities_of_every_loss_on_rows_of_a_file(tmp_path: Path, loss: str) -> None:
    """Loss, gradient, its norm, r2 and those of the rows held back, of each loss, by its formula."""
    x, y = points()[:4, :2], points()[:4, 2]
    e = x @ [0.5, -0.25] + 0.125 - y
    value, slopes = costs(loss, e)
    gradient = np.append(x.T @ slopes, slopes.sum())
    held = points()[4:, :2] @ [0.5, -0.25] + 0.125 - points()[4:, 2]
    cases: list[tuple[dict[str, Any], float]] = [
        ({"quantity": "loss"}, value),
        ({"quantity": "gradient[0]"}, gradient[0]),
        ({"quantity": "gradient[2]"}, gradient[2]),
        ({"quantity": "gradient_norm"}, float(np.sqrt(gradient @ gradient))),
        ({"quantity": "r2"}, float(1 - e @ e / np.sum((y - y.mean()) ** 2))),
        ({"quantity": "validation_loss"}, costs(loss, held)[0]),
        ({"quantity": "validation_r2"}, float(1 - held @ held / np.sum((points()[4:, 2] - 2.25) ** 2))),
        ({"quantity": "prediction", "x": [10.0, 4.0]}, 4.125),
    ]
    named = {"kind": "huber", "delta": 0.5} if loss == "huber" else loss
    read = from_file([{**case, "at": "start", **ANY} for case, _ in cases], training__loss=named)
    found = found_in(tmp_path, read)
    assert [values[0] for values in found] == pytest.approx([wanted for _, wanted in cases], rel=1e-13)


@pytest.mark.parametrize("kind", ["none", "population", "sample"])
@pytest.mark.parametrize("intercept", [True, False])
def test_a_raw_row_of_a_file_is_predicted_as_training_rows_are(tmp_path: Path, kind: str, intercept: bool) -> None:
    """Powers first, then the training rows' mean (with an intercept only) and deviation; the weights are known."""
    columns = np.concatenate([points()[:4, :2], points()[:4, :2] ** 2], axis=1)
    row = np.array([10.0, 4.0, 100.0, 16.0])
    if kind != "none":
        row = (row - (columns.mean(axis=0) if intercept else 0)) / columns.std(axis=0, ddof=int(kind == "sample"))
    weights = [0.5, -0.25, 1.0, 2.0]
    wanted = row @ weights + (0.125 if intercept else 0.0)
    model = {"powers": [1, 2], "standardize": kind, "intercept": intercept}
    init = {"weights": weights, **({"bias": 0.125} if intercept else {})}
    expect = {"quantity": "prediction", "x": [10.0, 4.0], "at": "start", **ANY}
    ((found,),) = found_in(tmp_path, from_file([expect], model=model, init=init, grid__learning_rate=[1e-9]))
    assert found == pytest.approx(wanted, rel=1e-13)


def test_a_target_without_spread_has_no_r2(tmp_path: Path) -> None:
    """One row held back, or a constant target, has no spread to explain: r2 is nan and misses, and nothing breaks."""
    table = {**Exact.table, "data": {"inline": {"x": [[1.0], [2.0], [3.0]], "y": [2.0, 2.0, 5.0]}}}
    table["data"]["validation"] = {"rows": 1, "pick": "last"}
    expect = [
        {"quantity": "r2", **ANY},
        {"quantity": "r2", "at_most": 1.0},
        {"quantity": "validation_r2", **ANY},
        {"quantity": "r2", "of": "optimum", **ANY},
    ]
    results = check_all(finished_run(tmp_path / "run", parse(toml({**table, "expect": expect}), Path("a.toml"), {})))
    assert [result.status for result in results] == ["missed"] * 4
    assert all(math.isnan(result.checks[0].found) for result in results)


def test_a_prediction_that_overflows_misses(tmp_path: Path) -> None:
    """A raw row whose square is beyond float64 gives no number; the expectation is missed and no warning is raised."""
    expect = [{"quantity": "prediction", "x": [1e200, 1.0], "value": 0.0, "within": 1e300}]
    (result,) = check_all(finished_run(tmp_path / "run", scenario(**UNTIMED, model={"powers": [2]}, expect=expect)))
    assert result.status == "missed"


# The optimum.

MODELS: dict[str, dict[str, Any]] = {
    "plain": {},
    "no intercept": {"intercept": False},
    "powers": {"powers": [1, 2]},
    "population": {"powers": [1, 2], "standardize": "population"},
    "sample without intercept": {"standardize": "sample", "intercept": False},
}


def columns(x: Vector, model: dict[str, Any]) -> Vector:
    """The model's columns, without the ones of the intercept."""
    made = np.concatenate([x**power for power in model.get("powers", [1])], axis=1)
    if model.get("standardize", "none") == "none":
        return made
    centre = made.mean(axis=0) if model.get("intercept", True) else 0.0
    return np.asarray((made - centre) / made.std(axis=0, ddof=int(model["standardize"] == "sample")))


@cache
def drawn(seed: int = 0) -> tuple[Vector, Vector]:
    """x and y of the builders' LINE: default_rng(seed) draws x, then the noise."""
    draw = np.random.default_rng(seed)
    x = draw.normal(0.0, 1.0, (40, 2))
    return x, x @ np.array([3.0, -1.0]) + 0.5 + draw.normal(0.0, 0.1, 40)


def least_squares(model: dict[str, Any]) -> tuple[Vector, Vector]:
    """NumPy's own solution, and the design matrix."""
    x, y = drawn()
    design = columns(x, model)
    if model.get("intercept", True):
        design = np.column_stack([design, np.ones(40)])
    return np.asarray(np.linalg.lstsq(design, y, rcond=None)[0]), design


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", MODELS)
def test_the_optimum_is_that_of_least_squares(tmp_path: Path, name: str, dtype: str) -> None:
    """Parameters, loss, r2, prediction and gradient at the optimum are NumPy's least squares', to 1e-12 of it."""
    model = MODELS[name]
    best, design = least_squares(model)
    y = drawn()[1]
    e = design @ best - y
    raw = np.array([[0.5, -2.0]])
    if model.get("standardize", "none") == "none":
        row = columns(raw, model)
    else:
        made = np.concatenate([drawn()[0] ** power for power in model.get("powers", [1])], axis=1)
        centre = made.mean(axis=0) if model.get("intercept", True) else 0.0
        row = np.concatenate([raw**power for power in model.get("powers", [1])], axis=1)
        row = (row - centre) / made.std(axis=0, ddof=int(model["standardize"] == "sample"))
    count = row.shape[1]
    prediction = float(row[0] @ best[:count] + (best[count] if len(best) > count else 0.0))
    cases: list[tuple[dict[str, Any], float]] = [
        *(({"quantity": f"weights[{index}]"}, float(best[index])) for index in range(count)),
        *([({"quantity": "bias"}, float(best[count]))] if len(best) > count else []),
        ({"quantity": "loss"}, float(e @ e / 40)),
        ({"quantity": "r2"}, float(1 - e @ e / np.sum((y - y.mean()) ** 2))),
        ({"quantity": "prediction", "x": [0.5, -2.0]}, prediction),
        *(({"quantity": f"gradient[{index}]"}, 0.0) for index in range(len(best))),
        ({"quantity": "gradient_norm"}, 0.0),
    ]
    read = scenario(
        **UNTIMED, model=model, init={}, grid__dtype=[dtype], expect=[{**c, "of": "optimum", **ANY} for c, _ in cases]
    )
    found = found_in(tmp_path, read)
    assert [values[0] for values in found] == pytest.approx([wanted for _, wanted in cases], rel=1e-12, abs=1e-13)


def test_the_optimum_of_rows_held_back(tmp_path: Path) -> None:
    """The optimum is that of the training rows, also where its loss is taken over the others."""
    x, y = drawn()
    design = np.column_stack([x, np.ones(40)])
    best = np.linalg.lstsq(design[:30], y[:30], rcond=None)[0]
    e = design[30:] @ best - y[30:]
    expect = [
        {"quantity": "validation_loss", "of": "optimum", **ANY},
        {"quantity": "validation_r2", "of": "optimum", **ANY},
        {"quantity": "weights[1]", "of": "optimum", **ANY},
    ]
    read = scenario(**UNTIMED, data__validation={"rows": 10, "pick": "last"}, expect=expect)
    wanted = [e @ e / 10, 1 - e @ e / np.sum((y[30:] - y[30:].mean()) ** 2), best[1]]
    assert [values[0] for values in found_in(tmp_path, read)] == pytest.approx(wanted, rel=1e-12)


def test_no_unique_optimum_misses(tmp_path: Path) -> None:
    """Where two columns are one, every expectation of the optimum is missed with nan, beside cells that have one."""
    grid = {**LINE["grid"], "model.powers": [[1], [1, 3]], "batch_size": ["full"]}
    data = {"inline": {"x": [[-1.0], [0.0], [1.0]], "y": [1.0, 2.0, 4.0]}}  # x and x³ are one column
    expect = [{"quantity": quantity, "of": "optimum", **ANY} for quantity in ("loss", "weights[0]", "gradient_norm")]
    expect += [{"quantity": "correct_digits", **ANY}, {"quantity": "prediction", "x": [3.0], "of": "optimum", **ANY}]
    results = check_all(
        finished_run(tmp_path / "run", scenario(**UNTIMED, data=data, init={}, grid=grid, expect=expect))
    )
    for result in results:
        assert [check.held for check in result.checks] == [True, False]
        assert math.isnan(result.checks[1].found)


@pytest.mark.parametrize(
    ("expect", "values", "words"),
    [
        ({"quantity": "loss"}, {"model": {"kind": "mlp", "hidden": [2]}, "init": {}}, "of a linear model only"),
        ({"quantity": "step_loss", "at": "start"}, {}, "the optimum has no step_loss"),
        ({"quantity": "epoch_loss", "at": {"epoch": 1}}, {}, "the optimum has no epoch_loss"),
        ({"quantity": "correct_digits"}, {}, "the optimum has no correct_digits"),
        ({"quantity": "condition_number"}, {}, "the optimum has no condition_number"),
        ({"quantity": "loss", "at": "end"}, {}, "leave at and table out"),
        ({"quantity": "loss", "at": {"epoch": 1}}, {}, "leave at and table out"),
        ({"quantity": "loss", "statistic": "start_correlation"}, {"grid__seed": [0, 1, 2]}, "later than the start"),
    ],
)
def test_no_optimum_to_be_had(expect: dict[str, Any], values: dict[str, Any], words: str) -> None:
    """A net, quantities that it has not and states are refused beforehand."""
    (fault,) = faults_of({**expect, "of": "optimum", **ANY}, **values)
    assert words in fault


def test_an_outcome_has_no_optimum() -> None:
    """Words are of the training, not of the optimum."""
    (fault,) = faults_of({"quantity": "outcome", "of": "optimum", "equals": "converged"})
    assert "the optimum has no outcome" in fault


# Coefficients of the unscaled columns.


@pytest.mark.parametrize("kind", ["none", "population", "sample"])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("powers", [[1], [1, 2]])
def test_raw_coefficients_by_hand(tmp_path: Path, kind: str, intercept: bool, powers: list[int]) -> None:
    """Weights are divided by the deviation; what the means take up goes from the bias."""
    made = np.concatenate([points()[:4, :2] ** power for power in powers], axis=1)
    scale = made.std(axis=0, ddof=int(kind == "sample")) if kind != "none" else np.ones(made.shape[1])
    trained = np.array([0.5, -0.25, 1.0, 2.0])[: made.shape[1]]
    raw = trained / scale
    centre = made.mean(axis=0) if kind != "none" and intercept else np.zeros(made.shape[1])
    expect: list[dict[str, Any]] = [
        {"quantity": f"weights[{index}]", "space": "raw", "at": "start", **ANY} for index in range(made.shape[1])
    ]
    if intercept:
        expect.append({"quantity": "bias", "space": "raw", "at": "start", **ANY})
    model = {"powers": powers, "standardize": kind, "intercept": intercept}
    init = {"weights": trained.tolist(), **({"bias": 0.125} if intercept else {})}
    found = found_in(tmp_path, from_file(expect, model=model, init=init, grid__learning_rate=[1e-9]))
    wanted = [*raw, *([0.125 - np.sum(raw * centre)] if intercept else [])]
    assert [values[0] for values in found] == pytest.approx(wanted, rel=1e-13)


def test_raw_coefficients_of_a_converged_training(tmp_path: Path) -> None:
    """Standardised and trained to the end, raw coefficients are those of least squares on the columns as they are."""
    x, y = drawn()
    best = np.linalg.lstsq(np.column_stack([x, x**2, np.ones(40)]), y, rcond=None)[0]
    quantities = [*(f"weights[{index}]" for index in range(4)), "bias"]
    rules: list[dict[str, Any]] = [{}, {"of": "optimum"}, {"statistic": "mean"}]
    expect = [{"quantity": name, "space": "raw", **rule, **ANY} for rule in rules for name in quantities]
    read = scenario(
        **UNTIMED,
        model={"powers": [1, 2], "standardize": "sample"},
        training={"loss": "mse", "steps": 3000},
        grid__batch_size=["full"],
        grid__learning_rate=[0.1],
        expect=expect,
    )
    assert [values[0] for values in found_in(tmp_path, read)] == pytest.approx([*best, *best, *best], rel=1e-9)


@pytest.mark.parametrize("quantity", ["loss", "gradient[0]", "r2", "correct_digits", "condition_number"])
def test_only_coefficients_are_raw(quantity: str) -> None:
    """space = "raw" is refused for all else, which is the same in both, or of the trained columns only."""
    (fault,) = faults_of({"quantity": quantity, "space": "raw", **ANY})
    assert "space: raw goes with weights and bias only" in fault


def result_of(folder: Path, expect: dict[str, Any], **values: Any) -> Result:
    (result,) = check_all(finished_run(folder / "run", scenario(**UNTIMED, expect=[expect], **values)))
    return result


def test_an_index_beyond_the_last(tmp_path: Path) -> None:
    """The gradient has the intercept as its last index, the weights have not; one further is refused."""
    assert result_of(tmp_path, {"quantity": "gradient[2]", **ANY}).status == "held"
    assert faults_of({"quantity": "weights[2]", **ANY})
    assert faults_of({"quantity": "gradient[3]", **ANY})
    assert faults_of({"quantity": "gradient[2]", **ANY}, model={"intercept": False}, init__bias=None)
