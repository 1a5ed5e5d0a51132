"""Imports point one way, and heavy packages stay where they belong."""

from __future__ import annotations

import ast
import functools
import graphlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import harness

PACKAGE = Path(harness.__file__).parent
HEAVY = ("numpy", "torch", "pandas", "matplotlib", "jinja2", "pydantic", "distributed")


def imported_by(code: str) -> set[str]:
    """The heavy packages that a fresh interpreter holds after running this code."""
    program = f"{code}\nimport json, sys\nprint('\\n' + json.dumps([m for m in {HEAVY!r} if m in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


NUMPY_CELL = """
from pathlib import Path
from harness import worker
from harness.job import Job
from harness.scenario.read import parse
from tests.builders import document, toml
(cell,) = parse(toml(document()), Path("x.toml"), {}).cells
record, _ = worker.run(Job(cell.spec, timing_repeats=1))
assert record.status == "ok", record.reason
"""


@pytest.mark.parametrize(
    ("code", "allowed"),
    [
        ("import harness", set()),
        ("import harness.cli.main", set()),
        ("import harness.catalogue, harness.errors", set()),
        ("import sys, harness.cli.main\ntry: harness.cli.main.main(['--help'])\nexcept SystemExit: pass", set()),
        ("import sys, harness.cli.main\ntry: harness.cli.main.main(['run', '--help'])\nexcept SystemExit: pass", set()),
        ("import harness.scenario.read, harness.plan", {"pydantic"}),
        ("import harness.executors.local, harness.executors.template", {"pydantic", "numpy"}),
        ("import harness.worker, harness.implementations.numpy", {"pydantic", "numpy"}),
        (NUMPY_CELL, {"pydantic", "numpy"}),
        ("import harness.implementations.module", {"pydantic", "numpy", "torch"}),
        ("import harness.frames, harness.analysis.verdict", {"pydantic", "numpy", "pandas"}),
        ("import harness; harness.load", {"pydantic", "numpy", "pandas"}),
        ("import harness; harness.implementation", {"pydantic", "numpy"}),
        ("import harness.testing", {"pydantic", "numpy", "pandas"}),
    ],
    ids=["package", "main", "names", "help", "run help", "planning", "executors", "worker", "numpy cell", "torch cell",
         "frames", "load", "decorator", "checks"],
)  # fmt: skip
def test_what_a_fresh_interpreter_imports(code: str, allowed: set[str]) -> None:
    """Help is light, planning knows no NumPy, a NumPy cell no torch, and frames no torch and no figures."""
    assert imported_by(code) <= allowed


# From the left of the flow to the right; a room imports rooms to its left, and those beside it where said.
ROOMS: dict[str, set[str]] = {
    "errors": set(),
    "catalogue": set(),
    "linux": set(),
    "streams": {"errors"},
    "scenario": {"errors", "catalogue"},
    "problem": {"scenario"},
    "implementations": {"catalogue", "problem", "scenario"},
    "devices": set(),
    "packed": set(),
    "record": {"packed"},
    "job": {"catalogue", "scenario"},
    "trace": {"scenario", "problem", "record"},
    "outcome": {"problem"},
    "training": {"devices", "implementations", "record", "trace"},
    "timed": {"devices", "implementations", "problem", "record", "training"},
    "targets": set(),
    "arithmetic": {"scenario"},
    "ending": {"job", "outcome", "problem", "record", "targets"},
    "reference": {"ending", "job", "problem", "record", "scenario", "trace"},
    "worker": {
        "arithmetic", "catalogue", "devices", "ending", "implementations", "job", "linux", "problem", "record",
        "reference", "scenario", "timed", "trace", "training",
    },
    "executors": {"arithmetic", "catalogue", "errors", "job", "linux", "record", "worker"},
    "helper": {"executors"},
    "environment": {"catalogue", "devices", "errors"},
    "plan": {"catalogue", "errors", "job", "scenario"},
    "torch_draws": {"problem", "scenario"},
    "draws": {"errors", "helper", "job", "plan", "scenario"},
    "precheck": {"errors", "problem", "scenario"},
    "canary": {"catalogue", "job", "scenario"},
    "store": {"catalogue", "errors", "executors", "packed", "plan", "record", "scenario"},
    "progress": {"streams"},
    "plugins": {"catalogue", "errors", "helper", "streams"},
    "fingerprint": {"__init__", "environment", "plugins"},
    "resume": {"errors", "fingerprint", "job", "plan", "scenario", "store"},
    "accepted": {"executors", "record"},
    "runner": {"accepted", "canary", "environment", "errors", "executors", "plan", "progress", "record", "store"},
    "changes": {
        "analysis", "catalogue", "environment", "errors", "fingerprint", "plugins", "reproduce", "resume", "store",
    },
    "schema": {"catalogue", "errors", "scenario"},
    "dictionary": set(),
    "frames": {"dictionary", "errors", "problem", "record", "scenario", "store"},
    "reproduce": {"accepted", "analysis", "catalogue", "executors", "job", "plan", "record", "resume", "store"},
    "estimate": {"catalogue", "environment", "errors", "job", "plan", "scenario", "store"},
    "analysis": {"errors", "frames", "packed", "problem", "record", "reference", "scenario", "targets"},
    "report": {"analysis", "dictionary", "errors", "frames", "packed", "problem", "record", "scenario"},
    "export": {"analysis", "dictionary", "errors", "frames", "report"},
    "testing": {"analysis", "devices", "implementations", "problem", "record", "scenario", "worker"},
}  # fmt: skip
# What stands above all rooms and may import any of them.
TOP = ("cli", "__init__", "__main__")


@functools.cache
def modules() -> dict[str, Path]:
    """Every module of the package by its name below it: `scenario.read`."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)] = path
    return found


def room_of(module: str) -> str:
    return module.partition(".")[0]


@functools.cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports_of(path: Path, *, lazy: bool) -> Iterator[str]:
    """The package's own modules that a file imports; with `lazy`, inside functions too."""
    known = modules()
    tree = tree_of(path)
    inside = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
        or (isinstance(function, ast.If) and "TYPE_CHECKING" in ast.unparse(function.test))
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if not lazy and id(node) in inside:
            continue
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            below = name.removeprefix("harness.")
            if name.startswith("harness.") and below in known:
                yield below


@pytest.mark.parametrize("module", [name for name in modules() if room_of(name) not in TOP])
def test_imports_point_one_way(module: str) -> None:
    """A room imports what stands to its left in the flow, never back; lazily imported modules count."""
    room = room_of(module)
    assert room in ROOMS, f"{module} is in no room of this table: say what it may import"
    reached = {room_of(name) for name in imports_of(modules()[module], lazy=True)} - {room}
    assert reached <= ROOMS[room]


def test_the_rooms_have_no_circle() -> None:
    """The table itself has a direction."""
    assert list(graphlib.TopologicalSorter(ROOMS).static_order())


def test_modules_have_no_circle() -> None:
    """No two files import each other at the top, by whatever way round."""
    graph = {name: set(imports_of(path, lazy=False)) - {name} for name, path in modules().items() if name != "__init__"}
    assert list(graphlib.TopologicalSorter(graph).static_order())


def test_nothing_below_imports_the_command_line() -> None:
    """cli is imported by nobody but the entry point."""
    for name, path in modules().items():
        if name.partition(".")[0] not in TOP:
            assert not [found for found in imports_of(path, lazy=True) if found.startswith("cli")], name


@pytest.mark.parametrize(
    ("package", "rooms"),
    [
        ("torch", {"arithmetic", "implementations", "devices", "worker", "executors", "environment", "torch_draws"}),
        ("pandas", {"frames", "analysis", "report", "export"}),
        ("pyarrow", {"export", "report"}),
        ("matplotlib", {"report"}),
        ("jinja2", {"report"}),
        ("distributed", {"executors"}),
    ],
)
def test_where_a_heavy_package_is_named(package: str, rooms: set[str]) -> None:
    """torch stands only below the worker; pandas, pyarrow, matplotlib and jinja2 only above the store."""
    for name, path in modules().items():
        tree = tree_of(path)
        found = {
            alias.name.partition(".")[0]
            for node in ast.walk(tree)
            if isinstance(node, ast.Import)
            for alias in node.names
        } | {
            node.module.partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module
        }
        assert package not in found or room_of(name) in rooms, name


def test_every_module_says_what_it_is() -> None:
    """Each file begins with a docstring."""
    for name, path in modules().items():
        assert ast.get_docstring(tree_of(path)), name


def test_public_names() -> None:
    """What Python users rely on is there, and nothing else is advertised."""
    assert set(harness.__all__) == {"__version__", "implementation", "implementations", "load"}
    for name in harness.__all__:
        assert getattr(harness, name) is not None
    with pytest.raises(AttributeError, match="lod"):
        _ = harness.lod
