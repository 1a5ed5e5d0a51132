"""`harness export`: a run's tables and its verdict, in formats that others read."""

from __future__ import annotations

import argparse
import csv
import io
import sys

from harness import dictionary
from harness.errors import MachineError, UserError
from harness.streams import put

# These are of a run as a whole, and hold no table.
_WHOLE = ("junit", "pytest-benchmark")


def execute(options: argparse.Namespace) -> int:
    """Print data or their dictionary, or write them to a file."""
    content = _dictionary(options) if options.columns else _exported(options)
    if options.output is not None:
        _write(options.output, content)
    elif isinstance(content, bytes):
        _put_bytes(content)
    else:
        put(content)
    return 0


def _dictionary(options: argparse.Namespace) -> str:
    """
    What each column means, as csv.

    Raises:
        UserError: If a run is named too, or another format.
    """
    if options.run is not None:
        raise UserError(f"export: --columns is about every run; leave {options.run} out.")
    if options.format != "csv":
        raise UserError(f"export: --columns prints csv, not {options.format}.")
    tables = [options.table] if options.table else list(dictionary.TABLES)
    file = io.StringIO(newline="")
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(("table", "column", "type", "unit", "meaning"))
    for table in tables:
        rows.writerows((table, *vars(column).values()) for column in (*dictionary.TABLES[table], *dictionary.STAMP))
    return file.getvalue()


def _exported(options: argparse.Namespace) -> str | bytes:
    """
    The run in the format asked for.

    Raises:
        UserError: If the options do not fit each other, or the run holds nothing of what is asked.
    """
    if options.run is None:
        raise UserError("export: which run? Name a run folder, a run file, or latest. --columns needs none.")
    if options.format in _WHOLE and options.table is not None:
        raise UserError(f"export: {options.format} is of the whole run and takes no --table.")
    if options.format == "parquet" and options.output is None and sys.stdout.isatty():
        raise UserError("export: parquet is not for a terminal; name a file with -o, or pipe it.")
    return _formatted(options.run, options.format, options.table or "cells")


def _formatted(name: str, format_: str, table: str) -> str | bytes:
    """A format's packages are imported when it is asked for."""
    from harness.frames import load

    run = load(name)
    if format_ == "junit":
        from harness.export.junit import as_junit

        return as_junit(run)
    if format_ == "pytest-benchmark":
        from harness.export.pytest_benchmark import as_pytest_benchmark

        return as_pytest_benchmark(run)
    if format_ == "parquet":
        from harness.export.parquet import as_parquet

        return as_parquet(run, table)
    if format_ == "json":
        from harness.export.json import as_json

        return as_json(run, table)
    from harness.export.csv import as_csv

    return as_csv(run, table)


def _write(path: str, content: str | bytes) -> None:
    data = content if isinstance(content, bytes) else content.encode("utf-8", "backslashreplace")
    try:
        with open(path, "wb") as file:
            file.write(data)
    except OSError as error:
        raise MachineError(f"{path}: cannot be written: {error.strerror}.") from error


def _put_bytes(content: bytes) -> None:
    """As `put`; a reader that has enough is no error."""
    try:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        pass
    except OSError as error:
        raise MachineError(f"stdout: cannot be written: {error.strerror}.") from error
