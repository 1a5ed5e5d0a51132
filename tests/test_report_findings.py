"""Captions say what the numbers carry, and no more; palette and formatting."""

from __future__ import annotations

import itertools
import math
import re

import numpy as np
import pytest

from harness.analysis.agreement import Agreement
from harness.analysis.expectations import Check, Result
from harness.analysis.repeatability import Repeated
from harness.analysis.timing import Interval, TimingGroup, median_interval, timing_groups
from harness.report import findings, findings_accuracy, findings_expectations, numbers, palette
from harness.report.figures import parameters
from harness.report.figures.lines import Line, limits
from harness.report.figures.panel import spread
from harness.report.figures.parameters import Estimates
from harness.scenario.expect import Expect


def group(*seconds: float) -> TimingGroup:
    return TimingGroup({}, seconds)


NEAR_ONE = (1e-5, 1.1e-5, 1e-5, 1.05e-5, 1e-5, 1.02e-5)


def test_an_interval_needs_six_processes() -> None:
    """Five observations have no interval; six have one that holds the median."""
    assert median_interval(NEAR_ONE[:5]) is None
    interval = median_interval(NEAR_ONE)
    assert interval is not None
    assert interval.low <= 1.01e-5 <= interval.high


def test_the_interval_is_the_same_each_time_and_in_any_order() -> None:
    """The bootstrap is seeded and sorts first."""
    assert median_interval(NEAR_ONE) == median_interval(NEAR_ONE[::-1])


def test_the_interval_of_equal_values_is_a_point() -> None:
    """Nothing is invented where nothing varies."""
    assert median_interval([2.0] * 8) == Interval(2.0, 2.0)


def test_loading_the_code_is_set_up() -> None:
    """The phases that the page names hold all of a process's seconds, loading a plug-in among them."""
    row = {"axes": {"seed": 0}, "status": "ok", "step_seconds": 1.0, "seconds": 2.0,
           "phases": {"code": 0.5, "setup": 0.25, "data": 1.0}}  # fmt: skip
    (group,) = timing_groups([row])
    assert group.phase_medians == {"setup": 0.75, "data": 1.0, "start and exit": 0.25}


def test_a_timing_group_is_a_cell_without_its_seed() -> None:
    """Seeds and replicates are observations; cells that are not ok or not timed are none."""
    rows = [
        {"axes": {"implementation": name, "seed": seed}, "status": status, "step_seconds": time, "seconds": 1.0,
         "phases": {"data": 0.25}}
        for name, seed, status, time in (
            ("numpy", 0, "ok", 1.0), ("numpy", 1, "ok", 3.0), ("numpy", 2, "failed", 1.0), ("numpy", 3, "ok", math.nan),
            ("optim", 0, "ok", 9.0),
        )
    ]  # fmt: skip
    first, second = timing_groups(rows)
    assert (first.seconds, second.seconds) == ((1.0, 3.0), (9.0,))
    assert first.phase_medians == {"data": 0.25, "start and exit": 0.75}


def test_fastest_is_claimed_only_where_the_interval_carries_it() -> None:
    """Apart and resolved: the fastest. Few processes, or intervals that meet: medians only."""
    slow = group(*(10 * value for value in NEAR_ONE))
    assert "a is the fastest" in findings.of_times({"a": group(*NEAR_ONE), "b": slow})
    few = findings.of_times({"a": group(1e-5, 1e-5), "b": slow})
    assert "fastest" not in few
    assert "with 2 processes no difference is resolved" in few
    meeting = findings.of_times({"a": group(*NEAR_ONE), "b": group(*NEAR_ONE)})
    assert "no interval lies below all others" in meeting
    assert findings.of_times({}) == "No cell was timed here."


def test_digits_name_the_least_and_the_most() -> None:
    """One value for all, a range, or none at all."""
    of_digits = findings_accuracy.of_digits
    assert of_digits({"a": -0.4, "b": 1.0}, 3) == (
        "No implementation arrives at the exact optimum: −0.4 (a) to 1.0 (b) correct digits, where 3 count as "
        "converged."
    )
    assert of_digits({"a": 5.02, "b": 5.04, "c": 5.0}, 3) == (
        "All 3 implementations find the exact optimum to 5.0 correct digits; from 3 on a cell counts as converged."
    )
    assert of_digits({"a": 5.0}, 3).startswith("a finds the exact optimum to 5.0 correct digits;")
    assert of_digits({"a": 5.0, "b": 2.0}, 3).startswith("1 of 2 implementations arrives at the exact optimum: 2.0 (b)")
    assert "No cell finished" in of_digits({"a": math.nan}, 3)
    assert "No cell finished" in of_digits({}, 3)
    assert of_digits({"a": math.inf, "b": math.inf}, 3) == "Both implementations end on the exact optimum itself."
    assert "to 5.0 (a) to all (b) correct digits" in of_digits({"a": 5.0, "b": math.inf}, 3)


@pytest.mark.parametrize("value", [2.0, 1.0, -1.0, 0.0, 1e-6, -3.7e9, 123456.789, 1e-300, 1e300])
@pytest.mark.parametrize("spread", [0.0, 2e-16, 1e-9, 1e-3])
def test_ticks_of_equal_estimates_tell_them_apart(value: float, spread: float) -> None:
    """Estimates that are all but one: at least two ticks, and no two that read the same."""
    rows = [Estimates("optimum", "ink", (value,)), Estimates("numpy", "numpy", (value * (1 + spread),))]
    svg = parameters.draw("k", "bias", rows, None)
    texts = [re.sub("<.*?>", "", text).strip() for text in re.findall(r"<text.*?</text>", svg, re.DOTALL)]
    known = {"optimum", "numpy", "bias", "estimate", numbers.significant(value, 5), numbers.significant(value, 6)}
    ticks = [text for text in texts if text and text not in known]
    assert len(ticks) >= 1
    assert len(set(ticks)) == len(ticks)


def test_ticks_around_two() -> None:
    """Two estimates of exactly 2: `1.999998` and `2.000000`, not `2.00` three times."""
    rows = [Estimates(name, "ink", (2.0,)) for name in ("optimum", "numpy")]
    svg = parameters.draw("k", "bias", rows, None)
    assert ">1.999998<" in svg
    assert ">2.00<" not in svg


def test_what_diverged_has_no_digits() -> None:
    """It is named, counts among none that arrive, and all of them are said as one."""
    assert "; b diverges" in findings_accuracy.of_digits({"a": 5.0, "b": -math.inf}, 3)
    assert "; b diverges." in findings_accuracy.of_digits({"a": 1.0, "b": -math.inf}, 3)
    assert findings_accuracy.of_digits({"a": 5.0, "b": 5.0, "c": math.nan}, 3).startswith(
        "2 of 3 implementations find the exact optimum to 5.0 correct digits; c has none; from 3 on"
    )
    assert findings_accuracy.of_digits({"a": -math.inf, "b": -math.inf}, 3) == "Every implementation diverges."


def test_convergence_counts_what_diverged() -> None:
    """Lines without an end are no best and no worst; all diverged is said in words."""
    both = findings.of_convergence({"x": 1e-3, "y": math.nan, "z": 1.0}, 4, 12, excess=True)
    assert "lowest, at 0.00100, with x" in both
    assert "4 of 12 cells diverged" in both
    assert findings.of_convergence({"y": math.nan}, 3, 3, excess=False) == "3 of 3 cells diverged."
    assert "No cell finished" in findings.of_convergence({}, 0, 0, excess=False)


def result(*held: bool, reason: str = "") -> Result:
    expect = Expect(quantity="loss", value=1.0, within=0.1)
    checks = tuple(Check("c", {}, "end", 2.0, 1.0, ok, 0.5 if ok else 10.0) for ok in held)
    return Result("s", 0, expect, checks, reason)


@pytest.mark.parametrize(
    ("results", "says"),
    [
        ([], "declares no expectation"),
        ([result(True)], "The expectation holds."),
        ([result(True), result(True, True)], "Both expectations hold."),
        ([result(True)] * 3, "All 3 expectations hold."),
        ([result(False)], "The expectation is missed: loss at the end is 1.0 within 0.1."),
        ([result(True), result(True, False)], "1 of 2 expectations is missed"),
        ([result(reason="x")], "The expectation could not be checked."),
        ([result(reason="x"), result(reason="x")], "None of the 2 expectations could be checked."),
        ([result(True), result(reason="x")], "1 of 2 expectations hold; 1 was not checked"),
    ],
)
def test_expectations_are_counted(results: list[Result], says: str) -> None:
    """Held, missed and not checked are three things."""
    assert says in findings_expectations.of_expectations(results)


def test_repeats_are_counted() -> None:
    """All, some, none, and nothing to compare."""
    same, other = Repeated("s", "c", 2, 1, ("t",)), Repeated("s", "d", 2, 2, ("t",))
    assert findings.of_repeats([same, same]).startswith("All 2 cells")
    assert findings.of_repeats([same, other]).startswith("1 of 2 cells that ran more than once left different bits")
    assert "not checked" in findings.of_repeats([])


def test_agreement_is_said_by_dtype_and_up_to_the_kink() -> None:
    """The largest distance of each dtype, and how many pairs part at a kink."""
    near = Agreement("s", {"dtype": "float64"}, ("numpy", "optim"), 3e-16, 7, None, 10)
    far = Agreement("s", {"dtype": "float32"}, ("numpy", "optim"), 2e-7, 7, 5, 6)
    text = findings.of_agreement([near, far])
    assert "In float64 the paths differ by at most 3.0\u202f×\u202f10⁻¹⁶" in text
    assert "in float32" in text
    assert "1 pair part at a kink" in text
    assert "no pair to compare" in findings.of_agreement([])


@pytest.mark.parametrize(
    ("counts", "says"),
    [
        ((0, 0, 9, 0), "Nothing failed."),
        ((3, 3, 9, 0), "3 of 9 processes failed."),
        ((3, 1, 9, 2), "1 of 9 processes failed; 2 failures were expected; 2 planned processes left no record."),
    ],
)
def test_failures_are_counted(counts: tuple[int, int, int, int], says: str) -> None:
    """Unexpected, expected and missing are three things."""
    assert findings.of_failures(*counts) == says


def test_final_loss_of_a_net() -> None:
    """Equal within a thousandth is one number; else the best and the worst are named."""
    assert findings_accuracy.of_final_loss({"a": 0.5, "b": 0.5001}) == "The loss ends at 0.500 in both implementations."
    lost = findings_accuracy.of_final_loss({"a": 0.5, "b": 0.7, "c": math.inf})
    assert lost == "The loss ends between 0.500 (a) and 0.700 (b); it is not finite in c."
    assert findings_accuracy.of_final_loss({"a": 0.5, "c": math.nan}) == (
        "The loss ends at 0.500 in a; it is not finite in c."
    )
    assert findings_accuracy.of_final_loss({"a": math.nan}) == "No cell ended with a finite loss."


def luminance(colour: str) -> float:
    """Of WCAG 2: https://www.w3.org/TR/WCAG22/#dfn-relative-luminance"""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("name", palette.TEXT)
@pytest.mark.parametrize("scheme", [0, 1])
def test_text_is_readable_on_the_page(name: str, scheme: int) -> None:
    """A contrast of at least 4.5 in both schemes."""
    page, text = luminance(palette.COLOURS["bg"][scheme]), luminance(palette.COLOURS[name][scheme])
    assert (max(page, text) + 0.05) / (min(page, text) + 0.05) >= 4.5


def test_light_colours_tell_names_apart() -> None:
    """Figures are drawn in light colours, which become variables: two names cannot share one."""
    light = [pair[0] for pair in palette.COLOURS.values()]
    assert len(set(light)) == len(light)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0000063249, "6.32\u202f×\u202f10⁻⁶"), (41.4, "41.4"), (1234567.0, "1.23\u202f×\u202f10⁶"), (0.0, "0"),
        (-2.5, "\u22122.50"), (math.nan, "–"), (math.inf, "not finite"), (None, "–"), (2097.0, "2,100"),
        (-1.5e-9, "\u22121.50\u202f×\u202f10⁻⁹"),
    ],
)  # fmt: skip
def test_numbers_have_three_digits(value: float | None, text: str) -> None:
    """Three significant digits, words for what is no number."""
    assert numbers.significant(value) == text


def test_times_share_a_unit_unless_they_range_over_a_thousand() -> None:
    """µs for all of a table, or each its own."""
    unit = numbers.unit_for([6.32e-6, 4.1e-4])
    assert unit is not None
    assert numbers.seconds(4.1e-4, unit) == "410\u00a0µs"
    assert numbers.unit_for([1e-6, 1.0]) is None
    assert numbers.seconds(0.0041) == "4.10\u00a0ms"


def test_labels_are_pushed_apart() -> None:
    """At least the gap between neighbours, the order kept."""
    placed = spread([10.0, 10.0, 11.0, 50.0], gap=12.0)
    assert all(later - earlier >= 12.0 - 1e-9 for earlier, later in itertools.pairwise(sorted(placed)))


def test_a_line_at_the_optimum_is_the_best() -> None:
    """An excess within rounding has no place on a log axis, and must not drop out of the caption."""
    text = findings.of_convergence({"x": 1e-9, "y": 0.0}, 0, 2, excess=True)
    assert text == "Within rounding of the optimum at the end: y; the highest ends at 1.00\u202f×\u202f10⁻⁹, with x."
    assert findings.of_convergence({"x": 0.0, "y": 0.0}, 0, 2, excess=True).startswith("All lines")


def test_a_line_ends_where_a_log_axis_can_show_it() -> None:
    """The last positive value is labelled; a diverged line has no end."""
    step = np.array([1.0, 2.0, 3.0])
    line = Line("a", "q1", step, np.array([1.0, 0.1, 0.0]))
    assert (line.rounded, line.last) == (True, (2.0, 0.1))
    assert math.isnan(line.end)
    gone = Line("a", "q1", step, np.array([1.0, 1e9, np.inf]), diverged=True)
    assert (gone.rounded, gone.last) == (False, None)


def test_axes_hold_what_is_finite_and_cut_what_diverges() -> None:
    """NaN, inf and 1e300 leave usable limits; nothing at all leaves none."""
    step = np.array([1.0, 2.0, 3.0])
    bounds = limits(
        [Line("a", "q1", step, np.array([1.0, np.nan, 1e300])), Line("b", "q2", step, np.array([1.0, 0.1, 0]))]
    )
    assert bounds is not None
    assert 0 < bounds[0] < 0.1
    assert bounds[1] < 1e4
    assert limits([Line("a", "q1", step, np.full(3, np.nan))]) is None
