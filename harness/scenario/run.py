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
    replicates: Annotated[Count, Field(le=MOST_REPLICATES)] = 2
    timing_repeats: Whole = 3
    tf32: Bool = False
    deterministic: Bool = False
    timeout_seconds: Positive = 120.0
    memory_mb: Annotated[Count, Field(le=MOST_MEMORY_MB)] = 4096
    threads: Count = 1


class Target(Table):
    """Shares of the possible loss reduction to reach, and the digits that count as converged."""

    tau: Annotated[tuple[Share, ...], Field(min_length=1)] = (1e-1, 1e-3, 1e-5, 1e-7)
    digits: Positive = 3.0
