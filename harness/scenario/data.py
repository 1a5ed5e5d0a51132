"""The table `[data]`: which rows there are (made from formulas, read from a file, written out), and their split."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag, model_validator

from harness.scenario.base import (
    Bool,
    Count,
    FaultAtKeyError,
    Float,
    Floats,
    KindOrWord,
    NotNegative,
    Range,
    Seed,
    Table,
    Text,
    Whole,
)


class NormalColumns(Table):
    """Independent normal columns."""

    kind: Literal["normal"]
    mean: Float
    """Mean of each column. `mean = 0.0`"""
    sd: NotNegative
    """Standard deviation of each column. `sd = 1.0`"""
    columns: Count = 1
    """Number of columns. `columns = 4`"""


class UniformColumns(Range):
    """Independent uniform columns on [low, high)."""

    kind: Literal["uniform"]
    columns: Count = 1
    """Number of columns. `columns = 2`"""


class Linspace(Table):
    """One column of `samples` evenly spaced points, both ends included."""

    kind: Literal["linspace"]
    start: Float
    """First point. `start = -1.0`"""
    stop: Float
    """Last point, included. `stop = 1.0`"""

    @property
    def columns(self) -> int:
        return 1


class Arange(Table):
    """One column: start, start + step, start + 2 step, …"""

    kind: Literal["arange"]
    start: Float
    """First point. `start = 0.0`"""
    step: Float
    """Distance between points. `step = 0.5`"""

    @property
    def columns(self) -> int:
        return 1


class LinearTarget(Table):
    """y = x @ weights + bias."""

    kind: Literal["linear"]
    weights: Floats
    """One number for each column of x. `weights = [8.1, 2.0, 2.0, 4.0]`"""
    bias: Float = 0.0
    """Constant that is added. `bias = 1.0`"""


class PolynomialTarget(Table):
    """y = c0 + c1 x + c2 x² + … of the first column, the constant first."""

    kind: Literal["polynomial"]
    coefficients: Floats
    """c0, c1, c2, …: the constant first. `coefficients = [2.0, 0.0, 3.0]`"""


class WaveTarget(Table):
    """y = bias + amplitude * sin(frequency x + phase) of the first column; the frequency is angular."""

    kind: Literal["sin", "cos"]
    amplitude: Float = 1.0
    """Factor of the wave, in units of y. `amplitude = 2.0`"""
    frequency: Float = 1.0
    """Angular frequency: radians per unit of x. `frequency = 6.28`"""
    phase: Float = 0.0
    """Shift, in radians. `phase = 0.5`"""
    bias: Float = 0.0
    """Constant that is added. `bias = 1.0`"""


class NoNoise(Table):
    """y is exactly its formula."""

    kind: Literal["none"]


class NormalNoise(Table):
    """Independent normal noise; a mean other than 0 moves the effective bias."""

    kind: Literal["normal"]
    mean: Float
    """Mean of the noise; it moves the effective bias. `mean = 0.0`"""
    sd: NotNegative
    """Standard deviation, in units of y. `sd = 0.1`"""


class UniformNoise(Range):
    """Independent uniform noise on [low, high); its mean moves the effective bias."""

    kind: Literal["uniform"]


Columns: TypeAlias = NormalColumns | UniformColumns | Linspace | Arange
Target: TypeAlias = LinearTarget | PolynomialTarget | WaveTarget
Noise: TypeAlias = NoNoise | NormalNoise | UniformNoise


class Validation(Table):
    """Rows that are held back from training: a share of all rows (rounded) or a number of them."""

    fraction: Annotated[float, Field(strict=True, gt=0, lt=1)] | None = None
    """Share of all rows, rounded to whole rows. `fraction = 0.2`"""
    rows: Count | None = None
    """Number of rows, instead of `fraction`. `rows = 20`"""
    pick: Literal["shuffle", "first", "last"] = "shuffle"
    """Which rows: drawn, the first, or the last. `pick = "last"`"""

    @model_validator(mode="after")
    def _one_size(self) -> Validation:
        if (self.fraction is None) == (self.rows is None):
            raise ValueError("needs exactly one of fraction and rows")
        return self

    def size(self, samples: int) -> int:
        """Number of rows held back from `samples` rows."""
        return self.rows if self.rows is not None else round((self.fraction or 0.0) * samples)


class Source(Table):
    """What all kinds of data have in common: the engine that draws, its seed, and the split."""

    rng: Literal["numpy", "numpy-legacy", "torch"] = "numpy"
    """
    Engine of the data stream: NumPy's `default_rng(seed)`, `RandomState(seed)`, or torch after
    `manual_seed(seed)`, in float32. Each draws x, noise and split in this order, directly from the seed, so
    that published data come out again. `rng = "numpy-legacy"`
    """
    seed: Seed | None = None
    """Fixes the data while the grid's seeds vary start and order; left out, the grid's seed. `seed = 100`"""
    validation: Validation | None = None
    """Rows held back from training; left out, none. `validation = { fraction = 0.2, pick = "shuffle" }`"""


class Generated(Source):
    """Data made from formulas: columns x, target y, and noise on it."""

    samples: Annotated[Count, Field(ge=2)]
    """Rows to make. `samples = 100`"""
    x: Annotated[Columns, Field(discriminator="kind"), KindOrWord]
    """Columns of x. `x = { kind = "normal", mean = 0.0, sd = 1.0, columns = 4 }`"""
    y: Annotated[Target, Field(discriminator="kind"), KindOrWord]
    """Formula of the target. `y = { kind = "linear", weights = [2.0], bias = 1.0 }`"""
    noise: Annotated[Noise, Field(discriminator="kind"), KindOrWord] = NoNoise(kind="none")
    """What is added to the target. `noise = { kind = "normal", mean = 0.0, sd = 0.1 }`"""

    @model_validator(mode="after")
    def _fits_together(self) -> Generated:
        if isinstance(self.y, LinearTarget) and len(self.y.weights) != self.x.columns:
            problem = f"found {len(self.y.weights)} numbers; x has {self.x.columns} columns, give one weight a column"
            raise FaultAtKeyError("y.weights", problem)
        if problem := split_problem(self.validation, self.samples):
            raise FaultAtKeyError("validation", problem)
        return self


def _kind_of_column(value: Any) -> str:
    return "name" if isinstance(value, str) else "number"


# A column of a file: its name in the header, or its place from 0.
Column: TypeAlias = Annotated[
    Annotated[Text, Tag("name")] | Annotated[Whole, Tag("number")], Discriminator(_kind_of_column)
]


class Csv(Table):
    """A text file with a row a line: which columns are x and y, which lines are data."""

    path: Text
    """The file, below the scenario's own folder. `path = "data/points.csv"`"""
    x: Annotated[tuple[Column, ...], Field(min_length=1)]
    """Columns of x: names in the header, or places from 0. `x = ["size", 2]`"""
    y: Column
    """Column of the target: a name or a place. `y = "price"`"""
    header: Bool = True
    """Whether the first line (after `skip_rows`) names the columns. `header = false`"""
    delimiter: Text = ","
    """One character, or `"whitespace"`. `delimiter = ";"`"""
    skip_rows: Whole = 0
    """Lines to drop from the top, before the header is read. `skip_rows = 1`"""
    rows: tuple[Count, Count] | None = None
    """First and last data row to use, counted from 1, both included; left out, all. `rows = [1, 80]`"""

    @model_validator(mode="after")
    def _can_be_read(self) -> Csv:
        if self.delimiter != "whitespace" and (len(self.delimiter) != 1 or self.delimiter in '"\r\n'):
            problem = f'found {self.delimiter!r}; allowed: one character, no quote or line end, or "whitespace"'
            raise FaultAtKeyError("delimiter", problem)
        names = [name for name in (*self.x, self.y) if isinstance(name, str)]
        if names and not self.header:
            raise FaultAtKeyError("header", f"found false; a column by its name ({names[0]}) needs a header")
        if self.rows and self.rows[0] > self.rows[1]:
            raise FaultAtKeyError("rows", f"found {list(self.rows)}; allowed: [first, last] with last not before first")
        twice = [name for name in self.x if self.x.count(name) > 1 or name == self.y]
        if twice:
            raise FaultAtKeyError("x", f"holds {twice[0]!r} twice, or as y too; name each column once")
        return self


class FromCsv(Source):
    """Rows of a file below the scenario's folder."""

    csv: Csv
    """
    Rows of a file, instead of `samples`, `x`, `y` and `noise`. `csv = { path = "data/points.csv", x = ["size"],
    y = "price" }`
    """


class Given(Table):
    """Rows written out."""

    x: Annotated[tuple[Floats, ...], Field(min_length=1)]
    """Rows of x, each a list of equally many numbers. `x = [[1.0], [2.0], [3.0]]`"""
    y: Floats
    """The target, one number a row. `y = [300.0, 500.0, 700.0]`"""

    @model_validator(mode="after")
    def _are_rows(self) -> Given:
        widths = sorted({len(row) for row in self.x})
        if len(widths) > 1:
            raise FaultAtKeyError("x", f"found rows of {widths[0]} and {widths[-1]} numbers; all must be equally long")
        if len(self.x) != len(self.y):
            raise FaultAtKeyError("y", f"found {len(self.y)} numbers; x has {len(self.x)} rows, give one number a row")
        if len(self.y) < 2:
            raise FaultAtKeyError("y", "found 1 row; allowed: 2 or more")
        return self


class Inline(Source):
    """Rows written out in the scenario itself."""

    inline: Given
    """
    Rows written out, instead of `samples`, `x`, `y` and `noise`. `inline = { x = [[1.0], [2.0]], y = [300.0,
    500.0] }`
    """

    @model_validator(mode="after")
    def _fits_together(self) -> Inline:
        if problem := split_problem(self.validation, len(self.inline.y)):
            raise FaultAtKeyError("validation", problem)
        return self


def split_problem(validation: Validation | None, samples: int) -> str:
    """What is wrong with a split of so many rows; empty where nothing is."""
    left = samples - (validation.size(samples) if validation else 0)
    if left < 1:
        return f"takes all of the {samples} rows; leave at least one for training"
    if validation and left == samples:
        return f"takes none of the {samples} rows; hold back at least one or leave it out"
    return ""


def _source(value: Any) -> str:
    """Where the rows come from; without `csv` and `inline` they are made."""
    if isinstance(value, Source):
        return type(value).__name__
    keys = value if isinstance(value, dict) else ()
    return "FromCsv" if "csv" in keys else "Inline" if "inline" in keys else "Generated"


Data: TypeAlias = Annotated[
    Annotated[Generated, Tag("Generated")] | Annotated[FromCsv, Tag("FromCsv")] | Annotated[Inline, Tag("Inline")],
    Discriminator(_source),
]
