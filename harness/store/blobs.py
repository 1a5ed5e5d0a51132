"""The arrays of many cells, read in blocks, of which those read last are kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

from harness.packed import Packed

# Opening the file for each cell takes longer than reading what it left.
_BLOCK, _BLOCK_BYTES = 256, 4 * 2**20
_WAITING_BYTES = 8 * 2**20
# Of the objects around the numbers of one cell.
_AROUND = 300

Row = dict[str, Any]
_ORDER = {
    "cell": "SELECT scenario, cell AS id FROM cell ORDER BY position",
    "reference": "SELECT scenario, reference AS id FROM reference ORDER BY position",
}


class Kept:
    """
    Arrays by key, up to so many bytes; those not asked for the longest go first.

    Args:
        most: Bytes.
    """

    def __init__(self, most: int) -> None:
        self._most, self._bytes = most, 0
        self._arrays: OrderedDict[Hashable, Packed] = OrderedDict()

    def get(self, key: Hashable, read: Callable[[], Packed]) -> Packed:
        """Those of a key, read where they are not here."""
        if key in self._arrays:
            self._arrays.move_to_end(key)
            return self._arrays[key]
        found = self._arrays[key] = read()
        self._bytes += _size(found)
        while self._bytes > self._most and len(self._arrays) > 1:
            self._bytes -= _size(self._arrays.popitem(last=False)[1])
        return found


def _size(arrays: Packed) -> int:
    return _AROUND + len(arrays.data)


class Blobs:
    """
    The rows of a table that holds arrays, read a block at a time, in the order of the plan.

    Args:
        rows: Runs a query.
        table: `trace` or `reference`.
        column: Of the id: `cell` or `reference`.
    """

    def __init__(self, rows: Callable[..., list[Row]], table: str, column: str) -> None:
        self._rows, self._table, self._column = rows, table, column
        self._order = [(row["scenario"], row["id"]) for row in rows(_ORDER[column])]
        self._place = {key: place for place, key in enumerate(self._order)}
        self._waiting: dict[tuple[str, str], list[Row]] = {}
        self._bytes = 0
        (total,) = rows(f"SELECT COALESCE(SUM(LENGTH(data)), 0) AS bytes FROM {table}")  # noqa: S608 - our own name
        each = total["bytes"] / max(1, len(self._order))
        self._block = int(min(_BLOCK, max(1, _BLOCK_BYTES / max(each, 1))))

    def of(self, scenario: str, item: str) -> list[Row]:
        """The rows of an id: of a cell one for each replicate that left a trace."""
        if (scenario, item) not in self._waiting:
            self._read(scenario, item)
        return self._waiting.get((scenario, item), [])

    def _read(self, scenario: str, item: str) -> None:
        if self._bytes > _WAITING_BYTES:
            self._waiting, self._bytes = {}, 0
        place = self._place.get((scenario, item), len(self._order))
        block = [found for name, found in self._order[place : place + self._block] if name == scenario] or [item]
        marks = ", ".join("?" * len(block))
        sql = f"SELECT * FROM {self._table} WHERE scenario = ? AND {self._column} IN ({marks})"  # noqa: S608 - likewise
        for name in block:
            self._waiting.pop((scenario, name), None)
        for row in self._rows(sql, scenario, *block):
            self._bytes += len(row["data"])
            self._waiting.setdefault((scenario, row[self._column]), []).append(row)
