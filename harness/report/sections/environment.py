"""Where and with what a run was made, and what it was asked to do."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from harness.frames import Run
from harness.report import curves
from harness.report.parts import Section, Table, table_of
from harness.report.view import View

_LONG = 300
_FILES = (
    ("cells.csv", "every cell and replicate, all columns"),
    (curves.NAME, "loss and parameters of every cell by step"),
    ("summary.md", "the verdict for a job page"),
    ("summary.json", "the verdict for machines"),
    ("run.sqlite", "the run file: plan, records, traces, timings, environment"),
)


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
class Data:
    """What the template shows."""

    machines: tuple[Table, ...]
    long_facts: tuple[tuple[str, str], ...]
    path: str
    text: str
    files: Files


def section(view: View) -> Section:
    """The machines of a run, and the scenario as it was read."""
    machines, long_facts = facts(view.assessment.run.environment)
    data = Data(machines, long_facts, view.scenario.path, view.scenario.text, files(view.assessment.run))
    return Section("environment", "Environment", "Where and with what was it run?", data)


def files(run: Run) -> Files:
    """Those that are written for a run; of a large one without its traces."""
    against = curves.reason_against(run)
    listed = tuple((name, words) for name, words in _FILES if not (against and name == curves.NAME))
    return Files(listed, f"No {curves.NAME}: {against}" if against else "")


def facts(environment: pd.DataFrame) -> tuple[tuple[Table, ...], tuple[tuple[str, str], ...]]:
    """A table for each machine, and the facts that are too long for a table."""
    tables, long_facts = [], []
    for host, rows in environment.groupby("host", sort=False, dropna=False):
        pairs = [(str(key), str(value)) for key, value in zip(rows["key"], rows["value"], strict=True)]
        long_facts += [(f"{key} on {host}", value) for key, value in pairs if len(value) > _LONG]
        short = [(key, value) for key, value in pairs if len(value) <= _LONG]
        tables.append(table_of(f"Machine {host}", ("What", "Value"), short))
    return tuple(tables), tuple(long_facts)
