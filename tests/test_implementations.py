"""
The four implementations take the right step, and are known by their names.

What every implementation must do besides is checked in test_testing.py, by the checks that are shipped.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import harness
from harness import catalogue, implementations, worker
from harness.implementations.base import Implementation
from harness.job import Job
from harness.problem.data import make_data
from harness.problem.evaluation import Evaluation
from harness.problem.layout import Layout
from harness.problem.orders import batches
from harness.problem.problem import Problem, make_problem
from harness.record import unpack_arrays
from harness.scenario.cell import CellSpec
from tests.builders import PARABOLA, scenario

NAMES = ("numpy", "autograd", "optim", "module")
LOSSES = ("mse", "half_mse", "sse", "half_sse", "mae", "huber")
MODELS: dict[str, dict[str, Any]] = {
    "linear": {"kind": "linear"},
    "no intercept": {"kind": "linear", "intercept": False},
    "powers": {"kind": "linear", "powers": [1, 2], "standardize": "sample"},
    "relu": {"kind": "mlp", "hidden": [4], "activation": "relu"},
    "tanh": {"kind": "mlp", "hidden": [4], "activation": "tanh"},
    "sigmoid": {"kind": "mlp", "hidden": [3], "activation": "sigmoid"},
    "tanh twice": {"kind": "mlp", "hidden": [4, 3], "activation": "tanh"},
    "relu twice": {"kind": "mlp", "hidden": [3, 5], "activation": "relu"},
}
RATE = 0.003  # below every stable rate here, those of the sums included


def spec_of(name: str, model: str = "linear", **values: Any) -> CellSpec:
    """A cell of this implementation; every parameter starts from a draw."""
    start = {"kind": "uniform", "low": -0.8, "high": 0.8}
    init = {"weights": start} if model == "no intercept" else {"weights": start, "bias": start}
    grid = {"grid__implementation": [name], "grid__learning_rate": [RATE]}
    (cell,) = scenario(model=MODELS[model], init=init, **{**grid, **values}).cells
    return cell.spec


def loaded(spec: CellSpec) -> tuple[Implementation, Problem, list[Any], list[Any]]:
    """The implementation after load, its problem, its own indices, and NumPy's."""
    problem = make_problem(spec, make_data(spec))
    plan = list(batches(spec, problem.orders))
    cls = implementations.get(spec.implementation)
    implementation = cls()
    implementation.load(problem)
    return implementation, problem, worker.indices(plan, cls.rows, spec.device), plan


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(("name", "batch_size"), [("numpy", 8), ("numpy", "full"), *((name, 33) for name in NAMES)])
def test_one_step(name: str, loss: str, model: str, batch_size: Any) -> None:
    """
    parameters - rate * gradient, with the gradient of the yardstick, and the loss of the batch before the update.

    Two steps, so that gradients left over from the first would show, and the short last batch of 33 is used. Every
    loss with every model; `numpy`, to which the shipped checks hold the others, with every kind of batch.
    """
    # The bend of huber lies among the errors here.
    table = {"kind": "huber", "delta": 1.5} if loss == "huber" else loss
    spec = spec_of(name, model, training__loss=table, grid__batch_size=[batch_size])
    implementation, problem, rows, plan = loaded(spec)
    layout, evaluation = Layout.of(spec), Evaluation.of(spec)
    before = layout.flatten(problem.initial)
    assert_array_equal(layout.flatten(implementation.parameters()), before)
    for index, batch in zip(rows[:2], plan[:2], strict=True):
        x, y = problem.x[batch], problem.y[batch]
        wanted = before - RATE * evaluation.gradient(before, x, y)
        assert_allclose(float(implementation.step(index)), evaluation.loss(before[None], x, y)[0], rtol=1e-12)
        found = layout.flatten(implementation.parameters())
        assert_allclose(found, wanted, rtol=1e-12, atol=1e-13)
        before = found


@pytest.mark.parametrize("name", NAMES)
def test_huber_by_hand(name: str) -> None:
    """
    Errors of 1, -1/2 and 5 with the bend at 2 cost 1/2, 1/8 and 2 (5 - 1) = 8; slopes 1, -1/2 and 2.

    At w = 0 on x = 1, 2, 3 the gradient is (1 - 1 + 6) / 3 = 2; one step at the rate 1/8 leads to w = -1/4.
    """
    spec = spec_of(
        name, "no intercept", training__loss={"kind": "huber", "delta": 2.0}, data__x__columns=1, data__y__weights=[1]
    )
    given = dataclasses.replace(
        make_problem(spec, make_data(spec)), learning_rate=0.125, schedule=lambda step: 0.125,
        x=np.array([[1.0], [2.0], [3.0]]), y=np.array([-1.0, 0.5, -5.0]), initial=(np.zeros(1), np.float64(0.0)),
    )  # fmt: skip
    implementation = implementations.get(name)()
    implementation.load(given)
    assert float(implementation.step(slice(None))) == pytest.approx((1 / 2 + 1 / 8 + 8) / 3, rel=1e-15)
    assert implementation.parameters()[0] == pytest.approx([-0.25], rel=1e-15)


@pytest.mark.parametrize("name", NAMES)
def test_registered_as_the_catalogue_says(name: str) -> None:
    """The names that planning knows without importing are what the classes themselves say."""
    cls = implementations.get(name)
    entry = catalogue.entry(name)
    assert (cls.name, cls.devices, cls.rows) == (name, entry.devices, entry.outfit)
    assert catalogue.implementations() == NAMES


def test_a_name_that_is_none() -> None:
    """An unknown implementation is a KeyError, for planning to have refused before."""
    with pytest.raises(KeyError):
        implementations.get("numpi")


def test_the_decorator_registers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A class with the decorator is found by its name, and may be subclassed from a registered one."""
    monkeypatch.setattr(implementations, "_CLASSES", dict(implementations._CLASSES))
    base = implementations.get("numpy")

    @harness.implementation("mine", devices=("cpu", "cuda"))
    class Mine(base):  # type: ignore[valid-type, misc]
        pass

    assert implementations.get("mine") is Mine
    assert (Mine.name, Mine.devices, Mine.rows) == ("mine", ("cpu", "cuda"), "numpy")
    assert implementations.get("numpy").name == "numpy"


@pytest.mark.parametrize("method", ["load", "step", "parameters"])
def test_a_missing_method_is_named(method: str) -> None:
    """A class that leaves out one of the three methods says which."""
    with pytest.raises(NotImplementedError, match=method):
        getattr(Implementation(), method)(*[None] * (method != "parameters"))


@pytest.mark.parametrize("name", NAMES)
def test_the_parabola_of_tutorial_003(name: str) -> None:
    """
    w 2.98927619 and b 2.09818307 after 800 steps of half the sum of squares at rate 0.001.

    Printed with the tutorial and in the book it comes from (Wu Maogui, chapter 2.6); published/cases.json holds
    the start, the digits and the last loss, 0.1669796904.
    """
    (cell,) = scenario(
        **PARABOLA,
        init={"weights": [0.7782892154498485], "bias": 0.7795983986107496},
        training={"loss": "half_sse", "steps": 800},
        grid={"implementation": [name], "dtype": ["float64"], "learning_rate": [0.001]},
    ).cells
    record, trace = worker.run(Job(cell.spec, record_steps=(799,)))
    assert record.status == "ok", record.reason
    assert record.weights == [pytest.approx(2.98927619, abs=5e-9)]
    assert record.bias == pytest.approx(2.09818307, abs=5e-9)
    # The listing computes its loss before the update.
    assert unpack_arrays(trace)["step_loss"][-2] == pytest.approx(0.1669796904, abs=5e-11)
    assert record.optimum == pytest.approx([2.9913428360, 2.0974173771], abs=5e-11)
    assert record.truth == pytest.approx([3.0, 2.1])
    assert record.steps == 800


@pytest.mark.parametrize("name", NAMES)
def test_godoys_line(name: str) -> None:
    """
    b 1.02354094 and w 1.96896411 after 1000 steps on the 80 training rows; loss 2.7421577700550976 at the start.

    dvgodoy/PyTorchStepByStep@d837dec, chapters 0 and 1, as in published/cases.json.
    """
    (cell,) = scenario(
        data={
            "samples": 100,
            "x": {"kind": "uniform", "low": 0.0, "high": 1.0},
            "y": {"kind": "linear", "weights": [2.0], "bias": 1.0},
            "noise": {"kind": "normal", "mean": 0.0, "sd": 0.1},
            "rng": "numpy-legacy",
            "seed": 42,
            "validation": {"fraction": 0.2},
        },
        init={"weights": [-0.13826430117118466], "bias": 0.4967141530112327},
        training={"steps": 1000},
        grid={"implementation": [name], "dtype": ["float64"], "learning_rate": [0.1]},
    ).cells
    record, trace = worker.run(Job(cell.spec, record_steps=(1,)))
    assert record.status == "ok", record.reason
    assert record.bias == pytest.approx(1.02354094, abs=5e-9)
    assert record.weights == [pytest.approx(1.96896411, abs=5e-9)]
    arrays = unpack_arrays(trace)
    assert arrays["loss"][0] == pytest.approx(2.7421577700550976, rel=1e-13)
    assert arrays["step_loss"][0] == pytest.approx(2.7421577700550976, rel=1e-13)
    assert arrays["parameters"][1] == pytest.approx([0.04511107, 0.80119529], abs=5e-9)
