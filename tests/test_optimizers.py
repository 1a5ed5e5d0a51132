"""
The optimisers by hand against torch.optim, and both against fractions worked out on paper.

The data are noisy and the rates of full batches small, so that no training comes near its optimum: where gradients
vanish, an update that divides by their size turns roundings into steps, and nobody's path is anybody else's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray
from torch import nn

from harness import implementations
from harness.implementations import numpy_rules
from harness.problem.layout import Parameters
from harness.problem.problem import Problem
from harness.scenario.model import Linear, Mlp
from harness.scenario.training import AbsoluteLoss, Adagrad, Adam, Optimizer, Rmsprop, Sgd, SquaredLoss

NAMES = ("numpy", "autograd", "optim", "module")
STEPS, ROWS, COLUMNS, HIDDEN = 1000, 40, 3, 4
TOLERANCE = 1e-12
Path: TypeAlias = NDArray[np.float64]

ALONE: dict[str, Optimizer] = {
    "sgd": Sgd(kind="sgd"),
    "rmsprop": Rmsprop(kind="rmsprop"),
    "rmsprop alpha": Rmsprop(kind="rmsprop", alpha=0.9),
    "rmsprop eps": Rmsprop(kind="rmsprop", eps=0.01),
    "rmsprop momentum": Rmsprop(kind="rmsprop", momentum=0.9),
    "rmsprop centered": Rmsprop(kind="rmsprop", centered=True),
    "adagrad": Adagrad(kind="adagrad"),
    "adagrad lr_decay": Adagrad(kind="adagrad", lr_decay=0.01),
    "adagrad initial_accumulator_value": Adagrad(kind="adagrad", initial_accumulator_value=0.1),
    "adagrad eps": Adagrad(kind="adagrad", eps=0.01),
    "adam": Adam(kind="adam"),
    "adam betas": Adam(kind="adam", betas=(0.8, 0.99)),
    "adam eps": Adam(kind="adam", eps=0.01),
    "adam amsgrad": Adam(kind="adam", amsgrad=True),
}
TOGETHER: dict[str, Optimizer] = {
    "sgd momentum": Sgd(kind="sgd", momentum=0.9),
    "sgd nesterov": Sgd(kind="sgd", momentum=0.9, nesterov=True),
    "all of rmsprop": Rmsprop(kind="rmsprop", alpha=0.9, eps=0.01, momentum=0.9, centered=True),
    "all of adagrad": Adagrad(kind="adagrad", lr_decay=0.01, initial_accumulator_value=0.1, eps=0.01),
    "all of adam": Adam(kind="adam", betas=(0.8, 0.99), eps=0.01, amsgrad=True),
}
TORCHS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": torch.optim.SGD, "rmsprop": torch.optim.RMSprop, "adagrad": torch.optim.Adagrad, "adam": torch.optim.Adam,
}  # fmt: skip


def problem(table: Optimizer, *, rate: float, dtype: str = "float64", **values: Any) -> Problem:
    """A noisy plane in three columns, or a net of four tanh units on it; the start is drawn."""
    draw = np.random.default_rng(3)
    x = draw.normal(size=(ROWS, COLUMNS))
    y = x @ [3.0, -2.0, 2.5] + 1.5 + draw.normal(size=ROWS)
    model = values.get("model", Linear(kind="linear"))
    given: dict[str, Any] = {
        "x": x.astype(dtype), "y": y.astype(dtype), "initial": start(model, draw, dtype), "model": model,
        "loss": SquaredLoss(kind="mse"), "optimizer": table, "schedule": lambda step: rate, "orders": [],
        "learning_rate": rate, "batch_size": "full", "dtype": dtype, "device": "cpu", "seed": 0,
    }  # fmt: skip
    return Problem(**{**given, **values})


def start(model: Linear | Mlp, draw: np.random.Generator, dtype: str) -> Parameters:
    if isinstance(model, Linear):
        return draw.normal(0, 0.1, COLUMNS).astype(dtype), np.array(0.1, dtype)
    sizes = [(HIDDEN, COLUMNS), (1, HIDDEN)]
    return (
        [draw.normal(0, 0.5, size).astype(dtype) for size in sizes],
        [draw.normal(0, 0.5, size[0]).astype(dtype) for size in sizes],
    )


def batches(size: int | None, steps: int) -> list[slice]:
    """Rows of each update: all of them, or so many, in order and from the first again."""
    width = size or ROWS
    return [slice(first, first + width) for first in (step * width % ROWS for step in range(steps))]


def flat(parameters: Parameters) -> NDArray[Any]:
    """All weights, then all biases."""
    parts = [group if isinstance(group, list) else [group] for group in parameters]
    return np.concatenate([np.asarray(part).ravel() for group in parts for part in group])


def walked(name: str, given: Problem, rows: Sequence[Any]) -> Path:
    """The state after every step of one of ours, shape (steps, parameters)."""
    one = implementations.get(name)()
    one.load(given)
    return np.array(list(_states(one, rows)))


def _states(one: Any, rows: Sequence[Any]) -> Iterator[NDArray[Any]]:
    for index in rows:
        one.step(index)
        yield flat(one.parameters())


def bare(given: Problem, rows: Sequence[Any]) -> Path:
    """The same by torch alone, with nothing of the harness in the loop: modules, a loss, torch.optim."""
    weights, biases = given.initial if isinstance(given.model, Mlp) else ([given.initial[0][None]], [given.initial[1]])
    sizes = [weights[0].shape[1], *(len(weight) for weight in weights)]
    layers = [nn.Linear(inputs, units, dtype=torch.float64) for inputs, units in pairwise(sizes)]
    for layer, weight, bias in zip(layers, weights, biases, strict=True):
        layer.weight.data, layer.bias.data = torch.tensor(weight), torch.tensor(bias).reshape(-1)
    net = nn.Sequential(*[part for layer in layers for part in (layer, nn.Tanh())][:-1])
    x, y = torch.tensor(given.x), torch.tensor(given.y)
    options = given.optimizer.model_dump(exclude={"kind"})
    optimizer = TORCHS[given.optimizer.kind](net.parameters(), lr=given.learning_rate, **options)
    states = []
    for step, index in enumerate(rows):
        optimizer.param_groups[0]["lr"] = given.schedule(step)
        optimizer.zero_grad()
        ((net(x[index])[:, 0] - y[index]) ** 2).mean().backward()
        optimizer.step()
        found = [layer.weight for layer in layers] + [layer.bias for layer in layers]
        states.append(torch.cat([parameter.detach().reshape(-1) for parameter in found]).numpy())
    return np.array(states)


def distance(found: Path, wanted: Path) -> float:
    """Largest difference over all states, as a share of the largest parameter so far: that of the agreement gate."""
    assert np.isfinite(wanted).all()
    assert found.shape == wanted.shape
    largest = np.maximum.accumulate(np.abs(wanted).max(axis=1))
    return float((np.abs(found - wanted).max(axis=1) / largest).max())


def held(given: Problem, rows: Sequence[Any], names: Sequence[str]) -> None:
    """All of these keep to torch at every state."""
    wanted = bare(given, rows)
    assert np.abs(wanted[-1] - wanted[0]).max() > 0.01, "nothing was trained"
    for name in names:
        far = distance(walked(name, given, rows), wanted)
        assert far <= TOLERANCE, (name, far)


@pytest.mark.parametrize("case", [*ALONE, *TOGETHER])
def test_mini_batches(case: str) -> None:
    """By hand on batches of 8: 1e-12 of the largest parameter at every one of 1000 steps, each option."""
    held(problem((ALONE | TOGETHER)[case], rate=0.01), batches(8, STEPS), NAMES[:2])


@pytest.mark.parametrize("case", [*ALONE, *TOGETHER])
def test_every_option_is_handed_on(case: str) -> None:
    """`optim` and `module` hand torch.optim what the table says: the same path over 60 steps."""
    held(problem((ALONE | TOGETHER)[case], rate=0.01), batches(8, 60), NAMES[2:])


@pytest.mark.parametrize("case", ["sgd nesterov", "rmsprop", "all of rmsprop", "adagrad", "adam"])
def test_full_batches(case: str) -> None:
    """By hand on all rows: 1e-12 of the largest parameter at every one of 1000 steps."""
    table = (ALONE | TOGETHER)[case]
    rate = {"sgd": 1e-3, "rmsprop": 1e-4, "adagrad": 0.05, "adam": 1e-3}[table.kind]
    held(problem(table, rate=rate), batches(None, STEPS), NAMES[:2])


@pytest.mark.parametrize("case", ["sgd nesterov", "all of rmsprop", "all of adam"])
def test_of_a_net(case: str) -> None:
    """Matrices, vectors and a short memory: a net of four tanh units on batches of 8, over 1000 steps."""
    net = Mlp(kind="mlp", hidden=(HIDDEN,), activation="tanh")
    held(problem(TOGETHER[case], rate=0.003, model=net), batches(8, STEPS), NAMES)


@pytest.mark.parametrize("case", ["sgd", "sgd momentum", "rmsprop momentum", "adagrad lr_decay", "adam"])
def test_a_falling_rate(case: str) -> None:
    """The schedule t0 / (step + t1), beside the corrections of adam and adagrad; momentum takes the new rate."""
    given = problem((ALONE | TOGETHER)[case], rate=0.02, schedule=lambda step: 2.0 / (step + 100.0))
    held(given, batches(8, 200), NAMES)


# A row a step and the mean absolute error, with targets far below: each gradient is the row's x.
STEEP = -1000.0
HALF = 0.5
# The optimiser at the rate 1/2 from 0, the gradients, and the parameter after each step.
BY_HAND: dict[str, tuple[Optimizer, list[int], list[Fraction]]] = {
    # u = 4, 4, 4: 2 + 2, and again
    "momentum": (
        Sgd(kind="sgd", momentum=0.5), [4, 2, 2], [Fraction(-2), Fraction(-4), Fraction(-6)],
    ),
    # u = 4, 4, 4; directions 4 + 2, 2 + 2, 2 + 2
    "nesterov": (
        Sgd(kind="sgd", momentum=0.5, nesterov=True), [4, 2, 2], [Fraction(-3), Fraction(-5), Fraction(-7)],
    ),
    # v = 16/4 = 4, 3 + 4/4 = 4, 4, its root 2, and 1/2 more is 5/2; directions 8/5, 4/5, 4/5
    "rmsprop": (
        Rmsprop(kind="rmsprop", alpha=0.75, eps=0.5), [4, 2, 2], [Fraction(-4, 5), Fraction(-6, 5), Fraction(-8, 5)],
    ),
    # The same directions, summed: 8/5, 4/5 + 4/5, 4/5 + 4/5
    "rmsprop momentum": (
        Rmsprop(kind="rmsprop", alpha=0.75, eps=0.5, momentum=0.5), [4, 2, 2],
        [Fraction(-4, 5), Fraction(-8, 5), Fraction(-12, 5)],
    ),
    # v = 8, 4 + 9/2; m = 2, 1 + 3/2; v - m² = 4, 9/4, its root 2, 3/2; directions 4 / (5/2), 3 / 2
    "rmsprop centered": (
        Rmsprop(kind="rmsprop", alpha=0.5, eps=0.5, centered=True), [4, 3], [Fraction(-4, 5), Fraction(-31, 20)],
    ),
    # v = 9 + 16 = 5², + 144 = 13², + 7056 = 85²; directions 4/6, 12/14, 84/86 by 1, 3/2, 2
    "adagrad": (
        Adagrad(kind="adagrad", initial_accumulator_value=9.0, lr_decay=0.5, eps=1.0), [4, 12, 84],
        [Fraction(-1, 3), Fraction(-13, 21), Fraction(-1559, 1806)],
    ),
    # m = 5/2, 7/4, corrected by 1/2, 3/4: 5, 7/3; v = 25/2, 27/4, corrected 25, 9; directions 5 / (11/2), (7/3) / (7/2)
    "adam": (
        Adam(kind="adam", betas=(0.5, 0.5), eps=0.5), [5, 1], [Fraction(-5, 11), Fraction(-26, 33)],
    ),
    # v = 175/16 stays the largest, 1687/256 is less; corrected by 7/16, 175/256: 25, 16; giving 10/11, (7/3) / (9/2)
    "amsgrad": (
        Adam(kind="adam", betas=(0.5, 0.5625), eps=0.5, amsgrad=True), [5, 1], [Fraction(-5, 11), Fraction(-212, 297)],
    ),
}  # fmt: skip


def one_row_a_step(table: Optimizer, gradients: list[int], **values: Any) -> tuple[Problem, list[slice]]:
    x = np.array(gradients, dtype=np.float64)[:, None]
    given = problem(
        table, rate=HALF, x=x, y=np.full(len(x), STEEP), initial=(np.zeros(1), np.float64(0.0)), batch_size=1,
        loss=AbsoluteLoss(kind="mae"), model=Linear(kind="linear", intercept=False), **values,
    )  # fmt: skip
    return given, [slice(row, row + 1) for row in range(len(x))]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("case", BY_HAND)
def test_worked_out_by_hand(case: str, name: str) -> None:
    """The fractions of two or three steps, worked out from the formulas on paper."""
    table, gradients, wanted = BY_HAND[case]
    found = walked(name, *one_row_a_step(table, gradients))
    assert_allclose(found[:, 0], [float(value) for value in wanted], rtol=1e-15)
    assert not found[:, 1].any(), "without intercept the bias is not trained"


@pytest.mark.parametrize("name", NAMES)
def test_a_rate_worked_out_by_hand(name: str) -> None:
    """1 / (step + 2) with step from 0: rates 1/2, 1/3, 1/4 on the gradients 4, 2, 2, whatever the grid's rate."""
    given = one_row_a_step(Sgd(kind="sgd"), [4, 2, 2], schedule=lambda step: 1.0 / (step + 2.0))
    assert_allclose(walked(name, *given)[:, 0], [-2, -8 / 3, -19 / 6], rtol=1e-15)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("falling", [False, True], ids=["constant", "falling"])
@pytest.mark.parametrize("case", ["sgd", *TOGETHER])
def test_load_forgets(case: str, falling: bool, name: str) -> None:
    """Sums, averages and counts of steps start anew: a second training has the bits of the first."""
    schedule: dict[str, Any] = {"schedule": lambda step: 1.0 / (step + 50.0)} if falling else {}
    given = problem((ALONE | TOGETHER)[case], rate=0.02, **schedule)
    one, rows = implementations.get(name)(), batches(8, 12)
    one.load(given)
    first = list(_states(one, rows))
    one.load(given)
    assert_array_equal(list(_states(one, rows)), first)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("case", ["sgd", *TOGETHER])
@pytest.mark.parametrize("model", [Linear(kind="linear"), Mlp(kind="mlp", hidden=(HIDDEN,), activation="tanh")])
def test_float32_stays(model: Linear | Mlp, case: str, name: str) -> None:
    """Parameters keep the cell's float32, and stay within 1e-4 of the float64 path over 50 steps."""
    paths = {}
    for dtype in ("float32", "float64"):
        given = problem((ALONE | TOGETHER)[case], rate=0.003, dtype=dtype, model=model)
        paths[dtype] = walked(name, given, batches(8, 50))
        assert paths[dtype].dtype == dtype
    assert_allclose(paths["float32"], paths["float64"], rtol=0, atol=1e-4)


@pytest.mark.parametrize("case", [*ALONE, *TOGETHER])
def test_nothing_is_widened_inside(case: str) -> None:
    """Every direction of a float32 gradient is float32, for an array as for the scalar of an intercept."""
    for gradient in (np.array([1.0, -2.0], np.float32), np.float32(0.5)):
        rule = numpy_rules.new_rule((ALONE | TOGETHER)[case])
        for _ in range(3):
            assert rule(gradient).dtype == np.float32


@pytest.mark.parametrize("name", ["numpy", "autograd"])
def test_plain_descent_remembers_nothing(name: str) -> None:
    """A constant rate without momentum is `parameter -= rate * gradient` to the last bit, for w and for b."""
    given = problem(Sgd(kind="sgd"), rate=0.01)
    as_given: Any = np.asarray if name == "numpy" else torch.tensor
    x, y, w, b = (as_given(value) for value in (given.x, given.y, *given.initial))
    wanted = []
    for index in batches(8, 25):
        e = x[index] @ w + b - y[index]
        s = 2 * e / len(e)
        w, b = w - 0.01 * (x[index].T @ s), b - 0.01 * s.sum()
        wanted.append(flat((np.asarray(w), np.asarray(b))))
    found = walked(name, given, batches(8, 25))
    if name == "numpy":
        assert_array_equal(found, wanted)
    assert_allclose(found, wanted, rtol=1e-14)


def test_an_option_changes_the_path() -> None:
    """No two of these optimisers walk the same path, so none of the claims above is about an option without effect."""
    paths = [walked("numpy", problem(table, rate=0.01), batches(8, 60)) for table in (ALONE | TOGETHER).values()]
    for place, one in enumerate(paths):
        assert all(distance(one, other) > 1e-9 for other in paths[:place])
