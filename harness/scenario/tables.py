"""The tables of expected rows that `[[expect]]` names: small csv files beside the scenario."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from pathlib import Path

from harness.scenario.expect import Expect


@dataclass(frozen=True)
class ExpectedRows:
    """
    Expected numbers by state.

    Args:
        unit: `step` or `epoch`.
        places: The states, in that unit.
        values: The expected number at each.
    """

    unit: str
    places: tuple[int, ...]
    values: tuple[float, ...]


def read_inside(folder: Path, name: str) -> bytes:
    """
    The bytes of a data file that a scenario names.

    Raises:
        ValueError: If the path leaves the scenario's folder, links included, or is no readable file.
    """
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise ValueError(f'found "{name}"; allowed: a file below the scenario\'s own folder')
    try:
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f'found "{name}"; the file cannot be read: {error.strerror}') from error


def expected_rows(expect: Expect, content: bytes) -> ExpectedRows:
    """
    The rows of an expectation's table.

    Raises:
        ValueError: If a column is missing, a field is no number, or there are no rows.
    """
    try:
        rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"is no csv file: {error}") from error
    if not rows:
        raise ValueError("has no rows")
    names = [name.strip() for name in rows[0] if name is not None]
    column = expect.column or expect.quantity
    unit = next((unit for unit in ("step", "epoch") if unit in names), None)
    if unit is None:
        raise ValueError(f"needs a column step or epoch; found {', '.join(names)}")
    if column not in names:
        raise ValueError(f'has no column "{column}"; found {", ".join(names)} (name one with column = "…")')
    places = tuple(int(_number(row.get(unit), unit, line)) for line, row in enumerate(rows, start=2))
    return ExpectedRows(
        unit, places, tuple(_number(row.get(column), column, line) for line, row in enumerate(rows, start=2))
    )


def _number(text: str | None, column: str, line: int) -> float:
    try:
        value = float(text or "")
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f'line {line}, column "{column}": found {text!r}; allowed: a number')
    return value
