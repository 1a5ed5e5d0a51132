"""What has changed since a run was made, and which of its cells rest on it."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness import catalogue, environment
from harness.analysis.attribution import NOT_THERE, Difference
from harness.analysis.scopes import Subject, is_aside, rests
from harness.errors import UserError
from harness.fingerprint import Fingerprint, fingerprint
from harness.plugins import Loaded, Placed, belongs, placed, register, used
from harness.reproduce import Recorded
from harness.resume import stored
from harness.store.reader import RunFile


@dataclass(frozen=True)
class Plugins:
    """
    The plug-ins of some cells of a run, known to this process.

    Args:
        places: Where their files are.
        loaded: What they registered; their files by the paths of the run.
        files: The files that each had when the run was made, by where it is now.
    """

    places: Sequence[Placed]
    loaded: Sequence[Loaded]
    files: Mapping[str, Collection[str]]


def plugins_of(run: RunFile, items: Sequence[Recorded], folder: Path) -> Plugins:
    """
    Load the plug-ins that these cells need, from the run's copies where they are not here.

    Args:
        run: The run file.
        items: The cells.
        folder: An empty folder, for as long as the cells run.

    Raises:
        UserError: If one is neither here nor in the run file, cannot be loaded, or registers other names.
    """
    sources = sorted({entry.plugin.source for entry in run.plugins.values() if entry.plugin and entry.plugin.is_file})
    names = sorted({item.implementation for item in items} & run.plugins.keys())
    needed = sorted({plugin.source for name in names if (plugin := run.plugins[name].plugin)})
    files = [source for source in needed if source in sources]
    places = [placed(file, sources, run.plugin_files, folder / str(number)) for number, file in enumerate(files)]
    loaded = register((place.path for place in places), {p.path: f"the run's plug-in {p.source}" for p in places})
    for name in names:
        if name not in catalogue.implementations():
            raise UserError(_not_registered(name, run))
    originals = {path: original for place in places for path, original in place.originals.items()}
    as_then = [
        replace(item, files={originals.get(path, path): digest for path, digest in item.files.items()})
        for item in used(loaded, names)
    ]
    then = [name for kind, name in stored(run) if kind == "plug-in"]
    return Plugins(places, as_then, {p.path: [f for f in then if belongs(f, p.source, sources)] for p in places})


def _not_registered(name: str, run: RunFile) -> str:
    plugin = run.plugins[name].plugin
    assert plugin is not None, "the run's plug-ins only"
    if plugin.is_file:
        return f"the run's plug-in {plugin.source}: no longer registers {name}."
    return (
        f"the run's implementation {name} is of the installed plug-in {plugin.source}, which is not here. Install it."
    )


def fingerprints(run: RunFile, plugins: Plugins) -> tuple[Fingerprint, Fingerprint]:
    """That of the run and today's, as far as these plug-ins rest on them."""
    now, then = fingerprint(plugins.loaded), stored(run)
    needed = {file for files in plugins.files.values() for file in files}
    then = {key: value for key, value in then.items() if key[0] != "plug-in" or key in now or key[1] in needed}
    # What only a plug-in that is not needed here imports.
    for kind, name in then.keys() - now.keys():
        if kind == "package" and (version := _installed(name)):
            now[kind, name] = version
    return then, now


def _installed(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def differences_of(
    run: RunFile, items: Sequence[Recorded], plugins: Plugins, facts: Mapping[str, str]
) -> list[Difference]:
    """
    What is not as it was, with the cells that rest on it; what no cell rests on is left out.

    Args:
        run: The run file.
        items: The cells.
        plugins: Their plug-ins.
        facts: Of this machine and its processes.
    """
    subjects = [_subject(item, plugins) for item in items]
    then, now = fingerprints(run, plugins)
    found: dict[tuple[str, str, str, str], set[tuple[str, str]]] = {}
    for kind, name, was, value in _changed(then, now) if then else ():
        cells = {subject.key for subject in subjects if rests(subject, kind, name)}
        found.setdefault((kind, name, was, value), set()).update(cells)
    for host in sorted({subject.host for subject in subjects}):
        there = {row["key"]: row["value"] for row in run.rows("SELECT * FROM environment WHERE host = ?", host)}
        for kind, name, was, value in _changed_facts(there, facts):
            cells = {subject.key for subject in subjects if subject.host == host and rests(subject, kind, name)}
            found.setdefault((kind, name, was, value), set()).update(cells)
    return [Difference(*key, frozenset(cells)) for key, cells in found.items() if cells]


def _subject(item: Recorded, plugins: Plugins) -> Subject:
    spec, entry = item.planned.job.spec, catalogue.entry(item.implementation)
    own = [loaded for loaded in plugins.loaded if item.implementation in loaded.entries]
    files = {path for loaded in own for path in (*loaded.files, *plugins.files.get(loaded.plugin.source, ()))}
    return Subject(
        key=(item.planned.scenario, item.planned.cell),
        module=entry.module,
        outfit=entry.outfit,
        device=spec.device,
        threads=spec.threads,
        host=item.host,
        plugin_files=frozenset(files),
        packages=frozenset(package for loaded in own for package in loaded.packages),
    )


def _changed(then: Fingerprint, now: Fingerprint) -> Iterator[tuple[str, str, str, str]]:
    for kind, name in sorted({*then, *now}, key=lambda key: (key[0] != "package", key)):
        was, value = (values.get((kind, name), NOT_THERE) for values in (then, now))
        if was != value:
            yield kind, name, was, value


def _changed_facts(then: Mapping[str, str], now: Mapping[str, str]) -> Iterator[tuple[str, str, str, str]]:
    packages = ("python", *environment.versions())
    for name in sorted({*then, *now}):
        was, value = then.get(name), now.get(name)
        if was != value and not is_aside(name) and _is_known(name, then) and _is_known(name, now):
            yield "package" if name in packages else "machine", name, was or NOT_THERE, value or NOT_THERE


def _is_known(name: str, facts: Mapping[str, str]) -> bool:
    """Whether a fact that is not among these is known not to be there: a variable, a device."""
    if name in facts:
        return True
    if name.startswith("variable "):
        return any(other.startswith("variable ") for other in facts)
    return name == "gpu" and bool(facts)
