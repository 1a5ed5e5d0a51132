"""
The names of implementations and devices, known without importing what runs them.

An implementation's module imports NumPy or torch; the planning side needs only
its name, its devices, and which of the two its process must hold.
"""

from __future__ import annotations

from dataclasses import dataclass

DEVICES = ("cpu", "cuda")


@dataclass(frozen=True)
class Entry:
    """
    One implementation, before it is imported.

    Args:
        module: The module that registers it when imported.
        devices: The devices it runs on.
        rows: `numpy` or `torch`: what its process imports, and which index the loop makes.
    """

    module: str
    devices: tuple[str, ...]
    rows: str


_BUILT_IN = {
    "numpy": Entry("harness.implementations.numpy", ("cpu",), "numpy"),
    "autograd": Entry("harness.implementations.autograd", DEVICES, "torch"),
    "optim": Entry("harness.implementations.optim", DEVICES, "torch"),
    "module": Entry("harness.implementations.module", DEVICES, "torch"),
}


def devices() -> tuple[str, ...]:
    """The names that `grid.device` may hold."""
    return DEVICES


def implementations() -> tuple[str, ...]:
    """The names that `grid.implementation` may hold."""
    return tuple(_BUILT_IN)


def entry(name: str) -> Entry:
    """
    What is known of an implementation.

    Raises:
        KeyError: If there is none of that name.
    """
    return _BUILT_IN[name]
