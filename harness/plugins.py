"""Makes the implementations of plug-ins known, by asking each plug-in in a process of its own."""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Collection, Iterable
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


def register(files: Iterable[str]) -> list[Loaded]:
    """
    Make known what these files and the installed packages register.

    An installed plug-in that cannot be loaded is left out, with a word: it must not stop
    a run that does not name it. A file was asked for, and stops it.

    Args:
        files: The paths of `--plugin`.

    Raises:
        UserError: If a file cannot be loaded, registers nothing, or takes a name that is taken.
    """
    sources = {str(Path(file).resolve()): file for file in files}
    loaded = [_registered(f"--plugin {file}", _of_file(file)) for file in sources.values()]
    for point in importlib.metadata.entry_points(group=GROUP):
        name = f"the installed plug-in {point.name}"
        try:
            loaded.append(_registered(name, Plugin(point.value)))
        except UserError as error:
            say(f"harness: {error} It is left out.")
    return loaded


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
