"""The four implementations take the same step, and it is the right one."""

from __future__ import annotations

import itertools
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
LOSSES = ("mse", "half_mse", "sse", "half_sse", "mae")
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
    return implementation, problem, worker._rows(plan, cls.rows, spec.device), plan


@pytest.mark.parametrize("batch_size", [8, 33, "full"])
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("name", NAMES)
def test_one_step(name: str, loss: str, model: str, batch_size: Any) -> None:
    """
    parameters - rate * gradient, with the gradient of the yardstick, and the loss of the batch before the update.

    Two steps, so that gradients left over from the first would show, and the short last batch of 33 is used.
    """
    spec = spec_of(name, model, training__loss=loss, grid__batch_size=[batch_size])
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


@pytest.mark.parametrize("batch_size", [16, "full"])
@pytest.mark.parametrize("model", MODELS)
def test_paths_agree(model: str, batch_size: Any) -> None:
    """Thirty steps in float64 stay within 1e-12 of the largest parameter, at every state, for all four."""
    paths = []
    for name in NAMES:
        spec = spec_of(name, model, training={"steps": 30}, grid__batch_size=[batch_size])
        implementation, _, rows, _ = loaded(spec)
        states = []
        for index in rows:
            implementation.step(index)
            states.append(Layout.of(spec).flatten(implementation.parameters()))
        paths.append(np.stack(states))
    for one, other in itertools.combinations(paths, 2):
        assert_allclose(one, other, rtol=0, atol=1e-12 * np.abs(one).max())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", NAMES)
def test_parameters_have_the_cells_dtype_and_shape(name: str, model: str, dtype: str) -> None:
    """Before and after a step: (p,) and (), or lists per layer of (units, inputs) and (units,), in the dtype."""
    spec = spec_of(name, model, grid__dtype=[dtype])
    implementation, _, rows, _ = loaded(spec)
    layout = Layout.of(spec)
    for _ in range(2):
        weights, bias = implementation.parameters()
        if layout.layered:
            assert isinstance(weights, list)
            assert isinstance(bias, list)
        else:
            assert (np.shape(weights), np.shape(bias)) == ((spec.features,), ())
            if not spec.model.intercept:
                assert bias == 0
        flat = layout.flatten((weights, bias))
        assert flat.dtype == np.dtype(dtype)
        implementation.step(rows[0])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("model", ["linear", "relu twice"])
@pytest.mark.parametrize("name", NAMES)
def test_load_resets_everything(name: str, model: str, dtype: str) -> None:
    """After load, training goes the same way bit for bit, whatever was done before."""
    spec = spec_of(name, model, grid__dtype=[dtype])
    implementation, problem, rows, _ = loaded(spec)
    layout = Layout.of(spec)

    def path() -> list[bytes]:
        result = [layout.flatten(implementation.parameters()).tobytes()]
        for index in rows[:7]:
            loss = float(implementation.step(index))
            result += [layout.flatten(implementation.parameters()).tobytes(), np.float64(loss).tobytes()]
        return result

    first = path()
    implementation.load(problem)
    assert path() == first


@pytest.mark.parametrize("name", NAMES)
def test_load_takes_another_problem(name: str) -> None:
    """An instance that trained a net can be loaded with a line, and the other way round."""
    for order in (("relu twice", "linear"), ("linear", "relu twice")):
        used, *_ = loaded(spec_of(name, order[0]))
        fresh, problem, rows, _ = loaded(spec_of(name, order[1]))
        used.load(problem)
        layout = Layout.of(spec_of(name, order[1]))
        for implementation in (used, fresh):
            implementation.step(rows[0])
        assert_array_equal(layout.flatten(used.parameters()), layout.flatten(fresh.parameters()))


@pytest.mark.parametrize("model", ["linear", "no intercept", "relu twice"])
@pytest.mark.parametrize("batch_size", [8, "full"])
@pytest.mark.parametrize("name", NAMES)
def test_the_problem_is_not_written_to(name: str, batch_size: Any, model: str) -> None:
    """Data, start and orders are the same after a training as before."""
    spec = spec_of(name, model, grid__batch_size=[batch_size])
    problem = make_problem(spec, make_data(spec))
    layout = Layout.of(spec)
    arrays = [problem.x, problem.y, *problem.orders]
    arrays += [array for group in problem.initial for array in (group if layout.layered else [group])]
    copies = [np.array(array) for array in arrays]
    implementation = implementations.get(name)()
    implementation.load(problem)
    plan = list(batches(spec, problem.orders))
    for index in worker._rows(plan, type(implementation).rows, "cpu"):
        implementation.step(index)
    for array, copy in zip(arrays, copies, strict=True):
        assert_array_equal(array, copy)


@pytest.mark.parametrize("model", ["linear", "relu twice"])
@pytest.mark.parametrize("name", NAMES)
def test_no_global_generator_is_drawn(name: str, model: str) -> None:
    """NumPy's global stream and torch's are where they were after load, steps and a timed reload."""
    import torch

    torch.manual_seed(3)
    np.random.seed(3)
    before = torch.random.get_rng_state(), np.random.get_state(legacy=False)
    implementation, problem, rows, _ = loaded(spec_of(name, model))
    for index in rows:
        implementation.step(index)
    implementation.load(problem)
    implementation.parameters()
    assert torch.equal(torch.random.get_rng_state(), before[0])
    after = np.random.get_state(legacy=False)
    assert isinstance(after, dict)
    assert isinstance(before[1], dict)
    assert_array_equal(after["state"]["key"], before[1]["state"]["key"])
    assert after["state"]["pos"] == before[1]["state"]["pos"]


@pytest.mark.parametrize("name", NAMES)
def test_the_start_does_not_depend_on_global_seeds(name: str) -> None:
    """nn.Module's own initialisation never shows: the start is the problem's, bit for bit."""
    import torch

    states = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        spec = spec_of(name, "relu twice")
        states.append(Layout.of(spec).flatten(loaded(spec)[0].parameters()).tobytes())
    assert states[0] == states[1]


@pytest.mark.parametrize("name", NAMES)
def test_a_returned_loss_keeps_its_value(name: str) -> None:
    """A step's loss is not a view that the next step changes: the loop converts it at the end."""
    implementation, _, rows, _ = loaded(spec_of(name))
    losses = [implementation.step(index) for index in rows[:3]]
    kept = [float(loss) for loss in losses]
    for index in rows[3:6]:
        implementation.step(index)
    assert [float(loss) for loss in losses] == kept
    assert len(set(kept)) == 3


@pytest.mark.parametrize("name", NAMES)
def test_registered_as_the_catalogue_says(name: str) -> None:
    """The names that planning knows without importing are what the classes themselves say."""
    cls = implementations.get(name)
    entry = catalogue.entry(name)
    assert (cls.name, cls.devices, cls.rows) == (name, entry.devices, entry.rows)
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
