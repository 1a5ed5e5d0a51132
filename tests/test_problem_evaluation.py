"""The yardstick: loss and gradient of recorded parameters, their layout, and the optimum."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from harness.problem.data import Rows, make_data
from harness.problem.evaluation import Evaluation, loss_of_error
from harness.problem.layout import Layout
from harness.problem.optimum import correct_digits, optimum
from harness.scenario.cell import CellSpec
from tests.builders import PARABOLA, scenario

LOSSES = ("mse", "half_mse", "sse", "half_sse", "mae", "huber")
# A bend that lies among the errors here.
HUBER = {"kind": "huber", "delta": 1.5}
MODELS: dict[str, dict[str, Any]] = {
    "linear": {"kind": "linear"},
    "no intercept": {"kind": "linear", "intercept": False},
    "powers": {"kind": "linear", "powers": [1, 2]},
    "relu": {"kind": "mlp", "hidden": [4], "activation": "relu"},
    "tanh": {"kind": "mlp", "hidden": [4], "activation": "tanh"},
    "sigmoid": {"kind": "mlp", "hidden": [4], "activation": "sigmoid"},
    "relu twice": {"kind": "mlp", "hidden": [4, 3], "activation": "relu"},
    "tanh twice": {"kind": "mlp", "hidden": [3, 4], "activation": "tanh", "powers": [1, 2]},
}


def spec_of(**values: Any) -> CellSpec:
    (cell,) = scenario(**{"init": {}, **values}).cells
    return cell.spec


def squares(loss: str, error: Any) -> float:
    """The losses by their definition."""
    n = len(error)
    values: dict[str, float] = {
        "mse": sum(e * e for e in error) / n,
        "half_mse": sum(e * e for e in error) / (2 * n),
        "sse": sum(e * e for e in error),
        "half_sse": sum(e * e for e in error) / 2,
        "mae": sum(abs(e) for e in error) / n,
        "huber": sum(e * e / 2 if abs(e) <= 1.5 else 1.5 * (abs(e) - 0.75) for e in error) / n,
    }
    return values[loss]


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("model", MODELS)
def test_gradient_is_the_derivative_of_the_loss(loss: str, model: str) -> None:
    """
    Every parameter's derivative agrees with central differences, and the loss with its definition.

    The step is 1e-6, so the truncation error is of order 1e-12 and the rounding error 1e-10 of the loss. The
    seed is one where no residual and no unit is within the step of its kink.
    """
    spec = spec_of(model=MODELS[model], training__loss=HUBER if loss == "huber" else loss, data__samples=12)
    rows = make_data(spec).training
    evaluation = Evaluation.of(spec)
    state = np.random.default_rng(5).normal(0, 0.7, Layout.of(spec).size)
    assert evaluation.kink_margin(state, rows.x, rows.y) > 1e-4
    found = evaluation.gradient(state, rows.x, rows.y)
    steps = 1e-6 * np.eye(len(state))
    losses = [evaluation.loss(np.stack([state + step, state - step]), rows.x, rows.y) for step in steps]
    size = max(1.0, float(np.abs(found).max()))
    assert_allclose(found, [(up - down) / 2e-6 for up, down in losses], rtol=0, atol=2e-7 * size)

    error = evaluation.predict(state[None], rows.x)[0] - rows.y
    assert_allclose(evaluation.loss(state[None], rows.x, rows.y), squares(loss, error), rtol=1e-13)


def test_prediction_of_a_linear_model() -> None:
    """x @ weights + bias, weights first in the flat vector."""
    evaluation = Evaluation.of(spec_of())
    states = np.array([[1.0, 2.0, 10.0], [0.0, 0.0, 1.0]])
    assert evaluation.predict(states, np.array([[1.0, 1.0], [3.0, -1.0], [0.0, 0.0]])).tolist() == [
        [13.0, 11.0, 10.0],
        [1.0, 1.0, 1.0],
    ]


@pytest.mark.parametrize(
    ("activation", "f"),
    [("relu", lambda z: max(z, 0.0)), ("tanh", np.tanh), ("sigmoid", lambda z: 1 / (1 + np.exp(-z)))],
)
def test_prediction_of_a_net(activation: str, f: Any) -> None:
    """One unit by hand: v f(w x + b) + c."""
    spec = spec_of(
        model={"kind": "mlp", "hidden": [1], "activation": activation}, data__x__columns=1, data__y__weights=[1]
    )
    w, v, b, c = 0.7, -2.0, 0.1, 3.0
    found = Evaluation.of(spec).predict(np.array([[w, v, b, c]]), np.array([[2.0], [-2.0]]))
    assert_allclose(found[0], [v * f(w * x + b) + c for x in (2.0, -2.0)], rtol=1e-15)


@pytest.mark.parametrize("z", [-1000.0, 1000.0])
def test_a_sigmoid_does_not_overflow(z: float) -> None:
    """Inputs far from 0 give 0 or 1 without a warning."""
    spec = spec_of(
        model={"kind": "mlp", "hidden": [1], "activation": "sigmoid"}, data__x__columns=1, data__y__weights=[1]
    )
    found = Evaluation.of(spec).predict(np.array([[1.0, 1.0, 0.0, 0.0]]), np.array([[z]]))
    assert found[0, 0] == (z > 0)


def test_sign_of_zero() -> None:
    """At a residual of exactly 0 the mean absolute error takes the slope 0, as torch does."""
    spec = spec_of(training__loss="mae", data__x__columns=1, data__y__weights=[1])
    x, y = np.array([[1.0], [2.0], [3.0]]), np.array([1.0, 5.0, 0.0])
    assert Evaluation.of(spec).gradient(np.array([1.0, 0.0]), x, y).tolist() == [pytest.approx((0 - 2 + 3) / 3), 0.0]


def test_relu_at_its_kink() -> None:
    """A unit whose input is exactly 0 passes nothing back, as torch does."""
    spec = spec_of(model={"kind": "mlp", "hidden": [1], "activation": "relu"}, data__x__columns=1, data__y__weights=[1])
    gradient = Evaluation.of(spec).gradient(np.array([1.0, 1.0, -1.0, 0.0]), np.array([[1.0]]), np.array([-3.0]))
    assert gradient.tolist() == [0.0, 0.0, 0.0, 6.0]


@pytest.mark.parametrize("loss", LOSSES)
def test_a_loss_that_overflows_is_infinite(loss: str) -> None:
    """No warning, no exception: inf, as the float says."""
    table = spec_of(training__loss=loss).training.loss
    assert np.isinf(loss_of_error(table, np.array([1e308, 1.7e308, 1e308])))


class TestKinks:
    """How near a state is to a place where two correct implementations may part."""

    def test_no_kink(self) -> None:
        """Squared losses of a linear model have none."""
        spec = spec_of()
        rows = make_data(spec).training
        assert not Evaluation.of(spec).has_kinks
        assert Evaluation.of(spec).kink_margin(np.zeros(3), rows.x, rows.y) == np.inf

    def test_of_a_residual(self) -> None:
        """The share of what meets there: |1.0 - 1.1| / 2.1."""
        spec = spec_of(training__loss="mae", data__x__columns=1, data__y__weights=[1])
        found = Evaluation.of(spec).kink_margin(np.array([1.0, 0.0]), np.array([[1.0], [9.0]]), np.array([1.1, 0.0]))
        assert found == pytest.approx(0.1 / 2.1, rel=1e-14)

    def test_an_exact_hit(self) -> None:
        """A residual of 0 is on the kink."""
        spec = spec_of(training__loss="mae", data__x__columns=1, data__y__weights=[1])
        assert Evaluation.of(spec).kink_margin(np.array([1.0, 0.0]), np.array([[2.0]]), np.array([2.0])) == 0.0

    def test_of_the_bend(self) -> None:
        """Huber's pieces meet at an error of delta on either side: ||1.0 - 2.4| - 1.5| / (1.0 + 2.4 + 1.5)."""
        spec = spec_of(training__loss=HUBER, data__x__columns=1, data__y__weights=[1])
        evaluation, x = Evaluation.of(spec), np.array([[1.0], [9.0]])
        assert evaluation.has_kinks
        for y in ([2.4, 0.0], [-0.4, 0.0]):
            size = 1.0 + abs(y[0]) + 1.5
            found = evaluation.kink_margin(np.array([1.0, 0.0]), x, np.array(y))
            assert found == pytest.approx(0.1 / size, rel=1e-13)
        assert evaluation.kink_margin(np.array([1.0, 0.0]), x, np.array([2.5, 0.0])) == 0.0

    def test_of_a_unit(self) -> None:
        """The input of a relu unit against the sizes of its terms: |2 * 3 - 5| / (6 + 5)."""
        spec = spec_of(model=MODELS["relu"] | {"hidden": [1]}, data__x__columns=1, data__y__weights=[1])
        found = Evaluation.of(spec).kink_margin(np.array([2.0, 1.0, -5.0, 0.0]), np.array([[3.0]]), np.array([0.0]))
        assert found == pytest.approx(1 / 11, rel=1e-14)

    def test_a_sum_of_zeros_is_no_kink(self) -> None:
        """A row of zeros at a unit without bias is 0 in every arithmetic; what cancels to 0 is not."""
        net = spec_of(model=MODELS["relu"] | {"hidden": [1]}, data__x__columns=1, data__y__weights=[1])
        rows = np.array([[0.0], [3.0]]), np.zeros(2)
        assert Evaluation.of(net).kink_margin(np.array([2.0, 1.0, 0.0, 0.0]), *rows) == 1.0
        assert Evaluation.of(net).kink_margin(np.array([2.0, 1.0, -6.0, 0.0]), *rows) == 0.0
        line = spec_of(training__loss="mae", data__x__columns=1, data__y__weights=[1])
        for start, bias, wanted in ((True, 0.0, 1.0), (False, 0.0, 0.0), (True, -6.0, 0.0)):
            found = Evaluation.of(line).kink_margin(np.array([2.0, bias]), *rows, start=start)
            assert found == wanted, (start, bias)


class TestLayout:
    """Parameters as one vector, and back."""

    @pytest.mark.parametrize("model", MODELS)
    def test_round_trip(self, model: str) -> None:
        """flatten after unflatten is the same vector, named element by element."""
        layout = Layout.of(spec_of(model=MODELS[model]))
        flat = np.arange(layout.size, dtype=np.float32)
        again = layout.flatten(layout.unflatten(flat))
        assert again.dtype == np.float32
        assert_array_equal(again, flat)
        if model != "no intercept" and MODELS[model]["kind"] == "linear":
            assert layout.names == [*(f"weights[{i}]" for i in range(layout.size - 1)), "bias"]
        assert len(layout.names) == layout.size

    def test_names_of_a_net(self) -> None:
        """Layer, unit, input; biases after all weights."""
        layout = Layout.of(spec_of(model={"kind": "mlp", "hidden": [2]}))
        assert layout.names == [
            *(f"weights[0][{unit}][{column}]" for unit, column in itertools.product(range(2), range(2))),
            "weights[1][0][0]", "weights[1][0][1]", "bias[0][0]", "bias[0][1]", "bias[1][0]",
        ]  # fmt: skip

    @pytest.mark.parametrize(
        "parameters",
        [
            (np.zeros(3), np.zeros(())),
            (np.zeros(2), np.zeros(1)),
            (np.zeros((2, 1)), np.zeros(())),
            (np.zeros((1, 2)), 0.0),
        ],
    )
    def test_another_shape_is_an_error(self, parameters: Any) -> None:
        """Nothing is broadcast or reshaped: a wrong shape is said with the model's."""
        with pytest.raises(ValueError, match="the model has"):
            Layout.of(spec_of()).flatten(parameters)

    def test_flatten_copies(self) -> None:
        """The vector does not change when the parameters do."""
        for model in ("linear", "no intercept"):
            layout = Layout.of(spec_of(model=MODELS[model]))
            weights = np.zeros(2)
            flat = layout.flatten((weights, np.zeros(())))
            weights += 1
            assert not flat.any()


class TestOptimum:
    """The exact least-squares optimum, and what follows from the curvature."""

    @pytest.mark.parametrize("loss", ["mse", "half_mse", "sse", "half_sse"])
    @pytest.mark.parametrize("model", ["linear", "no intercept", "powers"])
    def test_against_lstsq(self, loss: str, model: str) -> None:
        """NumPy's SVD solver finds the same, and the gradient there is 0."""
        spec = spec_of(model=MODELS[model], training__loss=loss)
        rows = make_data(spec).training
        best = optimum(spec, rows)
        assert best is not None
        assert best.parameters is not None
        design = np.column_stack([rows.x, np.ones(40)]) if spec.model.intercept else rows.x
        assert_allclose(best.parameters, np.linalg.lstsq(design, rows.y)[0], rtol=1e-12)
        assert_allclose(Evaluation.of(spec).gradient(best.parameters, rows.x, rows.y), 0, atol=1e-11)
        factor = {"mse": 2 / 40, "half_mse": 1 / 40, "sse": 2, "half_sse": 1}[loss]
        curvature = np.linalg.eigvalsh(factor * design.T @ design)
        assert best.stable_learning_rate == pytest.approx(2 / curvature[-1], rel=1e-12)
        assert best.condition_number == pytest.approx(curvature[-1] / curvature[0], rel=1e-11)

    def test_of_tutorial_003(self) -> None:
        """Least squares of the parabola's published data: 2.9913428360, 2.0974173771 (tutorials/README.md)."""
        spec = spec_of(
            **PARABOLA,
            training={"loss": "half_sse", "steps": 1},
        )
        best = optimum(spec, make_data(spec).training)
        assert best is not None
        assert best.parameters is not None
        assert_allclose(best.parameters, [2.9913428360, 2.0974173771], atol=5e-11)

    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"momentum": 0.5},
            {"momentum": 0.9},
            {"momentum": 0.5, "nesterov": True},
            {"momentum": 0.9, "nesterov": True},
        ],
    )
    def test_the_stable_rate_is_where_descent_turns(self, options: dict[str, Any]) -> None:
        """A hundredth below it the loss ends at its lowest, a hundredth above it grows; with every momentum."""
        spec = spec_of(grid__batch_size=["full"], training__optimizer={"kind": "sgd", **options})
        rows = make_data(spec).training
        best = optimum(spec, rows)
        assert best is not None
        assert best.stable_learning_rate is not None
        evaluation, ends = Evaluation.of(spec), []
        momentum = options.get("momentum", 0.0)
        for share in (0.99, 1.01):
            state, total = np.array([1.0, 1.0, 1.0]), np.zeros(3)
            for _ in range(4000):
                gradient = evaluation.gradient(state, rows.x, rows.y)
                total = momentum * total + gradient
                direction = gradient + momentum * total if "nesterov" in options else total
                state = state - share * best.stable_learning_rate * direction
            ends.append(evaluation.loss(state[None], rows.x, rows.y)[0])
        lowest = evaluation.loss(np.asarray(best.parameters)[None], rows.x, rows.y)[0]
        assert ends[0] == pytest.approx(lowest, rel=1e-9)
        assert ends[1] > 1e6

    @pytest.mark.parametrize(
        "x",
        [
            np.column_stack([np.arange(6.0), np.arange(6.0)]),
            np.column_stack([np.arange(6.0), np.full(6, 3.0)]),
            np.column_stack([np.arange(6.0), np.zeros(6)]),
            np.column_stack([np.arange(6.0), 1 / 3 * np.arange(6.0)]),
            np.ones((2, 2)) + np.eye(2),
        ],
        ids=["twice", "constant beside the intercept", "zero", "multiple", "fewer rows than parameters"],
    )
    def test_not_unique(self, x: Any) -> None:
        """Columns that depend on each other, and too few rows, leave no single optimum; its condition is infinite."""
        best = optimum(spec_of(), Rows(x, x, np.arange(len(x), dtype=float)))
        assert best is not None
        assert best.parameters is None
        assert best.condition_number == np.inf
        assert best.stable_learning_rate is not None
        assert 0 < best.stable_learning_rate < np.inf

    def test_units_do_not_decide_the_rank(self) -> None:
        """
        Columns of very different size are independent all the same.

        x in millions with its square and cube: sizes from 1 to 1e18. The exact coefficients are those of the
        formula, as there is no noise.
        """
        x = np.linspace(0.0, 1e6, 100)[:, None]
        columns = np.concatenate([x, x**2, x**3], axis=1)
        y = columns @ np.array([2.0, 3e-6, -1e-12]) + 1.0
        best = optimum(spec_of(), Rows(x, columns, y))
        assert best is not None
        assert best.parameters is not None
        assert_allclose(best.parameters, [2.0, 3e-6, -1e-12, 1.0], rtol=1e-6)

    def test_no_curvature_at_all(self) -> None:
        """Columns of zeros without an intercept: any rate is stable, nothing is unique."""
        zeros = np.zeros((5, 2))
        best = optimum(spec_of(model=MODELS["no intercept"]), Rows(zeros, zeros, np.ones(5)))
        assert best is not None
        assert (best.parameters, best.stable_learning_rate) == (None, np.inf)

    def test_plain_descents_rate(self) -> None:
        """Without momentum it is 2 / curvature to the last bit, with 0.5 it is 1.5 times that, with nesterov 0.75."""
        rates = []
        for options in ({}, {"momentum": 0.5}, {"momentum": 0.5, "nesterov": True}):
            spec = spec_of(training__optimizer={"kind": "sgd", **options})
            rows = make_data(spec).training
            best = optimum(spec, rows)
            assert best is not None
            assert best.stable_learning_rate is not None
            rates.append(best.stable_learning_rate)
        design = np.column_stack([rows.x, np.ones(40)])
        assert rates[0] == 2 / (2 * (1 / 40) * np.linalg.svd(design, compute_uv=False) ** 2)[0]
        assert rates[1:] == pytest.approx([1.5 * rates[0], 0.75 * rates[0]], rel=1e-15)

    @pytest.mark.parametrize("kind", ["rmsprop", "adagrad", "adam"])
    def test_no_stable_rate(self, kind: str) -> None:
        """Where a step does not grow with the gradient there is no such rate; the optimum is what it was."""
        spec = spec_of(training__optimizer=kind)
        rows = make_data(spec).training
        best, of_sgd = optimum(spec, rows), optimum(spec_of(), rows)
        assert best is not None
        assert of_sgd is not None
        assert best.stable_learning_rate is None
        assert_array_equal(np.asarray(best.parameters), np.asarray(of_sgd.parameters))
        assert best.condition_number == of_sgd.condition_number

    def test_no_optimum(self) -> None:
        """A net has no such optimum."""
        spec = spec_of(model=MODELS["tanh"])
        assert optimum(spec, make_data(spec).training) is None


@pytest.mark.parametrize(
    ("found", "wanted", "digits"),
    [
        ([1.001], [1.0], 3.0),
        ([1.001, 2.0], [1.0, 2.0], 3.0),
        ([99.0], [100.0], 2.0),
        ([-0.999], [-1.0], 3.0),
        ([1.0, 1e-4], [1.0, 0.0], 4.0),
        ([0.0], [5.0], 0.0),
        ([1001.0], [1.0], -3.0),
        ([5.0], [5.0], 53 * np.log10(2)),
        ([0.0], [0.0], 53 * np.log10(2)),
        ([1e-300], [1e-300], 53 * np.log10(2)),
        ([np.nan, 1.0], [1.0, 1.0], -np.inf),
        ([np.inf], [1.0], -np.inf),
        ([-np.inf], [1.0], -np.inf),
    ],
)
def test_correct_digits(found: list[float], wanted: list[float], digits: float) -> None:
    """The least over parameters of -log10 relative error, absolute at 0; an exact hit is one rounding, 2**-53."""
    assert correct_digits(np.array(found), np.array(wanted)) == pytest.approx(digits, rel=1e-10, abs=1e-10)


def test_correct_digits_do_not_broadcast() -> None:
    """A vector against a scalar is an error."""
    with pytest.raises(ValueError, match="both must be"):
        correct_digits(np.zeros(3), np.zeros(1))
