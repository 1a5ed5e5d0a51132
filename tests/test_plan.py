"""Which processes start, in which phase and order."""

from __future__ import annotations

from collections import Counter
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import pytest

from harness.plan import ACCURACY, TIMED, Cuts, Plan, make_plan
from harness.scenario.read import Scenario, parse
from tests.builders import document, scenario, toml

GRID: dict[str, Any] = {
    "grid__implementation": ["numpy", "autograd"],
    "grid__dtype": ["float32", "float64"],
    "grid__seed": {"start": 0, "count": 7},
    "run__timed_seeds": 3,
    "run__replicates": 4,
}


def plan(cuts: Cuts | None = None, seed: int = 1, **values: Any) -> Plan:
    return make_plan([scenario(**{**GRID, **values})], cuts or Cuts(), seed)


def replicates(made: Plan) -> Counter[str]:
    return Counter(item.cell for item in made.processes)


def test_timed_seeds_run_replicates_times_and_the_rest_once() -> None:
    """2 x 2 cells of 3 timed seeds run 4 times each, of the other 4 seeds once: 4 * 3 * 4 + 4 * 4 processes."""
    made = plan()
    assert (len(made.phase(TIMED)), len(made.phase(ACCURACY))) == (48, 16)
    by_cell = {item.cell.id: item.cell.spec.seed for item in made.cells}
    assert replicates(made) == {cell: 4 if seed < 3 else 1 for cell, seed in by_cell.items()}


def test_a_process_is_planned_once() -> None:
    """(scenario, cell, replicate) is a key, and replicates count from 0."""
    made = plan()
    keys = [(item.scenario, item.cell, item.replicate) for item in made.processes]
    assert len(set(keys)) == len(keys)
    for cell, count in replicates(made).items():
        assert sorted(item.replicate for item in made.processes if item.cell == cell) == list(range(count))


def test_accuracy_comes_first_then_rounds_outermost() -> None:
    """The phases do not mix, and a round is over before the next begins."""
    made = plan()
    phases = [name for name, _ in groupby(item.phase for item in made.processes)]
    assert phases == [ACCURACY, TIMED]
    rounds = [number for number, _ in groupby(item.round for item in made.phase(TIMED))]
    assert rounds == [0, 1, 2, 3] == made.rounds
    assert all(item.round == item.replicate for item in made.phase(TIMED))


@pytest.mark.parametrize("seed", range(20))
def test_no_cell_runs_in_a_block(seed: int) -> None:
    """Never AAA BBB: a round holds every timed cell once, so no cell runs three times in a row."""
    timed = plan(seed=seed).phase(TIMED)
    for number in range(4):
        cells = [item.cell for item in timed if item.round == number]
        assert len(set(cells)) == len(cells) == 12
    blocks = [len(list(block)) for _, block in groupby(item.cell for item in timed)]
    assert max(blocks) <= 2  # the end of one round and the start of the next


def test_the_order_follows_from_its_seed() -> None:
    """The same shuffle seed gives the same order, another one another; both give the same processes."""
    first, again, other = plan(seed=5), plan(seed=5), plan(seed=6)
    assert first == again
    assert first.shuffle_seed == 5
    assert [item.cell for item in first.processes] != [item.cell for item in other.processes]
    assert set(first.processes) == set(other.processes)


def test_each_round_is_shuffled_anew() -> None:
    """The order of one round is not that of the next, nor that of the file."""
    made = plan()
    orders = [[item.cell for item in made.phase(TIMED) if item.round == number] for number in made.rounds]
    assert all(one != other for one, other in pairwise(orders))
    assert [item.cell.id for item in made.cells if item.cell.spec.seed < 3] not in orders


def test_without_timing_every_cell_runs_once() -> None:
    """timing_repeats = 0: no cell is timed, whatever the replicates."""
    made = plan(run__timing_repeats=0)
    assert made.phase(TIMED) == []
    assert made.rounds == []
    assert set(replicates(made).values()) == {1}
    assert all(item.job.timing_repeats == 0 for item in made.processes)


def test_without_timed_seeds_every_cell_runs_once() -> None:
    """timed_seeds = 0 is the same said in another way."""
    made = plan(run__timed_seeds=0)
    assert made.phase(TIMED) == []
    assert set(replicates(made).values()) == {1}


def test_more_timed_seeds_than_seeds_times_them_all() -> None:
    """timed_seeds beyond the seeds of the grid is no fault."""
    assert plan(run__timed_seeds=100).phase(ACCURACY) == []


def test_quick_cuts_seeds_replicates_and_passes() -> None:
    """--quick: the first two seeds, one replicate, one timed pass; it never times what was not timed."""
    made = plan(Cuts(quick=True))
    assert {item.cell.spec.seed for item in made.cells} == {0, 1}
    assert set(replicates(made).values()) == {1}
    assert {item.job.timing_repeats for item in made.processes} == {1}
    assert {item.job.timing_repeats for item in plan(Cuts(quick=True), run__timing_repeats=0).processes} == {0}


def test_quick_cuts_the_seeds_before_they_are_timed() -> None:
    """With timed_seeds = 1, --quick leaves one timed seed and one that runs once."""
    made = plan(Cuts(quick=True), run__timed_seeds=1)
    seeds = {item.cell.id: item.cell.spec.seed for item in made.cells}
    assert {seeds[item.cell] for item in made.phase(TIMED)} == {0}
    assert {seeds[item.cell] for item in made.phase(ACCURACY)} == {1}


def test_only_keeps_what_matches_every_axis() -> None:
    """Two axes both restrict; values are compared after coercion, so 1.0 names seed 1."""
    made = plan(Cuts(only=(("dtype", ("float64",)), ("seed", (1.0, 5)))))
    assert {(item.cell.spec.dtype, item.cell.spec.seed) for item in made.cells} == {("float64", 1), ("float64", 5)}
    assert len(made.cells) == 4


def test_only_does_not_change_which_seeds_are_timed() -> None:
    """A cell is timed or not by its place in the file, so that --only repeats what the whole run did."""
    made = plan(Cuts(only=(("seed", (6,)),)))
    assert made.phase(TIMED) == []
    assert len(made.cells) == 4


def test_an_axis_that_a_scenario_lacks_leaves_none_of_it() -> None:
    """--only on a dotted axis of one file keeps no cell of a file without that axis."""
    with_axis = scenario(grid__seed=[0], grid={**document()["grid"], "data.samples": [30, 40]})
    made = make_plan([with_axis, scenario()], Cuts(only=(("data.samples", (30,)),)), 1)
    assert [item.cell.axes["data.samples"] for item in made.cells] == [30]


def test_a_set_that_makes_another_cell_is_marked() -> None:
    """A changed id is marked as changed; run.* changes no id, so nothing is marked."""

    def changed(settings: dict[str, Any]) -> list[bool]:
        read: Scenario = parse(toml(document()), Path("line.toml"), settings)
        return [item.changed for item in make_plan([read], Cuts(), 1).cells]

    assert changed({}) == [False]
    assert changed({"training.epochs": 6}) == [True]
    assert changed({"training.epochs": 5}) == [False]
    assert changed({"run.replicates": 7, "run.timeout_seconds": 3.0}) == [False]
    assert changed({"title": "another"}) == [False]


def test_a_timeout_of_the_command_line_wins() -> None:
    """--timeout replaces what the scenario says, for every process."""
    assert {item.job.timeout_seconds for item in plan(Cuts(timeout_seconds=1.5)).processes} == {1.5}
    assert {item.job.timeout_seconds for item in plan(run__timeout_seconds=9).processes} == {9.0}


def test_a_job_keeps_what_expectations_name() -> None:
    """States that an expectation names reach the job in updates: epoch 2 of five updates is state 10."""
    expect = [
        {"quantity": "loss", "at": {"epoch": [2, 3]}, "at_most": 9.0},
        {"quantity": "step_loss", "at": {"step": 4}, "at_most": 9.0},
    ]
    assert {item.job.record_steps for item in plan(expect=expect).processes} == {(4, 10, 15)}


def test_scenarios_keep_their_cells_apart() -> None:
    """Two scenarios with the same cell plan it for each."""
    one, two = (parse(toml(document()), Path(name), {}) for name in ("one.toml", "two.toml"))
    made = make_plan([one, two], Cuts(), 1)
    assert len({item.cell.id for item in made.cells}) == 1
    assert Counter(item.scenario for item in made.processes) == {"one": 2, "two": 2}
