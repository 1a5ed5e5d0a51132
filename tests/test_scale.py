"""What many cells share is read, dumped and written once; what comes of it is what each alone would give."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.frames.csv import csv_parts
from harness.frames.text import as_text, json_text
from harness.scenario.cell import Cell, CellSpec
from harness.scenario.level import level_text
from harness.scenario.read import Scenario, parse
from harness.store.json import read_json
from harness.store.specs import SpecReader

_TEXT = """
schema = 1
data = { samples = 20, x = { kind = "normal", mean = 0.0, sd = 1.0, columns = 2 }, y = { kind = "linear", \
weights = [3.0, -1.0] } }
training = { loss = "mse", steps = 3 }
grid = { dtype = ["float64", "float32"], learning_rate = [0.05, 1e-7], seed = { start = 0, count = 4 }, \
"data.samples" = [20, 30], "init.bias" = [0.5, -0.5], include = [{ seed = [9, 11], batch_size = 5 }] }
"""
_VALUES = (
    0,
    1,
    True,
    1.0,
    -0.0,
    1e16,
    1e-7,
    math.nan,
    math.inf,
    "a",
    'ü"\\',
    None,
    [1, 2.0],
    {"a": [1], "b": {"c": 0.1}},
)


def _scenario() -> Scenario:
    return parse(_TEXT, Path("scale.toml"), {})


def test_a_cell_made_beside_another_seed_is_the_cell_validated_alone() -> None:
    """Spec, id and axes of each cell are those of one validated and dumped by itself."""
    cells = _scenario().cells
    assert len({cell.id for cell in cells}) == len(cells) == 4 * 2 * 2 * 2 * 2 * (4 + 2)
    for cell in cells:
        alone = CellSpec.model_validate(cell.spec.model_dump())
        assert alone == cell.spec
        assert Cell(alone, cell.axes).id == cell.id
        assert cell.axes["seed"] == cell.spec.seed
        assert list(cell.axes)[5] == "seed"


def test_the_identity_is_a_hash_of_the_whole_spec() -> None:
    """The text around the seed and the seed are the sorted JSON of what is no default."""
    for cell in _scenario().cells:
        content = cell.spec.model_dump(mode="json", exclude_defaults=True)
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        assert f"{cell.spec.seed}".join(cell._around_seed) == text


def test_specs_of_a_run_file_are_those_that_were_written() -> None:
    """Each comes out equal, whichever was read before it; what is no seed is validated, and refused."""
    read = SpecReader()
    specs = [cell.spec for cell in _scenario().cells]
    texts = [json.dumps(spec.model_dump(mode="json")) for spec in specs]
    assert [read(text) for text in texts] == specs
    for damaged in ('"x"', "null", "1.5", "07", "1" * 5000, '3, "seed": "x"', "{}"):
        with pytest.raises(ValueError):  # noqa: PT011 - of pydantic or of json
            read(texts[0].replace('"seed": 0,', f'"seed": {damaged},'))


@pytest.mark.parametrize("value", _VALUES, ids=repr)
def test_text_of_a_level(value: Any) -> None:
    """What json.dumps writes, whatever the value."""
    assert level_text(value) == json.dumps(value)
    assert level_text({"an axis": value}) == json.dumps({"an axis": value})


@pytest.mark.parametrize(
    "values", [[], [0.1, -0.0, 1e300], [0.1, math.nan], [1, 0.5], [True], [[0.5]], ["n"]], ids=repr
)
def test_lists_as_strict_json(values: list[Any]) -> None:
    """Finite floats as json.dumps writes them; nan as a word."""
    plain = ["nan" if value != value else value for value in values]
    assert json_text(values) == json.dumps(plain)


@pytest.mark.parametrize("text", ['"\\ud800"', "[NaN, -Infinity]", "-0.0", '{"a": 1, "a": 2}', "1" * 40, "5e-324"])
def test_json_of_a_run_file(text: str) -> None:
    """Read as Python reads it, lone surrogates and what is no number included."""
    assert repr(read_json(text)) == repr(json.loads(text))


@pytest.mark.parametrize("text", ["", "{", "[1,]", "01", '"a\tb"', "[" * 100_000])
def test_what_is_no_json_is_refused(text: str) -> None:
    """With the errors that reading damaged bytes is known by."""
    with pytest.raises((ValueError, RecursionError)):
        read_json(text)


def test_csv_is_what_pandas_writes() -> None:
    """Byte for byte: floats of all sizes, what is missing, quotes, lists and returns."""
    random = np.random.default_rng(0)
    count = 5_000
    numbers = random.standard_normal(count) * 10.0 ** random.integers(-320, 300, count)
    numbers[::7] = np.nan
    numbers[1::7] = np.inf
    frame = pd.DataFrame(
        {
            "cell": [f'c{number}, "{number}"\n' for number in range(count)],
            "loss": numbers,
            "steps": np.where(random.random(count) < 0.1, np.nan, 30.0),
            "stderr": ["a\rb" if number % 3 else "" for number in range(count)],
            "weights": pd.Series([[0.5, math.nan], [0.25], None, 3.0] * (count // 4), dtype="object"),
            "data.samples": pd.Series([20, 0.5, None, "full", True] * (count // 5), dtype="object"),
        }
    )
    stamps: dict[str, Any] = {"run": "a, b", "run_schema": 3}
    wanted = io.StringIO()
    as_text(frame).assign(**stamps).to_csv(wanted, index=False, lineterminator="\n")
    assert "".join(csv_parts(frame, stamps)) == wanted.getvalue()
