"""The rows: published data come out again, streams are independent, columns are scaled as said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from harness.problem.data import make_data
from harness.problem.features import Scaling, features
from harness.problem.layout import Layout
from harness.problem.orders import orders
from harness.problem.problem import make_problem
from harness.problem.start import start
from harness.scenario.cell import CellSpec
from tests.builders import PARABOLA, scenario

PUBLISHED = Path(__file__).parent / "data"
NET = {"kind": "mlp", "hidden": [3, 2]}


def spec_of(**values: Any) -> CellSpec:
    (cell,) = scenario(**values).cells
    return cell.spec


def published(name: str) -> tuple[Any, Any]:
    """x and y of a csv file of published data, 17 digits each, so exact."""
    table = np.loadtxt(PUBLISHED / name, delimiter=",", skiprows=1)
    return table[:, 0], table[:, 1]


def test_the_parabola_of_tutorial_003_bit_for_bit() -> None:
    """
    NumPy's legacy stream from 100 gives the data printed with tutorial 003.

    tests/data/tutorial003_numpy.csv: x = linspace(-1, 1, 100), RandomState(100),
    y = 3 x**2 + 2 + 0.2 rand (Wu Maogui, chapter 2.6).
    """
    spec = spec_of(
        **PARABOLA,
    )
    rows = make_data(spec).training
    x, y = published("tutorial003_numpy.csv")
    assert_array_equal(rows.raw[:, 0], x)
    assert_array_equal(rows.y, y)
    assert_array_equal(rows.x[:, 0], x * x)


def test_godoys_training_rows_bit_for_bit() -> None:
    """
    x, noise and split drawn in this order from seed 42 give the published training rows, in order.

    tests/data/godoy_train80.csv: dvgodoy/PyTorchStepByStep@d837dec, chapter 0:
    np.random.seed(42), x = rand(100, 1), y = 1 + 2 x + .1 randn, shuffle, the first 80.
    """
    spec = spec_of(
        data={
            "samples": 100,
            "x": {"kind": "uniform", "low": 0.0, "high": 1.0},
            "y": {"kind": "linear", "weights": [2.0], "bias": 1.0},
            "noise": {"kind": "normal", "mean": 0.0, "sd": 0.1},
            "rng": "numpy-legacy",
            "validation": {"fraction": 0.2, "pick": "shuffle"},
        },
        grid__seed=[42],
    )
    data = make_data(spec)
    x, y = published("godoy_train80.csv")
    assert_array_equal(data.training.raw[:, 0], x)
    assert_array_equal(data.training.y, y)
    assert data.validation is not None
    assert len(data.validation.y) == 20


def test_numpys_own_stream() -> None:
    """`rng = "numpy"` is default_rng(seed), drawing x, then noise, then the split."""
    data = make_data(spec_of(data__validation={"rows": 5}, grid__seed=[7]))
    draw = np.random.default_rng(7)
    x = draw.normal(0.0, 1.0, (40, 2))
    y = x @ np.array([3.0, -1.0]) + 0.5 + draw.normal(0.0, 0.1, 40)
    order = draw.permutation(40)
    assert_array_equal(data.training.raw, x[order[:35]])
    assert_array_equal(data.training.y, y[order[:35]])
    assert data.validation is not None
    assert_array_equal(data.validation.y, y[order[35:]])


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        ({"kind": "linspace", "start": -1.0, "stop": 1.0}, [-1.0, -0.5, 0.0, 0.5, 1.0]),
        ({"kind": "arange", "start": 2.0, "step": 0.5}, [2.0, 2.5, 3.0, 3.5, 4.0]),
    ],
)
def test_columns_without_chance(x: dict[str, Any], expected: list[float]) -> None:
    """linspace has both ends; arange counts from its start."""
    data = {"samples": 5, "x": x, "y": {"kind": "linear", "weights": [1.0]}}
    assert make_data(spec_of(data=data)).training.raw[:, 0].tolist() == expected


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        ({"kind": "linear", "weights": [2.0], "bias": -1.0}, lambda x: 2 * x - 1),
        ({"kind": "polynomial", "coefficients": [1.0, 0.0, 0.0, 2.0]}, lambda x: 1 + 2 * x**3),
        ({"kind": "polynomial", "coefficients": [4.0]}, lambda x: 4 + 0 * x),
        ({"kind": "sin", "amplitude": 2.0, "frequency": 3.0, "phase": 0.5, "bias": 1.0},
         lambda x: 2 * np.sin(3 * x + 0.5) + 1),
        ("cos", np.cos),
    ],
)  # fmt: skip
def test_formulas_of_y(y: Any, expected: Any) -> None:
    """y is its formula of the first column; the frequency is angular."""
    data = {"samples": 9, "x": {"kind": "linspace", "start": -2.0, "stop": 3.0}, "y": y}
    rows = make_data(spec_of(data=data)).training
    assert_allclose(rows.y, expected(rows.raw[:, 0]), rtol=1e-15, atol=1e-15)


@pytest.mark.parametrize("pick", ["first", "last", "shuffle"])
@pytest.mark.parametrize(("size", "held"), [({"fraction": 0.25}, 10), ({"rows": 3}, 3), ({"fraction": 0.19}, 8)])
def test_validation_rows(pick: str, size: dict[str, Any], held: int) -> None:
    """Held-back rows and training rows are all rows, each once; `first` and `last` keep the order."""
    every = make_data(spec_of()).training
    data = make_data(spec_of(data__validation={**size, "pick": pick}))
    assert data.validation is not None
    assert len(data.validation.y) == held
    assert sorted([*data.training.y, *data.validation.y]) == sorted(every.y)
    if pick == "first":
        assert_array_equal(data.training.y, every.y[held:])
    if pick == "last":
        assert_array_equal(data.training.y, every.y[:-held])


def test_the_split_draws_last() -> None:
    """A split changes which rows train, not the rows themselves."""
    every = make_data(spec_of()).training
    data = make_data(spec_of(data__validation={"rows": 10}))
    both = {
        (*row, y) for rows in (data.training, data.validation) if rows for row, y in zip(rows.raw, rows.y, strict=True)
    }
    assert both == {(*row, y) for row, y in zip(every.raw, every.y, strict=True)}


class TestStreams:
    """One seed feeds data, start and order; each may be fixed by itself and none disturbs another."""

    @staticmethod
    def streams(**values: Any) -> tuple[Any, Any, Any]:
        spec = spec_of(init__bias={"kind": "normal", "mean": 0.0, "sd": 1.0}, **values)
        weights, bias = start(spec)
        return make_data(spec).training.y.tolist(), [*weights, bias], [order.tolist() for order in orders(spec)]

    def test_the_seed_moves_all_three(self) -> None:
        """Another seed gives other data, another start and another order."""
        assert all(one != other for one, other in zip(self.streams(), self.streams(grid__seed=[1]), strict=True))

    @pytest.mark.parametrize(("key", "number"), [("data__seed", 0), ("init__seed", 1), ("training__seed", 2)])
    def test_one_stream_fixed(self, key: str, number: int) -> None:
        """Fixing one stream leaves the other two with the seed axis."""
        base, fixed = self.streams(), self.streams(**{key: 99})
        assert [one == other for one, other in zip(base, fixed, strict=True)] == [place != number for place in range(3)]
        moved = self.streams(**{key: 99}, grid__seed=[5])
        assert [one == other for one, other in zip(fixed, moved, strict=True)] == [
            place == number for place in range(3)
        ]

    @pytest.mark.parametrize(("key", "number"), [("data__seed", 0), ("init__seed", 1), ("training__seed", 2)])
    def test_a_fixed_seed_is_the_seed(self, key: str, number: int) -> None:
        """`data.seed = 5` is the data of seed 5, and likewise the others."""
        assert self.streams(**{key: 5})[number] == self.streams(grid__seed=[5])[number]

    @pytest.mark.parametrize("rng", ["numpy", "numpy-legacy"])
    def test_the_engine_of_the_data_is_the_datas_alone(self, rng: str) -> None:
        """Start and order are PCG64 whatever draws the data."""
        assert self.streams()[1:] == self.streams(data__rng=rng)[1:]

    def test_more_rows_do_not_move_the_start(self) -> None:
        """Start and data share no draws."""
        assert self.streams()[1] == self.streams(data__samples=80)[1]

    def test_a_longer_start_does_not_move_the_order(self) -> None:
        """Order and start share no draws."""
        assert self.streams()[2] == self.streams(model={"kind": "linear", "powers": [1, 2, 3]})[2]

    def test_longer_training_goes_on(self) -> None:
        """More epochs begin with the same orders."""
        assert self.streams(training={"epochs": 9})[2][:5] == self.streams()[2]

    def test_spawned_as_written(self) -> None:
        """Start and order are the first and second child of the seed's SeedSequence."""
        children = [np.random.Generator(np.random.PCG64(child)) for child in np.random.SeedSequence(3).spawn(2)]
        spec = spec_of(grid__seed=[3], init__weights={"kind": "normal", "mean": 0.0, "sd": 1.0})
        assert_array_equal(start(spec)[0], children[0].normal(0.0, 1.0, 2))
        assert_array_equal(orders(spec)[0], children[1].permutation(40))


@pytest.mark.parametrize("model", [{"kind": "linear"}, NET])
@pytest.mark.parametrize(
    "values",
    [{"grid__implementation": ["module"]}, {"grid__device": ["cuda"]}, {"grid__learning_rate": [0.7]},
     {"training__loss": "mae"}, {"run": {"threads": 2}}],
    ids=lambda values: next(iter(values)),
)  # fmt: skip
def test_all_cells_of_a_seed_share_their_problem(values: dict[str, Any], model: dict[str, Any]) -> None:
    """Implementation, device, rate and loss change neither data nor start nor order."""
    one, other = (spec_of(model=model, **changes) for changes in ({}, values))
    left, right = make_problem(one, make_data(one)), make_problem(other, make_data(other))
    assert_array_equal(left.x, right.x)
    assert_array_equal(left.y, right.y)
    assert_array_equal(left.orders, right.orders)
    layout = Layout.of(one)
    assert_array_equal(layout.flatten(left.initial), layout.flatten(right.initial))


@pytest.mark.parametrize("model", [{"kind": "linear", "powers": [1, 2], "standardize": "sample"}, NET])
def test_float32_is_the_cast_of_float64(model: dict[str, Any]) -> None:
    """The problem is made once in float64 and rounded, bit for bit."""
    wide_spec = spec_of(model=model)
    narrow_spec = spec_of(model=model, grid__dtype=["float32"])
    wide, narrow = (make_problem(spec, make_data(spec)) for spec in (wide_spec, narrow_spec))
    assert [str(array.dtype) for array in (wide.x, narrow.x, narrow.y)] == ["float64", "float32", "float32"]
    assert_array_equal(narrow.x, wide.x.astype(np.float32))
    assert_array_equal(narrow.y, wide.y.astype(np.float32))
    layout = Layout.of(wide_spec)
    one, other = layout.flatten(wide.initial), layout.flatten(narrow.initial)
    assert other.dtype == np.float32
    assert_array_equal(other, one.astype(np.float32))
    assert_array_equal(wide.orders, narrow.orders)


def test_what_a_problem_offers() -> None:
    """The names that implementations rely on (section 8 of the contract)."""
    spec = spec_of()
    problem = make_problem(spec, make_data(spec))
    assert (problem.loss.kind, problem.model.kind, problem.optimizer.kind) == ("mse", "linear", "sgd")
    assert (problem.learning_rate, problem.schedule(0), problem.schedule(24)) == (0.05, 0.05, 0.05)
    assert (problem.batch_size, problem.dtype, problem.device, problem.seed) == (8, "float64", "cpu", 0)
    assert (problem.x.shape, problem.y.shape) == ((40, 2), (40,))
    assert (problem.initial[0].shape, np.shape(problem.initial[1])) == ((2,), ())


def test_data_beyond_float32_are_infinite_without_a_warning() -> None:
    """What float32 cannot hold is inf there, as in any cast; the cell then ends as diverged."""
    spec = spec_of(data__x__mean=1e39, grid__dtype=["float32"])
    assert np.isinf(make_problem(spec, make_data(spec)).x).all()


@pytest.mark.parametrize(
    "values",
    [
        {"data__x__mean": 1e200, "model": {"kind": "linear", "powers": [2]}},
        {"data__y__weights": [1e308, 1e308], "data__x__mean": 1e10},
    ],
)
def test_data_that_overflow_are_refused(values: dict[str, Any]) -> None:
    """A power or a formula beyond float64 is said, not trained on."""
    with pytest.raises(ValueError, match="overflow"):
        make_data(spec_of(**values))


class TestStarts:
    """Initial parameters, by every kind."""

    def test_default_is_zero(self) -> None:
        """Weights zeros, bias 0."""
        weights, bias = start(spec_of(init={}))
        assert weights.tolist() == [0.0, 0.0]
        assert bias == 0.0

    def test_numbers(self) -> None:
        """Numbers are taken as they are."""
        weights, bias = start(spec_of(init={"weights": [0.1, -7], "bias": 3}))
        assert (weights.tolist(), float(bias)) == ([0.1, -7.0], 3.0)

    def test_numbers_by_layer(self) -> None:
        """Numbers per layer are laid out (units, inputs)."""
        given = [[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], [[7.0, 8.0, 9.0], [10.0, 11.0, 12.0]], [[13.0, 14.0]]]
        biases = [[1.0, 2.0, 3.0], [4.0, 5.0], [6.0]]
        weights, bias = start(spec_of(model=NET, init={"weights": given, "bias": biases}))
        assert [layer.tolist() for layer in weights] == given
        assert [layer.tolist() for layer in bias] == biases

    def test_without_intercept(self) -> None:
        """No bias is drawn where there is none."""
        model = {"kind": "linear", "intercept": False}
        weights, bias = start(spec_of(model=model, init={"weights": "default"}))
        assert weights.shape == (2,)
        assert bias == 0.0

    def test_the_default_scheme(self) -> None:
        """
        nn.Linear's: weights and biases uniform on ±1/sqrt(inputs) of each layer.

        With 400 units the largest of 400 draws is below 0.9 of the limit with probability 0.9**400 < 1e-18.
        """
        weights, biases = start(spec_of(model={"kind": "mlp", "hidden": [400, 400]}, init={"weights": "default"}))
        for layer, inputs in enumerate((2, 400, 400)):
            limit = 1 / np.sqrt(inputs)
            assert np.abs(weights[layer]).max() <= limit
            assert np.abs(biases[layer]).max() <= limit
            if layer < 2:
                assert np.abs(weights[layer]).max() > 0.9 * limit
                assert np.abs(biases[layer]).max() > 0.9 * limit

    def test_a_bias_beside_the_default_scheme(self) -> None:
        """A bias that is said is not drawn, a 0 either."""
        _, biases = start(spec_of(model=NET, init={"weights": "default", "bias": 0}))
        assert all((bias == 0).all() for bias in biases)

    def test_weights_before_bias(self) -> None:
        """Layer by layer, weights first: the draws of the start's stream in this order."""
        table = {"kind": "uniform", "low": 0.0, "high": 1.0}
        weights, biases = start(spec_of(model=NET, init={"weights": table, "bias": table}))
        (child,) = np.random.SeedSequence(0).spawn(1)
        draw = np.random.Generator(np.random.PCG64(child))
        for weight, bias in zip(weights, biases, strict=True):
            assert_array_equal(weight, draw.uniform(0.0, 1.0, weight.shape))
            assert_array_equal(bias, draw.uniform(0.0, 1.0, bias.shape))


class TestFeatures:
    """Powers, then standardisation fitted on the training rows."""

    def test_powers_of_several_columns(self) -> None:
        """All first powers, then all second."""
        raw = np.array([[2.0, 3.0], [-1.0, 5.0]])
        assert features(raw, (1, 2)).tolist() == [[2.0, 3.0, 4.0, 9.0], [-1.0, 5.0, 1.0, 25.0]]
        assert features(raw, (3,)).tolist() == [[8.0, 27.0], [-1.0, 125.0]]

    @pytest.mark.parametrize(("kind", "ddof"), [("population", 0), ("sample", 1)])
    def test_standardised(self, kind: str, ddof: int) -> None:
        """
        (x - mean) / sd of the training rows, per model column, after the powers.

        The formula of scikit-learn's StandardScaler for ddof 0; y is left as it is.
        """
        values: dict[str, Any] = {"data__validation": {"rows": 10}}
        plain = make_data(spec_of(model={"kind": "linear", "powers": [1, 2]}, **values))
        data = make_data(spec_of(model={"kind": "linear", "powers": [1, 2], "standardize": kind}, **values))
        x = plain.training.x
        mean = x.sum(axis=0) / len(x)
        sd = np.sqrt(((x - mean) ** 2).sum(axis=0) / (len(x) - ddof))
        assert_allclose(data.training.x, (x - mean) / sd, rtol=1e-13, atol=1e-14)
        assert plain.validation is not None
        assert data.validation is not None
        assert_allclose(data.validation.x, (plain.validation.x - mean) / sd, rtol=1e-13, atol=1e-14)
        assert_array_equal(data.training.y, plain.training.y)
        assert_array_equal(data.training.raw, plain.training.raw)

    def test_without_intercept_scaled_only(self) -> None:
        """Without an intercept the columns are scaled, not centred."""
        values = {"init": {}, "data__x__mean": 5.0}
        plain = make_data(spec_of(model={"kind": "linear", "intercept": False}, **values)).training
        model = {"kind": "linear", "intercept": False, "standardize": "sample"}
        data = make_data(spec_of(model=model, **values)).training
        assert_allclose(data.x, plain.x / plain.x.std(axis=0, ddof=1), rtol=1e-13)

    def test_not_standardised_is_bit_for_bit(self) -> None:
        """Nothing is subtracted or divided where nothing is asked."""
        data = make_data(spec_of()).training
        assert_array_equal(data.x, data.raw)

    def test_a_net_is_standardised_too(self) -> None:
        """A net has an intercept, so its columns are centred."""
        x = make_data(spec_of(model={**NET, "standardize": "population"})).training.x
        assert_allclose(x.mean(axis=0), 0, atol=1e-14)
        assert_allclose(x.std(axis=0), 1, rtol=1e-14)

    @pytest.mark.parametrize("kind", ["population", "sample"])
    def test_a_constant_column_is_refused(self, kind: str) -> None:
        """A column without spread cannot be divided by it; the message names the column."""
        x = np.array([[1.0, 0.1], [2.0, 0.1], [4.0, 0.1]])
        with pytest.raises(ValueError, match="column 1 of the model is constant over the 3 training rows"):
            Scaling.fitted(x, kind, centred=True)

    def test_one_row_has_no_spread(self) -> None:
        """A single training row is constant."""
        with pytest.raises(ValueError, match="constant over the 1 training rows"):
            Scaling.fitted(np.array([[1.0]]), "sample", centred=True)

    def test_a_column_whose_spread_underflows_is_refused(self) -> None:
        """Values that differ by less than a square can hold have a spread of 0 all the same."""
        with pytest.raises(ValueError, match="constant"):
            Scaling.fitted(np.array([[1e-200], [2e-200]]), "population", centred=True)
