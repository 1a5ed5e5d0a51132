"""Profiles: what their captions claim, and the data profile's numbers."""

from __future__ import annotations

import math
from typing import Any

import pytest

from harness.analysis.data_profile import DataProfile, data_profile
from harness.analysis.profile import Profile
from harness.report import findings_profile as findings
from harness.report.figures import profile as figure

ARMS = (("numpy", "cpu"), ("optim", "cpu"))
NAMES = {("numpy", "cpu"): "numpy", ("optim", "cpu"): "torch.optim"}
INF = math.inf


def ratios(*pairs: tuple[float, float], processes: int = 6) -> Profile:
    return Profile(dict(zip(ARMS, zip(*pairs, strict=True), strict=True)), 0, 0, processes)


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (None, "Fewer than two arms were timed, so there is nobody to rank."),
        (Profile(dict.fromkeys(ARMS, ()), 3, 0, 6),
         "No arm's median process reached a target, so there is nobody to rank."),
        (ratios((1.0, 2.0), (1.0, 3.0)), "numpy has the least median time in 2 of 2 problems."),
        (ratios((1.0, 2.0), (2.0, 1.0)), "numpy and torch.optim each have the least median time in 1 of 2 problems."),
        (ratios((1.0, math.inf)),
         "numpy has the least median time in 1 of 1 problem; torch.optim does not solve all of them."),
        (ratios((1.0, 9.0), processes=1),
         "Who is faster is not resolved: a time rests on as few as 1 process, and it takes 6; "
         "the profile of 1 problem is shown all the same."),
    ],
)  # fmt: skip
def test_a_profile_claims_only_what_is_resolved(found: Profile | None, says: str) -> None:
    """With fewer than six processes nobody is called faster."""
    assert findings.of_profile(found, NAMES) == says


def profile_of(*steps: tuple[float, ...], budget: int = 100) -> DataProfile:
    return DataProfile(dict(zip(ARMS, steps, strict=False)), len({*steps}) == 1, 0, budget)


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (profile_of((INF, INF)), "No problem of 2 is solved within the steps that were done."),
        (profile_of((5.0, 9.0, INF)), "2 of 3 problems are solved, half of these within 7 steps."),
        (profile_of((5.0,)), "1 of 1 problem is solved."),
        (profile_of((5.0, 9.0), (5.0, 9.0)),
         "2 of 2 problems are solved, half of these within 7 steps; the medians of both arms are the same."),
        (profile_of((5.0, 9.0), (5.0, INF)), "numpy solves most: 2 of 2 problems; the fewest are 1."),
        (profile_of((5.0, 9.0), (5.0, 8.0)), "Every arm solves 2 of 2 problems, in different numbers of steps."),
    ],
)  # fmt: skip
def test_a_data_profile_in_words(found: DataProfile, says: str) -> None:
    """Solved problems of all problems; half of the solved ones by the median; sameness is of medians, and says so."""
    assert findings.of_data_profile(found, NAMES) == says


def process(arm: str, config: str, steps: list[int | None], seed: int = 0, **values: Any) -> dict[str, Any]:
    return {
        "cell": f"c-{arm}-{config}-{seed}", "axes": {"implementation": arm, "device": "cpu", "seed": seed},
        "config": config, "status": "ok", "steps": 50, "target_steps": steps, **values,
    }  # fmt: skip


def test_steps_are_medians_over_seeds_by_problem() -> None:
    """Seeds that need 10, 20 and never: 20. Two targets and one configuration are two problems."""
    rows = [
        process("numpy", "x", [10, None], 0),
        process("numpy", "x", [20, 30], 1),
        process("numpy", "x", [None] * 2, 2),
    ]
    found = data_profile(rows, [0.1, 0.01])
    assert found.steps == {("numpy", "cpu"): (20.0, INF)}
    assert (found.problems, found.solved(("numpy", "cpu")), found.solved(("numpy", "cpu"), 19)) == (2, 1, 0)
    assert found.same


def test_of_replicates_the_first_that_is_ok_stands() -> None:
    """A replicate that crashed solves nothing, and takes nothing from the one that did."""
    crashed = process("numpy", "x", [None], status="crashed")
    assert data_profile([crashed, process("numpy", "x", [7])], [0.1]).steps[ARMS[0]] == (7.0,)
    assert data_profile([process("numpy", "x", [7]), crashed], [0.1]).steps[ARMS[0]] == (7.0,)
    assert data_profile([crashed, process("numpy", "y", [7])], [0.1]).steps[ARMS[0]] == (7.0, INF)


def test_an_arm_that_finished_nothing_has_no_line() -> None:
    """It is left out by name, and what it did not run leaves the problems of the others alone."""
    crashed = process("optim", "x", [None], status="crashed")
    found = data_profile([crashed, process("numpy", "x", [7]), process("numpy", "y", [9])], [0.1])
    assert (found.steps, found.failed, found.unmatched) == ({ARMS[0]: (7.0, 9.0)}, (ARMS[1],), 0)
    assert (data_profile([crashed], [0.1]).problems, data_profile([crashed], [0.1]).failed) == (0, (ARMS[1],))


def test_what_left_its_path_or_did_not_run_solves_nothing() -> None:
    """A wrong cell is a miss; a skipped one is not there; a problem that one arm alone ran is left out, and counted."""
    mine, other = process("numpy", "x", [7]), process("optim", "x", [8])
    assert data_profile([mine, other], [0.1], wrong={mine["cell"]}).steps[ARMS[0]] == (INF,)
    found = data_profile([mine, other, process("numpy", "y", [9]), {**other, "cell": "c", "status": "skipped"}], [0.1])
    assert (found.problems, found.unmatched, found.same) == (1, 1, False)
    assert data_profile([], [0.1]).problems == 0


@pytest.mark.parametrize("steps", [(1.0, 1.5, INF), (INF,), (0.0,), (1.0, 1e6)])
def test_every_data_profile_can_be_drawn(steps: tuple[float, ...]) -> None:
    """An arm that solved nothing, one that starts at its target, and one that took a million steps have a panel."""
    drawn = figure.steps("p", "problems", [figure.Curve("a", "numpy", steps)], 1_000_000)
    assert "<svg" in drawn
    assert "nan" not in drawn
