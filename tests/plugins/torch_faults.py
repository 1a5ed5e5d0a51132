"""What only torch can do wrong; each implementation is autograd's until then."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Callable
from typing import Any

import torch

import harness

Autograd: Any = harness.implementations.get("autograd")


def change_everything() -> None:
    """All of torch that is global."""
    torch.set_default_dtype(torch.float16)
    torch.set_num_threads(2)
    torch.manual_seed(5)
    torch.use_deterministic_algorithms(mode=True)
    torch.set_flush_denormal(True)


def use_threads() -> None:
    """Have OpenMP's threads running, which no fork would copy."""
    torch.set_num_threads(2)
    large = torch.ones(2000, 2000)
    assert (large @ large)[0, 0] == 2000


def raise_in_torch() -> None:
    torch.ones(2) @ torch.ones(3)


def too_much_memory() -> None:
    torch.ones(2**42)


def kill_template() -> None:
    os.kill(os.getppid(), signal.SIGKILL)
    signal.pause()


IN_STEP: dict[str, Callable[[], object]] = {
    "torch-changed": change_everything,
    "torch-threads": use_threads,
    "torch-raises": raise_in_torch,
    "torch-memory": too_much_memory,
    "torch-segfault": lambda: ctypes.string_at(0),
    "torch-kill-template": kill_template,
}


class Faulty(Autograd):
    """Autograd's implementation that does one thing more in its third step."""

    in_step: Any = None

    def load(self, problem: Any) -> None:
        super().load(problem)
        self.steps = 0

    def step(self, rows: Any) -> Any:
        self.steps += 1
        if self.steps == 3:
            type(self).in_step()
        return super().step(rows)


for name, work in IN_STEP.items():
    hooks = {"__qualname__": name, "in_step": staticmethod(work)}
    harness.implementation(name)(type("Faulty", (Faulty,), hooks))
