"""The tables of expected rows that `[[expect]]` names: small csv files beside the scenario."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from pathlib import Path

from harness.scenario.expect import Expect
from harness.scenario.faults import one_of, show


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
    if "\0" in name:
        raise ValueError(f"found {show(name)}; no file has such a name")
    try:
        path = (folder / name).resolve()
        if not path.is_relative_to(folder.resolve()):
            raise ValueError(f"found {show(name)}; allowed: a file below the scenario's own folder")
        if path.exists() and not path.is_file():
            # A pipe or a device may never end.
            raise ValueError(f"found {show(name)}; it is no regular file")
        return path.read_bytes()
    except (OSError, RuntimeError) as error:
        # A loop of links is a RuntimeError before Python 3.13.
        reason = getattr(error, "strerror", None) or error
        raise ValueError(f"found {show(name)}; the file cannot be read: {reason}") from error


def expected_rows(expect: Expect, content: bytes) -> ExpectedRows:
    """
    The rows of an expectation's table.

    Raises:
        ValueError: If a column is missing, a field is no number, or there are no rows.
    """
    try:
        lines = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"is no csv file: {error}") from error
    names, *rows = [[field.strip() for field in line] for line in lines if line] or [[]]
    if not rows:
        raise ValueError("has no rows")
    column = expect.column or expect.quantity
    units = ("epoch",) if expect.name == "epoch_loss" else ("step", "epoch")
    unit = next((unit for unit in units if unit in names), None)
    if unit is None:
        raise ValueError(f"needs a column {' or '.join(units)}; found {one_of(map(show, names))}")
    if column not in names:
        raise ValueError(f'has no column {show(column)}; found {one_of(map(show, names))} (name one with column = "…")')
    places, values = ([_number(row, names.index(name), name) for row in enumerate(rows, 2)] for name in (unit, column))
    broken = next((place for place in places if place < 0 or not place.is_integer()), None)
    if broken is not None:
        raise ValueError(f"column {show(unit)}: found {broken:g}; allowed: whole numbers from 0")
    return ExpectedRows(unit, tuple(map(int, places)), tuple(values))


def _number(row: tuple[int, list[str]], position: int, name: str) -> float:
    line, fields = row
    text = fields[position] if position < len(fields) else ""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"row {line}, column {show(name)}: found {show(text)}; allowed: a number")
    return value
