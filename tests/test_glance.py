"""A scenario at a glance: what its rows share, and what never ran."""

from __future__ import annotations

import math

from harness.analysis.timing import Interval
from harness.report.glance import Arm, Glance, _interval


def arm(implementation: str, device: str = "cpu", outcomes: str = "3 converged", **values: object) -> Arm:
    fields = {"digits": 5.0, "steps": 7.0, "budget": 9, "timing": None, **values}
    return Arm(implementation, device, outcomes=outcomes, **fields)  # type: ignore[arg-type]


def test_outcomes_that_all_rows_have_in_common_are_said_once() -> None:
    """Of those that ran: equal in two arms they are shared; where they differ, or one arm is alone, they are not."""
    skipped = arm("module", "cuda", "9 skipped", reason="no CUDA")
    assert Glance((arm("numpy"), arm("optim"), skipped), None).shared_outcomes == "3 converged"
    assert Glance((arm("numpy"), arm("optim", outcomes="3 diverged")), None).shared_outcomes == ""
    assert Glance((arm("numpy"), skipped), None).shared_outcomes == ""
    assert Glance((skipped, arm("optim", "cuda", "8 skipped")), None).shared_outcomes == ""
    assert Glance((), None).shared_outcomes == ""


def test_what_never_ran_is_told_by_device_and_reason() -> None:
    """Rows of skipped cells are no rows of the table; one cell that ran, or failed, makes a row."""
    found = Glance((
        arm("numpy", "cpu", "1 converged, 2 skipped"), arm("optim", "cuda", "1,200 skipped", reason="no CUDA"),
        arm("module", "cuda", "3 skipped", reason="no CUDA"), arm("module", "cpu", "2 crashed"),
    ), None)  # fmt: skip
    assert [(item.implementation, item.device) for item in found.ran] == [("numpy", "cpu"), ("module", "cpu")]
    assert {key: [item.implementation for item in arms] for key, arms in found.skipped.items()} == {
        ("cuda", "no CUDA"): ["optim", "module"]
    }


def test_steps_have_a_decimal_only_where_it_is_seen() -> None:
    """A median of two seeds may be a half: 18.5, and 1,200 of 1,200.5."""
    assert [arm("numpy", steps=steps).steps_words for steps in (18.5, 1_200.5, 40.0, math.inf, math.nan)] == [
        "18.5", "1,200", "40", ">\u00a09", "–",
    ]  # fmt: skip


def test_what_diverged_or_failed_has_words_and_no_number() -> None:
    """Digits of a median cell that diverged, whatever finite number it ended at; steps of an arm that failed."""
    assert arm("numpy", digits=-math.inf).digits_words == "diverged"
    assert arm("numpy", digits=-0.25).digits_words == "\u22120.2"
    assert arm("numpy", steps=math.inf, budget=0).steps_words == "–"


def test_intervals_reach_to_infinity() -> None:
    """A bootstrap over misses ends at inf, over cells that diverged begins at -inf; neither is NaN."""
    assert _interval([1.0, 2.0, 3.0, math.inf, math.inf, math.inf]) == Interval(1.5, math.inf)
    found = _interval([-math.inf, -math.inf, -math.inf, 4.0, 5.0, 6.0])
    assert found is not None
    assert (found.low, found.high) == (-math.inf, 5.5)
    assert _interval([1.0] * 5) is None
