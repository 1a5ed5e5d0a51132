"""`harness reproduce`: cells of a run once more, bit for bit?"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from collections.abc import Iterable
from pathlib import Path

from harness import environment
from harness.analysis.attribution import Attribution
from harness.analysis.reproduction import Reproduction
from harness.changes import Plugins, differences_of, fingerprints, plugins_of
from harness.cli import reproduced as told
from harness.cli.finish import cores, executor_of
from harness.errors import UserError
from harness.executors.base import Executor
from harness.fingerprint import differences
from harness.progress import Progress
from harness.reproduce import Recorded, recorded, reproductions
from harness.scenario.faults import nearest
from harness.store.find import find
from harness.store.reader import RunFile
from harness.streams import put, say

# So many cells get a line each; of more only those that are not the same.
_FEW = 20


def execute(options: argparse.Namespace) -> int:
    """Run cells again; 0 if none differs in a bit."""
    if options.pdb:
        options.executor = "inline"
    run = find(options.run, Path(options.out))
    items = _chosen(recorded(run), options)
    with tempfile.TemporaryDirectory(prefix="harness-plug-ins-") as folder:
        plugins = plugins_of(run, items, Path(folder).resolve())
        changed = differences(*fingerprints(run, plugins))
        if not options.json:
            _say_what_runs(plugins, changed)
        executor = executor_of(options)
        try:
            found = _found(run, items, executor, options)
        finally:
            executor.close()
        facts = {**environment.describe(), **executor.describe()}
        attribution = _attribution(run, items, plugins, facts, found)
    if options.json:
        put(json.dumps(told.as_json(found, attribution, changed), indent=1) + "\n")
    else:
        put(told.as_terminal(found, attribution))
    return 1 if any(result.differs for result in found) else 0


def _chosen(items: list[Recorded], options: argparse.Namespace) -> list[Recorded]:
    """
    The cells that the user names, or a sample.

    Raises:
        UserError: If there is no such cell.
    """
    ids = [item.planned.cell for item in items]
    for wanted in options.cell:
        if wanted not in ids:
            raise UserError(f"--cell {wanted}: the run has no record of such a cell{nearest(wanted, ids) or '.'}")
    if options.cell:
        items = [item for item in items if item.planned.cell in options.cell]
    if not items:
        raise UserError(f"{options.run}: no cell of this run has a record.")
    if options.sample is not None and options.sample < len(items):
        items = random.sample(items, options.sample)
    return items


def _say_what_runs(plugins: Plugins, changed: Iterable[str]) -> None:
    files = sorted({path for place in plugins.places for path in place.originals.values()})
    for path in files:
        if not Path(path).is_file():
            say(f"harness: {path} is not here; the run's own copy is used.")
    for line in changed:
        say(f"not as in the run: {line}")


def _found(run: RunFile, items: list[Recorded], executor: Executor, options: argparse.Namespace) -> list[Reproduction]:
    """What came of each; where they are few each is told as soon as it is back."""
    each = len(items) <= _FEW or bool(options.cell)
    found = []
    with Progress(len(items), quiet=options.json or each) as progress:
        for result in reproductions(run, items, executor, options.jobs or cores()):
            found.append(result)
            progress.advance(bad=result.differs)
            if each and not options.json:
                put(f"{told.line(result)}\n")
    if not each and not options.json:
        put("".join(f"{line}\n" for line in told.lines_of_those_that_differ(found, _FEW)))
    return found


def _attribution(
    run: RunFile, items: list[Recorded], plugins: Plugins, facts: dict[str, str], found: list[Reproduction]
) -> Attribution:
    same = frozenset((result.scenario, result.cell) for result in found if result.is_same)
    differ = frozenset((result.scenario, result.cell) for result in found if result.differs)
    compared = [item for item in items if (item.planned.scenario, item.planned.cell) in same | differ]
    return Attribution(differences_of(run, compared, plugins, facts), same, differ)
