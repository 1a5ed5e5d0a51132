"""`harness run`: scenarios in, a run folder and a verdict out."""

from __future__ import annotations

import argparse
import os
import secrets
import time
from pathlib import Path

from harness import environment
from harness.cli.finish import executor_of, finish
from harness.cli.resume import OF_RUN, resume
from harness.cli.settings import only, settings
from harness.draws import with_draws
from harness.errors import UserError
from harness.fingerprint import fingerprint
from harness.linux import interrupts_held
from harness.plan import Cuts, Plan, make_plan
from harness.plugins import register, used
from harness.precheck import must_be_scalable
from harness.scenario.read import Scenario, read_all
from harness.store.writer import RunWriter
from harness.streams import put


def execute(options: argparse.Namespace) -> int:
    """Run the scenarios, or what is missing of a run; the exit code says whether everything held."""
    if options.retry and options.resume is None:
        raise UserError("--retry needs --resume RUN: it runs cells of that run again.")
    if options.pdb and options.executor != "inline":
        raise UserError("--pdb needs --executor inline: a debugger cannot follow a cell into a process of its own.")
    if options.resume is not None:
        return resume(options)
    # Not the parser's defaults: a resumed run would not know them from what was asked for.
    options.executor, options.isolation = options.executor or "local", options.isolation or "fork"
    return _new(options)


def _new(options: argparse.Namespace) -> int:
    changes = settings(options.set)
    plugins = register(options.plugin)
    with interrupts_held():
        scenarios = read_all(options.scenario, changes)
        cuts = Cuts(options.quick, only(options.only, scenarios), options.timeout)
        plan = make_plan(scenarios, cuts, shuffle_seed=secrets.randbits(32))
    if not plan.processes:
        raise UserError("no cell is left; --only names values that no cell has together.")
    if options.dry_run:
        return _dry_run(plan, scenarios)
    with interrupts_held():
        plan = with_draws(plan)
        paths = {scenario.name: scenario.path for scenario in scenarios}
        must_be_scalable((paths[item.scenario], item.job.spec, item.job.inputs) for item in plan.cells)
    plugins = used(plugins, {item.job.spec.implementation for item in plan.cells})
    executor = executor_of(options)
    name = time.strftime("%Y-%m-%dT%H-%M-%S", time.gmtime()) if options.name is None else options.name
    writer = RunWriter(_new_folder(Path(options.out), name, unique=options.name is None))
    with interrupts_held():
        writer.meta(_facts(writer.folder.name, options))
        writer.fingerprint(fingerprint(plugins))
        files = {path: digest for plugin in plugins for path, digest in plugin.files.items()}
        writer.environment(environment.host(), {f"plug-in {path}": digest for path, digest in files.items()})
        # Last: a run file with a plan has all that a resumption needs.
        writer.plan(plan, scenarios, changes)
    return finish(plan, executor, writer, options)


def _facts(name: str, options: argparse.Namespace) -> dict[str, object]:
    return {
        "name": name,
        "created": time.time(),
        "directory": str(Path.cwd()),
        "quick": options.quick,
        "executor": options.executor,
        "isolation": options.isolation,
        "options": {name: vars(options)[name] for name in OF_RUN},
    }


def _dry_run(plan: Plan, scenarios: list[Scenario]) -> int:
    for scenario in scenarios:
        cells = [item for item in plan.cells if item.scenario == scenario.name]
        processes = [item for item in plan.processes if item.scenario == scenario.name]
        timed = sum(item.phase == "timed" for item in processes)
        put(f"{scenario.path}: {len(cells)} cells, {len(processes)} processes, {timed} of them timed\n")
    return 0


def _new_folder(out: Path, name: str, *, unique: bool) -> Path:
    """Where the run goes; a name given by the time gets a number if it is taken."""
    if os.sep in name or name in ("", ".", "..", "latest"):
        raise UserError(f"--name {name}: must be a folder name without {os.sep}, and not latest.")
    folder, number = out / name, 2
    while unique and folder.exists():
        folder, number = out / f"{name}-{number}", number + 1
    if folder.exists():
        raise UserError(f"{folder}: exists already; give the run another --name.")
    return folder
