"""Accuracy by level, coverage, the grid of rates and batches, distances by step, time by batch."""

from __future__ import annotations

import dataclasses
import itertools
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness import worker
from harness.analysis.coverage import Covered, Sample, covered, standard_errors, t_quantile, wilson
from harness.analysis.targets import Attempt, Target
from harness.analysis.timing import TimingGroup
from harness.job import Job
from harness.report import findings_accuracy, findings_grid, findings_timing, findings_ulp, numbers
from harness.report.figures import digits, scaling, ulp
from harness.report.figures.digits import Strip
from harness.report.findings_grid import DIVERGED, MISSED, NOT_RUN, REACHED, Square
from harness.report.findings_ulp import Drawn
from harness.report.glance import glance
from harness.report.sections import accuracy, accuracy_digits, convergence_grid, repeatability, timing, timing_scaling
from harness.report.sections.accuracy_coverage import coverage
from harness.report.view import View
from harness.scenario.read import read_all
from tests.builders import write_scenario
from tests.test_report_page import Change, failing, make_run, unchanged

INF, NAN = math.inf, math.nan
FEW: dict[str, Any] = {"run": {"timed_seeds": 6, "replicates": 1, "timing_repeats": 1}, "training__epochs": 3}


def view_of(folder: Path, change: Change = unchanged, **values: Any) -> View:
    scenarios = read_all([str(write_scenario(folder, **{**FEW, **values}))])
    return View(make_run(folder / "run", scenarios, change), scenarios[0])


# Coverage.


@pytest.mark.parametrize(
    ("degrees", "quantile"), [(1, 12.7062), (2, 4.3027), (3, 3.1824), (10, 2.2281), (30, 2.0423), (120, 1.9799)]
)
def test_t_has_the_quantiles_of_the_tables(degrees: int, quantile: float) -> None:
    """Abramowitz & Stegun, table 26.10, the column of 95 % between both."""
    assert t_quantile(degrees) == pytest.approx(quantile, abs=6e-5)


def test_both_ways_to_the_quantile_of_t_meet() -> None:
    """The sum below a hundred degrees of freedom and the expansion above it."""
    values = [t_quantile(degrees) for degrees in range(95, 106)]
    steps = [one - other for one, other in itertools.pairwise(values)]
    assert all(step > 0 for step in steps)
    assert max(steps) < 1.2 * min(steps) * (105 / 95) ** 2


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"), [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (5, 10, 0.2366, 0.7634)]
)
def test_wilson_is_wilson(part: int, whole: int, low: float, high: float) -> None:
    """Brown, Cai & DasGupta (2001), Interval estimation for a binomial proportion, n = 10."""
    interval = wilson(part, whole)
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=1e-4)


def test_standard_errors_are_those_of_the_textbook() -> None:
    """s² (X'X)⁻¹ written out; columns of very different size change nothing."""
    rng = np.random.default_rng(5)
    x = np.column_stack([rng.normal(size=30), 1e9 * rng.normal(size=30), np.ones(30)])
    y = np.asarray(x @ np.array([1.0, 2e-9, 3.0]) + rng.normal(size=30), dtype=np.float64)
    w = np.asarray(np.linalg.lstsq(x, y, rcond=None)[0], dtype=np.float64)
    scaled = x / [1.0, 1e9, 1.0]
    residual = y - x @ w
    wanted = np.sqrt(residual @ residual / 27 * np.diag(np.linalg.inv(scaled.T @ scaled))) / [1.0, 1e9, 1.0]
    found = standard_errors(x, y, w)
    assert found is not None
    np.testing.assert_allclose(found, wanted, rtol=1e-9)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (np.eye(2), np.array([1.0, 2.0])),
        (np.ones((5, 2)), np.arange(5.0)),
        (np.zeros((5, 1)), np.arange(5.0)),
        (np.arange(1.0, 6.0)[:, None], np.arange(1.0, 6.0)),
        (np.full((5, 1), 1e300), np.arange(5.0)),
    ],
    ids=["as many rows as columns", "dependent", "nothing", "no noise", "overflow"],
)
def test_where_there_are_no_standard_errors(x: Any, y: Any) -> None:
    """No residual degrees of freedom, dependent columns, no noise, numbers out of range: None, and no warning."""
    w = np.ones(x.shape[1])
    assert standard_errors(x, y, w) is None


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    """Of 400 data sets with normal noise about 95 % of the intervals do: 380, give or take 13 (three sd)."""
    rng = np.random.default_rng(7)
    samples = []
    for _ in range(400):
        x = np.column_stack([rng.normal(size=12), np.ones(12)])
        truth = np.array([2.0, -1.0])
        y = x @ truth + 0.3 * rng.normal(size=12)
        w = np.linalg.lstsq(x, y, rcond=None)[0]
        errors = standard_errors(x, y, w)
        assert errors is not None
        samples.append(Sample(truth, w, errors, 10, np.array([NAN, 0.0])))
    for item in covered(["w", "b"], samples):
        assert 367 <= item.inside <= 393
        assert item.as_nominal
    assert covered(["w"], []) == []


def cover(inside: int, count: int, found: float = 1e-9, name: str = "w") -> Covered:
    return Covered(name, inside, count, 0.7, found)


@pytest.mark.parametrize(
    ("found", "says"),
    [
        ([], "no standard errors"),
        ([cover(19, 20)], "is sampling error: training ends within"),
        ([cover(19, 20)], "in 19 of 20 data sets; that fits 95\u202f%, and any share from 76 to 99\u202f%."),
        ([cover(20, 20), cover(10, 20, name="b")], "in 10 to 20 of 20 data sets; that does not fit 95\u202f% for b"),
        ([cover(20, 20), cover(10, 20, name="b")], "for b, one of 2 looked at"),
        ([cover(1, 1), cover(0, 1)], "1 of 2 parameters in the one data set, which says nothing about how often"),
        ([cover(19, 20, 0.5)], "less than sampling error"),
        ([cover(19, 20, 7.0)], "optimisation error outweighs sampling error"),
        ([cover(19, 20, NAN)], "No training ended"),
        ([cover(19, 20, INF)], "no finite distance"),
    ],
)
def test_coverage_in_words(found: list[Covered], says: str) -> None:
    """Optimisation error beside sampling error, and the share with its interval."""
    assert says in findings_accuracy.of_coverage(found)


def test_coverage_counts_data_sets_and_not_cells(tmp_path: Path) -> None:
    """Four seeds in two implementations are four data sets; data with one of their own are one, without an interval."""
    grid: dict[str, Any] = {"grid__implementation": ["numpy", "autograd"], "grid__seed": [0, 1, 2, 3]}
    view = view_of(tmp_path, **grid)
    found = coverage(view, view.at_reference)
    assert found is not None
    assert all(re.fullmatch(r"\d of 4", str(row[1])) for row in found[1].rows)
    (tmp_path / "fixed").mkdir()
    view = view_of(tmp_path / "fixed", **grid, data__seed=1)
    found = coverage(view, view.at_reference)
    assert found is not None
    assert "one data set" in found[0].says
    assert {row[2] for row in found[1].rows} == {numbers.MISSING}


@pytest.mark.parametrize(
    "values",
    [{"training__loss": "mae"}, {"data__noise": {"kind": "none"}}, {"data__samples": 3}],
    ids=["absolute loss", "no noise", "as many rows as parameters"],
)
def test_no_coverage_where_it_means_nothing(tmp_path: Path, values: dict[str, Any]) -> None:
    """Another loss, data without noise, no rows to spare: no table, and the section stands."""
    view = view_of(tmp_path, **values)
    assert coverage(view, view.at_reference) is None
    assert accuracy.section(view).data.figure is not None


# Correct digits by level.


@pytest.mark.parametrize(
    ("strips", "says"),
    [
        ({}, "No cell finished"),
        ({"batch size": {"batch 8": []}}, "No cell finished"),
        ({"batch size": {"batch 8": [1.0, 2.0], "batch full": [6.0, 7.0]}}, "digits go from 1.5 (batch 8) to 6.5"),
        ({"batch size": {"batch 8": [1.0, 7.0], "batch full": [6.0, 7.0]}}, "though their cells overlap"),
        (
            {"batch size": {"batch 8": [3.0], "batch full": [3.01]}},
            "Median correct digits are 3.0 with every batch size.",
        ),
        (
            {"learning rate": {"a": [-INF, -INF], "b": [2.0, 2.0]}},
            "Median correct digits are 2.0 with b; a diverges. No level",
        ),
        ({"learning rate": {"a": [-INF], "b": [-INF]}}, "Every learning rate diverges."),
        ({"learning rate": {"a": [6.9], "b": [1.0]}}, "A comes within a digit of float32's limit, 7.2."),
        ({"learning rate": {"a": [2.0], "b": [1.0]}}, "No level comes within a digit"),
        (
            {"batch size": {"a": [2.0], "b": [1.0]}, "learning rate": {"c": [3.0], "d": [4.0]}},
            "Median correct digits go from 1.0 (b) to 2.0 (a), and from 3.0 (c) to 4.0 (d). No level",
        ),
        (
            {"batch size": {"a": [2.0], "b": [-0.5]}, "learning rate": {"c": [3.0], "d": [3.0], "e": [-INF]}},
            "go from −0.5 (b) to 2.0 (a), and are 3.0 with every learning rate that does not diverge; e diverges.",
        ),
    ],
)
def test_digits_by_level_in_words(strips: Any, says: str) -> None:
    """Medians with their levels, overlap, divergence, and the dtype's limit."""
    assert says in findings_accuracy.of_strips(strips, "float32", digits.LIMITS["float32"])


def test_the_limits_are_half_a_unit_in_the_last_place() -> None:
    """24 and 53 bits of mantissa."""
    assert digits.LIMITS["float32"] == pytest.approx(7.2247, abs=1e-4)
    assert digits.LIMITS["float64"] == pytest.approx(15.9546, abs=1e-4)


def strip(levels: int, seeds: int, arms: int, value: float = 3.0) -> Strip:
    names = tuple((f"arm {place}", "numpy") for place in range(arms))
    return Strip("t", "x", names, tuple((f"{n / 1000:g}", ((value,) * seeds,) * arms) for n in range(levels)))


@pytest.mark.parametrize("value", [3.0, -INF, -2.0, 15.95, NAN])
def test_a_strip_of_thousands_of_seeds_stays_small(value: float) -> None:
    """12 levels by 4 arms by 5,000 seeds: under 40 KB and 120 elements, whatever the values."""
    svg = digits.draw("k", strip(12, 5000, 4, value), "float64")
    assert len(svg.encode()) < 40_000
    assert len(re.findall("<[a-z]", svg)) < 120
    assert "float32 limit" in svg
    assert "NaN" not in svg
    assert digits.draw("k", strip(12, 5000, 4, value), "float64") == svg


def test_digits_by_level_of_a_run(tmp_path: Path) -> None:
    """Two panels, one an axis; of 13 rates 12 are drawn, the reference's too, and all are told, the best among them."""
    slow = [round(0.001 * (place + 1), 3) for place in range(12)]
    rates = [*slow[:6], 0.2, *slow[6:]]
    view = view_of(tmp_path, grid__seed=[0, 1], grid__batch_size=[8, "full"], grid__learning_rate=rates)
    figure = accuracy_digits.figure(view)
    assert figure is not None
    assert len(figure.panels) == 2
    assert figure.table is not None
    assert len(figure.table.rows) == 15
    assert " 12 of 13 values of the learning rate" in figure.finding.how
    assert view.reference["learning_rate"] == 0.2
    assert "(learning rate 0.2)" in figure.finding.says
    assert "; 0.2: " in figure.panels[1]


def test_a_level_that_did_not_run_is_not_counted(tmp_path: Path) -> None:
    """Of 14 rates one failed everywhere: 12 of 13 are drawn, and it has no row."""
    rates = [round(0.01 * (place + 1), 2) for place in range(14)]
    view = view_of(tmp_path, grid__learning_rate=rates)
    cells = view.first_replicates
    view.__dict__["first_replicates"] = cells[cells["learning_rate"] != 0.03]
    figure = accuracy_digits.figure(view)
    assert figure is not None
    assert figure.table is not None
    assert [row[0] for row in figure.table.rows] == [f"learning rate {rate}" for rate in rates if rate != 0.03]
    assert " 12 of 13 values of the learning rate" in figure.finding.how


def test_digits_below_none_are_the_same_everywhere(tmp_path: Path) -> None:
    """A parameter off by more than its size: glance, caption, panel and table say the same −1.2, one cell or two."""
    view = view_of(tmp_path, grid__seed=[0, 1], grid__learning_rate=[0.01, 0.02])
    cells = view.first_replicates
    view.__dict__["first_replicates"] = cells.assign(correct_digits=[-1.3 if seed else -1.1 for seed in cells["seed"]])
    view.assessment.run.__dict__["cells"] = view.assessment.run.cells.assign(
        correct_digits=[-1.3 if seed else -1.1 for seed in view.assessment.run.cells["seed"]]
    )
    (arm,) = glance(view).arms
    assert numbers.digits(arm.digits) == "−1.2"
    first = accuracy.section(view).data.figure
    by_level = accuracy_digits.figure(view)
    assert first is not None
    assert by_level is not None
    assert by_level.table is not None
    assert ": −1.2 correct digits" in first.finding.says
    assert "are −1.2 with every learning rate" in by_level.finding.says
    assert {row[1] for row in by_level.table.rows} == {"−1.2"}
    assert "numpy −1.2" in by_level.panels[0]
    assert "What is below 0 stands at 0." in by_level.finding.how


def test_no_digits_by_level_without_a_second_level(tmp_path: Path) -> None:
    """One level of each axis: the estimates say it already."""
    assert accuracy_digits.figure(view_of(tmp_path, grid__seed=[0, 1])) is None


def test_all_diverged_is_said(tmp_path: Path) -> None:
    """Every rate too large: levels diverge, and no figure claims digits."""
    view = view_of(tmp_path, grid__learning_rate=[50.0, 60.0], training__epochs=80)
    figure = accuracy_digits.figure(view)
    assert figure is not None
    assert figure.finding.says == "Every learning rate diverges."
    assert accuracy.section(view).data.figure is not None


# The grid of rates and batches.


def target(*steps: float, budget: int = 1000) -> Target:
    attempts = [
        Attempt(seed, found, budget if math.isinf(found) else int(found), 0, NAN) for seed, found in enumerate(steps)
    ]
    return Target(1e-3, tuple(attempts))


def square(rate: str, batch: str, *steps: float, diverged: int = 0) -> Square:
    return Square(rate, batch, target(*steps) if steps else None, diverged)


def test_a_square_is_one_of_four() -> None:
    """Reached at the median, diverged in half, missed, not run; what was reached counts though half diverged later."""
    assert square("1", "8", 3.0, 5.0).state == REACHED
    assert square("1", "8", INF, INF, diverged=1).state == DIVERGED
    assert square("1", "8", INF, INF).state == MISSED
    assert square("1", "8").state == NOT_RUN
    assert square("1", "8", 3.0, 4.0, diverged=2).state == REACHED


@pytest.mark.parametrize(
    ("squares", "says"),
    [
        ([], "No cell of these configurations ran."),
        ([square("1", "batch 8")], "No cell of these configurations ran."),
        ([square("1", "batch 8", 5.0)], "5 steps are the fewest to where 10⁻³"),
        ([square("1", "batch 8", INF), square("2", "batch 8", INF)], "No configuration gets to where 10⁻³"),
        ([square("1", "b", INF, diverged=1), square("2", "b", INF, diverged=1)], "All of them diverge."),
        ([square("1", "b", 5.0, 9.0), square("2", "b", 8.0, 20.0)], "over the seeds 1 other overlaps with it"),
        ([square("1", "b", 5.0, 6.0), square("2", "b", 7.0, 20.0)], "with learning rate 1, b."),
        ([square("1", "b", 5.0), square("2", "b", 5.0), square("3", "b", 5.0)], "2 others take as many"),
        (
            [square("1", "b8", 5.0), square("1", "b9", 6.0), square("2", "b8", INF, diverged=1),
             square("2", "b9", INF, diverged=1)],
            "2 of 4 configurations diverge: learning rate 2 with every batch.",
        ),
        (
            [square("1", "b8", 5.0), square("1", "b9", INF, diverged=1)],
            "1 of 2 configurations diverge: learning rate 1, b9.",
        ),
    ],
)  # fmt: skip
def test_the_grid_in_words(squares: list[Square], says: str) -> None:
    """The fewest steps, who is not told apart, and what diverges."""
    assert says in findings_grid.of_grid(squares, 1e-3)


def test_the_target_shown_is_the_hardest_that_enough_reach() -> None:
    """Half of the most that reach any; the easiest where none is reached."""
    some = {0.1: [square("1", "b", 1.0)] * 4, 1e-3: [square("1", "b", 1.0)] * 2 + [square("1", "b", INF)] * 2,
            1e-5: [square("1", "b", 1.0)] + [square("1", "b", INF)] * 3}  # fmt: skip
    assert findings_grid.useful((0.1, 1e-3, 1e-5), some) == 1e-3
    assert findings_grid.useful((0.1, 1e-3), {0.1: [square("1", "b", INF)], 1e-3: []}) == 0.1


def test_shades_rise_with_the_steps() -> None:
    """Eight of them, from the least to the most on a log scale; one value alone is the weakest; 0 steps are allowed."""
    found = [findings_grid.strength(steps, 1, 1000) for steps in (1, 2, 5, 20, 100, 400, 1000)]
    assert found == sorted(found)
    assert (found[0], found[-1]) == (1, 8)
    assert findings_grid.strength(5, 5, 5) == 1
    assert findings_grid.strength(0, 0, 10) == 1


def luminance(colour: str) -> float:
    """Of WCAG 2: https://www.w3.org/TR/WCAG22/#dfn-relative-luminance"""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_one_ink_is_readable_on_every_shade() -> None:
    """A contrast of at least 4.5 on all eight steps, light and dark, and each step farther from the page."""
    from harness.report.palette import COLOURS

    style = (Path(accuracy.__file__).parents[1] / "templates" / "style.css").read_text(encoding="utf-8")
    shades = re.findall(r"\.grid-\d\{background:light-dark\((#\w+),(#\w+)\)", style)
    assert len(shades) == 8
    for scheme in (0, 1):
        ink, page = (luminance(COLOURS[name][scheme]) for name in ("ink", "bg"))
        lights = [luminance(shade[scheme]) for shade in shades]
        assert all((max(ink, here) + 0.05) / (min(ink, here) + 0.05) >= 4.5 for here in lights)
        away = [abs(here - page) for here in lights]
        assert away == sorted(away)


def test_the_grid_of_a_run(tmp_path: Path) -> None:
    """Numbers, `diverged`, `>` a budget and – in words inside the table; at most 12 by 7."""
    rates = [0.0001, *[round(0.01 * (place + 1), 2) for place in range(13)], 5.0]
    batches = [1, 2, 4, 5, 8, 10, 20, "full"]
    view = view_of(
        tmp_path, grid__learning_rate=rates, grid__batch_size=batches, training__epochs=6, run={"timing_repeats": 0}
    )
    (block,) = convergence_grid.blocks(view)
    (table,) = block.tables
    assert (len(table.rows), len(table.head)) == (7, 13)
    text = "".join(str(cell) for row in table.rows for cell in row)
    assert "diverged" in text
    assert "&gt;\u00a0" in text
    assert "grid-8" in text
    assert table.note == "12 of 15 learning rates, 7 of 8 batch sizes; the finding is about all."


@pytest.mark.parametrize("status", ["failed", "skipped", "timed_out"])
def test_a_grid_of_which_nothing_came(tmp_path: Path, status: str) -> None:
    """No cell that finished: no table and no error."""
    view = view_of(tmp_path, failing({0: status}, ""), grid__learning_rate=[0.1, 0.2])
    assert convergence_grid.blocks(view) == ()


# Distances by step.


def drawn(first: int | None, largest: float, name: str = "a", *, beyond: bool = False, panel: str = "from x") -> Drawn:
    return Drawn(panel, name, first, largest, 7, beyond)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([], "No two cells"),
        ([drawn(None, 0.0)], "Every line has the same bits at every recorded step."),
        ([drawn(1, 2.0)], "No line goes farther than rounding explains: at most 2\u00a0ULP from x."),
        ([drawn(1, 2.0), drawn(3, 4.0, "b")], "at most 4\u00a0ULP from x."),
        ([drawn(1, INF)], "1 line goes farther than rounding explains: a from x alone is not finite at step 7."),
        ([drawn(1, 9e5, beyond=True)], "1 line goes farther than rounding explains: at most 900,000\u00a0ULP from x."),
        ([drawn(1, 2.0), drawn(None, 0.0, panel="from y")], "2\u00a0ULP from x and the same bits from y."),
        ([drawn(1, 0.0)], "other bits from x, but no distance."),
        (
            [drawn(1, 9e5, beyond=True), drawn(1, 2.0, panel="from y")],
            "1 line goes farther than rounding explains: at most 900,000\u00a0ULP from x; the other stays within it.",
        ),
    ],
)
def test_distances_in_words(lines: list[Drawn], says: str) -> None:
    """The same, how far, not finite, beyond."""
    assert says in findings_ulp.of_distances(lines)


def line(ulps: Any) -> ulp.Line:
    return ulp.Line("a", "numpy", np.arange(1.0, len(ulps) + 1), np.asarray(ulps, dtype=np.float64))


def test_thinning_keeps_every_peak() -> None:
    """60 of 10,000 steps, and the one large distance among them."""
    values = np.zeros(10_000)
    values[6_543] = 99.0
    step, kept = line(values).thinned()
    assert len(step) <= 60
    assert kept.max() == 99.0
    assert step[-1] == 10_000


@pytest.mark.parametrize("values", [[0.0] * 5, [1.0, 1e9, INF], [0.5], [0.0] * 20_000], ids=str)
def test_distances_are_drawn(values: list[float]) -> None:
    """All equal, not finite, one state, many: the limit is named, 0 has a tick, the bytes are the same again."""
    if len(values) > 10:
        values = list(np.random.default_rng(1).random(20_000))
    shown = line(values)
    limit = ulp.Limit("limit: 4,504 ULP", np.array([1.0, 9.0]), np.array([4504.0, 4504.0]))
    svg = ulp.draw("k", "t", [shown], limit, ulp.ceiling([shown], limit))
    assert "limit: 4,504 ULP" in svg
    assert ">0</text>" in svg
    assert len(svg.encode()) < 40_000
    assert svg == ulp.draw("k", "t", [shown], limit, ulp.ceiling([shown], limit))


def test_distances_of_a_run(tmp_path: Path) -> None:
    """A panel for implementations in each dtype and one between the dtypes; each with its limit."""
    grid: dict[str, Any] = {
        "grid__implementation": ["numpy", "autograd", "optim"],
        "grid__dtype": ["float32", "float64"],
    }
    figure = repeatability.section(view_of(tmp_path, **grid)).data.steps
    assert len(figure.panels) == 3
    assert "limit of the gate: 4,504" in "".join(figure.panels)
    assert len(figure.table.rows) == 2 + 2 + 3


def test_no_distances_of_one_implementation(tmp_path: Path) -> None:
    """Nothing to compare: no figure."""
    assert repeatability.section(view_of(tmp_path)).data.steps is None


# Time by batch.


def timed(*points: tuple[int, float], count: int = 8, spread: float = 0.01) -> list[tuple[int, TimingGroup]]:
    return [
        (rows, TimingGroup({}, tuple(middle * (1 + spread * (n / count - 0.5)) for n in range(count))))
        for rows, middle in points
    ]


@pytest.mark.parametrize(
    ("arms", "says"),
    [
        ({}, "One batch size was timed"),
        ({"a": timed((1, 1e-5))}, "One batch size was timed"),
        ({"a": timed((1, 1e-5), (64, 2e-5))}, "With 64\u202f× the rows in a batch a step takes 2.0\u202f× as long."),
        ({"a": timed((1, 1e-5), (64, 2e-5), count=3)}, "with 3 processes no difference is resolved"),
        ({"a": timed((1, 1e-5), (64, 1.01e-5), spread=0.5)}, "no interval of the largest batch is apart"),
        (
            {"a": timed((1, 1e-5), (64, 3e-5)), "b": timed((1, 1e-5), (64, 1e-5))},
            "1.0\u202f× (b) to 3.0\u202f× (a) as long; not told apart: b.",
        ),
        ({"a": timed((1, 1e-5), (8, 1e-5)), "b": timed((8, 1e-5), (64, 1e-5))}, "No implementation was timed at both"),
    ],
)
def test_scaling_in_words(arms: Any, says: str) -> None:
    """Ratios of medians, and which of them the intervals carry."""
    assert says in findings_timing.of_scaling(arms)


def test_a_crossover_takes_intervals_on_both_sides() -> None:
    """Found, absent, and not resolved."""
    flat, rising = timed((1, 5e-5), (8, 5e-5), (64, 5e-5)), timed((1, 1e-5), (8, 2e-5), (64, 9e-5))
    assert findings_timing.of_crossover("cpu", "cuda", rising, flat) == "cuda overtakes cpu between 8 and 64 rows"
    assert "cuda is the faster at every" in findings_timing.of_crossover(
        "cpu", "cuda", timed((1, 9e-5)), timed((1, 1e-5))
    )
    assert "no crossover is resolved" in findings_timing.of_crossover("cpu", "cuda", flat, flat)
    assert findings_timing.of_crossover("cpu", "cuda", timed((1, 1.0)), timed((2, 1.0))) == ""


def test_time_by_batch_is_drawn() -> None:
    """A device in colour, the other in grey behind it and named; labels that have no room are left out."""
    points = timed(*((2**n, 1e-5 * (1 + n)) for n in range(12)))
    whole = scaling.Line(
        "a", "numpy", tuple(rows for rows, _ in points), tuple(group.median for _, group in points),
        tuple(group.interval for _, group in points),
    )  # fmt: skip
    levels = [(rows, f"{rows:,}") for rows, _ in points]
    svg = scaling.draw("k", "cpu: time per step", [whole], [whole], levels)
    assert "grey: other devices" in svg
    assert ">2,048</text>" in svg
    assert len(svg.encode()) < 40_000
    assert "grey" not in scaling.draw("k", "cpu", [whole], [], levels)


def test_time_by_batch_of_a_run(tmp_path: Path) -> None:
    """One panel; the full batch stands at its rows; n and the interval stand beside every value."""
    grid: dict[str, Any] = {"grid__seed": {"start": 0, "count": 6}, "grid__batch_size": [1, 8, "full"]}
    view = view_of(tmp_path, **grid)
    (figure,) = timing_scaling.figures(view)
    assert len(figure.panels) == 1
    assert "full, 40" in figure.panels[0]
    dots = timing.section(view).data.rows[0][0]
    assert "n\u00a06" in dots.panels[0]


def test_no_time_by_batch_of_one_batch(tmp_path: Path) -> None:
    """One batch size: no figure; nothing timed: a sentence."""
    assert timing_scaling.figures(view_of(tmp_path, grid__seed={"start": 0, "count": 6})) == []


def test_two_devices_beside_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A panel a device; digits are those of the first, which is said; distances between the two have a panel."""
    grid: dict[str, Any] = {
        "grid__implementation": ["autograd"], "grid__device": ["cpu", "cuda"], "grid__batch_size": [20, 40],
        "grid__seed": {"start": 0, "count": 6},
    }  # fmt: skip
    scenarios = read_all([str(write_scenario(tmp_path, **{**FEW, **grid, "training": {"steps": 4}}))])
    run = worker.run

    def on_cpu(job: Job) -> Any:
        """There may be no GPU here."""
        return run(dataclasses.replace(job, spec=job.spec.model_copy(update={"device": "cpu"})))

    monkeypatch.setattr(worker, "run", on_cpu)
    view = View(make_run(tmp_path / "run", scenarios), scenarios[0])
    (figure,) = timing_scaling.figures(view)
    assert len(figure.panels) == 2
    assert all("grey: other devices" in panel for panel in figure.panels)
    assert "autograd: no crossover" in figure.finding.says.lower()
    found = accuracy_digits.figure(view)
    assert found is not None
    assert ", cpu. Dots" in found.finding.how
    steps = repeatability.section(view).data.steps
    assert "between cpu and cuda in float64" in "".join(steps.panels)
