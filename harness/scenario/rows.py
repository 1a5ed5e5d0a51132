"""The numbers in data files: rows of a csv file, lines of an order file."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.scenario.base import FaultAtKeyError
from harness.scenario.data import Column, Csv
from harness.scenario.faults import nearest, one_of, show

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
# More would be the same fault again and again.
_MOST_FAULTS = 5


@dataclass(frozen=True)
class Rows:
    """
    Rows of a data file.

    Args:
        x: Raw columns, shape (n, columns).
        y: The target, shape (n,).
    """

    x: tuple[tuple[float, ...], ...]
    y: tuple[float, ...]


@dataclass(frozen=True)
class _Line:
    """One line of data: its place among the data rows (from 1), its place in the file (from 1), its fields."""

    row: int
    number: int
    fields: list[str]


def csv_rows(table: Csv, content: bytes) -> Rows:
    """
    The rows that a `[data.csv]` table means.

    Blank lines are no rows; a line of nothing but delimiters has holes. Every row has as many fields
    as the header (or the first row), and a number in every column used.

    Raises:
        FaultAtKeyError: At the table's key that does not fit the file.
    """
    names, lines = _lines(table, content)
    width = len(names) if table.header else (len(lines[0].fields) if lines else 0)
    if len(lines) < 2:
        raise FaultAtKeyError("path", f"found {len(lines)} data row{'s' * (len(lines) != 1)}; allowed: 2 or more")
    *places, target = _places(table, names, width)
    first, last = table.rows or (1, len(lines))
    if last > len(lines):
        raise FaultAtKeyError("rows", f"found [{first}, {last}]; the file has {len(lines)} data rows")
    wanted = lines[first - 1 : last]
    if len(wanted) < 2:
        raise FaultAtKeyError("rows", f"found [{first}, {last}], 1 data row; allowed: 2 or more")
    problems = [problem for line in wanted for problem in _problems(line, [*places, target], names, width)]
    if problems:
        more = f"; and {len(problems) - _MOST_FAULTS} more" if len(problems) > _MOST_FAULTS else ""
        raise FaultAtKeyError("path", "; ".join(problems[:_MOST_FAULTS]) + more)
    return Rows(
        tuple(tuple(float(line.fields[place]) for place in places) for line in wanted),
        tuple(float(line.fields[target]) for line in wanted),
    )


def _lines(table: Csv, content: bytes) -> tuple[list[str], list[_Line]]:
    """The names in the header, none without one, and the lines of data."""
    try:
        text = content.decode("utf-8-sig")
        fields = list(_fields(text, table))
    except (UnicodeDecodeError, csv.Error) as error:
        raise FaultAtKeyError("path", f"is no csv file in UTF-8: {error}") from error
    names = fields.pop(0)[1] if table.header and fields else []
    if table.header and not names:
        raise FaultAtKeyError("path", "has no header: it ends before")
    return names, [_Line(row, number, line) for row, (number, line) in enumerate(fields, 1)]


def _fields(text: str, table: Csv) -> Iterator[tuple[int, list[str]]]:
    """Line numbers and fields of the lines that are not blank, from behind the skipped ones."""
    lines = list(io.StringIO(text, newline=""))[table.skip_rows :]
    if table.delimiter == "whitespace":
        split = enumerate((line.split() for line in lines), 1)
        yield from ((number + table.skip_rows, fields) for number, fields in split if fields)
        return
    reader = csv.reader(io.StringIO("".join(lines), newline=""), delimiter=table.delimiter, strict=True)
    for fields in reader:
        stripped = [field.strip() for field in fields]
        if any(stripped) or (len(fields) > 1 and not table.delimiter.isspace()):
            yield reader.line_num + table.skip_rows, stripped


def _places(table: Csv, names: Sequence[str], width: int) -> list[int]:
    """Where the columns of x stand, and last that of y."""
    keys = [*(f"x[{number}]" for number in range(len(table.x))), "y"]
    places: list[int] = []
    for key, column in zip(keys, (*table.x, table.y), strict=True):
        place = _place(column, key, names, width)
        if place in places:
            raise FaultAtKeyError(key, f"found {show(column)}, the same column as {keys[places.index(place)]}")
        places.append(place)
    return places


def _place(column: Column, key: str, names: Sequence[str], width: int) -> int:
    """Where a column stands, from 0."""
    if isinstance(column, int):
        if column >= width:
            raise FaultAtKeyError(key, f"found column {column}; allowed: 0 to {width - 1} (columns are counted from 0)")
        return column
    if names.count(column) > 1:
        raise FaultAtKeyError(key, f"found {show(column)}, which the header holds twice; give the column's number")
    if column not in names:
        problem = f"found {show(column)}; the header has {one_of(map(show, names))}{nearest(column, names)}"
        raise FaultAtKeyError(key, problem)
    return names.index(column)


def _problems(line: _Line, places: Sequence[int], names: Sequence[str], width: int) -> Iterator[str]:
    where = f"data row {line.row} (line {line.number})"
    if len(line.fields) != width:
        yield f"{where} has {len(line.fields)} fields; the {'header' if names else 'first row'} has {width}"
        return
    for place in places:
        text = line.fields[place]
        # Python's float would take 1_000, nan and infinity too.
        if not (_NUMBER.fullmatch(text) and math.isfinite(float(text))):
            column = show(names[place]) if names else str(place)
            yield f"{where}, column {column}: found {show(text) if text else 'nothing'}; allowed: a finite number"


def order_lines(content: bytes) -> tuple[tuple[int, ...], ...]:
    """
    The lines of an order file.

    Raises:
        ValueError: If it holds anything but comma-separated whole numbers from 0, a line an epoch.
    """
    try:
        lines = list(io.StringIO(content.decode("utf-8-sig")))
    except UnicodeDecodeError as error:
        raise ValueError(f"is no text in UTF-8: {error}") from error
    result = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            fields = [field.strip() for field in line.split(",")]
            wrong = next((field for field in fields if not (field.isascii() and field.isdecimal())), None)
            if wrong is not None:
                raise ValueError(f"line {number}: found {show(wrong)}; allowed: whole numbers from 0, comma-separated")
            result.append(tuple(int(field) for field in fields))
    if not result:
        raise ValueError("has no lines; it needs one for each epoch")
    return tuple(result)
