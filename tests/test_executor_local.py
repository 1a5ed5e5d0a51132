"""Each cell in a process of its own: every task comes back, and no process stays."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.executors import local
from harness.executors.base import Finished, Task
from harness.executors.inline import InlineExecutor
from harness.executors.local import LocalExecutor
from harness.job import Job
from harness.linux import children, descendants
from harness.record import unpack_arrays
from tests.builders import scenario
from tests.comparing import plain
from tests.faulty import ended, until


def job(seed: int = 0) -> Job:
    spec = scenario().cells[0].spec.model_copy(update={"seed": seed})
    return Job(spec, timeout_seconds=60.0)


def endless(seconds: float = 60.0) -> Job:
    """A cell with more steps than any test waits for."""
    spec = job().spec
    training = spec.training.model_copy(update={"epochs": None, "steps": 2_000_000, "order": "sequential"})
    return Job(spec.model_copy(update={"training": training}), timeout_seconds=seconds)


def tasks(count: int) -> list[Task]:
    return [Task(number, job(number), number % 2) for number in range(count)]


def by_key(results: Sequence[Finished]) -> dict[Any, Finished]:
    assert len({finished.key for finished in results}) == len(results)
    return {finished.key: finished for finished in results}


@pytest.fixture
def executor() -> Iterator[LocalExecutor]:
    """A local executor; after the test no process below this one may be new."""
    before = set(descendants(os.getpid()))
    made = LocalExecutor()
    yield made
    made.close()
    assert set(descendants(os.getpid())) <= before


def in_the_middle(executor: LocalExecutor, turn: int, do: Callable[[int, int], None]) -> threading.Thread:
    """Call do(template, cell) as soon as the template of slot 0 and this turn has a cell."""

    def watch() -> None:
        template = until(lambda: executor._templates.get((0, "numpy", turn))).process.pid
        cell = until(lambda: children(template))[0]
        do(template, cell)

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_every_task_comes_back_once(executor: LocalExecutor, jobs: int) -> None:
    """Any number of jobs gives one result a task, with the numbers of a run without isolation."""
    found = by_key(list(executor.run(tasks(7), jobs)))
    wanted = by_key(list(InlineExecutor().run(tasks(7), 1)))
    assert found.keys() == wanted.keys()
    for key, finished in found.items():
        assert plain(finished.record) == plain(wanted[key].record)
        ours, theirs = unpack_arrays(finished.trace), unpack_arrays(wanted[key].trace)
        assert {name: array.tobytes() for name, array in ours.items()} == {
            name: array.tobytes() for name, array in theirs.items()
        }


def test_no_task_gives_no_result_and_starts_no_process(executor: LocalExecutor) -> None:
    """An empty phase costs nothing."""
    assert list(executor.run([], 4)) == []
    assert executor._templates == {}


def test_replicates_change_templates(executor: LocalExecutor) -> None:
    """Turn and slot decide the template: even turns one, odd turns the other."""
    found = [
        (finished.key, finished.template)
        for finished in executor.run([Task(turn, job(), turn) for turn in range(4)], 1)
    ]
    assert found == [(0, "numpy-0.0"), (1, "numpy-0.1"), (2, "numpy-0.0"), (3, "numpy-0.1")]


def test_a_new_interpreter_gives_the_bits_of_a_fork(executor: LocalExecutor) -> None:
    """`--isolation spawn` changes where a cell runs, not what it finds."""
    spawned = LocalExecutor("spawn")
    try:
        found = by_key(list(spawned.run(tasks(2), 1)))
    finally:
        spawned.close()
    wanted = by_key(list(executor.run(tasks(2), 1)))
    assert {finished.template for finished in found.values()} == {"spawn"}
    for key in wanted:
        assert plain(found[key].record) == plain(wanted[key].record)
        assert found[key].record.status == "ok"


@pytest.mark.parametrize("isolation", ["fork", "spawn"])
def test_bad_neighbours_change_no_other_record(isolation: str) -> None:
    """Cells that time out among others, two at a time, leave the others bit for bit as they are alone."""
    executor = LocalExecutor(isolation)
    good = tasks(4)
    bad = [Task(f"bad {number}", endless(0.4), number) for number in range(2)]
    try:
        alone = by_key(list(executor.run(good, 1)))
        among = by_key(list(executor.run([good[0], bad[0], good[1], good[2], bad[1], good[3]], 2)))
    finally:
        executor.close()
    assert {among[task.key].record.status for task in bad} == {"timed_out"}
    assert {task.key: plain(among[task.key].record) for task in good} == {
        task.key: plain(alone[task.key].record) for task in good
    }


def test_a_killed_template_costs_the_cell_it_ran_and_no_other(executor: LocalExecutor) -> None:
    """kill -9 of a template gives its cell a crashed record that names it; a new one takes over."""
    fds: list[int] = []

    def kill(template: int, cell: int) -> None:
        fds.append(os.pidfd_open(cell))
        os.kill(template, signal.SIGKILL)

    thread = in_the_middle(executor, 1, kill)
    order = [Task(0, job(0), 0), Task(1, endless(), 1), Task(2, job(2), 0), Task(3, job(3), 1)]
    found = by_key(list(executor.run(order, 1)))
    thread.join()
    assert {key: finished.record.status for key, finished in found.items()} == {0: "ok", 1: "crashed", 2: "ok", 3: "ok"}
    assert found[1].record.reason == "its template numpy-0.1 ended (signal 9)"
    assert ended(fds[0]), "the cell outlives its template"


def test_a_killed_cell_says_by_which_signal(executor: LocalExecutor) -> None:
    """kill -9 from outside (the kernel's own out-of-memory killer does that) is a crash of that cell alone."""
    thread = in_the_middle(executor, 0, lambda _template, cell: os.kill(cell, signal.SIGKILL))
    found = by_key(list(executor.run([Task(0, endless(), 0), Task(1, job(1), 0)], 1)))
    thread.join()
    assert (found[0].record.status, found[0].record.reason) == ("crashed", "killed by signal 9 (SIGKILL)")
    assert found[1].record.status == "ok"


def test_a_stopped_template_is_given_up(executor: LocalExecutor, monkeypatch: pytest.MonkeyPatch) -> None:
    """A template that answers no more is killed after the time-out and a grace; the rest goes on."""
    monkeypatch.setattr(local, "_GRACE_SECONDS", 2.0)
    fds: list[int] = []

    def stop(template: int, cell: int) -> None:
        fds.append(os.pidfd_open(cell))
        os.kill(template, signal.SIGSTOP)

    thread = in_the_middle(executor, 0, stop)
    slow = endless(1.0)
    found = by_key(list(executor.run([Task(0, slow, 0), Task(1, job(1), 0)], 1)))
    thread.join()
    assert {key: finished.record.status for key, finished in found.items()} == {0: "timed_out", 1: "ok"}
    assert ended(fds[0]), "the cell outlives its template"


def test_a_template_that_died_idle_costs_no_cell(executor: LocalExecutor) -> None:
    """A template that is gone when its next task comes is replaced before the task is given."""
    results = executor.run([Task(number, job(number), 0) for number in range(3)], 1)
    first = next(results)
    process = executor._templates[0, "numpy", 0].process
    process.kill()
    process.wait()
    rest = list(results)
    # One task may have been given before the kill; it cannot have been lost without a word.
    assert [finished.key for finished in (first, *rest)] == [0, 1, 2]
    assert rest[-1].record.status == "ok"
    if rest[0].record.status != "ok":
        assert "numpy-0.0" in rest[0].record.reason
    list_again = list(executor.run([Task(5, job(5), 0)], 1))
    executor._templates[0, "numpy", 0].process.kill()
    executor._templates[0, "numpy", 0].process.wait()
    again = list(executor.run([Task(5, job(5), 0)], 1))
    assert plain(again[0].record) == plain(list_again[0].record)


def test_a_run_that_is_left_early_leaves_nobody(executor: LocalExecutor) -> None:
    """Closing the results ends the cells in flight at once, and the executor can run again."""
    order = [Task(0, job(0), 0), Task(1, endless(), 1), Task(2, endless(), 0)]
    results = executor.run(order, 2)
    next(results)
    until(lambda: any(children(template.process.pid) for template in executor._templates.values()))
    below = [pid for template in executor._templates.values() for pid in descendants(template.process.pid)]
    results.close()  # type: ignore[attr-defined]
    alive = {pid for template in executor._templates.values() for pid in descendants(template.process.pid)}
    assert len(alive) < len(below)
    assert not any(children(template.process.pid) for template in executor._templates.values())
    assert [finished.record.status for finished in executor.run(tasks(2), 2)] == ["ok", "ok"]


def test_close_leaves_nobody(executor: LocalExecutor) -> None:
    """After close() every template is gone; closing twice does no harm."""
    list(executor.run(tasks(4), 2))
    fds = [os.pidfd_open(template.process.pid) for template in executor._templates.values()]
    executor.close()
    assert all(ended(fd) for fd in fds)
    executor.close()


def test_no_file_stays_open_in_the_run(executor: LocalExecutor) -> None:
    """Templates that come and go leave no socket and no file behind."""

    def opened() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = opened()
    for _ in range(3):
        list(executor.run(tasks(2), 2))
        executor.close()
    assert opened() == before


def test_a_numpy_template_holds_no_torch_and_one_thread(executor: LocalExecutor) -> None:
    """NumPy-only cells never pay for torch, and what is forked has one thread."""
    list(executor.run(tasks(2), 1))
    for template in executor._templates.values():
        maps = Path(f"/proc/{template.process.pid}/maps").read_text(encoding="utf-8")
        assert "libtorch" not in maps
        assert "numpy" in maps
        assert len(list(Path(f"/proc/{template.process.pid}/task").iterdir())) == 1


def test_a_torch_template_has_one_thread(executor: LocalExecutor) -> None:
    """A template that holds torch has one thread too, so that forking it is safe; numbers are those of NumPy."""
    spec = job(0).spec.model_copy(update={"implementation": "autograd"})
    torch_job = replace(job(0), spec=spec, outfit="torch")
    found = by_key(list(executor.run([Task("autograd", torch_job, 0), Task("numpy", job(0), 0)], 1)))
    template = executor._templates[0, "torch", 0].process.pid
    assert len(list(Path(f"/proc/{template}/task").iterdir())) == 1
    assert found["autograd"].template == "torch-0.0"
    # Two orders of the same float64 sums; 25 steps cannot part them by more than 1e-12.
    assert found["autograd"].record.weights == pytest.approx(found["numpy"].record.weights, rel=1e-12)


@pytest.mark.parametrize("isolation", ["fork", "spawn"])
def test_cells_get_a_listed_environment(isolation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads are declared whatever the user's shell says; what steers devices is kept; the rest is not passed on."""
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "7")
    monkeypatch.setenv("PYTHONHASHSEED", "123")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    monkeypatch.setenv("A_SECRET", "do not pass on")
    executor = LocalExecutor(isolation)
    seen: list[bytes] = []
    try:
        results = executor.run([Task(0, endless(1.5), 0)], 1)
        outfit = "spawn" if isolation == "spawn" else "numpy"

        def read() -> None:
            template = until(lambda: executor._templates.get((0, outfit, 0))).process.pid
            cell = until(lambda: children(template))[0]
            # A spawned cell is the template's fork until it has become a new interpreter.
            name = b"spawned" if isolation == "spawn" else b"template"
            until(lambda: name in Path(f"/proc/{cell}/cmdline").read_bytes())
            seen.append(Path(f"/proc/{cell}/environ").read_bytes())

        thread = threading.Thread(target=read)
        thread.start()
        list(results)
        thread.join()
    finally:
        executor.close()
    found = dict(item.split("=", 1) for item in seen[0].decode().rstrip("\0").split("\0"))
    assert {name: found.get(name) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "PYTHONHASHSEED")} == {
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONHASHSEED": "0",
    }
    assert found["CUDA_VISIBLE_DEVICES"] == ""
    assert found["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    assert "A_SECRET" not in found


def test_a_limit_of_years_is_a_limit(executor: LocalExecutor) -> None:
    """A time-out longer than select() can wait (24 days) runs like any other."""
    found = list(executor.run([Task(0, replace(job(0), timeout_seconds=1e10), 0)], 1))
    assert found[0].record.status == "ok"


def test_a_large_job_reaches_its_cell(executor: LocalExecutor) -> None:
    """A job larger than a socket's buffer, as of an expectation with many thousand states, goes through."""
    large = replace(job(0), record_steps=tuple(range(200_000)))
    found = list(executor.run([Task(0, large, 0), Task(1, job(0), 0)], 1))
    assert [finished.record.status for finished in found] == ["ok", "ok"]
    assert found[0].record.digest == found[1].record.digest


def test_an_interrupt_is_never_lost(executor: LocalExecutor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C that comes while a job is serialised ends the run: pydantic drops what is raised inside it."""
    to_json = Job.to_json

    def interrupted_within(asked: Job) -> str:
        with contextlib.suppress(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)
        return to_json(asked)

    monkeypatch.setattr(Job, "to_json", interrupted_within)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            list(executor.run(tasks(3), 1))
    finally:
        signal.signal(signal.SIGINT, before)


def test_inline_cells_can_be_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while a cell runs without isolation ends the run; it is no failure of the cell."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("harness.worker.make_data", interrupted)
    with pytest.raises(KeyboardInterrupt):
        list(InlineExecutor().run(tasks(1), 1))
