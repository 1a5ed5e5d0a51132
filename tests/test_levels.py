"""Levels of repeatability: how far paths are apart, at which level, and why two implementations part."""

from __future__ import annotations

import dataclasses
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis import parting
from harness.analysis.bounds import gradient_bounds
from harness.analysis.levels import BITWISE, DIFFERS, NOT_RUN, ROUNDING, Level, levels
from harness.analysis.pairs import Pair, allowed, pairs
from harness.analysis.parting import Why, of_update, told, why
from harness.analysis.repeatability import repeated_cells
from harness.analysis.rounding import Candidates, candidates, nearest, of_ordinal, ordinal, rounded_once, rounded_twice
from harness.analysis.ulp import Growth, apart
from harness.analysis.verdict import Assessment
from harness.frames import Run
from harness.problem.data import make_data
from harness.problem.problem import Problem, make_problem
from harness.record import Arrays
from harness.report import findings_levels, findings_partings
from harness.report.sections import repeatability, repeatability_partings
from harness.report.view import View
from harness.scenario.cell import CellSpec
from tests.builders import scenario
from tests.faulty import finished_run

INF = math.inf
IMPLEMENTATIONS = ["numpy", "autograd", "optim"]
FLOATS = {
    "float32": st.floats(width=32, allow_nan=False, allow_infinity=False),
    "float64": st.floats(allow_nan=False, allow_infinity=False),
}


def trace(*states: Any, steps: Any = None, losses: Any = None) -> Arrays:
    parameters = np.array(states, dtype=np.float64).reshape(len(states), -1)
    step = np.arange(len(states)) if steps is None else np.array(steps)
    loss = np.zeros(len(states)) if losses is None else np.array(losses, dtype=np.float64)
    return {"step": step, "parameters": parameters, "loss": loss, "step_loss": loss}


def test_equal_paths_are_no_ulp_apart() -> None:
    """The same bits: distance 0 at every state, and no first step; nan is nan."""
    found = apart(trace(1.0, 2.0, math.nan), trace(1.0, 2.0, math.nan), "float64")
    assert (found.first, found.farthest, found.ulp.tolist()) == (None, (0.0, 0), [0.0, 0.0])


def test_one_unit_in_the_last_place_is_one() -> None:
    """Neighbours are 1 ULP apart in either dtype, and the step says where."""
    for dtype in ("float32", "float64"):
        after = float(np.nextafter(np.dtype(dtype).type(1.5), np.dtype(dtype).type(2)))
        found = apart(trace(1.0, 1.5), trace(1.0, after), dtype)
        assert (found.first, found.farthest) == (1, (1.0, 1))


def test_a_passage_through_zero_counts_at_the_scale_of_the_largest_parameter() -> None:
    """A parameter that is 0 on one path and one rounding of the past on the other is 1 ULP apart, and not millions."""
    small = float(np.spacing(1.0))
    found = apart(trace(1.0, 0.0), trace(1.0, small), "float64")
    assert found.farthest == (1.0, 1)
    beside = apart(trace([1.0, 0.0]), trace([1.0, small]), "float64")
    assert beside.farthest == (1.0, 0)


def test_a_sign_of_zero_is_a_bit_and_no_distance() -> None:
    """0 and -0 are 0 ULP apart, and not the same bits."""
    found = apart(trace(0.0), trace(-0.0), "float64")
    assert (found.first, found.farthest[0]) == (0, 0.0)


def test_two_dtypes_are_compared_in_units_of_the_coarser() -> None:
    """A float64 path beside the same path rounded to float32 is half a unit away at most."""
    path = np.linspace(0.1, 0.9, 9)
    found = apart(trace(*path), trace(*path.astype(np.float32).astype(np.float64)), "float32")
    assert 0 < found.farthest[0] <= 0.5


def test_diverging_paths_are_compared_while_both_are_finite() -> None:
    """Where one overflows and the other is nearly there, the comparison ends; where the other is small, it is far."""
    assert apart(trace(1.0, 1e300, math.inf), trace(1.0, 1e300, 1e308), "float64").farthest == (0.0, 0)
    assert apart(trace(1.0, 2.0, math.nan), trace(1.0, 2.0, 3.0), "float64").farthest == (math.inf, 2)
    assert apart(trace(math.nan), trace(math.nan), "float64").farthest == (0.0, 0)


def test_only_steps_that_both_recorded_are_compared() -> None:
    """An expectation may have named a step of one cell only."""
    found = apart(trace(1.0, 9.0, 3.0, steps=[0, 5, 7]), trace(1.0, 3.0, steps=[0, 7]), "float64")
    assert (found.step.tolist(), found.first) == ([0, 7], None)


def test_growth_tells_amplified_rounding_from_a_jump() -> None:
    """A distance that doubles within ten steps has grown; one that comes from nowhere has jumped."""
    unit = float(np.spacing(1.0))
    grown = apart(trace(*[1.0] * 12), trace(*(1.0 + unit * 1.8**step for step in range(12))), "float64")
    assert grown.growth(11).amplified
    jumped = apart(trace(1.0, 1.0, 1.0), trace(1.0, 1.0, 1.5), "float64").growth(2)
    assert (jumped.since, jumped.was, jumped.amplified) == (1, 0.0, False)


@given(value=FLOATS["float32"])
def test_ordinals_of_floats_are_in_order(value: float) -> None:
    """A float comes back from its place, and the next place is the next float."""
    place = ordinal("float32", value)
    assert of_ordinal("float32", place) == value
    with np.errstate(over="ignore"):
        above = np.nextafter(np.float32(value), np.float32(np.inf))
    assert place + 1 == ordinal("float32", above) or value == 0


@given(a=FLOATS["float64"], b=FLOATS["float32"])
def test_rationals_are_rounded_to_nearest(a: float, b: float) -> None:
    """A float is its own rounding; a middle between two goes to the even one."""
    assert nearest("float64", Fraction(a)) == a
    assert nearest("float32", Fraction(b)) == b
    place = ordinal("float32", b)
    if abs(b) < 1e38:
        middle = (Fraction(of_ordinal("float32", place)) + Fraction(of_ordinal("float32", place + 1))) / 2
        assert ordinal("float32", nearest("float32", middle)) == place + place % 2


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_torch_optim_rounds_an_update_once_and_a_product_twice(dtype: str) -> None:
    """Where one rounding and two differ, torch.optim's SGD gives the one, and an update by hand the two."""
    draw, kind = np.random.default_rng(0), np.dtype(dtype).type
    w, g = (draw.normal(size=400).astype(dtype) for _ in range(2))
    parameter = torch.tensor(w, requires_grad=True)
    parameter.grad = torch.tensor(g)
    torch.optim.SGD([parameter], lr=0.1).step()
    by_hand = (torch.tensor(w) - 0.1 * torch.tensor(g)).numpy()
    rate = float(kind(0.1))
    once = [rounded_once(dtype, float(a), rate, float(b)) for a, b in zip(w, g, strict=True)]
    twice = [rounded_twice(dtype, float(a), rate, float(b)) for a, b in zip(w, g, strict=True)]
    assert sum(a != b for a, b in zip(once, twice, strict=True)) > 10
    assert by_hand.tolist() == twice
    assert parameter.detach().numpy().tolist() in (once, twice)


def update_of(dtype: str, *, seed: int) -> tuple[Candidates, float, float]:
    """The candidates of an update by a known gradient, rounded twice on one side and once on the other."""
    draw, kind = np.random.default_rng(seed), np.dtype(dtype).type
    while True:
        w, g, rate = (float(kind(value)) for value in (draw.normal(), draw.normal(), 0.1))
        new = rounded_twice(dtype, w, rate, g), rounded_once(dtype, w, rate, g)
        if new[0] != new[1]:
            return candidates(dtype, w, rate, (g, g), new), w, g


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_update_rounded_once_is_told_from_one_rounded_twice(dtype: str) -> None:
    """With the gradient known exactly nothing else gives both states; the candidates are that one gradient."""
    for seed in range(20):
        found, _, g = update_of(dtype, seed=seed)
        place = ordinal(dtype, g)
        assert (found.twice[0], found.once[1]) == (range(place, place + 1), range(place, place + 1))
        assert told([found]) == Why(parting.UPDATE, 1)


@given(w=FLOATS["float32"], g=FLOATS["float32"], rate=st.sampled_from([0.1, 0.5, 1.0]), width=st.integers(0, 40))
def test_candidates_are_all_gradients_that_give_a_state(w: float, g: float, rate: float, width: int) -> None:
    """Bisection finds what trying every gradient between the bounds finds."""
    if max(abs(w), abs(g)) > 1e30:
        return
    place, rate = ordinal("float32", g), float(np.float32(rate))
    bounds = of_ordinal("float32", place - width), of_ordinal("float32", place + width)
    new = rounded_twice("float32", w, rate, g), rounded_once("float32", w, rate, g)
    found = candidates("float32", w, rate, bounds, new)
    tried = range(place - width, place + width + 1)
    for side in (0, 1):
        for rounded, ours in ((rounded_once, found.once[side]), (rounded_twice, found.twice[side])):
            fits = [n for n in tried if rounded("float32", w, rate, of_ordinal("float32", n)) == new[side]]
            assert list(ours) == fits


def test_what_is_told_is_no_more_than_the_candidates_carry() -> None:
    """One gradient and other explanations: either; none in common: the gradients differ; none at all: no rounding."""
    no, one, two = range(0), range(5, 6), range(7, 8)
    assert told([Candidates((one, two), (no, one))]) == Why(parting.EITHER, 1)
    assert told([Candidates((one, one), (one, one))]) == Why(parting.EITHER, None)
    assert told([Candidates((one, two), (no, no))]) == Why(parting.GRADIENT)
    assert told([Candidates((one, no), (no, two))]) == Why(parting.GRADIENT)
    assert told([Candidates((one, no), (no, no))]) == Why(parting.BEYOND)
    # Each parameter has its own gradient, and all are rounded alike.
    assert told([Candidates((one, no), (no, one)), Candidates((two, no), (no, two))]) == Why(parting.UPDATE, 1)
    assert told([Candidates((one, no), (no, one)), Candidates((no, one), (one, no))]) == Why(parting.BEYOND)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_factors_in_another_order_are_no_mistake_and_a_mistake_is_no_order(dtype: str) -> None:
    """`rate * 2 * sum / n` is told as such where no gradient gives its state; an update 1e-4 too long is beyond."""
    kind, causes = np.dtype(dtype).type, set()
    for seed in range(12):
        spec, problem = small_problem(dtype, training={"loss": "mse", "steps": 1}, grid__batch_size=["full"],
                                      grid__seed=[seed])  # fmt: skip
        state, x, y, rate = np.zeros(3), problem.x, problem.y, kind(problem.schedule(0))
        by_hand = [kind(2) * (x.T @ -y) / kind(len(y)), kind(2) * -y.mean()]
        one = -np.append(rate * by_hand[0], rate * by_hand[1])
        order = -np.append(rate * kind(2) * (x.T @ -y) / kind(len(y)), rate * kind(2) * -y.mean())
        found = of_update(spec, problem, 0, state, (one.astype(float), order.astype(float)))
        causes.add(found.cause)
        wrong = (order * kind(1 + 1e-4)).astype(dtype).astype(float)
        if (wrong != order).any() and dtype == "float64":
            assert of_update(spec, problem, 0, state, (one.astype(float), wrong)).cause == parting.BEYOND
    assert parting.FACTORS in causes
    assert parting.BEYOND not in causes


def test_a_later_jump_is_told_and_not_the_first_bit(three: Run) -> None:
    """A pair that jumps beyond rounding is told by that step; one that a training takes apart is not."""
    view = View(Assessment(three), three.file.scenarios[0])
    apart_ = next(p for p in pairs(three, view.scenario) if p.axis == "implementation" and not p.same)
    jumped = dataclasses.replace(apart_, beyond=Growth(5, 0.5, 6, 4.6e12, 4.6e12))
    assert repeatability_partings._why(view, jumped) == Why(parting.JUMP, step=6)
    grown = dataclasses.replace(apart_, beyond=Growth(10, 3.0, 90, 9e4, 1.14))
    assert repeatability_partings._why(view, grown).cause != parting.JUMP


def small_problem(dtype: str, **values: Any) -> tuple[CellSpec, Problem]:
    (cell,) = scenario(grid__dtype=[dtype], **values).cells
    return cell.spec, make_problem(cell.spec, make_data(cell.spec))


@pytest.mark.parametrize("loss", ["mse", "half_mse", "sse", "half_sse", "mae", "huber"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_bounds_hold_every_order_of_summation(loss: str, dtype: str) -> None:
    """Gradients of torch and NumPy, rows in several orders, lie within the bounds."""
    table: Any = {"kind": "huber", "delta": 0.5} if loss == "huber" else loss
    spec, problem = small_problem(dtype, training={"loss": table, "steps": 3}, grid__batch_size=["full"])
    state = np.array([0.5, -0.25, 0.125])
    bounds = gradient_bounds(spec, state, problem.x, problem.y)
    assert bounds is not None
    draw = np.random.default_rng(1)
    for _ in range(20):
        order = draw.permutation(len(problem.y))
        x, y = problem.x[order], problem.y[order]
        e = x @ state[:2].astype(dtype) + problem.initial[1].dtype.type(state[2]) - y
        scale = {"sse": 2.0, "half_sse": 1.0, "mse": 2 / len(y), "half_mse": 1 / len(y)}.get(loss, 1 / len(y))
        inner = np.sign(e) if loss == "mae" else np.clip(e, -0.5, 0.5) if loss == "huber" else e
        slope = (scale * inner).astype(dtype)
        gradient = np.append(x.T @ slope, np.cumsum(slope)[-1])
        assert gradient.dtype == dtype
        assert ((bounds[0] <= gradient) & (gradient <= bounds[1])).all()
    width, largest = float((bounds[1] - bounds[0]).max()), float(np.abs(bounds).max())
    assert width < 4e3 * largest * float(np.finfo(dtype).eps)


def test_beside_a_kink_nothing_is_claimed() -> None:
    """A residual of exactly 0 may take either sign, and the gradient with it."""
    spec, problem = small_problem("float64", training={"loss": "mae", "steps": 1}, grid__batch_size=["full"])
    state = np.array([1.0, 1.0, 0.0])
    y = problem.x @ np.ones(2)
    assert gradient_bounds(spec, state, problem.x, y) is None
    flat = dataclasses.replace(problem, y=y)
    assert of_update(spec, flat, 0, state, (state, state)).cause == parting.KINK


@pytest.mark.parametrize("size", [1e30, 1e38])
def test_states_near_the_end_of_the_range_are_told_or_left(size: float) -> None:
    """Paths that diverge are finite for a while: no warning, and nothing claimed where a gradient may overflow."""
    spec, problem = small_problem("float32", training={"loss": "mse", "steps": 1}, grid__batch_size=["full"])
    state = np.array([size, -size, 0.0]).astype(np.float32).astype(np.float64)
    found = of_update(spec, problem, 0, state, (state, state / 2))
    assert found.cause in (parting.BEYOND, parting.UNTESTED)


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Three implementations in both dtypes, two replicates of each cell, all timed."""
    values: dict[str, Any] = {
        "grid": {"implementation": IMPLEMENTATIONS, "dtype": ["float32", "float64"], "batch_size": [8],
                 "learning_rate": [0.05]},
        "run": {"replicates": 2, "timing_repeats": 1},
        "training__epochs": 8,
    }  # fmt: skip
    return finished_run(tmp_path_factory.mktemp("levels") / "run", scenario(**values))


def levels_of(run: Run) -> dict[tuple[str, str], Level]:
    (only,) = run.file.scenarios
    found = levels(run, only, repeated_cells(run), list(pairs(run, only)))
    return {(level.name, level.dtype): level for level in found}


def test_every_level_has_a_row_and_a_verdict(three: Run) -> None:
    """One process is bitwise again; implementations and dtypes within rounding; what did not run says why."""
    found = levels_of(three)
    assert [name for name, _ in found] == [
        "same process", "same process, run again", "other process", "other template", "thread counts",
        "implementations", "implementations",
        "dtypes", "devices", "other run",
    ]  # fmt: skip
    assert (found["same process", ""].verdict, found["same process", ""].of) == (BITWISE, 12)
    assert (found["same process, run again", ""].verdict, found["same process, run again", ""].of) == (BITWISE, 6)
    left = ("other process", "other template", "thread counts", "devices")
    assert {found[name, ""].verdict for name in left} == {NOT_RUN}
    assert found["other process", ""].reason == "its cells ran in one process, inline"
    for key in (("implementations", "float32"), ("implementations", "float64"), ("dtypes", "float32")):
        level = found[key]
        assert (level.verdict, level.of) == (ROUNDING, 3)
        assert level.farthest is not None
        assert level.earliest is not None
        assert 0 < level.farthest.ulp < 100
    assert "device" in found["devices", ""].reason
    assert found["other run", ""].reason.startswith("harness reproduce ")


def test_thread_counts_are_compared_where_they_are_an_axis(tmp_path: Path) -> None:
    """Two cells that differ in run.threads alone are a pair, one a dtype; 40 rows are too few to be shared out."""
    axis = {"implementation": ["autograd"], "dtype": ["float64"], "learning_rate": [0.05], "run.threads": [1, 2]}
    before = torch.get_num_threads()
    try:
        run = finished_run(tmp_path / "run", scenario(grid=axis, run={"timing_repeats": 0}))
    finally:
        torch.set_num_threads(before)
    level = levels_of(run)["thread counts", "float64"]
    assert (level.verdict, level.same, level.of) == (BITWISE, 1, 1)
    assert level.pairs[0].levels == (1, 2)


def test_dtypes_part_at_the_start(three: Run) -> None:
    """Start values are rounded to float32, so state 0 differs already."""
    level = levels_of(three)["dtypes", "float32"]
    assert level.earliest is not None
    assert level.earliest.first == 0
    assert {pair.levels for pair in level.pairs} == {("float32", "float64")}


def test_autograd_and_optim_part_by_the_rounding_of_the_update(three: Run) -> None:
    """At equal losses, one gradient gives both states with optim rounding once; and no gradient is beyond rounding."""
    (only,) = three.file.scenarios
    causes = []
    for pair in pairs(three, only):
        if pair.axis == "implementation" and not pair.same:
            one, other = (three.file.trace(only.name, cell, 0) for cell in pair.cells)
            found = why(three, only.name, three.file.spec(only.name, pair.cells[0]), one, other, pair.first or 0)
            assert found.cause != parting.BEYOND
            if pair.levels == ("autograd", "optim"):
                causes.append(found)
    assert causes
    assert {found.cause for found in causes} <= {parting.UPDATE, parting.EITHER, parting.UNSEEN}
    assert {found.once for found in causes if found.cause != parting.UNSEEN} == {1}


def test_losses_that_differ_are_the_first_cause(three: Run) -> None:
    """The loss of the update before is looked at before its state; a state that was not recorded tells nothing."""
    (only,) = three.file.scenarios
    spec = next(cell.spec for cell in only.cells if cell.spec.dtype == "float64")
    state = trace([1.0] * 3, [2.0] * 3, losses=[0.5, 0])
    one, other = state, trace([1.0] * 3, [3.0] * 3, losses=[0.5 * (1 + 1e-14), 0])
    assert why(three, only.name, spec, one, other, 1) == Why(parting.LOSS)
    # Near the optimum of data without noise rounding is all that is left of a loss, and an error of 0.26 % is none.
    for loss, near, cause in ((1e-32, 3e-32, parting.LOSS), (0.5, 0.5013, parting.BEYOND), (0.5, INF, parting.BEYOND)):
        one, other = trace([1.0] * 3, [2.0] * 3, losses=[loss, 0]), trace([1.0] * 3, [3.0] * 3, losses=[near, 0])
        assert why(three, only.name, spec, one, other, 1) == Why(cause)
    far = trace(1.0, 2.0, steps=[0, 5]), trace(1.0, 3.0, steps=[0, 5])
    assert why(three, only.name, spec, *far, 5) == Why(parting.UNSEEN)
    assert why(three, only.name, spec, trace(1.0), trace(2.0), 0) == Why(parting.UNSEEN)
    infinite = trace(1.0, math.inf), trace(1.0, 3.0)
    assert why(three, only.name, spec, *infinite, 1) == Why(parting.UNTESTED)


def test_the_page_shows_the_levels(three: Run) -> None:
    """The section has a row a level, its finding names them, and each table has one value a column."""
    view = View(Assessment(three), three.file.scenarios[0])
    data = repeatability.section(view).data
    assert [str(row[0]) for row in data.level_table.rows][:2] == ["same process", "same process, run again"]
    assert data.levels.says.startswith("Repeats are the same to the last bit; ")
    assert "other template (no cell ran in processes of two templates)" in data.not_run
    assert "other process (its cells ran in one process, inline)" in data.not_run
    assert [summary for summary, _, _ in data.folded] == ["What the gate on implementations compares"]
    assert data.again == f"harness reproduce reports/{three.file.name}"
    assert data.partings is not None
    assert len(data.partings.table.rows) == 6
    tables = (data.level_table, data.places, data.partings.table, data.partings.full)
    for table in (*tables, *(table for _, _, table in data.folded)):
        assert all(len(row) == len(table.head) for row in table.rows)


def test_a_line_a_pair_and_the_full_account_of_those_that_part(three: Run) -> None:
    """Each pair has the cause of most cells with k of n, or never parts; the fold has every cause of those that do."""
    shown = repeatability.section(View(Assessment(three), three.file.scenarios[0])).data.partings
    parted = [row for row in shown.table.rows if row[4] != "never apart"]
    assert parted
    assert all(" of " in row[5] for row in parted)
    assert [row[0] for row in shown.full.rows] == [row[0] for row in parted]


def test_one_cell_alone_has_nothing_to_be_compared_with(tmp_path: Path) -> None:
    """One untimed cell: no level was run, each with its reason, and no table of partings."""
    run = finished_run(tmp_path / "one", scenario(run={"timing_repeats": 0}))
    found = levels_of(run)
    assert {level.verdict for level in found.values()} == {NOT_RUN}
    assert all(level.reason for level in found.values())
    data = repeatability.section(View(Assessment(run), run.file.scenarios[0])).data
    assert data.levels.says.startswith("Nothing that ran can be compared")
    assert (data.level_table, data.places, data.partings, data.folded) == (None, None, None, ())
    assert data.not_run.startswith(
        "Not run: same process (no timed pass repeated a recorded one); other process (no cell finished twice)"
    )


def test_cells_that_all_failed_have_no_level(tmp_path: Path) -> None:
    """A rate that every implementation refuses, or data that overflow: nothing was run, and the page says so."""
    target = {"kind": "linear", "weights": [1e308, 1e308], "bias": 1e308}
    run = finished_run(tmp_path / "none", scenario(data__y=target, grid__implementation=["numpy", "autograd"]))
    assert set(run.cells["status"]) == {"failed"}
    assert {level.verdict for level in levels_of(run).values()} == {NOT_RUN}
    assert repeatability.section(View(Assessment(run), run.file.scenarios[0])).data.partings is None


def test_a_timed_pass_on_other_bits_differs(three: Run) -> None:
    """A process that failed because a timed pass ended elsewhere counts; one that failed otherwise does not."""
    run = Run(three.file)
    frame = three.cells.copy()
    frame.loc[0, ["status", "reason"]] = [
        "failed",
        "RuntimeError: timed pass 0 ended on other parameters than the recorded pass (…)",
    ]
    frame.loc[1, ["status", "reason"]] = ["failed", "RuntimeError: something else"]
    run.__dict__["cells"] = frame
    level = levels_of(run)["same process", ""]
    assert (level.verdict, level.same, level.of) == (DIFFERS, 10, 11)


def pair(**values: Any) -> Pair:
    base: dict[str, Any] = {
        "scenario": "s", "axis": "implementation", "levels": ("numpy", "optim"), "cells": ("c1", "c2"),
        "replicates": (0, 0), "axes": {}, "dtype": "float64", "first": 3, "ulp": 2.0, "step": 9, "beyond": None,
        "kink": None,
    }  # fmt: skip
    return Pair(**{**base, **values})


def test_replicates_with_other_digests_are_compared_state_by_state(three: Run) -> None:
    """Digests that differ while every recorded state is the same bound nothing, so the verdict is `differs`."""
    run = Run(three.file)
    frame = three.cells.copy()
    frame.loc[0, "digest"] = "another"
    run.__dict__["cells"] = frame
    level = levels_of(run)["same process, run again", ""]
    assert (level.verdict, level.same, level.of, level.farthest) == (DIFFERS, 5, 6, None)
    assert "not recorded" in level.reason
    data = repeatability.section(View(Assessment(run), run.file.scenarios[0])).data
    assert "✕" in str(data.level_table.rows[1][1])


def test_the_limits_are_those_of_the_gate_and_of_the_reference() -> None:
    """1e-12 in float64, as many roundings in float32; between dtypes 8 roundings a step where that is more."""
    steps = np.array([0, 100, 10_000])
    assert allowed("implementation", "float64", steps).tolist() == [1e-12] * 3
    assert allowed("device", "float32", steps)[0] == pytest.approx(4504 * 2**-23, rel=1e-3)
    assert allowed("dtype", "float32", steps).tolist() == [4504 * 2**-23, 4504 * 2**-23, 80_000 * 2**-23]


def test_captions_of_levels_claim_what_the_rows_carry() -> None:
    """Repeats, then who parts by rounding alone and how far, then what is farther; what was not run is not claimed."""
    again = Level("same process", "process", "", 4, 4, BITWISE, required=True)
    near = Level("implementations", "pair", "float64", 0, 1, ROUNDING, pairs=(pair(),))
    nearer = Level("implementations", "pair", "float32", 0, 1, ROUNDING, pairs=(pair(ulp=120.0),))
    devices = Level("devices", "pair", "float64", 0, 1, ROUNDING, pairs=(pair(ulp=3.0),))
    absent = Level("devices", "pair", "", 0, 0, NOT_RUN, reason="one")
    says = findings_levels.of_levels
    assert says([again, near, absent]) == (
        "Repeats are the same to the last bit; implementations part by rounding alone, at most 2\u00a0ULP in float64."
    )
    assert says([nearer, near, devices]) == (
        "Implementations part by rounding alone, at most 2\u00a0ULP in float64 and 120\u00a0ULP in float32; "
        "devices likewise, at most 3\u00a0ULP in float64."
    )
    threads = Level("thread counts", "pair", "float64", 2, 2, BITWISE, pairs=(pair(first=None, ulp=0.0),))
    assert says([again, threads]) == "Repeats and thread counts are the same to the last bit."
    assert says([absent]).startswith("Nothing that ran can be compared")


def test_captions_of_levels_say_what_is_wrong() -> None:
    """A repeat with other bits comes first and is no repeat that is the same; what is beyond rounding is named."""
    says = findings_levels.of_levels
    again = Level("same process", "process", "", 4, 4, BITWISE, required=True)
    other = Level("other process", "cell", "", 5, 6, ROUNDING, required=True, pairs=(pair(),))
    far = Level("implementations", "pair", "float32", 0, 1, DIFFERS, pairs=(pair(ulp=9e5, dtype="float32"),))
    dtypes = Level("dtypes", "pair", "float32", 0, 1, ROUNDING, pairs=(pair(ulp=1e4),))
    assert says([again, other]) == "Not every repeat is the same to the last bit (other process: 5 of 6 cells)."
    assert says([again, far, dtypes]) == (
        "Repeats are the same to the last bit; dtypes part by rounding alone, at most 10,000\u00a0ULP. "
        "Farther apart than rounding explains: implementations in float32 (900,000\u00a0ULP)."
    )
    kink = Level("implementations", "pair", "float64", 0, 1, ROUNDING, pairs=(pair(kink=4),))
    assert "1 pair is compared up to a kink" in findings_levels.how_of_levels([kink])
    assert "kink" not in findings_levels.how_of_levels([far])


def test_levels_that_were_not_run_are_said_by_reason() -> None:
    """One reason once, with all that it is about; nothing where all were run."""
    left = [
        Level(name, "pair", "", 0, 0, NOT_RUN, reason=reason) for name, reason in (("a", "x"), ("b", "y"), ("c", "x"))
    ]
    assert findings_levels.of_not_run(left) == "Not run: a and c (x); b (y)."
    assert findings_levels.of_not_run([]) == ""


def test_far_apart_is_said_to_be_grown_or_not() -> None:
    """Growth over many steps is the training's; a jump is not called so."""
    grown = pair(beyond=Growth(10, 3.0, 90, 9e4, 1.14))
    jumped = pair(beyond=Growth(10, 3.0, 11, 9e4, 3e4))
    assert "grown and not jumped" in findings_levels.of_beyond([grown])
    assert "the training amplifies it" in findings_levels.of_beyond([grown])
    assert "no growth of rounding is so fast" in findings_levels.of_beyond([grown, jumped])
    fast = findings_levels.of_beyond([pair(beyond=Growth(5, 0.5, 6, 4.603e12, 4603009058051.0))])
    assert "× 4.60 × 10¹² a step" in fast
    assert findings_levels.of_beyond([]) == ""


def test_words_on_a_pair_name_who_rounds_once_only_where_that_is_known() -> None:
    """Certain where nothing else gives both; possible where gradients do too; nobody where it changes sides."""
    names = ("autograd", "optim")
    (only,) = findings_partings.of_pair(names, [Why(parting.UPDATE, 1)] * 2)
    assert only.startswith("2: one gradient gives both states, its update rounded once in torch.optim and twice in")
    assert only.endswith("autograd; nothing else does")
    (some,) = findings_partings.of_pair(names, [Why(parting.UPDATE, 1), Why(parting.EITHER, 1)])
    assert some.endswith("in 1 of them nothing else does")
    (maybe,) = findings_partings.of_pair(names, [Why(parting.EITHER, 1)])
    assert maybe.endswith("gradients that differ by rounding do too")
    (chance,) = findings_partings.of_pair(names, [Why(parting.EITHER, 1), Why(parting.EITHER, 0)])
    assert "torch.optim" not in chance
    told_ = [(names, Why(cause)) for cause in parting.CAUSES]
    assert findings_partings.of_partings(told_)[0] == "In 2 of 10 partings looked at, no rounding explains it."


def test_partings_are_told_by_their_most_frequent_cause() -> None:
    """The finding is what most of them have, the rest follows; alone only where nothing else would do."""
    names = ("autograd", "optim")
    whys = [Why(parting.UPDATE, 1), *[Why(parting.EITHER, 1)] * 2, Why(parting.LOSS), Why(parting.UNSEEN)]
    says, rest = findings_partings.of_partings([(names, why) for why in whys])
    assert says == "In 3 of 5 partings looked at, an update rounded once on one side and twice on the other is enough."
    assert rest == (
        "In 1 the loss already differs, in 1 nothing more can be told. "
        "In 1 nothing but such an update does it: torch.optim rounding once."
    )
    alone = findings_partings.of_partings([(names, Why(parting.KINK))])
    assert alone == ("In 1 of 1 parting looked at, a kink is near.", "")
    assert findings_partings.of_partings([])[0].startswith("No two implementations part")


@pytest.mark.parametrize(
    ("whys", "said"),
    [
        ([Why(parting.LOSS)] * 2 + [Why(parting.UPDATE, 0)], ("the loss already differs by rounding", 2)),
        ([Why(parting.UPDATE, 1)] * 3, ("update rounded once in torch.optim", 3)),
        ([Why(parting.EITHER, 0)], ("update rounded once in autograd, or gradients", 1)),
        ([Why(parting.EITHER, 0), Why(parting.EITHER, 1)], ("rounding of the gradient or of the update", 2)),
        ([Why(parting.EITHER)], ("rounding of the gradient or of the update", 1)),
        ([Why(parting.BEYOND)], ("more than rounding", 1)),
        ([Why(parting.FACTORS)], ("factors of the update in another order", 1)),
        ([Why(parting.JUMP, step=9), Why(parting.JUMP, step=6)], ("a jump at step 6, beyond rounding", 2)),
    ],
)
def test_the_short_cause_names_a_side_only_where_it_is_one(whys: list[Why], said: tuple[str, int]) -> None:
    """The most frequent with its count; where either side would do, neither is named."""
    assert findings_partings.in_short(("autograd", "optim"), whys) == said


@pytest.mark.parametrize(("value", "text"), [(1.0, "1"), (0.25, "0.25"), (7.951, "7.96"), (4521.2, "4,522")])
def test_distances_are_rounded_up(value: float, text: str) -> None:
    """`at most` may stand before any of them."""
    assert findings_levels.ulps(value) == f"{text}\u00a0ULP"
    assert findings_levels.ulps(math.inf) == "not finite"
