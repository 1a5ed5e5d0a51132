"""Timing groups in the JSON layout of pytest-benchmark, which its `compare` and CI actions read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from harness.analysis.timing import TimingGroup, timing_groups
from harness.errors import UserError
from harness.export.statistics import statistics
from harness.frames import Run
from harness.frames.origin import Origin
from harness.frames.text import strict

# The version of pytest-benchmark that first wrote this layout.
_LAYOUT = "5.0.0"
_ARM = ("implementation", "device")


def as_pytest_benchmark(run: Run) -> str:
    """
    A benchmark for each timing group: a cell without its seed.

    Its data are one number for each process, the median of its seconds a step.
    Implementations and devices of one configuration form a group, which `compare`
    shows as one table.

    Args:
        run: The run.

    Raises:
        UserError: If no process was timed.
    """
    benchmarks = [_benchmark(name, group) for name, group in _groups(run)]
    if not benchmarks:
        raise UserError(
            f"{run.file.path}: no process that ended well was timed, so there is nothing to compare. "
            "Timed are those of run.timed_seeds seeds, if run.timing_repeats is above 0."
        )
    origin = Origin.of(run)
    content = {
        "machine_info": _machine(origin),
        "commit_info": _commit(origin),
        "benchmarks": benchmarks,
        "datetime": datetime.fromtimestamp(origin.started or 0.0, UTC).isoformat(),
        "version": _LAYOUT,
        "harness": origin.head,
    }
    return json.dumps(strict(content), indent=1, allow_nan=False) + "\n"


def _groups(run: Run) -> Iterator[tuple[str, TimingGroup]]:
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in run.cells.to_dict("records"):
        axes = run.file.axes[row["scenario"], row["cell"]]
        rows.setdefault(row["scenario"], []).append({**{str(key): item for key, item in row.items()}, "axes": axes})
    for name, found in rows.items():
        for group in timing_groups(found):
            yield name, group


def _benchmark(scenario: str, group: TimingGroup) -> dict[str, Any]:
    params = {
        axis: level if isinstance(level, (int, float, str)) else _words(level) for axis, level in group.axes.items()
    }
    fixed = " ".join(f"{axis}={_words(level)}" for axis, level in group.axes.items() if axis not in _ARM)
    param = "-".join(_words(level) for level in group.axes.values())
    return {
        "group": f"{scenario} {fixed}",
        "name": " ".join(str(group.axes[axis]) for axis in _ARM),
        "fullname": f"{scenario}[{param}]",
        "params": params,
        "param": param,
        "extra_info": {"scenario": scenario, "processes": group.processes},
        "options": {"timer": "perf_counter", "disable_gc": False, "warmup": True},
        "stats": statistics(group.seconds),
    }


def _words(level: Any) -> str:
    return level if isinstance(level, str) else json.dumps(level)


def _machine(origin: Origin) -> dict[str, Any]:
    facts = origin.facts
    system, _, release = facts.get("os", "").partition(" ")
    python = facts.get("python", "")
    return {
        "node": ", ".join(origin.hosts),
        "processor": facts.get("cpu", ""),
        "machine": facts.get("machine", ""),
        "python_implementation": "CPython",
        "python_implementation_version": python,
        "python_version": python,
        "release": release,
        "system": system,
        "cpu": {"brand_raw": facts.get("cpu", ""), "count": int(facts.get("cpus", 0))},
    }


def _commit(origin: Origin) -> dict[str, Any]:
    """Of the harness's own code; the installed package has none."""
    commit, _, changed = origin.facts.get("commit", "").partition(" ")
    return {
        "id": commit or "unversioned",
        "time": None,
        "author_time": None,
        "dirty": bool(changed),
        "project": "gradient-descent-harness",
        "branch": "(unknown)",
    }
