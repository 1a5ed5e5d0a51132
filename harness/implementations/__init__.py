"""
The ways to write one training step, by name.

A class with `load`, `step` and `parameters` becomes an implementation by the
decorator `@harness.implementation("name", devices=("cpu",))`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, TypeVar

from harness import catalogue
from harness.catalogue import Plugin
from harness.implementations import plugin as plugins
from harness.implementations.base import Implementation

_CLASSES: dict[str, type[Implementation]] = {}
_METHODS = ("load", "step", "parameters")
Class = TypeVar("Class", bound=type[Any])


def implementation(name: str, devices: tuple[str, ...] = ("cpu",)) -> Callable[[Class], Class]:
    """
    Register a class as the implementation of this name.

    Args:
        name: What scenario files call it in `grid.implementation`.
        devices: The devices it runs on; its cells on others are skipped with that reason.

    Raises:
        TypeError: If the class lacks a method, or a device or the kind of its rows is none that there is.
        ValueError: If the name is taken by another class.
    """

    def register(cls: Class) -> Class:
        cls.name, cls.devices = name, tuple([devices] if isinstance(devices, str) else devices)
        cls.rows = getattr(cls, "rows", Implementation.rows)
        _must_fit(cls)
        other = _CLASSES.get(name, cls)
        if (other.__module__, other.__qualname__) != (cls.__module__, cls.__qualname__):
            raise ValueError(f"the name {name} is taken by {other.__module__}.{other.__qualname__}; choose another")
        _CLASSES[name] = cls
        return cls

    return register


def _must_fit(cls: type[Any]) -> None:
    missing = [method for method in _METHODS if not callable(getattr(cls, method, None))]
    if missing:
        raise TypeError(f"{cls.__qualname__} needs the method {' and '.join(missing)}")
    unknown = [device for device in cls.devices if device not in catalogue.devices()]
    if unknown or not cls.devices:
        raise TypeError(f"{cls.__qualname__}: devices are {', '.join(catalogue.devices())}; found {cls.devices}")
    if cls.rows not in ("numpy", "torch"):
        raise TypeError(f'{cls.__qualname__}: rows is "numpy" or "torch"; found {cls.rows!r}')


def get(name: str, plugin: Plugin | None = None) -> type[Implementation]:
    """
    The registered class of this name, imported when first asked for.

    Args:
        name: What scenario files call it.
        plugin: Where its code is; None for our own.

    Raises:
        KeyError: If there is none of that name.
        Exception: Whatever a plug-in raises when it is loaded.
    """
    if name not in _CLASSES:
        if plugin is None:
            importlib.import_module(catalogue.entry(name).module)
        else:
            plugins.load(plugin)
    return _CLASSES[name]


def registered() -> dict[str, type[Implementation]]:
    """Every class registered in this process so far, by name."""
    return dict(_CLASSES)


__all__ = ["Implementation", "get", "implementation", "registered"]
