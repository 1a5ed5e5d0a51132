"""Where and with what a run was made, and what it was asked to do."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from harness.frames import Run
from harness.report import curves, machines, numbers
from harness.report.parts import Finding, Section, Table, table_of
from harness.report.view import View

_FILES = (
    ("cells.csv", "every cell and replicate, all columns"),
    (curves.NAME, "loss and parameters of every cell by step"),
    ("summary.md", "the verdict for a job page"),
    ("summary.json", "the verdict for machines"),
    ("run.sqlite", "the run file: plan, records, traces, timings, environment"),
)
_MOST = 500


@dataclass(frozen=True)
class Files:
    """
    What lies beside the page.

    Args:
        listed: Name and what it holds.
        without: Which one there is none of, and why; empty where all are there.
    """

    listed: tuple[tuple[str, str], ...]
    without: str


@dataclass(frozen=True)
class Facts:
    """
    What is known of the machines.

    Args:
        finding: How many, and whether they differ.
        differing: A row a machine, where there are several and they differ.
        tables: Machine and software, side by side.
        rest: Everything else that fits a table; folded.
        long: What does not; folded one by one.
    """

    finding: Finding
    differing: Table | None
    tables: tuple[Table, ...]
    rest: Table | None
    long: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Data:
    """What the template shows."""

    facts: Facts
    path: str
    text: str
    files: Files


def section(view: View) -> Section:
    """The machines of a run, and the scenario as it was read."""
    run = view.assessment.run
    data = Data(facts(run.environment), view.scenario.path, view.scenario.text, files(run))
    return Section("environment", "Environment", "Where and with what was it run?", data)


def files(run: Run) -> Files:
    """Those that are written for a run; of a large one without its traces."""
    against = curves.reason_against(run)
    listed = tuple((name, words) for name, words in _FILES if not (against and name == curves.NAME))
    return Files(listed, f"No {curves.NAME}: {against}" if against else "")


def facts(environment: pd.DataFrame) -> Facts:
    """Two small tables, what differs between machines before them, the rest behind."""
    found = machines.of(environment)
    several = len(found.hosts) > 1
    titles = ("Machine", "Software") if not several else ("The same on all machines", "Software, the same on all")
    tables = [
        table_of(title, ("What", "Value"), rows, most=_MOST)
        for title, rows in zip(titles, (found.machine, found.software), strict=True)
        if rows
    ]
    caption = "Variables, times of imports, and all else that was recorded"
    return Facts(
        Finding(machines.says(found)),
        _differing(found),
        tuple(tables),
        table_of(caption, ("What", "Value"), found.rest, most=_MOST) if found.rest else None,
        found.long,
    )


def _differing(found: machines.Machines) -> Table | None:
    """A row a machine: there may be many, and few things that differ."""
    if not found.differing:
        return None
    columns = [found.hosts, *found.differing.values()]
    rows = list(zip(*columns, strict=True))
    return table_of("What differs between the machines", ("Machine", *map(numbers.upper, found.differing)), rows)
