"""Steps, rows and seconds to targets: misses stay infinite, and no mean is over the successes alone."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.analysis.best_found import steps_to_best_found
from harness.analysis.targets import Reaching, Target, least_found, median, reachings, rows_seen
from harness.scenario.cell import CellSpec
from tests.builders import scenario
from tests.referenced import run_here
from tests.test_report_page import one_scenario

INF = math.inf


def spec_of(**values: Any) -> CellSpec:
    return scenario(**values).cells[0].spec


def row(seed: int, steps: list[int | None] | None, status: str = "ok", seconds: float = math.nan) -> dict[str, Any]:
    axes = {"implementation": "numpy", "learning_rate": 0.1, "seed": seed}
    return {"axes": axes, "status": status, "outcome": "unfinished", "target_steps": steps, "step_seconds": seconds}


def target_of(*rows: dict[str, Any], steps: int = 100) -> Target:
    """One target of one configuration whose seeds have so many steps."""
    specs = [spec_of(training={"steps": steps}, grid__seed=[item["axes"]["seed"]]) for item in rows]
    (reaching,) = reachings(zip(specs, rows, strict=True), [0.1])
    (target,) = reaching.targets
    return target


def test_all_seeds_reach_it() -> None:
    """Of 10, 20 and 60 steps the median is 20, and the expected running time their mean, 30."""
    target = target_of(row(0, [10]), row(1, [60]), row(2, [20]))
    assert (target.reached, target.count) == (3, 3)
    assert (target.steps, target.expected_steps, target.budget) == (20.0, 30.0, 0)


def test_a_miss_is_infinite_and_its_budget_counts() -> None:
    """10 and 20 steps and a miss of 100: median 20, expected (10 + 20 + 100) / 2 = 65, never the mean of 10 and 20."""
    target = target_of(row(0, [10]), row(1, [None]), row(2, [20]))
    assert (target.reached, target.steps, target.expected_steps) == (2, 20.0, 65.0)
    assert target.budget == 100


def test_most_miss() -> None:
    """One success in three: the median is infinite, the expected running time (10 + 100 + 100) / 1."""
    target = target_of(row(0, [10]), row(1, [None]), row(2, [None]))
    assert (target.reached, target.steps, target.expected_steps) == (1, INF, 210.0)


def test_all_miss() -> None:
    """No success: everything is infinite."""
    target = target_of(row(0, [None]), row(1, None))
    assert (target.reached, target.steps, target.rows, target.seconds, target.expected_steps) == (0, INF, INF, INF, INF)


def test_a_cell_that_failed_is_a_miss() -> None:
    """Whatever it had written down, it counts with its whole budget."""
    target = target_of(row(0, [10]), row(1, [5], status="crashed"))
    assert (target.reached, target.count, target.steps) == (1, 2, INF)
    assert target.expected_steps == 110


def test_seconds_are_steps_times_the_time_of_one() -> None:
    """10 steps of 2 ms are 20 ms; a miss is infinite though its 100 steps took 0.2 s, which is kept."""
    target = target_of(row(0, [10], seconds=0.002), row(1, [None], seconds=0.002), row(2, [30], seconds=0.001))
    assert target.seconds == pytest.approx(0.03)
    assert target.attempts[1].seconds == pytest.approx(0.2)
    assert target.attempts[1].ranked_seconds == INF
    assert math.isnan(target_of(row(0, [10])).seconds)


@pytest.mark.parametrize(
    ("values", "steps", "seen"),
    [
        ({"grid__batch_size": ["full"]}, 7, 280),  # 40 rows each
        ({"grid__batch_size": [8]}, 7, 56),  # 7 batches of 8
        ({"grid__batch_size": [12]}, 4, 40),  # 12, 12, 12 and the 4 that are left
        ({"grid__batch_size": [12]}, 6, 64),  # and two more of 12
        ({"grid__batch_size": [12], "training": {"epochs": 5, "drop_last": True}}, 4, 48),  # the 4 are dropped
        ({"grid__batch_size": [100]}, 3, 120),  # no batch is larger than the data
        ({"grid__batch_size": [12]}, 0, 0),
    ],
)
def test_rows_are_those_used(values: dict[str, Any], steps: int, seen: int) -> None:
    """A short last batch counts its own rows, a dropped one none; the data has 40."""
    assert rows_seen(spec_of(**values), steps) == seen


def test_medians_know_infinity() -> None:
    """Of an even number it is the mean of the middle two, −inf beside inf; nan if any is nan or there are none."""
    assert [median(v) for v in ([1.0], [1.0, 2.0], [1.0, INF], [1.0, 2.0, INF], [INF])] == [1.0, 1.5, INF, 2.0, INF]
    assert [median(v) for v in ([-INF, INF], [-INF, 1.0], [-INF] * 2, [INF] * 2)] == [-INF, -INF, -INF, INF]
    assert median([1e308, 1e308]) == 1e308
    assert math.isnan(median([]))
    assert math.isnan(median([1.0, math.nan]))


def test_configurations_are_all_axes_but_the_seed() -> None:
    """Two rates and two seeds are two configurations of two."""
    cells = scenario(grid__learning_rate=[0.1, 0.2], grid__seed=[0, 1]).cells
    rows = [{**row(0, [3]), "axes": cell.axes} for cell in cells]
    found = reachings(zip((cell.spec for cell in cells), rows, strict=True), [0.1, 0.01][:1])
    assert [isinstance(item, Reaching) and item.targets[0].count for item in found] == [2, 2]
    assert reachings([], [0.1]) == []


def test_the_least_found_is_of_finite_losses() -> None:
    """What is nan or infinite was not found; nothing at all is infinite."""
    assert least_found([np.array([3.0, np.nan, 1.0]), np.array([np.inf, 2.0])]) == 1.0
    assert least_found([]) == INF


def test_a_net_is_held_to_the_best_found(tmp_path: Path) -> None:
    """Of two rates the better one's best state is the least loss, which it reaches and the other does not."""
    net = {"kind": "mlp", "hidden": [3], "activation": "tanh"}
    values = {"model": net, "init": {"weights": "default"}, "training": {"steps": 30}, "grid__batch_size": ["full"]}
    run = run_here(tmp_path / "run", one_scenario(tmp_path, **values, grid__learning_rate=[1e-4, 0.1])).run
    found = steps_to_best_found(run, "line", (0.5, 1e-7))
    cells = {float(run.file.axes["line", cell]["learning_rate"]): steps for cell, steps in found.items()}
    assert cells[1e-4] == [None, None]
    assert cells[0.1][1] == 30


def test_the_best_found_is_of_the_rows_and_not_of_the_seed(tmp_path: Path) -> None:
    """Rows of a formula without noise are the same for all seeds, so one start alone is the best; noise parts them."""
    net = {"kind": "mlp", "hidden": [3], "activation": "tanh"}
    values = {"model": net, "init": {"weights": "default"}, "training": {"steps": 30}, "grid__batch_size": ["full"]}
    rows: dict[str, Any] = {"samples": 20, "x": {"kind": "linspace", "start": -1.0, "stop": 1.0}, "y": {"kind": "sin"}}
    reached = {}
    for name, noise in (("same", {"kind": "none"}), ("apart", {"kind": "normal", "mean": 0.0, "sd": 0.1})):
        (tmp_path / name).mkdir()
        scenarios = one_scenario(tmp_path / name, **values, data={**rows, "noise": noise}, grid__seed=[0, 1, 2])
        found = steps_to_best_found(run_here(tmp_path / name / "run", scenarios).run, "line", (1e-9,))
        reached[name] = sum(steps != [None] for steps in found.values())
    assert reached == {"same": 1, "apart": 3}
