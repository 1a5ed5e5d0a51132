"""What a cell costs over its own work, beside the floor of its isolation, both measured in one run."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from harness.accepted import accepted
from harness.executors.base import Task
from harness.executors.environment import declared
from harness.executors.local import LocalExecutor
from harness.plan import Cuts, Plan, make_plan
from harness.store.writer import RunWriter
from tests.builders import scenario

FORKED_ROUNDS = 60
SPAWNED_ROUNDS = 10
WARM_UPS = 2
IMPLEMENTATION = {"numpy": "numpy", "torch": "autograd"}
Seconds = Callable[[], float]


@pytest.fixture(params=["numpy", "torch"])
def outfit(request: pytest.FixtureRequest) -> str:
    """Both kinds of template."""
    return str(request.param)


@contextmanager
def bare_fork(outfit: str, pages: str) -> Iterator[Seconds]:
    """One fork and exit of a process with the same imports."""
    command = [sys.executable, "-m", "tests.bench.bare_fork", outfit, pages]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=declared(), bufsize=1) as process:
        asked, answers = process.stdin, process.stdout
        assert asked is not None
        assert answers is not None
        answers.readline()

        def once() -> float:
            print(file=asked, flush=True)
            return float(answers.readline())

        yield once
        asked.close()


@contextmanager
def bare_start(outfit: str) -> Iterator[Seconds]:
    """One start of an interpreter with the same imports, and its end."""
    command = [sys.executable, "-m", "tests.bench.bare_start", outfit]

    def once() -> float:
        start = time.perf_counter()
        subprocess.run(command, env=declared(), check=True)
        return time.perf_counter() - start

    yield once


def one_cell(outfit: str) -> Plan:
    """One untimed cell of a short training."""
    return make_plan([scenario(grid__implementation=[IMPLEMENTATION[outfit]], run__timed_seeds=0)], Cuts(), 0)


@contextmanager
def overhead(outfit: str, isolation: str, folder: Path) -> Iterator[Seconds]:
    """Dispatch to stored record of one cell, minus the cell's own work."""
    plan = one_cell(outfit)
    (planned,) = plan.processes
    executor, writer = LocalExecutor(isolation), RunWriter(folder)
    writer.plan(plan, [], {})

    def once() -> float:
        writer._db.execute("DELETE FROM record")
        writer._db.execute("DELETE FROM trace")
        start = time.perf_counter()
        (finished,) = map(accepted, executor.run([Task(planned, planned.job)], 1))
        writer.record(planned, finished, "host", 1)
        seconds = time.perf_counter() - start
        assert finished.record.status == "ok", finished.record.reason
        return seconds - sum(finished.record.phases.values())

    try:
        yield once
    finally:
        executor.close()
        writer.close()


def compare(benchmark: BenchmarkFixture, rounds: int, measured: dict[str, Seconds]) -> None:
    """
    Measure all in turn, round by round, and print medians, quartiles and ratios to the first.

    The benchmark's own column is one whole round; the medians are stored as extra_info.
    """
    seconds: dict[str, list[float]] = {name: [] for name in measured}

    def one_round() -> None:
        for name, once in measured.items():
            seconds[name].append(once())

    benchmark.pedantic(one_round, rounds=rounds, warmup_rounds=WARM_UPS)  # type: ignore[no-untyped-call]
    medians = {name: statistics.median(values[WARM_UPS:]) for name, values in seconds.items()}
    overhead = next(iter(medians.values()))
    print()
    for name, values in seconds.items():
        low, _, high = statistics.quantiles(values[WARM_UPS:], n=4)
        line = f"{name}: {medians[name] * 1e3:.2f} ms (quartiles {low * 1e3:.2f} to {high * 1e3:.2f})"
        print(line, f"overhead / this: {overhead / medians[name]:.2f}", sep="; ")
    benchmark.extra_info.update({f"{name} (ms)": median * 1e3 for name, median in medians.items()})


def test_overhead_of_a_forked_cell(benchmark: BenchmarkFixture, outfit: str, tmp_path: Path) -> None:
    """Against bare forks: of a process as its imports leave it, and of one in large pages, as templates are."""
    with ExitStack() as stack:
        measured = {
            f"{outfit}, overhead of a forked cell": stack.enter_context(overhead(outfit, "fork", tmp_path / "run")),
            f"{outfit}, bare fork": stack.enter_context(bare_fork(outfit, "small")),
            f"{outfit}, bare fork in large pages": stack.enter_context(bare_fork(outfit, "large")),
        }
        compare(benchmark, FORKED_ROUNDS, measured)


def test_overhead_of_a_spawned_cell(benchmark: BenchmarkFixture, outfit: str, tmp_path: Path) -> None:
    """Against the start of an interpreter with the same imports, and its end."""
    with ExitStack() as stack:
        measured = {
            f"{outfit}, overhead of a spawned cell": stack.enter_context(overhead(outfit, "spawn", tmp_path / "run")),
            f"{outfit}, interpreter and imports": stack.enter_context(bare_start(outfit)),
        }
        compare(benchmark, SPAWNED_ROUNDS, measured)
