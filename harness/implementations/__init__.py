"""
The ways to write one training step, by name.

A class with `load`, `step` and `parameters` becomes an implementation by the
decorator `@harness.implementation("name", devices=("cpu",))`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TypeVar

from harness import catalogue
from harness.implementations.base import Implementation

_CLASSES: dict[str, type[Implementation]] = {}
Class = TypeVar("Class", bound=type[Implementation])


def implementation(name: str, devices: tuple[str, ...] = ("cpu",)) -> Callable[[Class], Class]:
    """
    Register a class as the implementation of this name.

    Args:
        name: What scenario files call it in `grid.implementation`.
        devices: The devices it runs on; its cells on others are skipped with that reason.
    """

    def register(cls: Class) -> Class:
        _CLASSES[name] = cls
        cls.name = name
        cls.devices = devices
        return cls

    return register


def get(name: str) -> type[Implementation]:
    """
    The registered class of this name, imported when first asked for.

    Raises:
        KeyError: If there is none of that name.
    """
    if name not in _CLASSES:
        importlib.import_module(catalogue.entry(name).module)
    return _CLASSES[name]


__all__ = ["Implementation", "get", "implementation"]
