"""Makes the implementations of plug-ins known, by asking each plug-in in a process of its own."""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness import catalogue
from harness.catalogue import Entry, Plugin
from harness.errors import UserError
from harness.helper import ask
from harness.streams import say

GROUP = "harness.implementations"
_SECONDS = 120.0


@dataclass(frozen=True)
class Loaded:
    """
    One plug-in, asked.

    Args:
        plugin: Where its code is.
        entries: What it registers, by name.
        files: Digest of each of its files, by path.
        packages: Version of each installed package that it imports.
    """

    plugin: Plugin
    entries: dict[str, Entry]
    files: dict[str, str] = field(default_factory=dict)
    packages: dict[str, str] = field(default_factory=dict)


def register(files: Iterable[str], names: Mapping[str, str] | None = None) -> list[Loaded]:
    """
    Make known what these files and the installed packages register.

    An installed plug-in that cannot be loaded is left out, with a word: it must not stop
    a run that does not name it. A file was asked for, and stops it.

    Args:
        files: The paths of `--plugin`.
        names: What messages call a file that was not given by `--plugin`.

    Raises:
        UserError: If a file cannot be loaded, registers nothing, or takes a name that is taken.
    """
    sources, names = {str(Path(file).resolve()): file for file in files}, names or {}
    loaded = [_registered(names.get(file, f"--plugin {file}"), _of_file(file)) for file in sources.values()]
    for point in importlib.metadata.entry_points(group=GROUP):
        name = f"the installed plug-in {point.name}"
        try:
            loaded.append(_registered(name, Plugin(point.value)))
        except UserError as error:
            say(f"harness: {error} It is left out.")
    return loaded


@dataclass(frozen=True)
class Placed:
    """
    A run's plug-in, where this machine can load it.

    Args:
        source: Its path when the run was made.
        path: Its path now.
        originals: The paths that its files had, by those that they have now, where these are others.
    """

    source: str
    path: str
    originals: Mapping[str, str] = field(default_factory=dict)


def placed(source: str, sources: Collection[str], kept: Mapping[str, bytes], folder: Path) -> Placed:
    """
    A plug-in in place, or in `folder` where one of its files is not here: today's files, and copies of those missing.

    Args:
        source: Its path when the run was made.
        sources: Those of all plug-ins of the run.
        kept: The run's copies of their files, by path.
        folder: An empty folder, for as long as it is used.

    Raises:
        UserError: If it is not here, and the run has no copy.
    """
    files = [path for path in kept if belongs(path, source, sources)]
    if all(Path(path).is_file() for path in (source, *files)):
        return Placed(source, source)
    if source not in kept:
        raise UserError(f"the run's plug-in {source} is not here, and the run file has no copy. Put it there again.")
    originals = {str(folder / below): path for below, path in _layout(files, Path(source).parent).items()}
    for target, path in originals.items():
        Path(target).parent.mkdir(parents=True, exist_ok=True)
        Path(target).write_bytes(Path(path).read_bytes() if Path(path).is_file() else kept[path])
    return Placed(source, str(folder / Path(source).name), originals)


def _layout(files: Collection[str], home: Path) -> dict[Path, str]:
    """
    Each file by where it lies below the folder that it is imported from.

    That is the one that holds its package, somewhere on Python's path, or the plug-in's
    own: a file below that has both places, and keeps its own from others.
    """
    found = {Path(path).relative_to(_root(Path(path), files)): path for path in files}
    return found | {Path(path).relative_to(home): path for path in files if home in Path(path).parents}


def belongs(path: str, source: str, sources: Collection[str]) -> bool:
    """Whether a file is this plug-in's: itself, beside it or below, or somewhere else but beside another."""
    if path in sources:
        return path == source
    parents = Path(path).parents
    others = [Path(other).parent for other in sources if other != source]
    return Path(source).parent in parents or not any(other in parents for other in others)


def _root(path: Path, files: Collection[str]) -> Path:
    root = path.parent
    while str(root / "__init__.py") in files:
        root = root.parent
    return root


def used(plugins: Iterable[Loaded], names: Collection[str]) -> list[Loaded]:
    """Those that register one of these implementations: a run does not rest on the others."""
    return [plugin for plugin in plugins if not plugin.entries.keys().isdisjoint(names)]


def _of_file(file: str) -> Plugin:
    path = Path(file)
    if path.suffix != ".py" or not path.is_file():
        raise UserError(f"--plugin {file}: must be a Python file (.py) that exists.")
    return Plugin(str(path.resolve()))


def _registered(name: str, plugin: Plugin) -> Loaded:
    answer = _ask(plugin)
    if "error" in answer:
        raise UserError(f"{name}: cannot be loaded: {answer['error']}.")
    if not answer["implementations"]:
        raise UserError(f"{name}: registers no implementation; decorate a class with @harness.implementation(...).")
    plugin = Plugin(plugin.source, answer["files"].get(plugin.source, ""))
    entries = {
        key: Entry(tuple(item["devices"]), item["outfit"], plugin=plugin)
        for key, item in answer["implementations"].items()
    }
    for key, entry in entries.items():
        try:
            catalogue.add(key, entry)
        except ValueError as error:
            raise UserError(f"{name}: {error}.") from error
    return Loaded(plugin, entries, answer["files"], answer["packages"])


def _ask(plugin: Plugin) -> dict[str, Any]:
    """What the helper process says; an `error` where it could not."""
    answer = ask("harness.implementations.described", plugin.source, seconds=_SECONDS)
    if answer.code is None:
        return {"error": f"it was still loading after {_SECONDS:g} s"}
    if not answer.content:
        return {"error": answer.ending}
    content: dict[str, Any] = json.loads(answer.content)
    return content
