"""Every cell: the first rows as HTML, all of them as compact data for the table's script."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness import dictionary
from harness.report import numbers, palette
from harness.report.parts import Section, Table
from harness.report.view import View, key
from harness.report.where import reproduce

PAGE_ROWS = 25
# The page's budget is 1.5 MB; figures and tables need the rest of it.
MOST_BYTES = 850_000
_MOST_REASON = 160
_VALUES = (("correct_digits", "correct digits"), ("loss", "loss"), ("step_seconds", "step, µs"))
_NAMES = {label: name for name, label in _VALUES}
Row = dict[str, Any]


@dataclass(frozen=True)
class Data:
    """
    What the template shows.

    Args:
        heads: Column heads.
        numeric: Which columns are numbers.
        rows: The first rows, as text.
        total: Number of rows in all.
        fixed: Axes that have one value, in words.
        embedded: JSON for the script.
        kept: How many rows are in it.
        meanings: What each column says.
        command: Runs a cell again, CELL standing for its id.
    """

    heads: tuple[str, ...]
    numeric: tuple[bool, ...]
    rows: tuple[tuple[str, ...], ...]
    total: int
    fixed: str
    embedded: str
    kept: int
    meanings: Table
    command: str


def section(view: View) -> Section:
    """Failed rows first, skipped ones last, else in plan order."""
    rank = {"ok": 1, "skipped": 2}
    rows = sorted(view.rows, key=lambda row: rank.get(row["status"], 0))
    columns = _columns(view, rows)
    text, kept = fitted(columns, len(rows))
    fixed = ", ".join(f"{axis} {numbers.level(levels[0])}" for axis, levels in view.levels.items() if len(levels) == 1)
    shown = tuple(tuple(column.text(place) for column in columns) for place in range(min(PAGE_ROWS, len(rows))))
    heads = tuple(column.label for column in columns)
    numeric = tuple(column.kind == "number" for column in columns)
    data = Data(heads, numeric, shown, len(rows), fixed, text, kept, _meanings(heads), reproduce(view, "CELL"))
    return Section("cells", "Every cell", "What came out of every cell?", data)


@dataclass(frozen=True)
class Column:
    """
    One column for the script.

    Args:
        label: Its head.
        kind: `level` (an index into `levels`, with a select), `text` or `number`.
        values: One a row.
        levels: The words that a level stands for.
    """

    label: str
    kind: str
    values: tuple[Any, ...]
    levels: tuple[str, ...] = ()

    def head(self, count: int) -> Column:
        """The first rows."""
        return Column(self.label, self.kind, self.values[:count], self.levels)

    def text(self, place: int) -> str:
        """A cell as the page shows it."""
        value = self.values[place]
        if self.kind == "level":
            return self.levels[int(value)]
        return numbers.MISSING if value is None else str(value)


def _meanings(heads: Sequence[str]) -> Table:
    """A row for each column shown, from the dictionary of all exports."""
    found = {head: dictionary.column("cells", _NAMES.get(head, head.replace(" ", "_"))) for head in heads}
    rows = tuple((head, _unit(head, column.unit), f"{column.meaning}.") for head, column in found.items())
    note = "All columns of cells.csv: harness export --columns"
    return Table("What the columns of this table mean", ("Column", "Unit", "Meaning"), rows, note, silent=True)


def _unit(head: str, unit: str) -> str:
    """The dictionary's, or the one that the head names."""
    _, named, shown = head.partition(", ")
    return shown if named else unit.replace("1", "") or "none"


def _columns(view: View, rows: Sequence[Row]) -> list[Column]:
    columns = [_levels("status", [row["status"].replace("_", " ") for row in rows])]
    columns.append(
        _levels("outcome", [row["outcome"] if isinstance(row["outcome"], str) else numbers.MISSING for row in rows])
    )
    columns += [_axis(view, axis, rows) for axis in view.varied]
    columns.append(_levels("replicate", [str(row["replicate"]) for row in rows]))
    columns += [Column(label, "number", tuple(_value(row[name], name) for row in rows)) for name, label in _VALUES]
    if any(row["reason"] for row in rows):
        columns.append(
            _levels("reason", [row["reason"][:_MOST_REASON] or numbers.MISSING for row in rows], select=False)
        )
    columns.append(Column("cell", "text", tuple(str(row["cell"]) for row in rows)))
    return columns


def _levels(label: str, words: Sequence[str], *, select: bool = True) -> Column:
    levels = {word: index for index, word in enumerate(dict.fromkeys(words))}
    kind = "level" if select else "words"
    if not select:
        return Column(label, "text", tuple(words))
    return Column(label, kind, tuple(levels[word] for word in words), tuple(levels))


def _axis(view: View, axis: str, rows: Sequence[Row]) -> Column:
    place = {key(level): index for index, level in enumerate(view.levels[axis])}
    words = [
        palette.label(str(level)) if axis == "implementation" else numbers.level(level) for level in view.levels[axis]
    ]
    label = axis.replace("_", " ")
    return Column(label, "level", tuple(place[key(row["axes"][axis])] for row in rows), tuple(words))


def _value(value: Any, name: str) -> float | str | None:
    """Rounded: the page shows it, cells.csv has every bit."""
    number = math.nan if value is None else float(value)
    if not math.isfinite(number):
        return None if math.isnan(number) else "inf" if number > 0 else f"{numbers.MINUS}inf"
    if name == "correct_digits":
        return round(number, 1)
    return float(f"{number * 1e6 if name == 'step_seconds' else number:.4g}")


def fitted(columns: Sequence[Column], count: int) -> tuple[str, int]:
    """The embedded rows and their number: as many, from the top, as the budget holds."""
    text, kept = embed(columns, count), count
    while _size(text) > MOST_BYTES and kept > PAGE_ROWS:
        kept = max(PAGE_ROWS, int(kept * 0.95 * MOST_BYTES / _size(text)))
        text = embed([column.head(kept) for column in columns], kept)
    return text, kept


def _size(text: str) -> int:
    """Bytes of the text in a file, lone surrogates written out."""
    return len(text.encode("utf-8", "backslashreplace"))


def embed(columns: Sequence[Column], count: int) -> str:
    """The columns as JSON that cannot end a script element."""
    content = {
        "count": count,
        "columns": [{"label": c.label, "kind": c.kind, "levels": c.levels, "values": c.values} for c in columns],
    }
    return safe_json(content)


def safe_json(content: Any) -> str:
    """Compact JSON for a script element."""
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
