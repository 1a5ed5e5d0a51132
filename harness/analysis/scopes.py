"""Which cells rest on what: a package, a file of the code, a fact about the machine."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from harness.analysis.attribution import Key

_PACKAGE = Path(__file__).parents[1]
# What every cell's process runs, whatever its implementation, and what hands it its data.
_OF_ALL_CELLS = (
    "worker", "executors.child", "executors.environment", "executors.spawned", "executors.template", "store.inputs",
)  # fmt: skip
_EVERYWHERE = ("python", "numpy", "pydantic")
# Those that pages and tables need; a cell only where its plug-in imports them.
_ABOVE = ("jinja2", "matplotlib", "pandas", "scipy")
# Facts of the run file that cannot decide a bit, or that other facts say better (files of code for a commit).
_ASIDE = ("commit", "governor", "harness", "import_seconds", "load", "memory", "plug-in")
_ASIDE_VARIABLES = ("LANG", "LC_ALL", "TZ", "PYTHONDONTWRITEBYTECODE", "PYTHONSAFEPATH", "PYTHONUNBUFFERED")
_OF_CUDA = ("gpu", "cuda", "CUDA", "CUBLAS", "CUDNN", "NVIDIA", "NCCL")


@dataclass(frozen=True)
class Subject:
    """
    A cell, as far as that decides what it rests on.

    Args:
        key: Its scenario and id.
        module: Our own module of its implementation; empty for a plug-in's.
        outfit: `numpy` or `torch`: what its process has imported.
        device: The device.
        threads: Threads of its arithmetic.
        host: The machine that ran it.
        plugin_files: The files of its plug-in; empty for our own implementations.
        packages: What its plug-in imports.
    """

    key: Key
    module: str
    outfit: str
    device: str = "cpu"
    threads: int = 1
    host: str = ""
    plugin_files: frozenset[str] = field(default_factory=frozenset)
    packages: frozenset[str] = field(default_factory=frozenset)


def is_aside(fact: str) -> bool:
    """Whether a fact about a machine decides no bit: how much memory it has, how busy it was."""
    name = fact.removeprefix("variable ")
    return name in _ASIDE_VARIABLES if name != fact else fact.split()[0] in _ASIDE


def rests(subject: Subject, kind: str, name: str) -> bool:
    """
    Whether a cell rests on this; where that is not known, it does.

    Args:
        subject: The cell.
        kind: As of a difference.
        name: Likewise.
    """
    if kind == "code":
        return _rests_on_code(subject, name)
    if kind == "plug-in":
        return name in subject.plugin_files
    return _rests_on_package(subject, name) if kind == "package" else _rests_on_fact(subject, name)


def _rests_on_package(subject: Subject, name: str) -> bool:
    if name in _EVERYWHERE:
        return True
    if name == "torch":
        return subject.outfit == "torch"
    if name == "threadpoolctl":
        return subject.threads > 1
    if name in _ABOVE:
        return name in subject.packages
    return not subject.module


def _rests_on_fact(subject: Subject, name: str) -> bool:
    name = name.removeprefix("variable ")
    if name.startswith(_OF_CUDA):
        return subject.device == "cuda"
    if name.startswith(("torch_", "TORCH_")):
        return subject.outfit == "torch"
    return subject.threads > 1 if name == "cpus" else True


def _rests_on_code(subject: Subject, name: str) -> bool:
    module = ".".join(part for part in Path(name).with_suffix("").parts[1:] if part != "__init__")
    if module == "devices.cuda":
        return subject.device == "cuda"
    if module not in _modules() or module in _reached(_OF_ALL_CELLS):
        return True
    if not module.startswith("implementations."):
        return False
    # A plug-in may build on any of ours.
    return not subject.module or module in _reached((subject.module.removeprefix("harness."),))


@cache
def _modules() -> dict[str, Path]:
    """Our own modules by their names below the package."""
    found = {}
    for path in _PACKAGE.rglob("*.py"):
        parts = path.relative_to(_PACKAGE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def _reached(roots: tuple[str, ...]) -> frozenset[str]:
    """These modules and what they import, by whatever way round; what they import for one device or job only is not."""
    reached: set[str] = set()
    waiting = list(roots)
    while waiting:
        module = waiting.pop()
        if module in _modules() and module not in reached:
            reached.add(module)
            waiting += _imported(_modules()[module])
    return frozenset(reached)


def _imported(path: Path) -> Iterator[str]:
    """By a file, when it is imported; and the packages that its modules are in."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [f"{node.module}.{alias.name}" for alias in node.names] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for name in names:
            parts = name.split(".")
            if parts[0] == "harness":
                yield from (".".join(parts[1 : end + 1]) for end in range(len(parts)))
