"""Small scenarios for tests, from Python values."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from harness.scenario.expansion import with_values
from harness.scenario.read import Scenario, parse

# A line through four columns: fast, converges, and every implementation can run it.
LINE: dict[str, Any] = {
    "schema": 1,
    "title": "A line",
    "data": {
        "samples": 40,
        "x": {"kind": "normal", "mean": 0.0, "sd": 1.0, "columns": 2},
        "y": {"kind": "linear", "weights": [3.0, -1.0], "bias": 0.5},
        "noise": {"kind": "normal", "mean": 0.0, "sd": 0.1},
    },
    "init": {"weights": {"kind": "normal", "mean": 0.0, "sd": 0.1}, "bias": 0.01},
    "training": {"loss": "mse", "epochs": 5},
    "grid": {"implementation": ["numpy"], "dtype": ["float64"], "batch_size": [8], "learning_rate": [0.05]},
}

# The published parabola's data and model: tutorial 003, Wu Maogui's book, section 2.6.
PARABOLA: dict[str, Any] = {
    "data": {
        "samples": 100,
        "x": {"kind": "linspace", "start": -1.0, "stop": 1.0},
        "y": {"kind": "polynomial", "coefficients": [2.0, 0.0, 3.0]},
        "noise": {"kind": "uniform", "low": 0.0, "high": 0.2},
        "rng": "numpy-legacy",
        "seed": 100,
    },
    "model": {"kind": "linear", "powers": [2]},
}


def document(base: dict[str, Any] | None = None, **values: Any) -> dict[str, Any]:
    """
    A copy of a scenario (by default LINE) with keys set.

    Args:
        base: The scenario as a dictionary.
        values: `training__loss="mae"` sets training.loss; `grid__seed=[0, 1]` sets grid.seed.
    """
    dotted = {key.replace("__", "."): value for key, value in values.items()}
    return with_values(copy.deepcopy(base or LINE), dotted)


def toml(value: dict[str, Any]) -> str:
    """The dictionary as TOML: top-level keys, each table inline."""
    return "\n".join(f"{_key(key)} = {_inline(item)}" for key, item in value.items() if item is not None) + "\n"


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(key)} = {_inline(item)}" for key, item in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return json.dumps(value)


def _key(key: str) -> str:
    return key if key.replace("_", "").isalnum() else json.dumps(key)


def scenario(**values: Any) -> Scenario:
    """A validated scenario from `document(**values)`, without a file."""
    return parse(toml(document(**values)), Path("line.toml"), {})


def write_scenario(folder: Path, name: str = "line", **values: Any) -> Path:
    """A scenario file in this folder."""
    path = folder / f"{name}.toml"
    path.write_text(toml(document(**values)), encoding="utf-8")
    return path
