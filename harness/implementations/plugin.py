"""Loads a plug-in, in the process of a cell or of the helper that asks what it registers."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from pathlib import Path

from harness.catalogue import Plugin


def load(plugin: Plugin) -> None:
    """
    Run the plug-in's code, which registers its implementations by the decorator.

    A file may import modules that lie beside it; they come last on the path, so that
    a random.py beside it does not stand in for Python's.

    Raises:
        RuntimeError: If the file is not the one that the run was planned with.
        Exception: Whatever the plug-in raises.
    """
    if not plugin.is_file:
        importlib.import_module(plugin.source.partition(":")[0])
        return
    path = Path(plugin.source)
    if plugin.digest and digest(path) != plugin.digest:
        raise RuntimeError(f"{path} has changed since this run was planned")
    sys.path.append(str(path.parent))
    name = f"harness_plugin_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None, "a path that ends in .py has a loader"
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)


def digest(path: Path) -> str:
    """Hash of a file's bytes, 16 hex digits."""
    return hashlib.blake2b(path.read_bytes(), digest_size=8).hexdigest()
