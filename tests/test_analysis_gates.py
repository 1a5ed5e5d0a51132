"""Passed or not: each gate fails for what it watches, and for nothing else."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.analysis.agreement import agreements, compare
from harness.analysis.cut import why_cut
from harness.analysis.gates import Gate, cells_gate, expectations_gate, limit_gate
from harness.analysis.repeatability import repeated_cells
from harness.analysis.result import Check, Result
from harness.analysis.verdict import Assessment
from harness.executors.base import Finished, Task
from harness.executors.inline import InlineExecutor
from harness.frames import Run, load
from harness.record import Arrays, Record, pack_arrays
from harness.scenario.expect import Expect
from harness.scenario.reference import REFERENCE
from tests.builders import scenario
from tests.faulty import finished_run

TIMED = {"grid__seed": [0, 1], "run__timing_repeats": 1}


class Echo(InlineExecutor):
    """Runs NumPy for every implementation: four names of one path, without torch; a reference stays one."""

    def run(self, tasks: Iterable[Task], jobs: int) -> Iterator[Finished]:
        for task in tasks:
            spec = task.job.spec
            if spec.implementation != REFERENCE:
                spec = spec.model_copy(update={"implementation": "numpy"})
            (finished,) = super().run([replace(task, job=replace(task.job, spec=spec))], jobs)
            yield finished


def gates(run: Run, scenario_name: str | None = None) -> dict[str, Gate]:
    return {gate.name: gate for gate in Assessment(run).verdict(scenario_name).gates}


def statuses(run: Run) -> dict[str, str]:
    return {name: gate.status for name, gate in gates(run).items()}


def edit(run: Run, *statement: Any) -> Run:
    with closing(sqlite3.connect(run.file.path)) as db, db:
        db.execute(*statement)
    return load(run.file.path)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Two implementations, two seeds, two replicates, one expectation: everything is checked and holds."""
    values = {**TIMED, "grid__implementation": ["numpy", "optim"], "expect": [{"quantity": "loss", "at_most": 99.0}]}
    return finished_run(tmp_path / "run", scenario(**values), executor=Echo())


def test_everything_holds(run: Run) -> None:
    """A run without a flaw passes every gate, each with its count: 2 x 2 cells, 8 processes, 2 pairs."""
    run = edit(run, "UPDATE record SET template = 'base'")
    found = gates(run)
    assert {name: (gate.status, gate.found) for name, gate in found.items()} == {
        "cells": ("passed", "8 of 8"),
        "expectations": ("passed", "1 of 1"),
        "repeatability": ("passed", "4 of 4"),
        "agreement": ("passed", "2 of 2 pairs, 4 of 4 cells follow their reference"),
    }
    verdict = Assessment(run).verdict()
    assert (verdict.passed, verdict.word) == (True, "Passed")
    assert verdict == Assessment(run).verdict("line")


def test_a_missing_record_fails_the_cells_gate(run: Run) -> None:
    """A run that was cut off is not passed: a planned process without a record counts."""
    cut = edit(run, "DELETE FROM record WHERE replicate = 1 AND cell = (SELECT cell FROM cell WHERE position = 0)")
    assert statuses(cut)["cells"] == "failed"
    assert gates(cut)["cells"].note.startswith("1 without a record of 8 processes (the run was ")
    assert not Assessment(cut).verdict().passed


@pytest.mark.parametrize("status", ["failed", "crashed", "timed_out", "out_of_memory"])
def test_a_bad_record_fails_the_cells_gate(run: Run, status: str) -> None:
    """Each kind of failure fails the gate and is counted under its name."""
    sql = "UPDATE record SET status = ?1, content = json_set(content, '$.status', ?1) WHERE \"order\" = 3"
    bad = edit(run, sql, (status,))
    assert gates(bad)["cells"].status == "failed"
    assert gates(bad)["cells"].note == f"1 {status.replace('_', ' ')} of 8 processes"
    assert gates(bad)["cells"].found == "7 of 8"


def test_a_retry_is_counted(run: Run) -> None:
    """A cell that is ok at the second try passes the gate, which says that there was a first."""
    again = edit(run, 'INSERT INTO retried SELECT * FROM record WHERE "order" < 2')
    assert (gates(again)["cells"].status, gates(again)["cells"].found) == ("passed", "8 of 8, 2 after a retry")


def test_another_digest_fails_repeatability(run: Run) -> None:
    """A replicate that ended on other bits fails the gate and is named; the other gates stand."""
    cell = run.cells["cell"][0]
    sql = "UPDATE record SET content = json_set(content, '$.digest', 'other') WHERE replicate = 1 AND cell = ?"
    other = edit(edit(run, "UPDATE record SET template = 'base'"), sql, (cell,))
    assert statuses(other) == {
        "cells": "passed", "expectations": "passed", "repeatability": "failed", "agreement": "passed"
    }  # fmt: skip
    assert gates(other)["repeatability"].found == "3 of 4"
    assert cell in gates(other)["repeatability"].note
    assert not Assessment(other).verdict().passed


def test_one_process_tells_nothing_of_another(run: Run) -> None:
    """Cells that all ran in one process are not checked, which is said; other bits there fail the gate all the same."""
    gate = gates(run)["repeatability"]
    assert (gate.status, gate.found, gate.note) == (
        "not checked", "no other process", "its cells ran in one process, inline",
    )  # fmt: skip
    cell = run.cells["cell"][0]
    sql = "UPDATE record SET content = json_set(content, '$.digest', 'other') WHERE replicate = 1 AND cell = ?"
    other = gates(edit(run, sql, (cell,)))["repeatability"]
    assert (other.status, other.found) == ("failed", "0 of 1")
    assert other.note == f"1 cell differs in one process, first {cell}"


@pytest.mark.parametrize(
    ("arguments", "finished", "why"),
    [
        ('["run", "--budget", "3"]', 103.5, "the run was cut by its budget of 3 s"),
        ('["run", "--budget=3"]', 103.5, "the run was cut by its budget of 3 s"),
        ('["run", "--budget", "3"]', 101.0, "the run was interrupted"),
        ('["run"]', 103.5, "the run was interrupted"),
        ('["run"]', None, "the run is still going on, or was killed"),
    ],
)
def test_why_records_are_missing(run: Run, arguments: str, finished: float | None, why: str) -> None:
    """The last start of a run tells whether its budget was over, it was interrupted, or it has not ended."""
    edited = edit(run, "UPDATE attempt SET arguments = ?, started = 100.0, finished = ?", (arguments, finished))
    assert why_cut(edited) == why
    counts = {"planned": 8, "missing": 3, "skipped": 0}
    assert cells_gate(counts, [], cut=why).note == f"3 without a record of 8 processes ({why})"


def expected(*values: float, missing: int = 0) -> list[Result]:
    """Expectations of weights[0] of 3 within 0.5, each with what was found; some that were not checked."""
    expect = Expect.model_validate({"quantity": "weights[0]", "value": 3.0, "within": 0.5})
    found = [
        Result("line", 0, expect, (Check("c1", {}, "end", value, 3.0, abs(value - 3) <= 0.5, abs(value - 3) / 0.5),))
        for value in values
    ]
    return [*found, *[Result("line", 0, expect, (), "no such cell")] * missing]


def test_missed_expectations_are_counted_among_all_and_the_first_is_told() -> None:
    """Of all expectations so many are missed, so many not checked; the first in plain words with what was found."""
    gate = expectations_gate(expected(1.953421, 2.0, missing=1), "line")
    assert gate.found == "0 of 3, 1 not checked"
    assert gate.note == (
        "2 of 3 expectations missed, 1 not checked; first: weights[0] at the end is 3.0 within 0.5, found 1.95342"
    )
    one = expectations_gate(expected(2.0), None)
    assert one.note == "1 of 1 expectation missed in line: weights[0] at the end is 3.0 within 0.5, found 2"
    assert expectations_gate(expected(3.0), "line").held == "1 of 1 expectation holds"


def test_a_limit_is_said_in_words() -> None:
    """Quantities and axes without underscores; two cells are both; of words that break it none is the worst."""
    table = {"quantity": "gradient_norm", "at_most": 1e-30, "where": {"batch_size": 8}}
    checks = [Check(name, {}, "end", 0.5, 1e-30, False, math.inf) for name in ("c1", "c2")]
    gate = limit_gate(Result("line", 0, Expect.model_validate(table), tuple(checks)), "line")
    assert gate.title == "gradient norm at the end is at most 1e-30 for batch size 8"
    assert gate.note == f"2 of 2 cells break the limit that {gate.title}, worst 0.5 at the end in c1"
    held = limit_gate(
        Result("line", 0, Expect.model_validate(table), tuple(replace(item, held=True) for item in checks)), "line"
    )
    assert held.held == f"{gate.title} in both cells"
    word = Expect.model_validate({"quantity": "outcome", "equals": "diverged"})
    broken = limit_gate(Result("line", 0, word, (Check("c1", {}, "", "stalled", "diverged", False, 1.0),)), "line")
    assert broken.note == "1 of 1 cell breaks the limit that outcome is diverged, first: stalled in c1"


def test_a_cell_that_ran_once_repeats_nothing(tmp_path: Path) -> None:
    """Without a second process repeatability is not checked, and fails nothing."""
    run = finished_run(tmp_path / "run", scenario(run__timing_repeats=0))
    assert repeated_cells(run) == []
    assert gates(run)["repeatability"].note == "no cell finished twice"
    assert statuses(run)["repeatability"] == "not checked"
    assert Assessment(run).verdict().passed


def spoiled(run: Run, factor: float, row: int) -> Run:
    """The run with the parameters of one state of the first optim cell multiplied."""
    cell = run.cells[run.cells["implementation"] == "optim"].to_dict("records")[0]["cell"]
    trace = {name: array.copy() for name, array in run.file.trace("line", cell, 0).items()}
    trace["parameters"][row] *= factor
    return edit(run, "UPDATE trace SET data = ? WHERE cell = ?", (pack_arrays(trace), cell))


def test_a_path_a_little_apart_fails_agreement(run: Run) -> None:
    """A relative change of 1e-10 in one state of one cell fails the gate: cell and pair, state and size are named."""
    apart = spoiled(run, 1 + 1e-10, 17)
    assert statuses(apart)["agreement"] == "failed"
    gate = gates(apart)["agreement"]
    assert gate.found == "1 of 2 pairs, 3 of 4 cells follow their reference"
    assert "the implementation optim, in float64: from step 17 on" in gate.note
    assert "no mistake that was tried explains it, in line; numpy and optim differ by 1e-10 at step 17" in gate.note


def test_rounding_does_not_fail_agreement(run: Run) -> None:
    """A relative change of 1e-14 is rounding."""
    assert statuses(spoiled(run, 1 + 1e-14, 17))["agreement"] == "passed"


def test_float32_pairs_are_no_gate(tmp_path: Path) -> None:
    """Only float64 pairs must agree; those of float32 are measured, and each beside its reference is judged."""
    values = {"grid__implementation": ["numpy", "optim"], "grid__dtype": ["float32"], "run__timing_repeats": 0}
    run = finished_run(tmp_path / "run", scenario(**values), executor=Echo())
    gate = gates(run)["agreement"]
    assert (gate.status, gate.found) == ("passed", "2 of 2 cells follow their reference")
    assert len(Assessment(run).agreements) == 1


def test_without_references_a_single_implementation_is_not_checked(tmp_path: Path) -> None:
    """Where no reference was made, as without extended precision, one implementation alone agrees with nothing."""
    run = finished_run(tmp_path / "run", scenario(run__timing_repeats=0))
    assert statuses(run)["agreement"] == "passed"
    without = edit(run, "UPDATE reference SET data = X''")
    assert statuses(without)["agreement"] == "not checked"


def test_each_implementation_is_set_beside_the_first(tmp_path: Path) -> None:
    """Four implementations are three pairs for each combination of the other axes."""
    values = {
        "grid__implementation": ["numpy", "autograd", "optim", "module"],
        "grid__batch_size": [8, "full"],
        "run__timing_repeats": 0,
    }
    run = finished_run(tmp_path / "run", scenario(**values), executor=Echo())
    found = list(agreements(run))
    assert sorted({pair.pair for pair in found}) == [("numpy", "autograd"), ("numpy", "module"), ("numpy", "optim")]
    assert len(found) == 6
    assert all(pair.compared == len(run.traces) / 8 or pair.compared in (26, 6) for pair in found)


def test_gates_of_one_scenario_see_its_own_cells(tmp_path: Path) -> None:
    """In a run of two scenarios, the one that fails does not fail the other's verdict, but the run's."""
    good, other = scenario(run__timing_repeats=0), scenario(run__timing_repeats=0, expect=[{
        "quantity": "loss", "at_least": 1e9}])  # fmt: skip
    bad = type(other)(
        "bad", "bad.toml", other.text, other.document, other.cells, other.expectations, other.inputs, other.file_cells
    )
    assessment = Assessment(finished_run(tmp_path / "run", good, bad))
    assert assessment.verdict("line").passed
    assert not assessment.verdict("bad").passed
    assert not assessment.verdict().passed


def test_the_verdict_is_one_sentence(run: Run) -> None:
    """Passed or not, the verdict is a sentence that begins with a capital or number and ends with a stop."""
    for made in (run, edit(run, "DELETE FROM record")):
        sentence = Assessment(made).verdict().sentence
        assert sentence[0] == sentence[0].upper()
        assert sentence.endswith(".")
        assert "\n" not in sentence


# compare() on paths written by hand: one parameter, states 0, 1, 2, …


def path(values: Sequence[float], margins: Sequence[float] | None = None, steps: Sequence[int] | None = None) -> Arrays:
    arrays: dict[str, Any] = {
        "parameters": np.array(values, dtype=np.float64)[:, None],
        "step": np.array(steps if steps is not None else range(len(values)), dtype=np.int64),
    }
    if margins is not None:
        arrays["kink_margin"] = np.array(margins, dtype=np.float32)
    return arrays


def test_equal_paths_are_zero_apart() -> None:
    """The same path has distance 0 over all its states."""
    assert compare(path([1, 2, 3]), path([1, 2, 3])) == (0.0, 0, None, 3)


def test_the_distance_is_a_share_of_the_largest_parameter_so_far() -> None:
    """A difference of 1 at state 2 after a parameter of 4 is a quarter, though the parameter there is smaller."""
    distance, step, kink, compared = compare(path([4, 2, 1]), path([4, 2, 2]))
    assert (distance, step, kink, compared) == (0.25, 2, None, 3)


def test_paths_of_zeros_agree() -> None:
    """Where every parameter is 0 there is nothing to divide by, and nothing apart."""
    assert compare(path([0, 0]), path([0, 0])) == (0.0, 0, None, 2)
    assert compare(path([0, 0]), path([0, 1e-3]))[0] == 1.0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_comes_after_both_overflow_is_left_out(bad: float) -> None:
    """Overflow ends the comparison, on whichever path it comes first, be it a state earlier."""
    assert compare(path([1, 2, bad, 7]), path([1, 2, -bad, 9])) == (0.0, 0, None, 2)
    for steep, late in ((bad, 1e300), (1e300, bad)):
        assert compare(path([1, 1e150, steep, 7]), path([1, 1e150, late, 9])) == (0.0, 0, None, 2)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_path_that_alone_is_lost_is_apart(bad: float) -> None:
    """A path that is no number where the other is a small one is infinitely far away, whichever of the two it is."""
    assert compare(path([1, 2, bad, 7]), path([1, 2, 3, 9])) == (np.inf, 2, None, 3)
    assert compare(path([1, 2, 3, 9]), path([1, 2, bad, 7])) == (np.inf, 2, None, 3)
    assert compare(path([bad, 1]), path([1, 1]))[0] == np.inf
    assert compare(path([1, 2, bad]), path([1, 2, 1e20]), "float32") == (0.0, 0, None, 2)


def test_a_huge_finite_difference_is_a_difference() -> None:
    """Paths that part before they overflow are apart, even where the difference itself overflows."""
    distance, step, _, _ = compare(path([1, 1.5e308]), path([1, -1.5e308]))
    assert distance > 1
    assert step == 1


def test_the_recorded_step_is_named_not_the_row() -> None:
    """In a sparse trace the state is named by its step."""
    assert compare(path([1, 2, 3], steps=[0, 10, 100]), path([1, 2, 4], steps=[0, 10, 100]))[1] == 100


def test_a_kink_explains_what_follows_it() -> None:
    """Paths that part in the update that met a kink agree up to it, and the kink is reported."""
    margins = [1.0, 1.0, 1e-14, 1.0]
    found = compare(path([1, 2, 3, 9, 9], margins), path([1, 2, 3, 4, 5], margins))
    assert found == (0.0, 0, 2, 3)


def test_a_kink_on_either_path_counts() -> None:
    """One of the two may have rounded to the kink's other side already."""
    found = compare(path([1, 2, 9], [1.0, 1e-14]), path([1, 2, 3], [1.0, 1.0]))
    assert found == (0.0, 0, 1, 2)


def test_a_kink_taken_alike_explains_nothing() -> None:
    """Paths that were together long after a kink and part later without one are apart."""
    margins = [1.0, 1e-14, 1.0, 1.0, 1.0]
    distance, step, kink, compared = compare(path([1, 2, 3, 4, 5, 9], margins), path([1, 2, 3, 4, 5, 6], margins))
    assert (step, kink, compared) == (5, None, 6)
    assert distance == pytest.approx(3 / 9)


def test_a_kink_after_the_paths_part_explains_nothing() -> None:
    """A kink met when the paths were already apart is not why they are."""
    margins = [1.0, 1.0, 1e-14, 1.0]
    assert compare(path([1, 2, 9, 9, 9], margins), path([1, 2, 3, 4, 5], margins))[2] is None


def test_a_kink_between_two_recorded_states_counts() -> None:
    """In a sparse trace every update between the last state together and the first apart may be the one."""
    margins = [1.0] * 100
    margins[37] = 1e-14
    sparse = {"steps": [0, 10, 100]}
    assert compare(path([1, 2, 9], margins, **sparse), path([1, 2, 3], margins, **sparse)) == (0.0, 0, 37, 2)


def test_a_near_miss_of_a_kink_is_no_kink() -> None:
    """A margin of 1e-9 cannot round to the other side in float64."""
    margins = [1.0, 1e-9, 1.0]
    assert compare(path([1, 2, 9, 9], margins), path([1, 2, 3, 4], margins))[2] is None


def test_failed_cells_are_not_compared(tmp_path: Path) -> None:
    """A pair of which one failed is no pair; its failure shows in another gate."""

    class Half(Echo):
        def run(self, tasks: Iterable[Task], jobs: int) -> Iterator[Finished]:
            tasks = list(tasks)
            for task, finished in zip(tasks, super().run(tasks, jobs), strict=True):
                failed = task.job.spec.implementation == "optim"
                bad = Finished(task.key, Record("failed", "a reason"), b"", "", 0.0, 0.0)
                yield bad if failed else finished

    values = {"grid__implementation": ["numpy", "optim"], "run__timing_repeats": 0}
    run = finished_run(tmp_path / "run", scenario(**values), executor=Half())
    assert list(agreements(run)) == []
    assert statuses(run) == {
        "cells": "failed", "expectations": "not checked", "repeatability": "not checked", "agreement": "passed"
    }  # fmt: skip
    assert gates(run)["agreement"].found == "1 of 1 cell follows its reference"


def vanishing(values: Sequence[float], shares: Sequence[float]) -> Arrays:
    """A path of an optimiser that divides by the gradient's own size, with the gradient's share of its largest."""
    return {**path(values), "gradient_share": np.array(shares)}


def test_a_gradient_that_has_vanished_explains_what_follows_it() -> None:
    """Such paths are compared up to the first update before they part whose gradient is a thousandth of its largest."""
    one, other = vanishing([1, 2, 3, 4, 5], [1, 0.5, 1e-4, 0.1]), vanishing([1, 2, 3, 4, 9], [1, 0.5, 2e-4, 0.1])
    assert compare(one, other) == (0.0, 0, 2, 3)


def test_a_gradient_that_vanishes_later_explains_nothing() -> None:
    """Paths that part while every gradient is large disagree, whatever comes after."""
    one, other = vanishing([1, 2, 3, 4], [1, 0.5, 1e-4]), vanishing([1, 7, 3, 4], [1, 0.5, 1e-4])
    distance, step, kink, compared = compare(one, other)
    assert (step, kink, compared) == (1, None, 4)
    assert distance > 0.5
