"""Published beside measured, digit by digit; what is missed, not checked, spread over seeds, or drawn."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest

from harness.analysis.published import Row, numbers, verdict, worst
from harness.analysis.result import Check, Result
from harness.report.figures import bands
from harness.report.figures.bands import Band
from harness.report.findings_expectations import of_bands, of_expectations
from harness.report.sections import expectations, expectations_words
from harness.report.typeset import agreeing, beside, typeset
from harness.scenario.expect import Expect
from tests.test_report_sections import view_of

INF, NAN = math.inf, math.nan


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("loss is 1.5 within 5e-09", "loss is 1.5 within 5\u202f×\u202f10⁻⁹"),
        ("at (1, -2.5) is -3e+20", "at (1, −2.5) is −3\u202f×\u202f10²⁰"),
        ("weights[0] of float64, data/x-1e-05.csv, 1.2.3", "weights[0] of float64, data/x-1e-05.csv, 1.2.3"),
        ("by 1.5e-08, 3 times", "by 1.5\u202f×\u202f10⁻⁸, 3 times"),
        ("", ""),
    ],
)
def test_numbers_in_text_do_not_break(text: str, shown: str) -> None:
    """Exponents are powers of ten and hyphens minus signs; names and paths stay."""
    assert typeset(text) == shown


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2.98927619", "2.9892761947", "2.98927619"),
        ("79300", "79274.81", "79"),
        ("2.9e-05", "2.89873e-05", "2"),
        ("2.9e-05", "2.9e-06", ""),
        ("6", "6.5", "6"),
        ("9", "90", ""),
        ("0.001", "0.002", ""),
        ("-0.5", "0.5", ""),
        ("-0.58", "-0.571", "−0.5"),
        ("0", "0", ""),
        ("0", "0.0127546", ""),
        ("0.0", "0.0127546", ""),
        ("0", "1.7e-18", ""),
        ("1", "0.99999", ""),
        ("bitwise", "bitwise", ""),
    ],
)
def test_the_digits_that_agree_are_the_leading_ones(one: str, other: str, same: str) -> None:
    """The same in both, of the same sign and size; noughts alone agree in nothing."""
    bold = [re.findall("<b>(.*?)</b>", text) for text in beside(one, other)]
    assert bold == ([[same], [same]] if same else [[], []])
    assert bool(agreeing(one, other)) == bool(same)
    bare = [re.sub("<.*?>", "", text) for text in beside(one, other)]
    assert bare == [typeset(one), typeset(other)]


EXPECT: dict[str, Any] = {"quantity": "weights[0]", "value": 2.5, "within": 0.01}


def row_of(found: list[Any], seeds: int = 1, **values: Any) -> Row:
    """One cell for each number found, all of which hold that are near enough."""
    expect = Expect(**({**EXPECT, **values}))
    checks = []
    for seed, item in enumerate(found):
        number = isinstance(item, float) and math.isfinite(item)
        distance = abs(item - 2.5) / 0.01 if number else INF
        held = distance <= 1 or isinstance(item, tuple) or item == expect.equals
        wanted = expect.value if expect.equals is None else expect.equals
        checks.append(Check(str(seed), {"seed": seed}, "end", item, wanted, held, distance))
    result = Result("s", 0, expect, tuple(checks), "" if checks else "none of its cells is in this run")
    return Row("s", "", result, numbers(result), worst(result), verdict(result, seeds))


def texts(row: Row, seeds: int = 1) -> list[str]:
    """Published, measured and agreement, without markup."""
    return [
        re.sub("(<.*?>)+", "|", str(part)) for part in (*expectations.pair(row, seeds), expectations.agreement(row))
    ]


@pytest.mark.parametrize(
    ("row", "shown"),
    [
        (row_of([2.5001, 2.5001]), ["|2.5|", "|2.5|001|", "|✓| held|to 4 digits|"]),
        (row_of([2.5, 2.5]), ["|2.5|", "|2.5|", "|✓| held|bitwise|"]),
        (row_of([2.5, 2.501]), ["|2.5|", "|2.5|01|seed 1|", "|✓| held|to 3 digits|"]),
        (
            row_of([2.5, 2.6]),
            ["|2|.5|", "|2|.6|seed 1|", "|✕| missed|by 0.1, 10 times what is allowed|"],
        ),
        (row_of([2.6, 2.6]), ["|2|.5|", "|2|.6|", "|✕| missed|by 0.1, 10 times what is allowed|"]),
        (row_of([2502.5]), ["|2.5|", "|2502.5|", "|✕| missed|by 2,500, 250,000 times what is allowed|"]),
        (row_of([NAN]), ["2.5", "not finite", "|✕| missed|not finite|"]),
        (row_of([NAN], statistic="start_correlation"), ["2.5", "undefined", "|✕| missed|undefined|"]),
        (row_of([INF], statistic="mean"), ["2.5", "not finite", "|✕| missed|not finite|"]),
        (row_of([INF]), ["2.5", "not finite", "|✕| missed|not finite|"]),
        (row_of(["failed"]), ["2.5", "failed", "|✕| missed|"]),
        (row_of([]), ["2.5", "–", "|○| not checked|none of its cells is in this run|"]),
        (
            row_of([(2.4, 2.6)], 50, within=None, inside="seeds"),
            ["2.5", "2.4 to 2.6|least to largest of 50 seeds|", "|✓| held|within the spread of 50 seeds|"],
        ),
        (
            row_of(["converged"], quantity="outcome", equals="diverged", value=None, within=None),
            ["diverged", "converged", "|✕| missed|"],
        ),
    ],
)
def test_a_row_says_how_far_it_agrees(row: Row, shown: list[str]) -> None:
    """Both numbers, the digits they share, a place only where cells differ, and the terminal's words."""
    seeds = 50 if row.result.expect.inside else 1
    assert [text.replace("||", "|") for text in texts(row, seeds)] == [shown[0], *shown[1:]]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "±\u00a00.01"),
        ({"within": 5e-9}, "±\u00a05\u202f×\u202f10⁻⁹"),
        ({"within": 0.0}, "exactly"),
        ({"within": None, "relative": 0.005}, "±\u00a00.5\u202f%"),
        ({"within": None, "digits": 1.0}, "wanted to 1 digit"),
        ({"within": None, "digits": 6.5}, "wanted to 6.5 digits"),
        ({"within": None, "inside": "seeds"}, ""),
    ],
)
def test_what_is_allowed_in_words(values: dict[str, Any], words: str) -> None:
    """Tolerances as the page prints numbers."""
    assert expectations_words.allowed(Expect(**{**EXPECT, **values})) == words


def test_the_finding_tells_how_well_numbers_agree() -> None:
    """Bitwise, digits and seeds are counted; what merely holds, or nothing, adds no words."""
    held = [row_of([2.5]).result] * 4
    said = of_expectations(held, ["bitwise", "to 6 digits", "to 9 digits", "within the spread of 20 seeds"])
    assert said == (
        "All 4 expectations hold; 1 comes out bitwise, 2 agree to 6 digits or more and "
        "1 lies within the spread of the seeds."
    )
    assert of_expectations(held[:2], ["holds", "holds"]) == "Both expectations hold."
    assert of_expectations(held[:1], ["to 1 digit"]) == "The expectation holds; 1 agrees to 1 digit."
    missed = of_expectations([row_of([2.6], within=5e-9).result])
    assert missed == "The expectation is missed: weights[0] at the end is 2.5 within 5\u202f×\u202f10⁻⁹."


@pytest.mark.parametrize(
    ("held", "count", "configurations", "says"),
    [
        (50, 50, 1, "All 50 published values lie inside the range of the seeds."),
        (2, 2, 1, "Both published values lie inside"),
        (1, 1, 1, "The published value lies inside"),
        (200, 200, 4, "All 50 published values lie inside the range of the seeds in each of 4 configurations."),
        (49, 50, 1, "49 of 50 comparisons with published values lie inside the range of the seeds."),
        (0, 100, 2, "0 of 100 comparisons with published values lie inside the range of the seeds, over 2 config"),
    ],
)
def test_bands_in_words(held: int, count: int, configurations: int, says: str) -> None:
    """All, all in each, most, none."""
    assert of_bands(held, count, configurations).startswith(says)


def band(scale: float = 1.0, top: float = 9.0, held: bool = True) -> Band:
    places = (1, 2, 3, 4)
    low = tuple(scale * value for value in (8.0, 4.0, 2.0, 1.0))
    return Band(places, low, tuple(value + top for value in low), tuple(value + 1 for value in low), (held,) * 4)


def test_bands_a_line_apart_are_one() -> None:
    """On a straight axis and a log one; never where a value is missed in one alone, or states differ."""
    limits = bands.limits_of([band(), band(1.0, 9.01)])
    assert not limits.log
    assert bands.coincide(band(), band(1.0, 9.01), limits)
    assert not bands.coincide(band(), band(1.0, 12.0), limits)
    assert not bands.coincide(band(), band(held=False), limits)
    steep = Band((1, 2), (1000.0, 0.01), (1001.0, 0.02), (1000.5, 0.015), (True, True))
    low = Band((1, 2), (1000.0, 0.005), (1001.0, 0.02), (1000.5, 0.015), (True, True))
    limits = bands.limits_of([steep, low])
    assert limits.log
    assert not bands.coincide(steep, low, limits)
    assert not bands.coincide(steep, band(), limits)


@pytest.mark.parametrize("values", [(1.0, 1.0), (0.0, 0.0), (-5.0, 5.0), (INF, INF), (NAN, NAN), (1e-300, 1e300)])
def test_every_band_can_be_drawn(values: tuple[float, float]) -> None:
    """Flat, nothing, not finite, of any size: a panel without NaN, the same each time."""
    one = Band((1, 2, 3), (values[0],) * 3, (values[1],) * 3, (1.0,) * 3, (True, False, True))
    limits = bands.limits_of([one])
    svg = bands.draw("k", "loss", "epoch", one, limits)
    assert "nan" not in svg.lower()
    assert svg == bands.draw("k", "loss", "epoch", one, limits)


SEEDS = list(range(3))
ROW = {
    "quantity": "loss", "at": {"epoch": [0, 1, 2]}, "value": [1.0, 2.0, 3.0], "inside": "seeds", "least_seeds": 3,
}  # fmt: skip


def test_implementations_that_coincide_are_one_panel(tmp_path: Path) -> None:
    """Two implementations, one panel, and it is said; no title is cut off; one fold holds every comparison."""
    grid: dict[str, Any] = {"grid__implementation": ["numpy", "autograd"], "grid__seed": SEEDS}
    data = expectations.section(view_of(tmp_path, **grid, expect=[ROW, EXPECT])).data
    (figure,) = data.figures
    assert len(figure.panels) == 1
    assert "Both bands coincide, so numpy alone is drawn." in figure.finding.how
    assert "crosses (missed)" in figure.finding.how
    assert data.comparisons[0].caption == "Expectation 0: loss at 3 states"
    assert data.count == str(6 + 6)


def test_panels_are_few_and_named_by_what_differs(tmp_path: Path) -> None:
    """13 rates: 5 of 13 panels; a title says the rate alone, what is shared stands below the heading."""
    rates = [round(0.004 * (place + 1), 3) for place in range(13)]
    view = view_of(tmp_path, grid__seed=SEEDS, grid__learning_rate=rates, expect=[ROW, {**ROW, "quantity": "loss"}])
    (figure,) = expectations.section(view).data.figures
    assert len(figure.panels) == 5
    assert re.search(r"\b5 of 13 panels", figure.finding.how)
    assert "…" not in "".join(figure.panels)
    assert all(re.search("range, learning rate [0-9.]+<", panel) for panel in figure.panels)


def test_a_list_in_where_is_any_of_its_members(tmp_path: Path) -> None:
    """The cells are named as elsewhere on the page."""
    view = view_of(tmp_path, grid__implementation=["numpy", "autograd"], grid__seed=SEEDS)
    assert expectations_words.cells(view, {"implementation": ["numpy", "optim"]}) == "numpy and torch.optim"
    assert expectations_words.cells(view, {"learning_rate": 0.1, "seed": [0, 1]}) == "learning rate 0.1 · seed 0 and 1"
    assert expectations_words.cells(view, {}) == ""


def test_a_page_without_expectations(tmp_path: Path) -> None:
    """It says so, and has no table."""
    data = expectations.section(view_of(tmp_path)).data
    assert "declares no expectation" in data.finding.says
    assert data.summary is None
    assert data.figures == data.comparisons == ()


def test_hostile_sources_are_text(tmp_path: Path) -> None:
    """What a scenario says is never markup."""
    hostile = [{**EXPECT, "source": "<script>&"}]
    data = expectations.section(view_of(tmp_path, expect=hostile)).data
    assert data.summary is not None
    assert "&lt;script&gt;&amp;" in data.summary.rows[0][0]
    assert "<script>" not in str(data.summary.rows)
