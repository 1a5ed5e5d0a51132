"""What a cell reads beside its tables: rows of a csv file, orders of an order file, draws made by torch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from harness.scenario.base import FaultAtKeyError
from harness.scenario.cell import CellSpec, FileRows
from harness.scenario.data import Csv, FromCsv
from harness.scenario.rows import Rows, csv_rows, order_lines
from harness.scenario.training import OrderFile, Training


@dataclass(frozen=True)
class Inputs:
    """
    Numbers that a cell's process is handed.

    Args:
        key: Tells two from each other; what follows is not compared.
        x: Rows of a file, raw columns, shape (n, columns).
        y: Their target, shape (n,).
        orders: Indices of the training rows, one list an epoch.
        draws: What torch drew for the data, in order: flat lists.
    """

    key: str = ""
    x: tuple[tuple[float, ...], ...] = field(default=(), compare=False, repr=False)
    y: tuple[float, ...] = field(default=(), compare=False, repr=False)
    orders: tuple[tuple[int, ...], ...] = field(default=(), compare=False, repr=False)
    draws: tuple[tuple[float, ...], ...] = field(default=(), compare=False, repr=False)

    @staticmethod
    def from_lists(content: dict[str, Any]) -> Inputs:
        """Of the lists that JSON makes of it."""
        return Inputs(
            key=content["key"],
            x=tuple(map(tuple, content["x"])),
            y=tuple(content["y"]),
            orders=tuple(map(tuple, content["orders"])),
            draws=tuple(map(tuple, content["draws"])),
        )


NOTHING = Inputs()


def draws_key(spec: CellSpec) -> str:
    """Tells what torch draws for this cell's data; empty where it draws nothing."""
    if spec.data.rng != "torch":
        return ""
    table = spec.data.model_dump(mode="json", exclude={"csv": {"path"}})
    file = spec.data_file.digest if spec.data_file else ""
    text = json.dumps([table, spec.data_seed, file], sort_keys=True)
    return "torch draws " + hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


class InputFiles:
    """
    The data and order files of a scenario, each read and understood once.

    Args:
        read: Gives the bytes of a file by its name.

    Attributes:
        contents: The bytes of every file read so far, by name.
    """

    def __init__(self, read: Callable[[str], bytes]) -> None:
        self._read = read
        self.contents: dict[str, bytes] = {}
        self._rows: dict[Csv, Rows] = {}
        self._orders: dict[str, tuple[tuple[int, ...], ...]] = {}

    def content(self, name: str) -> bytes:
        """
        The bytes of a file.

        Raises:
            ValueError: If it cannot be read.
        """
        if name not in self.contents:
            self.contents[name] = self._read(name)
        return self.contents[name]

    def data_file(self, data: Any) -> FileRows | None:
        """
        What a cell knows of its data file.

        Raises:
            FaultAtKeyError: If the file is not what the table says; the key is one of `[data.csv]`.
        """
        if not isinstance(data, FromCsv):
            return None
        rows = len(self._csv(data.csv).y)
        return FileRows(digest=self._digest(data.csv.path), rows=rows)

    def order_digest(self, training: Training) -> str:
        """
        The digest of the order file; empty without one.

        Raises:
            FaultAtKeyError: If it is no order file.
        """
        order = training.order
        if not isinstance(order, OrderFile):
            return ""
        if order.file not in self._orders:
            try:
                self._orders[order.file] = order_lines(self.content(order.file))
            except ValueError as error:
                raise FaultAtKeyError("file", str(error)) from error
        return self._digest(order.file)

    def of(self, spec: CellSpec) -> Inputs:
        """What a cell of this scenario is handed from its files."""
        data, order = spec.data, spec.training.order
        rows = self._csv(data.csv) if isinstance(data, FromCsv) else Rows((), ())
        orders = self.orders(order) if isinstance(order, OrderFile) and spec.batch_size != "full" else ()
        key = f"{spec.data_file.digest if spec.data_file else ''}{spec.order_digest if orders else ''}"
        return Inputs(key, rows.x, rows.y, orders) if key else NOTHING

    def orders(self, order: OrderFile) -> tuple[tuple[int, ...], ...]:
        """The lines of an order file."""
        if order.file not in self._orders:
            self._orders[order.file] = order_lines(self.content(order.file))
        return self._orders[order.file]

    def _csv(self, table: Csv) -> Rows:
        if table not in self._rows:
            try:
                content = self.content(table.path)
            except ValueError as error:
                raise FaultAtKeyError("path", str(error)) from error
            self._rows[table] = csv_rows(table, content)
        return self._rows[table]

    def _digest(self, name: str) -> str:
        return hashlib.blake2b(self.content(name), digest_size=16).hexdigest()
