"""
What a plug-in registers: `python -m harness.implementations.described FD SOURCE`.

Loaded in a process of its own, so that the run imports neither torch nor what a
plug-in likes, and outlives one that aborts.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import sys
import sysconfig
import traceback
from pathlib import Path
from typing import Any

from harness.catalogue import Plugin
from harness.implementations import plugin as plugins
from harness.implementations import registered

_OURS = "harness.implementations."


def main() -> None:
    """Load the plug-in, write what it registered or why it cannot be loaded, as JSON."""
    answer_fd, source = int(sys.argv[1]), sys.argv[2]
    before = set(sys.modules)
    try:
        plugins.load(Plugin(source))
        answer = _description(before)
    except BaseException as error:
        answer = {"error": _said(error, source)}
    os.write(answer_fd, json.dumps(answer).encode())
    # What a plug-in leaves running (threads, atexit) does not hold the run up.
    os._exit(0)


def _description(before: set[str]) -> dict[str, Any]:
    new = [module for name, module in sorted(sys.modules.items()) if name not in before]
    files = {str(path) for module in new for path in [getattr(module, "__file__", None)] if path}
    return {
        "implementations": {
            name: {"devices": cls.devices, "outfit": "torch" if cls.rows == "torch" or _torch() else "numpy"}
            for name, cls in registered().items()
            if not cls.__module__.startswith(_OURS)  # a plug-in may have asked for one of them
        },
        "files": {path: plugins.digest(Path(path)) for path in sorted(files) if _is_own(path)},
        "packages": _versions({name.partition(".")[0] for name in set(sys.modules) - before}),
    }


def _torch() -> bool:
    """A plug-in that imports torch gets a process that has it already."""
    return "torch" in sys.modules


def _is_own(path: str) -> bool:
    """Whether a file is the plug-in's, and not Python's or an installed package's."""
    folders = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    folders.add(str(Path(__file__).parents[1]))
    # Some modules (torch._classes) name a file that is none.
    is_code = path.endswith(".py") and Path(path).is_absolute()
    return is_code and not any(path.startswith(folder + os.sep) for folder in folders)


def _versions(modules: set[str]) -> dict[str, str]:
    """Version of each installed package that the plug-in imported."""
    modules -= sys.stdlib_module_names
    packages = importlib.metadata.packages_distributions()
    names = {name for module in modules for name in packages.get(module, ())}
    return {name: importlib.metadata.version(name) for name in sorted(names)}


def _said(error: BaseException, source: str) -> str:
    """The error, and the line of the plug-in where it came from."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == source]
    where = f" (line {lines[-1]})" if lines else ""
    return f"{type(error).__name__}: {error}{where}" if str(error) else f"{type(error).__name__}{where}"


if __name__ == "__main__":
    main()
