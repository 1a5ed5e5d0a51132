"""Goes on with a run: what of its plan is missing, and whether what it rests on is still the same."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.errors import UserError
from harness.fingerprint import Fingerprint, differences
from harness.job import Job
from harness.plan import Plan, Planned, PlannedReference, reference_of
from harness.scenario.tables import read_inside
from harness.store.reader import RunFile


def missing(run: RunFile, retry: Collection[str] = ()) -> Plan:
    """
    The processes of a run's plan that have no record, in the plan's order, and its references likewise.

    Args:
        run: The run file.
        retry: Statuses whose records count as missing too.
    """
    statuses = {
        (row["scenario"], row["cell"], row["replicate"]): row["status"]
        for row in run.rows("SELECT scenario, cell, replicate, status FROM record")
    }
    left = [item for item in planned(run) if statuses.get(_key(item), "missing") in {"missing", *retry}]
    return Plan((), tuple(left), run.meta["shuffle_seed"], tuple(_references_left(run, retry)))


def _references_left(run: RunFile, retry: Collection[str]) -> Iterator[PlannedReference]:
    """The references that have no record, or one that counts as missing, each from the job of its first cell."""
    sql = (
        "SELECT scenario, reference, status, cell.job, MIN(cell.position) FROM reference "
        "JOIN cell USING (scenario, reference) GROUP BY scenario, reference ORDER BY reference.position"
    )
    for row in run.rows(sql):
        if row["status"] not in {"", *retry}:
            continue
        with run.reading(f"the job of {row['reference']}"):
            job = Job.from_json(row["job"])
        yield reference_of(row["scenario"], replace(job, inputs=run.inputs(row["scenario"], job.spec)))


def planned(run: RunFile) -> Iterator[Planned]:
    """Every process of a run's plan, in order of start."""
    jobs: dict[str, Job] = {}
    sql = "SELECT plan.*, cell.job FROM plan JOIN cell USING (scenario, cell) ORDER BY plan.position"
    for row in run.rows(sql):
        if row["job"] not in jobs:
            with run.reading(f"the job of {row['cell']}"):
                job = Job.from_json(row["job"])
            jobs[row["job"]] = replace(job, inputs=run.inputs(row["scenario"], job.spec))
        job = jobs[row["job"]]
        yield Planned(row["scenario"], row["cell"], row["replicate"], row["phase"], row["round"], job)


def _key(item: Planned) -> tuple[str, str, int]:
    return item.scenario, item.cell, item.replicate


def plugin_files(run: RunFile) -> list[str]:
    """The files of the plug-ins that a run was made with."""
    return [row["source"] for row in run.rows("SELECT DISTINCT source FROM plugin WHERE digest <> ''")]


def must_be_unchanged(run: RunFile, now: Fingerprint) -> None:
    """
    Refuse to mix what cannot be compared.

    Args:
        run: The run file.
        now: What this process would run with.

    Raises:
        UserError: If a scenario, a data file, code or a package version changed since; every difference is named.
    """
    found = [*_changed_scenarios(run), *differences(stored(run), now)]
    if found:
        lines = [f"harness: {run.folder} cannot be resumed: what it rests on has changed. Start a new run instead."]
        raise UserError("\n".join([*lines, *(f"  {line}" for line in found)]))


def stored(run: RunFile) -> Fingerprint:
    """The fingerprint that a run was made with."""
    return {(row["kind"], row["name"]): row["value"] for row in run.rows("SELECT * FROM fingerprint")}


def _changed_scenarios(run: RunFile) -> Iterator[str]:
    """A file that is no longer where it was is no difference: the run has its own copy."""
    folder = Path(run.meta.get("directory", "."))
    for row in run.rows("SELECT name, path, text FROM scenario ORDER BY rowid"):
        path = folder / row["path"]
        if not path.is_file():
            continue
        text = path.read_bytes()
        if text != row["text"].encode():
            yield from _changed_keys(row["path"], row["text"], text)
        for file in run.rows("SELECT name, content FROM file WHERE scenario = ?", row["name"]):
            if _other_bytes(path.parent, file["name"], file["content"]):
                yield f"{path.parent / file['name']}: has changed"


def _other_bytes(folder: Path, name: str, content: bytes) -> bool:
    if not (folder / name).exists():
        return False  # as of a scenario that is gone: the run has its own copy
    try:
        return read_inside(folder, name) != content
    except ValueError:
        return True


def _changed_keys(name: str, before: str, after: bytes) -> Iterator[str]:
    """The keys whose values differ; none where only comments or spelling do."""
    try:
        now = dict(_flat(tomllib.loads(after.decode())))
    except ValueError as error:
        yield f"{name}: is no longer valid: {error}"
        return
    then = dict(_flat(tomllib.loads(before)))
    for key in [*then, *(key for key in now if key not in then)]:
        if then.get(key) != now.get(key):
            yield f"{name}: {key}: was {_shown(then, key)}, is {_shown(now, key)}"


def _shown(content: dict[str, Any], key: str) -> str:
    return json.dumps(content[key], default=str) if key in content else "not there"


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _flat(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        for number, item in enumerate(value):
            yield from _flat(item, f"{path}[{number}]")
    else:
        yield path, value
