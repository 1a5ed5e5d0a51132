"""What a cell costs over its own work, beside a bare fork and exit of the same loaded process."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from harness.executors.base import Task
from harness.executors.environment import declared
from harness.executors.local import LocalExecutor
from harness.plan import Cuts, Plan, make_plan
from harness.store.writer import RunWriter
from tests.builders import scenario

ROUNDS = 60
IMPLEMENTATION = {"numpy": "numpy", "torch": "autograd"}


@pytest.fixture(params=["numpy", "torch"])
def outfit(request: pytest.FixtureRequest) -> str:
    """Both kinds of template."""
    return str(request.param)


@pytest.fixture
def bare_fork(outfit: str) -> Iterator[Callable[[], float]]:
    """Seconds of one fork and exit of a process with the same imports."""
    command = [sys.executable, "-m", "tests.bench.bare_fork", outfit]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=declared(), bufsize=1) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()

        def once() -> float:
            assert process.stdin is not None
            assert process.stdout is not None
            print(file=process.stdin, flush=True)
            return float(process.stdout.readline())

        yield once
        process.stdin.close()


def one_cell(outfit: str) -> Plan:
    """One untimed cell of a short training."""
    return make_plan([scenario(grid__implementation=[IMPLEMENTATION[outfit]], run__timed_seeds=0)], Cuts(), 0)


def test_overhead_of_a_forked_cell(
    benchmark: BenchmarkFixture, outfit: str, bare_fork: Callable[[], float], tmp_path: Path
) -> None:
    """
    Dispatch to stored record, minus the cell's own work, against a bare fork and exit, interleaved.

    The benchmark's own column is the whole cell; the overhead, the floor and their
    ratio are printed and stored as extra_info.
    """
    plan = one_cell(outfit)
    (planned,) = plan.processes
    executor, writer = LocalExecutor(), RunWriter(tmp_path / "run")
    writer.plan(plan, [], {})
    overheads: list[float] = []
    floors: list[float] = []

    def once() -> None:
        floors.append(bare_fork())
        start = time.perf_counter()
        (finished,) = executor.run([Task(planned, planned.job)], 1)
        writer._db.execute("DELETE FROM record")
        writer._db.execute("DELETE FROM trace")
        writer.record(planned, finished, "host", 1)
        overheads.append(time.perf_counter() - start - sum(finished.record.phases.values()))

    try:
        benchmark.pedantic(once, rounds=ROUNDS, warmup_rounds=3)  # type: ignore[no-untyped-call]
    finally:
        executor.close()
        writer.close()
    overhead, floor = statistics.median(overheads[3:]), statistics.median(floors[3:])
    info = {"overhead_ms": overhead * 1e3, "bare_fork_ms": floor * 1e3, "ratio": overhead / floor}
    benchmark.extra_info.update(info)
    quartiles = [value * 1e3 for value in statistics.quantiles(overheads[3:], n=4)]
    print(
        f"\n{outfit}: overhead {info['overhead_ms']:.2f} ms (quartiles {quartiles[0]:.2f} to {quartiles[2]:.2f}), "
        f"bare fork {info['bare_fork_ms']:.2f} ms, ratio {info['ratio']:.2f}"
    )
