"""A plug-in whose cells do what a test outside tells them to by files; their numbers are NumPy's."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from misdeeds import deaf, eat, raise_, sleep, stray

import harness

Numpy: Any = harness.implementations.get("numpy")
_MINUTES = 5 * 60
_FAULTS = {
    "failed": lambda: raise_(ValueError("not yet")),
    "crashed": os.abort,
    "timed_out": sleep,
    "out_of_memory": eat,
}


def _told(name: str) -> Path:
    return Path(os.environ[f"PYTHON_FAULT_{name}"])


@harness.implementation("slow")
class Slow(Numpy):
    """Takes a moment, in which a test can do something."""

    def load(self, problem: Any) -> None:
        time.sleep(0.05)
        super().load(problem)


@harness.implementation("gate")
class Gate(Numpy):
    """Waits until there is a file."""

    def load(self, problem: Any) -> None:
        end = time.monotonic() + _MINUTES
        while not _told("GATE").exists() and time.monotonic() < end:
            time.sleep(0.01)
        super().load(problem)


@harness.implementation("gate-with-strays")
class GateWithStrays(Gate):
    """Leaves processes behind that nobody knows, then waits."""

    def load(self, problem: Any) -> None:
        if not _told("GATE").exists():
            stray(deaf)
            stray(deaf)
        super().load(problem)


class Later(Numpy):
    """Does something bad, until there is a file."""

    fault: Any = None

    def load(self, problem: Any) -> None:
        super().load(problem)
        if not _told("GATE").exists():
            type(self).fault()


for name, work in _FAULTS.items():
    hooks = {"__qualname__": name, "fault": staticmethod(work)}
    harness.implementation(f"later-{name.replace('_', '-')}")(type("Later", (Later,), hooks))
