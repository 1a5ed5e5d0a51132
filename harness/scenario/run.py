"""The tables `[run]` and `[target]`: how often, within which limits, and what counts as reached."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from harness.scenario.base import Bool, Count, Positive, Table, Whole

Share = Annotated[float, Field(strict=True, gt=0, lt=1)]
# Each is a process; more is a slip of the pen, and the plan would fill the memory.
MOST_REPLICATES = 100_000
# An exbibyte: the limit in bytes has to fit what the operating system takes.
MOST_MEMORY_MB = 2**40


class Run(Table):
    """Replicates and limits of one cell."""

    timed_seeds: Whole = 5
    """So many of the first seeds are timed, each `replicates` times; the others run once, untimed. `timed_seeds = 3`"""
    replicates: Annotated[Count, Field(le=MOST_REPLICATES)] = 2
    """Processes of each timed cell: the observations of a timing, and the check that bits repeat. `replicates = 6`"""
    timing_repeats: Whole = 3
    """Timed passes in each process; 0: no cell is timed. `timing_repeats = 1`"""
    tf32: Bool = False
    """Whether torch may round matrix products to TF32 on a GPU. `tf32 = true`"""
    deterministic: Bool = False
    """Whether torch is held to deterministic algorithms. `deterministic = true`"""
    timeout_seconds: Positive = 120.0
    """Seconds that a cell's process may take. `timeout_seconds = 600`"""
    memory_mb: Annotated[Count, Field(le=MOST_MEMORY_MB)] = 4096
    """MiB that a cell's process may take beyond its template. `memory_mb = 2048`"""
    threads: Count = 1
    """Threads of a cell's arithmetic. `threads = 2`"""


class Target(Table):
    """Shares of the possible loss reduction to reach, and the digits that count as converged."""

    tau: Annotated[tuple[Share, ...], Field(min_length=1)] = (1e-1, 1e-3, 1e-5, 1e-7)
    """Shares of the possible loss reduction that are left when a target is reached. `tau = [0.1, 0.001]`"""
    digits: Positive = 3.0
    """Correct digits of every parameter that count as converged. `digits = 6`"""
