"""
Every error that the harness raises on purpose, in one tree.

    HarnessError                 one message, no traceback; carries its exit code
    ├── UserError            2   the user's input is wrong
    │   ├── ScenarioError    2   a scenario file has faults (all of them, a line each)
    │   └── RunError         2   the path given is not a run, or a run of another schema
    └── MachineError         3   the machine is: disk full, run file unreadable

An interrupted run is not an error: the run ends with code 130 and keeps what is finished.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class HarnessError(Exception):
    """An error with a message for people; `exit_code` is what the command returns."""

    exit_code = 1


class UserError(HarnessError):
    """The user's input is wrong."""

    exit_code = 2


class RunError(UserError):
    """The path given is not a run that this version can read."""


class MachineError(HarnessError):
    """The machine cannot do it: a full disk, an unreadable run file."""

    exit_code = 3


@dataclass(frozen=True)
class Fault:
    """
    One mistake in one scenario file.

    Args:
        path: Where the mistake is, as written in TOML: `training.loss`, `expect[2].at`.
        problem: What was found and what is allowed, one sentence without the path.
        file: The scenario file, as the user named it; empty until it is known.
    """

    path: str
    problem: str
    file: str = ""

    def __str__(self) -> str:
        return ": ".join(part for part in (self.file, self.path, self.problem) if part)


class ScenarioError(UserError):
    """One or more scenario files have faults; all of them are listed."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))
