"""Performance profiles: times as multiples of the best arm's, and failures infinite."""

from __future__ import annotations

import math
from typing import Any

import pytest

from harness.analysis.profile import profile
from harness.report.figures import profile as figure

A, B = ("a", "cpu"), ("b", "cpu")


def process(
    arm: str, rate: float, steps: list[int | None], seconds: float, seed: int = 0, **values: Any
) -> dict[str, Any]:
    axes = {"implementation": arm, "device": "cpu", "learning_rate": rate, "seed": seed}
    return {
        "cell": f"c-{arm}", "axes": axes, "phase": "timed", "status": "ok", "outcome": "converged",
        "target_steps": steps, "step_seconds": seconds, **values,
    }  # fmt: skip


def test_ratios_by_hand() -> None:
    """Problem 1: 10 and 30 ms; problem 2: 40 and 20 ms. So a is 1 and 2 times the best, b 3 times and 1."""
    rows = [
        process("a", 0.1, [10], 0.001), process("b", 0.1, [10], 0.003),
        process("a", 0.2, [20], 0.002), process("b", 0.2, [20], 0.001),
    ]  # fmt: skip
    found = profile(rows, [0.1])
    assert found is not None
    assert found.ratios[A] == pytest.approx((1.0, 2.0))
    assert found.ratios[B] == pytest.approx((1.0, 3.0))
    assert [found.share(A, ratio) for ratio in (1.0, 2.0)] == [0.5, 1.0]
    assert [found.share(B, ratio) for ratio in (1.0, 2.0, 4.0)] == [0.5, 0.5, 1.0]
    assert found.solved(B) == 1.0


@pytest.mark.parametrize(
    "change",
    [{"outcome": "diverged"}, {"target_steps": [None]}, {"target_steps": None}],
    ids=["diverged", "missed", "no least loss"],
)  # fmt: skip
def test_what_is_not_right_is_not_ranked(change: dict[str, Any]) -> None:
    """A cell that diverged or missed is infinite, though it was the faster."""
    found = profile([{**process("a", 0.1, [1], 1e-9), **change}, process("b", 0.1, [10], 1.0)], [0.1])
    assert found is not None
    assert found.ratios == {A: (math.inf,), B: (1.0,)}
    assert (found.solved(A), found.solved(B)) == (0.0, 1.0)


def test_a_failed_cell_is_a_miss_and_a_failed_arm_none() -> None:
    """A failed process is infinite; an arm of which none is ok is left out by name, and one arm alone has no rival."""
    gone = {"status": "failed", "step_seconds": math.nan}
    both = [process(arm, rate, [1], 1.0) for arm in "ab" for rate in (0.1, 0.2)]
    found = profile([{**both[0], **gone}, *both[1:]], [0.1])
    assert found is not None
    assert (found.ratios, found.failed) == ({A: (1.0, math.inf), B: (1.0, 1.0)}, ())
    rest = [{**process("c", 0.1, [1], 1.0), **gone}]
    found = profile([*both, *rest], [0.1])
    assert found is not None
    assert (found.ratios, found.failed) == ({A: (1.0, 1.0), B: (1.0, 1.0)}, (("c", "cpu"),))
    assert profile([both[0], *rest], [0.1]) is None


def test_what_left_its_path_is_not_ranked() -> None:
    """A cell that arrived sooner by taking steps that are not its own is infinite too."""
    found = profile([process("a", 0.1, [1], 1e-9), process("b", 0.1, [10], 1.0)], [0.1], wrong={"c-a"})
    assert found is not None
    assert found.ratios == {A: (math.inf,), B: (1.0,)}


def test_the_median_over_processes_counts() -> None:
    """Seeds of 1, 2 and 9 ms a step have a median of 2; a miss in three leaves it finite, two do not."""
    other = [process("b", 0.1, [1], 0.001, seed) for seed in range(3)]
    mine = [process("a", 0.1, [1], seconds, seed) for seed, seconds in enumerate((0.009, 0.001, 0.002))]
    found = profile([*mine, *other], [0.1])
    assert found is not None
    assert found.ratios[A] == pytest.approx((2.0,))
    one = profile([{**mine[0], "target_steps": [None]}, *mine[1:], *other], [0.1])
    two = profile([{**mine[0], "target_steps": [None]}, {**mine[1], "target_steps": [None]}, mine[2], *other], [0.1])
    assert one is not None
    assert two is not None
    assert one.ratios[A] == pytest.approx((2.0,))
    assert two.ratios[A] == (math.inf,)


def test_problems_that_rank_nobody_are_left_out_and_counted() -> None:
    """One that no arm solved, and one that not every arm ran."""
    rows = [
        process("a", 0.1, [5], 0.1), process("b", 0.1, [5], 0.1), process("a", 0.2, [None], 0.1),
        process("b", 0.2, [None], 0.1), process("a", 0.3, [5], 0.1),
    ]  # fmt: skip
    found = profile(rows, [0.1])
    assert found is not None
    assert (found.problems, found.unsolved, found.unmatched) == (1, 1, 1)


def test_each_target_is_a_problem() -> None:
    """Two targets of one configuration are two problems; a start at a target takes no time in either arm."""
    found = profile([process("a", 0.1, [0, 10], 0.1), process("b", 0.1, [0, 10], 0.2)], [0.1, 0.01])
    assert found is not None
    assert found.ratios[B] == pytest.approx((1.0, 2.0))


@pytest.mark.parametrize("seeds", [5, 6])
def test_a_claim_takes_six_processes(seeds: int) -> None:
    """Below six the order is not resolved."""
    found = profile([process(arm, 0.1, [1], 0.1, seed) for arm in "ab" for seed in range(seeds)], [0.1])
    assert found is not None
    assert (found.processes, found.resolved) == (seeds, seeds >= 6)


def test_there_is_no_profile_of_one_arm_or_of_no_times() -> None:
    """Nothing timed, one arm, or times that do not exist: nobody to rank."""
    one = process("a", 0.1, [1], 0.1)
    assert profile([], [0.1]) is None
    assert profile([one], [0.1]) is None
    assert profile([one, {**process("b", 0.1, [1], 0.1), "status": "skipped"}], [0.1]) is None
    assert profile([process(arm, 0.1, [1], math.nan) for arm in "ab"], [0.1]) is None
    assert profile([{**process(arm, 0.1, [1], 0.1), "phase": "accuracy"} for arm in "ab"], [0.1]) is None


@pytest.mark.parametrize("ratios", [(1.0, 1.5, math.inf), (math.inf,), (1.0,), (1.0, 1e6)])
def test_every_profile_can_be_drawn(ratios: tuple[float, ...]) -> None:
    """An arm that solved nothing, all at once, and one a million times slower have a panel."""
    drawn = figure.times("p", "problems", [figure.Curve("a", "numpy", (1.0,) * len(ratios)),
                                           figure.Curve("b", "optim", ratios, dashed=True)])  # fmt: skip
    assert "<svg" in drawn
    assert "nan" not in drawn
