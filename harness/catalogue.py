"""
The names of implementations and devices, known without importing what runs them.

An implementation's module imports NumPy or torch, a plug-in's whatever it likes; the
planning side needs only its name, its devices, and what its process must hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

DEVICES = ("cpu", "cuda")


@dataclass(frozen=True)
class Plugin:
    """
    Code from outside that registers implementations when it is loaded.

    Args:
        source: The absolute path of a Python file, or `module:attribute` of an entry point.
        digest: Hash of the file when it was asked what it registers; empty for an entry point.
    """

    source: str
    digest: str = ""

    @property
    def is_file(self) -> bool:
        """Whether it is a file, and not an entry point of an installed package."""
        return self.source.endswith(".py")


@dataclass(frozen=True)
class Entry:
    """
    One implementation, before it is imported.

    Args:
        devices: The devices it runs on.
        outfit: `numpy` or `torch`: what the process of its cells has imported.
        module: The module of the harness that registers it; empty for a plug-in's.
        plugin: The plug-in that registers it; None for our own.
    """

    devices: tuple[str, ...]
    outfit: str
    module: str = ""
    plugin: Plugin | None = None


_BUILT_IN = {
    "numpy": Entry(("cpu",), "numpy", "harness.implementations.numpy"),
    "autograd": Entry(DEVICES, "torch", "harness.implementations.autograd"),
    "optim": Entry(DEVICES, "torch", "harness.implementations.optim"),
    "module": Entry(DEVICES, "torch", "harness.implementations.module"),
}
# As scenario/reference.py has it.
_RESERVED = "reference"
_added: dict[str, Entry] = {}


def devices() -> tuple[str, ...]:
    """The names that `grid.device` may hold."""
    return DEVICES


def implementations() -> tuple[str, ...]:
    """The names that `grid.implementation` may hold."""
    return (*_BUILT_IN, *_added)


def entry(name: str) -> Entry:
    """
    What is known of an implementation.

    Raises:
        KeyError: If there is none of that name.
    """
    return _BUILT_IN[name] if name in _BUILT_IN else _added[name]


def add(name: str, entry: Entry) -> None:
    """
    Make a plug-in's implementation known.

    Raises:
        ValueError: If the name belongs to another.
    """
    if name == _RESERVED:
        raise ValueError(f"the name {name} belongs to the path in extended precision; choose another")
    if name in _BUILT_IN:
        raise ValueError(f"the name {name} belongs to the harness's own implementation; choose another")
    other = _added.setdefault(name, entry)
    if other != entry:
        source = other.plugin.source if other.plugin else other.module
        raise ValueError(f"the name {name} is taken by {source}; choose another")


@contextmanager
def also(entries: Mapping[str, Entry]) -> Iterator[None]:
    """Within this block these names are known too: for reading a run whose plug-ins need not be here."""
    new = {name: entry for name, entry in entries.items() if name not in implementations()}
    _added.update(new)
    try:
        yield
    finally:
        for name in new:
            del _added[name]
