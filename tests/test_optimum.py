"""The exact optimum of linear models: against rational arithmetic, certified values and a linear program."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from harness import worker
from harness.job import Job
from harness.problem.data import Rows, make_data
from harness.problem.doubled import Factor, total
from harness.problem.evaluation import Evaluation
from harness.problem.optimum import Optimum, optimum
from harness.problem.truth import truth
from harness.scenario.cell import CellSpec
from tests.builders import scenario

Array = NDArray[np.float64]
Matrix = list[list[Fraction]]

SQUARED = ("mse", "half_mse", "sse", "half_sse")
NORRIS = Path(__file__).parent / "data" / "norris.dat"


@cache
def _spec(loss: str, intercept: bool) -> CellSpec:
    table: Any = {"kind": "huber", "delta": 1.0} if loss == "huber" else loss
    model = {"kind": "linear", "intercept": intercept}
    (cell,) = scenario(init={}, model=model, training__loss=table).cells
    return cell.spec


def best_of(x: Any, y: Any, loss: str = "sse", *, intercept: bool = False, delta: float = 1.0) -> Optimum:
    """The optimum of these columns, as they are, or with an intercept."""
    spec = _spec(loss, intercept)
    if loss == "huber":
        bent = spec.training.loss.model_copy(update={"delta": delta})
        spec = spec.model_copy(update={"training": spec.training.model_copy(update={"loss": bent})})
    x = np.asarray(x, dtype=np.float64)
    found = optimum(spec, Rows(x, x, np.asarray(y, dtype=np.float64)))
    assert found is not None
    return found


def rational(values: Any) -> Any:
    """The float64 numbers as fractions, nested as they were."""
    return [rational(value) if np.ndim(value) else Fraction(float(value)) for value in values]


def solved(matrix: Matrix, right: list[Fraction]) -> list[Fraction] | None:
    """The solution of a square system, exactly; None where it is singular."""
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for i in range(len(rows)):
        pivot = next((k for k in range(i, len(rows)) if rows[k][i]), None)
        if pivot is None:
            return None
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [value / rows[i][i] for value in rows[i]]
        for k in range(len(rows)):
            if k != i:
                rows[k] = [a - rows[k][i] * b for a, b in zip(rows[k], rows[i], strict=True)]
    return [row[-1] for row in rows]


def normal_equations(x: Array, y: Array) -> list[Fraction]:
    """The least squares of the float64 numbers, exactly."""
    rows, target = rational(x), rational(y)
    count = range(x.shape[1])
    matrix = [[sum((row[i] * row[j] for row in rows), Fraction(0)) for j in count] for i in count]
    right = [sum((row[i] * value for row, value in zip(rows, target, strict=True)), Fraction(0)) for i in count]
    found = solved(matrix, right)
    assert found is not None
    return found


def residuals(x: Array, y: Array, w: Sequence[Fraction]) -> list[Fraction]:
    """y - x w, exactly."""
    pairs = zip(rational(x), rational(y), strict=True)
    return [value - sum((a * b for a, b in zip(row, w, strict=True)), Fraction(0)) for row, value in pairs]


def pair_of(best: Optimum) -> list[Fraction]:
    """parameters + low, exactly."""
    assert best.parameters is not None
    assert best.low is not None
    return [a + b for a, b in zip(rational(best.parameters), rational(best.low), strict=True)]


def digits_of(found: Sequence[Fraction], wanted: Sequence[Fraction]) -> float:
    """The least -log10 of the relative error, absolute where 0 is wanted; at most 40."""
    worst = max(abs(a - b) / (abs(b) or 1) for a, b in zip(found, wanted, strict=True))
    return -math.log10(worst) if worst > Fraction(1, 10**40) else 40.0


def _normal(seed: int, rows: int, columns: int) -> tuple[Array, Array]:
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(rows, columns))
    return x, x @ np.arange(1.0, columns + 1) + draw.normal(size=rows)


def _vandermonde(noise: float) -> tuple[Array, Array]:
    x = np.linspace(0.0, 1.0, 21)[:, None] ** np.arange(10)
    return x, x.sum(axis=1) + noise * np.random.default_rng(2).normal(size=21)


def _near(apart: float) -> tuple[Array, Array]:
    """A third column that is the first but for this much."""
    x, y = _normal(3, 40, 3)
    return np.column_stack([x[:, :2], x[:, 0] + apart * x[:, 2]]), y


def _units() -> tuple[Array, Array]:
    x, y = _normal(4, 40, 3)
    return x * [1e-9, 1.0, 1e9], y


# Name: data, and how many digits of the pair are right at least. Two roundings of float64 in a row are 32 digits; of
# them the condition takes log10 once, and twice times the residual: 1.7, 4e6, 4e8 and 4e12 with columns of one size.
PROBLEMS: dict[str, tuple[tuple[Array, Array], float]] = {
    "two columns": (_normal(0, 10, 2), 29),
    "five columns": (_normal(1, 60, 5), 29),
    "a thousand rows": (_normal(5, 1000, 2), 29),
    "as many rows as columns": (_normal(6, 4, 4), 27),
    "units 18 decades apart": (_units(), 29),
    "powers to the ninth, no noise": (_vandermonde(0.0), 20),
    "powers to the ninth": (_vandermonde(0.1), 18),
    "nearly dependent": (_near(1e-8), 18),
    "all but dependent": (_near(1e-12), 15.8),
}


class TestLeastSquares:
    """Squared losses."""

    @pytest.mark.parametrize("name", PROBLEMS)
    def test_against_the_normal_equations(self, name: str) -> None:
        """Parameters, pair and loss are those of the rational normal equations, as far as is said and further."""
        (x, y), digits = PROBLEMS[name]
        best, wanted = best_of(x, y), normal_equations(x, y)
        assert digits_of(pair_of(best), wanted) >= digits
        # The nearest float64: half a unit in the last place is 1.1e-16 of a number at most.
        assert digits_of(rational(best.parameters), wanted) >= 15.95
        least = sum((r * r for r in residuals(x, y, wanted)), Fraction(0))
        assert best.loss == pytest.approx(float(least), rel=2e-16, abs=1e-50)
        assert best.digits is not None
        assert digits_of(pair_of(best), wanted) >= best.digits
        assert (best.rank, best.reason, best.kind) == (x.shape[1], "", "least squares")

    @pytest.mark.parametrize("loss", SQUARED)
    def test_the_loss_at_the_optimum(self, loss: str) -> None:
        """It is the loss that is asked for: sum or mean, whole or half; correctly rounded."""
        x, y = _normal(7, 30, 2)
        best = best_of(x, y, loss)
        least = sum((r * r for r in residuals(x, y, normal_equations(x, y))), Fraction(0))
        factor = {"mse": Fraction(1, 30), "half_mse": Fraction(1, 60), "sse": Fraction(1), "half_sse": Fraction(1, 2)}
        assert best.loss == float(least * factor[loss])

    @settings(max_examples=60, deadline=None, derandomize=True)
    @given(st.integers(0, 10**6), st.integers(1, 12), st.integers(1, 3), st.integers(-300, 300), st.integers(-300, 300))
    def test_low_is_what_rounding_took(self, seed: int, rows: int, columns: int, wide: int, high: int) -> None:
        """It is at most half a unit in the last place, and the pair right to 20 digits, in any units."""
        x, y = _normal(seed, rows + columns, columns)
        x, y = np.ldexp(x, wide), np.ldexp(y, high)
        best = best_of(x, y)
        assert best.parameters is not None
        assert best.low is not None
        assert (best.parameters + best.low == best.parameters).all()
        assert (np.abs(best.low) <= np.spacing(np.abs(best.parameters)) / 2).all()
        assert digits_of(pair_of(best), normal_equations(x, y)) >= 20

    def test_an_exact_zero_is_zero(self) -> None:
        """Symmetric data have a slope of 0: not the rest of a rounding, of which no digit could be right."""
        x = np.arange(-10.0, 11.0) / 7
        best = best_of(x[:, None], x * x, intercept=True)
        assert best.parameters is not None
        assert best.parameters[0] == 0.0
        assert best.digits is not None
        assert best.digits > 15

    def test_lstsq_truncates_where_columns_differ_in_size(self) -> None:
        """NumPy drops a column that is 1e-18 of another, without a word; here it counts, and 14 digits are sure."""
        x, y = _units()
        _, _, rank, _ = np.linalg.lstsq(x, y, rcond=None)
        best = best_of(x, y)
        assert (int(rank), best.rank) == (2, 3)
        assert best.digits is not None
        assert best.digits > 14

    @pytest.mark.parametrize("name", PROBLEMS)
    def test_digits_hold_for_all_data_that_round_to_these(self, name: str) -> None:
        """
        Each number moved by up to half a unit, the exact optimum keeps the digits.

        To first order; the second is of the size of a rounding times the condition squared, here with a margin of
        0.1 digits, and where no digit is promised there is nothing to keep.
        """
        (x, y), _ = PROBLEMS[name]
        best, wanted = best_of(x, y), normal_equations(x, y)
        assert best.digits is not None
        draw = np.random.default_rng(8)
        for _ in range(3 if len(x) < 100 else 1):
            moved = [
                [a + a * Fraction(float(draw.choice([-1, 1]))) / 2**53 for a in row]
                for row in rational(np.column_stack([x, y]))
            ]
            count = range(x.shape[1])
            matrix = [[sum((row[i] * row[j] for row in moved), Fraction(0)) for j in count] for i in count]
            other = solved(matrix, [sum((row[i] * row[-1] for row in moved), Fraction(0)) for i in count])
            assert other is not None
            assert digits_of(other, wanted) >= best.digits - 0.1 or best.digits < 1

    def test_digits_fall_with_the_condition(self) -> None:
        """A condition of 4e8 takes 8 digits of 16; beside a residual of the target's size its square takes all."""
        x, y = _near(1e-8)
        q = np.linalg.qr(x)[0]
        exact, noisy = best_of(x, x.sum(axis=1)), best_of(x, x.sum(axis=1) + y - q @ (q.T @ y))
        assert exact.digits is not None
        assert 6 < exact.digits < 8
        assert noisy.digits == 0.0

    def test_norris(self) -> None:
        """NIST certifies B0 = -0.262323073774029 and B1 = 1.00211681802045 to 15 figures (norris.dat)."""
        y, x = np.loadtxt(NORRIS, skiprows=60, unpack=True)
        best = best_of(x[:, None], y, intercept=True)
        wanted = [Fraction("1.00211681802045"), Fraction("-0.262323073774029")]
        assert digits_of(pair_of(best), wanted) >= 14
        # Residual sum of squares, certified: 26.6173985294224.
        assert best.loss == pytest.approx(26.6173985294224, rel=1e-14)

    def test_noint1(self) -> None:
        """NIST's NoInt1: x = 60..70, y = 130..140, B1 = 2.07438016528926, residual sum 127.272727272727."""
        x = np.arange(60.0, 71.0)
        best = best_of(x[:, None], x + 70)
        # Sum of xy over sum of x² in lowest terms; the certified 15 figures are its rounding.
        assert digits_of(pair_of(best), [Fraction(251, 121)]) >= 31
        assert digits_of(pair_of(best), [Fraction("2.07438016528926")]) >= 14.7
        assert best.loss == pytest.approx(127.272727272727, rel=1e-14)

    def test_the_least_loss_is_unique_where_parameters_are_not(self) -> None:
        """A column twice: no parameters, and the loss of the column once, to the last bit."""
        x, y = _normal(9, 20, 2)
        best, once = best_of(np.column_stack([x, x[:, 0], x @ [1.0, 2.0]]), y), best_of(x, y)
        assert (best.parameters, best.low, best.digits, best.rank) == (None, None, None, 2)
        assert best.loss == once.loss
        assert best.reason == "the design matrix has rank 2 of 4"

    @pytest.mark.parametrize("loss", [*SQUARED, "mae", "huber"])
    def test_fewer_rows_than_parameters(self, loss: str) -> None:
        """Every row is met, so the loss is 0; with as many rows as parameters these are unique."""
        x, y = _normal(10, 3, 3)
        few, square = best_of(x, y, loss, intercept=True), best_of(x, y, loss)
        assert (few.parameters, few.rank, few.loss) == (None, 3, 0.0)
        assert square.loss == 0.0
        assert digits_of(pair_of(square), normal_equations(x, y)) > 28


def vertices(x: Array, y: Array) -> tuple[Fraction, int]:
    """The least sum of absolute errors over all points that interpolate p rows, and at how many of them it is."""
    rows, target = rational(x), rational(y)
    points = {}
    for basis in itertools.combinations(range(len(y)), x.shape[1]):
        point = solved([rows[i] for i in basis], [target[i] for i in basis])
        if point is not None:
            points[tuple(point)] = sum((abs(r) for r in residuals(x, y, point)), Fraction(0))
    least = min(points.values())
    return least, sum(value == least for value in points.values())


@st.composite
def small_data(draw: st.DrawFn) -> tuple[Array, Array]:
    """Up to 8 rows and 3 columns of full rank: noisy, without noise, of integers, with rows twice, with outliers."""
    columns = draw(st.integers(1, 3))
    rows = draw(st.integers(columns, 8))
    kind = draw(st.sampled_from(["noisy", "exact", "integers", "twice", "outliers", "constant", "decades"]))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    x = rng.normal(size=(rows, columns))
    y = x @ np.arange(1.0, columns + 1)
    if kind in ("integers", "constant"):
        x = rng.integers(-2, 3, size=(rows, columns)).astype(float)
        y = rng.integers(-2, 3, size=rows).astype(float)
    if kind == "constant":
        x[:, 0] = 1.0
    if kind in ("noisy", "twice", "outliers", "decades"):
        y = y + rng.normal(size=rows)
    if kind == "twice":
        chosen = rng.integers(0, rows, size=rows)
        x, y = x[chosen], y[chosen]
    if kind == "outliers":
        y = y + 1e6 * (rng.random(rows) < 0.3)
    if kind == "decades":
        x = x * 10.0 ** rng.integers(-6, 7, size=columns)
    return x, y


class TestLeastAbsolute:
    """The mean absolute error."""

    @settings(max_examples=150, deadline=None, derandomize=True)
    @given(small_data())
    def test_against_all_vertices(self, data: tuple[Array, Array]) -> None:
        """
        The loss is the least of all vertices, rounded once; parameters are given where only one vertex has it.

        A linear program has its optimum at a vertex, and with full rank its optima are what lies between such vertices.
        """
        x, y = data
        best = best_of(x, y, "mae")
        if best.rank < x.shape[1]:
            assert best.parameters is None
            return
        least, count = vertices(x, y)
        # Without noise the residuals are roundings of the target, of which the pairs know as many digits again.
        rounding = Fraction(float(np.abs(y).max())) / 2**96
        assert best.loss is not None
        assert best.loss == float(least / len(y)) or abs(Fraction(best.loss) - least / len(y)) <= rounding
        assert (best.parameters is not None) == (count == 1), best.reason
        if count == 1:
            assert sum(abs(r) for r in residuals(x, y, pair_of(best))) - least <= 10 * rounding

    @settings(max_examples=40, deadline=None, derandomize=True)
    @given(
        st.integers(0, 10**6),
        st.integers(1, 60),
        st.integers(1, 5),
        st.sampled_from(["normal", "cauchy", "integers", "none"]),
    )
    def test_against_linprog(self, seed: int, rows: int, columns: int, noise: str) -> None:
        """SciPy's linear program (HiGHS) finds the same loss to 1e-12 of it, and of the target."""
        linprog = pytest.importorskip("scipy.optimize").linprog
        rng = np.random.default_rng(seed)
        x = np.round(rng.normal(size=(rows, columns)), 1 if noise == "integers" else 20)
        y = x.sum(axis=1)
        match noise:
            case "normal":
                y = y + rng.normal(size=rows)
            case "cauchy":
                y = y + rng.standard_cauchy(size=rows)
            case "integers":
                y = np.round(y)
        costs = np.concatenate([np.zeros(2 * columns), np.ones(2 * rows)])
        equal = np.hstack([x, -x, np.eye(rows), -np.eye(rows)])
        found = linprog(costs, A_eq=equal, b_eq=y, method="highs")
        best = best_of(x, y, "mae")
        assert best.loss == pytest.approx(found.fun / rows, rel=1e-12, abs=1e-12 * np.abs(y).max())

    def test_a_median(self) -> None:
        """One constant column: the median of an odd number of values; of an even number, any between the middle two."""
        ones = np.ones((5, 1))
        odd, even = best_of(ones, [1, 9, 4, 2, 3], "mae"), best_of(ones[:4], [1, 9, 4, 2], "mae")
        assert odd.parameters is not None
        assert odd.parameters.tolist() == [3.0]
        assert odd.loss == 10 / 5
        assert even.parameters is None
        assert even.loss == 10 / 4
        assert even.reason == "other parameters have the same sum of absolute errors, up to rounding"

    def test_no_noise(self) -> None:
        """Integer data on a plane are met by it: 200 residuals of 0, unique, and a loss of exactly 0."""
        x = np.random.default_rng(11).integers(-9, 10, size=(200, 3)).astype(float)
        best = best_of(x, x @ [1.0, -2.0, 3.0] + 5, "mae", intercept=True)
        assert best.parameters is not None
        assert best.parameters.tolist() == [1.0, -2.0, 3.0, 5.0]
        assert best.loss == 0.0

    def test_half_on_one_line_and_half_on_another(self) -> None:
        """All lines between the two have the same sum: not unique, though each is met by a hundred rows."""
        x = np.arange(-50.0, 50.0)[:, None].repeat(2, axis=0)
        y = np.tile([0.0, 1.0], 100)
        best = best_of(x, y, "mae", intercept=True)
        assert best.parameters is None
        assert best.loss == 0.5

    def test_outliers_do_not_move_it(self) -> None:
        """Forty rows of a hundred are off by 1e9; the others lie on a line, which is found to the last bit."""
        x = np.arange(100.0)[:, None]
        y = 3 * x[:, 0] - 7
        y[::5] += 1e9
        y[1::5] -= 1e9
        best = best_of(x, y, "mae", intercept=True)
        assert best.parameters is not None
        assert best.parameters.tolist() == [3.0, -7.0]

    def test_has_no_hessian(self) -> None:
        """Neither a condition number nor a stable rate; the digits are those of the rows that it interpolates."""
        best = best_of(*_normal(12, 50, 3), "mae")
        assert (best.condition_number, best.stable_learning_rate, best.kind) == (None, None, "linear program")
        assert best.digits is not None
        assert 12 < best.digits < 15.95

    def test_dependent_columns(self) -> None:
        """A column twice: no parameters, and the loss of the column once."""
        x, y = _normal(13, 30, 2)
        for loss in ("mae", "huber"):
            best = best_of(np.column_stack([x, x[:, 1]]), y, loss)
            assert (best.parameters, best.rank) == (None, 2)
            assert best.loss == pytest.approx(best_of(x, y, loss).loss, rel=1e-15)


def huber_of(x: Array, y: Array, w: Sequence[Fraction], delta: float) -> tuple[Fraction, float]:
    """The mean loss, exactly, and the gradient's largest entry as a share of the sum of the sizes of its terms."""
    bend = Fraction(delta)
    errors = residuals(x, y, w)
    loss = sum((r * r / 2 if abs(r) <= bend else bend * (abs(r) - bend / 2) for r in errors), Fraction(0)) / len(y)
    slopes = [max(-bend, min(bend, r)) for r in errors]
    worst = 0.0
    for column in zip(*rational(x), strict=True):
        terms = [a * s for a, s in zip(column, slopes, strict=True)]
        worst = max(worst, float(abs(sum(terms)) / (sum(map(abs, terms)) or 1)))
    return loss, worst


class TestHuber:
    """Huber's loss."""

    @settings(max_examples=150, deadline=None, derandomize=True)
    @given(small_data(), st.sampled_from([1e-9, 1e-3, 0.1, 0.25, 1.0, 3.0, 1e6]))
    def test_the_gradient_is_zero(self, data: tuple[Array, Array], delta: float) -> None:
        """A convex loss is least where its gradient is 0: that it is, to 1e-18 of its terms, in rational arithmetic."""
        x, y = data
        best = best_of(x, y, "huber", delta=delta)
        assert best.loss is not None
        if best.parameters is None:
            assert best.reason
            return
        loss, gradient = huber_of(x, y, pair_of(best), delta)
        # Without noise the terms are roundings of the target themselves.
        assert gradient <= 1e-18 or loss < 1e-28
        assert best.loss == pytest.approx(float(loss), rel=3e-16, abs=1e-44)

    @pytest.mark.parametrize("rows", [30, 400])
    @pytest.mark.parametrize("delta", [1e-6, 0.01, 0.3, 1.0, 5.0])
    def test_of_heavy_tails(self, rows: int, delta: float) -> None:
        """With Cauchy's noise, at every bend: a gradient of 0 to 1e-25 of its terms."""
        x, y = _normal(14, rows, 3)
        y = y + np.random.default_rng(15).standard_cauchy(size=rows)
        best = best_of(x, y, "huber", delta=delta)
        assert huber_of(x, y, pair_of(best), delta)[1] < 1e-25

    def test_a_wide_bend_is_least_squares(self) -> None:
        """With all rows inside it is half the mean square: the same parameters to the last bit, the same digits."""
        x, y = _normal(16, 40, 3)
        wide, squares = best_of(x, y, "huber", delta=1e3), best_of(x, y, "half_mse")
        assert digits_of(pair_of(wide), pair_of(squares)) >= 28
        assert (wide.loss, wide.digits) == (squares.loss, squares.digits)

    def test_a_narrow_bend_tends_to_absolute_errors(self) -> None:
        """At delta = 1e-12 it is the vertex of the mean absolute error to about delta, and the loss delta times its."""
        x, y = _normal(17, 40, 3)
        narrow, sizes = best_of(x, y, "huber", delta=1e-12), best_of(x, y, "mae")
        assert narrow.parameters is not None
        assert sizes.parameters is not None
        assert sizes.loss is not None
        np.testing.assert_allclose(narrow.parameters, sizes.parameters, atol=1e-11)
        assert narrow.loss == pytest.approx(1e-12 * sizes.loss, rel=1e-10)

    def test_flat_between_two_values(self) -> None:
        """Two values 10 apart and a bend of 1: anything from 1 to 9 is as good, and the loss is 9/2 a row."""
        best = best_of([[1.0], [1.0]], [0.0, 10.0], "huber")
        assert best.parameters is None
        assert best.loss == 4.5
        assert best.reason == "the rows inside the bend do not tell all parameters apart"

    def test_rows_on_the_bend(self) -> None:
        """Residuals 1, -1 and 0 with a bend of 1: the row inside makes it unique."""
        best = best_of(np.ones((3, 1)), [-1.0, 0.0, 1.0], "huber")
        assert best.parameters is not None
        assert best.parameters.tolist() == [0.0]
        assert best.loss == pytest.approx(1 / 3, rel=1e-16)


@pytest.mark.parametrize("loss", ["mse", "half_sse", "mae", "huber"])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("size", [1e-320, 1e-200, 1e150, 1e300, np.inf])
@pytest.mark.parametrize("of", ["x", "y", "both", "a row"])
def test_the_far_end_of_float64(loss: str, intercept: bool, size: float, of: str) -> None:
    """Whatever the size of the data, there is an answer without a warning: finite parameters, or a reason."""
    x, y = _normal(18, 9, 2)
    if of == "a row":
        x[0] *= size
    else:
        x, y = (x if of == "y" else x * size), (y if of == "x" else y * size)
    best = best_of(x, y, loss, intercept=intercept)
    assert (best.parameters is None) == bool(best.reason)
    assert best.parameters is None or np.isfinite(best.parameters).all()
    numbers = (best.loss, best.digits, best.condition_number, best.stable_learning_rate)
    assert not any(value is not None and math.isnan(value) for value in numbers)


class TestDoubled:
    """Sums and products in pairs."""

    @settings(max_examples=50, deadline=None, derandomize=True)
    @given(st.integers(0, 10**6), st.integers(1, 3000), st.integers(1, 4))
    def test_against_fractions(self, seed: int, rows: int, columns: int) -> None:
        """Products of a matrix are right to 2**-98 of the sum of the sizes of their terms, over ten decades of them."""
        rng = np.random.default_rng(seed)
        rows = min(rows, 30) if seed % 10 else rows
        matrix = rng.normal(size=(rows, columns)) * 10.0 ** rng.integers(-10, 1, size=(rows, columns))
        x = rng.normal(size=columns), 1e-17 * rng.normal(size=columns)
        r = rng.normal(size=rows), 1e-17 * rng.normal(size=rows)
        factor, exact = Factor(matrix), rational(matrix)
        wide, long = ([a + b for a, b in zip(*map(rational, pair), strict=True)] for pair in (x, r))
        for found, start, lines, other in (
            (factor.taken_from(r, x), long, exact, [-value for value in wide]),
            (factor.transposed(r), [Fraction(0)] * columns, list(zip(*exact, strict=True)), long),
        ):
            for high, low, first, line in zip(*found, start, lines, strict=True):
                terms = [first, *(a * b for a, b in zip(line, other, strict=True))]
                error = Fraction(float(high)) + Fraction(float(low)) - sum(terms)
                assert abs(error) <= sum(map(abs, terms)) / 2**98

    def test_a_sum_that_cancels(self) -> None:
        """1 + 1e-25 - 1 leaves 1e-25 to eight digits of it: float64 has 53 bits, a pair twice as many."""
        high, low = total(np.array([1.0, 1e-25, -1.0]), np.zeros(3))
        assert float(high + low) == pytest.approx(1e-25, rel=1e-8)


class TestTruth:
    """What the data were made with."""

    @pytest.mark.parametrize("standardize", ["none", "population", "sample"])
    @pytest.mark.parametrize("intercept", [True, False])
    def test_in_trained_coordinates(self, standardize: str, intercept: bool) -> None:
        """Without noise the truth in the trained coordinates is the optimum there, and raw it is what was written."""
        model = {"kind": "linear", "standardize": standardize, "intercept": intercept}
        target = {"kind": "linear", "weights": [3.0, -1.0], "bias": 0.5 if intercept else 0.0}
        x = {"kind": "normal", "mean": 5.0, "sd": 2.0, "columns": 2}
        (cell,) = scenario(init={}, model=model, data__noise={"kind": "none"}, data__y=target, data__x=x).cells
        data = make_data(cell.spec)
        found, best = truth(cell.spec, data.scaling), optimum(cell.spec, data.training)
        assert best is not None
        assert best.parameters is not None
        assert found is not None
        np.testing.assert_allclose(found, best.parameters, rtol=1e-13)
        raw = data.scaling.raw(np.array(found), intercept=intercept)
        np.testing.assert_allclose(raw, [3.0, -1.0, 0.5][: len(raw)], rtol=1e-13)

    def test_none_where_the_model_cannot_say_it(self) -> None:
        """A wave has no weights, standardised or not."""
        wave = {"kind": "sin", "amplitude": 1.0, "frequency": 1.0}
        x = {"kind": "linspace", "start": 0.0, "stop": 6.0}
        (cell,) = scenario(init={}, data__y=wave, data__x=x, model={"standardize": "population"}).cells
        assert truth(cell.spec, make_data(cell.spec).scaling) is None


def test_the_loss_is_the_evaluations() -> None:
    """Of every loss, the optimum's is what the yardstick says of its parameters."""
    for loss in (*SQUARED, "mae", {"kind": "huber", "delta": 0.05}):
        (cell,) = scenario(init={}, training__loss=loss).cells
        rows = make_data(cell.spec).training
        best = optimum(cell.spec, rows)
        assert best is not None
        assert best.parameters is not None
        found = Evaluation.of(cell.spec).loss(best.parameters[None], rows.x, rows.y)[0]
        assert best.loss == pytest.approx(found, rel=1e-13)


def test_a_net_has_none() -> None:
    """Its loss has many minima."""
    (cell,) = scenario(init={}, model={"kind": "mlp", "hidden": [3]}).cells
    assert optimum(cell.spec, make_data(cell.spec).training) is None


@pytest.mark.parametrize("loss", ["mae", "huber"])
def test_a_record_is_measured_against_it(loss: str) -> None:
    """A training that starts at the optimum, and moves by 1e-12 of the gradient, has converged; so says its record."""
    (cell,) = scenario(training__loss=loss, model={"standardize": "population"}).cells
    best = optimum(cell.spec, make_data(cell.spec).training)
    assert best is not None
    assert best.parameters is not None
    *weights, bias = best.parameters.tolist()
    values = {"init": {"weights": weights, "bias": bias}, "grid__learning_rate": [1e-12]}
    (cell,) = scenario(training__loss=loss, model={"standardize": "population"}, **values).cells
    record, _ = worker.run(Job(cell.spec, timing_repeats=1))
    assert record.status == "ok", record.reason
    assert record.optimum == best.parameters.tolist()
    assert (record.rank, record.optimum_digits, record.condition_number) == (3, best.digits, None)
    assert record.correct_digits is not None
    assert record.correct_digits > 10
    assert record.outcome == "converged"
    assert record.truth == truth(cell.spec, make_data(cell.spec).scaling)
