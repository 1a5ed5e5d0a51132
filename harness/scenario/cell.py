"""One point of the grid: what decides its numbers, and the identity that follows from it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from harness.scenario.base import Table
from harness.scenario.data import Data, FromCsv, Generated, Inline, LinearTarget, PolynomialTarget
from harness.scenario.grid import BatchSize
from harness.scenario.level import level_text
from harness.scenario.model import Init, Linear, Model
from harness.scenario.training import OrderFile, Training


class FileRows(Table):
    """What a cell knows of its data file: a digest of the bytes, and how many rows are used."""

    digest: str
    rows: int


class CellSpec(Table):
    """
    Everything that decides the numbers of one cell, and nothing else.

    Title, expectations, replicates and limits are not here, so they do not
    change a cell's identity.
    """

    data: Data
    model: Model = Linear(kind="linear")
    init: Init = Init()
    training: Training
    implementation: str
    device: str
    dtype: Literal["float32", "float64"]
    batch_size: BatchSize
    learning_rate: float
    seed: int
    threads: int = 1
    tf32: bool = False
    deterministic: bool = False
    data_file: FileRows | None = None
    order_digest: str = ""

    @property
    def columns(self) -> int:
        """Number of raw columns of x."""
        if isinstance(self.data, FromCsv):
            return len(self.data.csv.x)
        return len(self.data.inline.x[0]) if isinstance(self.data, Inline) else self.data.x.columns

    @property
    def samples(self) -> int:
        """Rows before the split."""
        if isinstance(self.data, FromCsv):
            assert self.data_file is not None, "set when the file was read"
            return self.data_file.rows
        return len(self.data.inline.y) if isinstance(self.data, Inline) else self.data.samples

    @property
    def data_seed(self) -> int:
        """What the stream of the data is seeded with."""
        return self.seed if self.data.seed is None else self.data.seed

    @property
    def training_rows(self) -> int:
        """Rows left for training."""
        held_back = self.data.validation.size(self.samples) if self.data.validation else 0
        return self.samples - held_back

    @property
    def features(self) -> int:
        """Number of model columns: every column in every power."""
        return self.columns * len(self.model.powers)

    @property
    def batches_per_epoch(self) -> int:
        """Updates in one epoch; a `full` batch is one update, a short last batch is one more."""
        rows = self.training_rows
        if self.batch_size == "full":
            return 1
        whole, rest = divmod(rows, self.batch_size)
        return whole + (1 if rest and not self.training.drop_last else 0)

    @property
    def steps(self) -> int:
        """Updates in the whole training."""
        if self.training.steps is not None:
            return self.training.steps
        return (self.training.epochs or 0) * self.batches_per_epoch

    def at_seed(self, seed: int) -> CellSpec:
        """
        The same with another seed, which is not validated again.

        A copy by pydantic takes twice as long, and holds its own set of the names that were given.
        """
        made = CellSpec.__new__(CellSpec)
        for name, value in (
            ("__dict__", {**self.__dict__, "seed": seed}),
            ("__pydantic_fields_set__", self.__pydantic_fields_set__),
            ("__pydantic_extra__", None),
            ("__pydantic_private__", None),
        ):
            object.__setattr__(made, name, value)
        return made

    def raw_truth(self) -> tuple[list[float], float] | None:
        """
        Weights and bias that the data were made with, the noise's mean in the bias.

        Returns:
            Of the columns before they are standardised, where they are; None where the model cannot say the formula.
        """
        if not isinstance(self.model, Linear):
            return None
        coefficients = _coefficients(self)
        if coefficients is None:
            return None
        bias = coefficients.pop((-1, 0), 0.0) + noise_mean(self.data)
        names = [(column, power) for power in self.model.powers for column in range(self.columns)]
        weights = [coefficients.pop(name, 0.0) for name in names]
        if any(coefficients.values()) or (bias != 0.0 and not self.model.intercept):
            return None
        return weights, bias


def _coefficients(spec: CellSpec) -> dict[tuple[int, int], float] | None:
    """The data's coefficient by (column, power); the constant is (-1, 0)."""
    if not isinstance(spec.data, Generated):
        return None
    target = spec.data.y
    if isinstance(target, LinearTarget):
        return {(-1, 0): target.bias, **{(column, 1): w for column, w in enumerate(target.weights)}}
    if isinstance(target, PolynomialTarget):
        constant, *rest = target.coefficients
        return {(-1, 0): constant, **{(0, power): c for power, c in enumerate(rest, start=1)}}
    return None


def noise_mean(data: Data) -> float:
    """Mean of the noise; it moves the effective bias."""
    if not isinstance(data, Generated):
        return 0.0
    if data.noise.kind == "normal":
        return data.noise.mean
    if data.noise.kind == "uniform":
        return (data.noise.low + data.noise.high) / 2
    return 0.0


@dataclass(frozen=True)
class Cell:
    """
    One point of a scenario's grid.

    Args:
        spec: What decides its numbers.
        axes: Its value on each axis of its scenario, the dotted ones too, in file order.
    """

    spec: CellSpec
    axes: dict[str, Any]

    @cached_property
    def id(self) -> str:
        """
        Twelve hex digits of a hash of the spec, behind a letter so that no reader
        takes an id for a number.

        Defaults are left out before hashing: a key written out with its default
        value is the same cell as a key left out.
        """
        return self._id_at(self.spec.seed)

    @cached_property
    def _around_seed(self) -> tuple[str, str]:
        """What is hashed, but for the seed's number: the text before and behind it."""
        content = self.spec.model_dump(mode="json", exclude_defaults=True)
        # What stands in the files counts, by its digest, and not what they are called.
        if isinstance(self.spec.data, FromCsv):
            del content["data"]["csv"]["path"]
        if isinstance(self.spec.training.order, OrderFile):
            del content["training"]["order"]
        # Keys are sorted; neither side is empty: there is no cell without data and training.
        before = _compact({key: value for key, value in content.items() if key < "seed"})
        behind = _compact({key: value for key, value in content.items() if key > "seed"})
        return f'{before[:-1]},"seed":', f",{behind[1:]}"

    def _id_at(self, seed: int) -> str:
        text = f"{seed}".join(self._around_seed)
        return "c" + hashlib.blake2b(text.encode(), digest_size=6).hexdigest()

    def at_seeds(self, seeds: Iterable[int]) -> Iterator[Cell]:
        """The same point with other seeds, which are not validated again; tables are dumped once for all their ids."""
        for seed in seeds:
            cell = Cell(self.spec.at_seed(seed), {**self.axes, "seed": seed})
            # Where the properties keep them.
            vars(cell)["id"] = self._id_at(seed)
            vars(cell)["_texts"] = self._texts
            yield cell

    def without(self, *axes: str) -> tuple[tuple[str, str], ...]:
        """A hashable key of all axes but these, to group cells by."""
        own = ("seed",) if "seed" in self.axes and "seed" not in axes else ()
        return (
            *[pair for pair in self._texts if pair[0] not in axes],
            *((name, level_text(self.axes[name])) for name in own),
        )

    @cached_property
    def _texts(self) -> tuple[tuple[str, str], ...]:
        """All axes as text but the seed, which cells of one point share."""
        return tuple((name, level_text(value)) for name, value in self.axes.items() if name != "seed")


def _compact(content: dict[str, Any]) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"))
