"""Numbers as the page prints them."""

from __future__ import annotations

import math

import pytest

from harness.report import numbers


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.09999, "0.100"), (0.1, "0.100"), (9.996, "10.0"), (10.0, "10.0"), (999.6, "1,000"), (0.9999, "1.00"),
     (0.5, "0.500"), (-0.25, "\u22120.250"), (1e-9, "1.00\u202f×\u202f10⁻⁹"), (9.999e-9, "1.00\u202f×\u202f10⁻⁸"),
     (math.inf, "not finite")],
)  # fmt: skip
def test_three_digits_after_rounding_too(value: float, words: str) -> None:
    """What rounds up to the next power of ten has no digit more than its neighbour."""
    assert numbers.significant(value) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [(1e-05, "10⁻⁵"), (2.5e20, "2.5\u202f×\u202f10²⁰"), (0.01, "0.01"), (-3e-7, "\u22123\u202f×\u202f10⁻⁷"), (16, "16"),
     ("full", "full"), (True, "true"), ([5, 6, 7, 8, 9], "5 to 9")],
)  # fmt: skip
def test_a_level_has_no_e(value: object, words: str) -> None:
    """Rates are printed as all other numbers are, words and whole numbers bare."""
    assert numbers.level(value) == words


def test_digits_have_a_minus() -> None:
    """Worse than no digit is a minus, not a hyphen; nothing is -0.0."""
    assert [numbers.digits(value) for value in (-120.46, -0.04, 7.25, math.inf, math.nan)] == [
        "\u2212120.5", "0.0", "7.2", "exact", "–",
    ]  # fmt: skip
