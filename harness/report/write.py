"""Writes the pages of a run and the files beside them."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from harness.analysis.verdict import Assessment
from harness.errors import MachineError
from harness.frames import Run
from harness.frames.csv import csv_parts
from harness.frames.origin import Origin
from harness.report import curves
from harness.report.glance import views_of
from harness.report.page import file_name, index_page, scenario_page
from harness.report.summary_json import as_json
from harness.report.summary_markdown import as_markdown
from harness.report.view import View


def write_report(assessment: Assessment, folder: Path, views: Sequence[View] | None = None) -> Path:
    """
    Write the report; the same run file gives the same bytes.

    Args:
        assessment: The run and what was checked of it.
        folder: Made if it is not there.
        views: Its scenarios, where they are at hand already.

    Returns:
        The run's page, `index.html`.

    Raises:
        MachineError: If a file cannot be written.
    """
    with _uncollected():
        return _written(assessment, folder, views_of(assessment) if views is None else views)


@contextmanager
def _uncollected() -> Iterator[None]:
    """
    No search for cycles among what is still needed.

    All that is read and checked of a run lives to its end; searching it again and again, as it grows, takes a quarter
    of the time of 20,000 cells.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _written(assessment: Assessment, folder: Path, views: Sequence[View]) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # First, while least is held: these are the largest.
        _write_data(assessment.run, folder)
        for number, view in enumerate(views):
            if number:
                # The figures of the page before are cycles; what is older was looked at with it.
                gc.collect(0)
            _write(folder / file_name(view.name), scenario_page(view))
        _write(folder / "index.html", index_page(assessment, views))
        _write(folder / "summary.md", as_markdown(assessment))
        _write(folder / "summary.json", as_json(assessment) + "\n")
    except OSError as error:
        raise MachineError(f"{folder}: the report cannot be written: {error.strerror or error}.") from error
    return folder / "index.html"


def _write_data(run: Run, folder: Path) -> None:
    with (folder / "cells.csv").open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        file.writelines(csv_parts(run.cells, Origin.of(run).stamps))
    if curves.reason_against(run):
        # Of an earlier report, before the run went on.
        (folder / curves.NAME).unlink(missing_ok=True)
    else:
        (folder / curves.NAME).write_bytes(curves.as_parquet(run))


def _write(path: Path, text: str) -> None:
    # A lone surrogate (a file name that is no UTF-8) must not stop the report.
    path.write_bytes(text.encode("utf-8", "backslashreplace"))
