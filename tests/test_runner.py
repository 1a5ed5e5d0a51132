"""A plan carried out: every process has its record, its phase and its neighbours."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from harness.executors.base import Finished, Task
from harness.executors.inline import InlineExecutor
from harness.frames import load
from harness.plan import Cuts, make_plan
from harness.progress import Progress
from harness.record import Record
from harness.runner import Canary, carry_out
from harness.store.writer import RunWriter
from tests.builders import scenario
from tests.faulty import finished_run

TWO_ROUNDS = {"grid__seed": [0, 1, 2], "run__timed_seeds": 2, "run__replicates": 2, "run__timing_repeats": 1}


class Listening(InlineExecutor):
    """Notes what it was asked; does it inline."""

    def __init__(self) -> None:
        self.phases: list[tuple[list[Task], int]] = []
        self.closed = 0

    def run(self, tasks: Iterable[Task], jobs: int) -> Iterator[Finished]:
        tasks = list(tasks)
        self.phases.append((tasks, jobs))
        return super().run(tasks, jobs)

    def close(self) -> None:
        self.closed += 1


class Pretending(Listening):
    """Gives every task a record without running it."""

    def run(self, tasks: Iterable[Task], jobs: int) -> Iterator[Finished]:
        tasks = list(tasks)
        self.phases.append((tasks, jobs))
        for task in tasks:
            yield Finished(task.key, Record("ok"), b"", "pretended", 0.0, 0.0)


class Interrupted(Listening):
    """Gives one result a phase, then Ctrl-C."""

    def run(self, tasks: Iterable[Task], jobs: int) -> Iterator[Finished]:
        yield next(super().run(tasks, jobs))
        raise KeyboardInterrupt


def test_accuracy_runs_side_by_side_and_timed_cells_alone(tmp_path: Path) -> None:
    """The accuracy phase gets the jobs asked for, every timed round gets one."""
    executor = Listening()
    finished_run(tmp_path / "run", scenario(**TWO_ROUNDS), executor=executor, jobs=5)
    assert [jobs for _, jobs in executor.phases] == [5, 1, 1]
    assert executor.closed == 1


def test_every_round_has_a_canary_of_each_outfit(tmp_path: Path) -> None:
    """A round with NumPy and torch cells runs the canary in both, before its cells; the accuracy phase has none."""
    executor = Pretending()
    both = scenario(**{**TWO_ROUNDS, "grid__implementation": ["numpy", "autograd"]})
    run = finished_run(tmp_path / "run", both, executor=executor)
    keys = [[task.key for task in tasks] for tasks, _ in executor.phases]
    assert not any(isinstance(key, Canary) for key in keys[0])
    for number in (0, 1):
        assert keys[number + 1][:2] == [Canary(number, "numpy"), Canary(number, "autograd")]
        assert not any(isinstance(key, Canary) for key in keys[number + 1][2:])
    assert list(zip(run.canary["round"], run.canary["implementation"], strict=True)) == [
        (0, "autograd"),
        (0, "numpy"),
        (1, "autograd"),
        (1, "numpy"),
    ]


def test_the_canary_never_changes(tmp_path: Path) -> None:
    """The canary has the same bits in every round and every run, whatever the scenario."""
    one = finished_run(tmp_path / "one", scenario(**TWO_ROUNDS)).canary
    other = finished_run(tmp_path / "other", scenario(**{**TWO_ROUNDS, "data__samples": 60})).canary
    assert len(one) == len(other) == 2
    assert len({*one["digest"], *other["digest"]}) == 1
    assert one["step_seconds"].gt(0).all()


def test_canaries_are_no_cells(tmp_path: Path) -> None:
    """Cells and counts know nothing of canaries."""
    run = finished_run(tmp_path / "run", scenario(**TWO_ROUNDS))
    assert run.counts()["planned"] == 5 == len(run.cells)
    assert run.counts()["ok"] == 5


def test_records_say_how_they_were_run(tmp_path: Path) -> None:
    """Jobs of the phase, order of storing, replicate, phase and round stand in each record."""
    cells = finished_run(tmp_path / "run", scenario(**TWO_ROUNDS), jobs=3).cells
    by_phase = {phase: set(rows["jobs"]) for phase, rows in cells.groupby("phase")}
    assert by_phase == {"accuracy": {3}, "timed": {1}}
    assert sorted(cells["order"]) == list(range(5))
    timed = cells[cells["phase"] == "timed"]
    assert (timed["round"] == timed["replicate"]).all()
    assert cells[cells["phase"] == "accuracy"]["order"].max() < timed["order"].min()
    assert timed["step_seconds"].gt(0).all()
    assert cells[cells["phase"] == "accuracy"]["step_seconds"].isna().all()


def test_timings_are_kept_raw(tmp_path: Path) -> None:
    """Each process keeps its set-up, its first step, and every timed pass, none averaged away."""
    values = {**TWO_ROUNDS, "run__timing_repeats": 3}
    run = finished_run(tmp_path / "run", scenario(**values))
    kinds = run.timings.groupby(["cell", "replicate"])["kind"].value_counts().unstack(fill_value=0)
    assert (kinds["setup"] == 1).all()
    assert (kinds["first_step"] == 1).all()
    assert sorted(kinds["pass"]) == [0, 3, 3, 3, 3]
    passes = run.timings[run.timings["kind"] == "pass"]
    for key, rows in passes.groupby(["cell", "replicate"]):
        (cell,) = run.cells[(run.cells["cell"] == key[0]) & (run.cells["replicate"] == key[1])].to_dict("records")
        # A process contributes the median of its passes, a step.
        assert cell["step_seconds"] == pytest.approx(rows["seconds"].median() / cell["steps"], rel=1e-12)


def test_an_interrupt_keeps_what_is_finished(tmp_path: Path) -> None:
    """Ctrl-C ends the run at once; the record that came before is stored, the executor closed, the end noted."""
    plan = make_plan([scenario(**TWO_ROUNDS)], Cuts(), 1)
    writer, executor = RunWriter(tmp_path / "run"), Interrupted()
    writer.plan(plan, [scenario(**TWO_ROUNDS)], {})
    with pytest.raises(KeyboardInterrupt), Progress(len(plan.processes), quiet=True) as progress:
        carry_out(plan, executor, writer, progress)
    writer.close()
    run = load(tmp_path / "run")
    assert run.counts() == {
        "planned": 5, "ok": 1, "skipped": 0, "failed": 0, "crashed": 0, "timed_out": 0, "out_of_memory": 0, "missing": 4
    }  # fmt: skip
    assert executor.closed == 1
    (attempt,) = run.file.attempts
    assert attempt["finished"] >= attempt["started"]


def test_a_failed_cell_is_one_record_among_others(tmp_path: Path) -> None:
    """A cell whose data overflow is failed with the reason; its neighbours have their numbers."""
    grid = {**scenario().document.grid.model_dump(exclude={"exclude"}), "data.x.sd": [1.0, 1e200]}
    values = {"grid": grid, "model__powers": [2], "run__timing_repeats": 0}
    run = finished_run(tmp_path / "run", scenario(**values))
    assert run.cells["status"].to_list() == ["ok", "failed"]
    assert run.cells["reason"][1].startswith("ValueError: the data overflow")
    assert "Traceback" in run.cells["stderr"][1] or run.cells["stderr"][1] == ""


def test_progress_counts_on_stderr_only(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Where stderr is no terminal, the end of a run is one line there and none on stdout."""
    with Progress(2) as progress:
        progress.advance(bad=False)
        progress.advance(bad=True)
    out, err = capfd.readouterr()
    assert out == ""
    assert re.fullmatch(r"2 of 2 processes, 1 bad, \d+ s\n", err)


def test_a_record_of_a_bad_cell_is_stored_as_it_is(tmp_path: Path) -> None:
    """Status, reason and outputs of a crashed cell come back from the file, NUL and all."""

    class Crashing(InlineExecutor):
        def run(self, tasks: Iterable[Task], jobs: int) -> Iterator[Finished]:
            for task in tasks:
                record = Record("crashed", "killed by signal 9 (SIGKILL)", stdout='a,"b"\r\n\0c', stderr="é\u2028ü")
                yield Finished(task.key, record, b"", "numpy-0.0", 1.5, 0.25)

    run = finished_run(tmp_path / "run", scenario(run__timing_repeats=0), executor=Crashing())
    row = run.cells.to_dict("records")[0]
    assert (row["status"], row["reason"]) == ("crashed", "killed by signal 9 (SIGKILL)")
    assert (row["stdout"], row["stderr"]) == ('a,"b"\r\n\0c', "é\u2028ü")
    assert (row["started"], row["seconds"], row["template"]) == (1.5, 0.25, "numpy-0.0")
