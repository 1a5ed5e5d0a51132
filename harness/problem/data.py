"""The rows: drawn in the order x, noise, split, in float64; or read, or written out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.problem.draws import Draw
from harness.problem.features import Scaling, features
from harness.problem.seeds import data_generator
from harness.scenario.cell import CellSpec
from harness.scenario.data import Columns, Generated, Inline, LinearTarget, Noise, PolynomialTarget, Target, Validation
from harness.scenario.inputs import NOTHING, Inputs

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Rows:
    """
    Training or validation rows.

    Args:
        raw: The columns as they were drawn, shape (n, columns).
        x: The model's columns: powers taken, standardised, shape (n, p).
        y: The target, shape (n,).
    """

    raw: Matrix
    x: Matrix
    y: Vector


@dataclass(frozen=True)
class Data:
    """All rows of one cell in float64, split, and how the model's columns were scaled."""

    training: Rows
    validation: Rows | None
    scaling: Scaling


def make_data(spec: CellSpec, inputs: Inputs = NOTHING, draw: Draw | None = None) -> Data:
    """
    The data of a cell: the same for all implementations, dtypes and devices of a seed.

    Args:
        spec: The cell.
        inputs: What it was handed: rows of a file, draws of torch.
        draw: Another stream than the cell's own.

    Raises:
        ValueError: If a formula overflows or a standardised column is constant.
    """
    draw = draw or data_generator(spec, inputs)
    with np.errstate(over="ignore", invalid="ignore"):
        raw, y = _rows(spec, inputs, draw)
        x = features(raw, spec.model.powers)
    if not (np.isfinite(y).all() and np.isfinite(x).all()):
        raise ValueError("the data overflow: some x, power or y is not finite. Check data.x, data.y and model.powers.")
    training, validation = _split(spec.data.validation, spec.samples, draw)
    scaling = Scaling.fitted(x[training], spec.model.standardize, centred=spec.model.intercept)
    rows = [Rows(raw[index], scaling.apply(x[index]), y[index]) for index in (training, validation)]
    return Data(rows[0], rows[1] if len(validation) else None, scaling)


def _rows(spec: CellSpec, inputs: Inputs, draw: Draw) -> tuple[Matrix, Vector]:
    """Raw columns (n, columns) and target (n,)."""
    table = spec.data
    if isinstance(table, Generated):
        raw = _columns(table.x, table.samples, draw)
        return raw, _target(table.y, raw) + _noise(table.noise, table.samples, draw)
    given = table.inline if isinstance(table, Inline) else inputs
    raw, y = np.array(given.x, dtype=np.float64), np.array(given.y, dtype=np.float64)
    if raw.shape != (spec.samples, spec.columns) or y.shape != (spec.samples,):
        raise ValueError(f"the cell was handed rows of shape {raw.shape}; its file has {(spec.samples, spec.columns)}.")
    return raw, y


def _columns(x: Columns, samples: int, draw: Draw) -> Matrix:
    """x, shape (samples, columns)."""
    match x.kind:
        case "normal":
            return np.asarray(draw.normal(x.mean, x.sd, (samples, x.columns)))
        case "uniform":
            return np.asarray(draw.uniform(x.low, x.high, (samples, x.columns)))
        case "linspace":
            return np.linspace(x.start, x.stop, samples, dtype=np.float64)[:, None]
        case "arange":
            return np.asarray(x.start + x.step * np.arange(samples))[:, None]


def _target(y: Target, x: Matrix) -> Vector:
    """y without noise, shape (samples,)."""
    if isinstance(y, LinearTarget):
        return np.asarray(x @ np.array(y.weights) + y.bias)
    first = x[:, 0]
    if isinstance(y, PolynomialTarget):
        # Highest power first, as such formulas are written: 3x² + 2 comes out to
        # the last bit as in the published data.
        powers = reversed(list(enumerate(y.coefficients)))
        return np.asarray(sum(coefficient * np.power(first, power) for power, coefficient in powers))
    wave = np.sin if y.kind == "sin" else np.cos
    return np.asarray(y.amplitude * wave(y.frequency * first + y.phase) + y.bias)


def _noise(noise: Noise, samples: int, draw: Draw) -> Vector:
    match noise.kind:
        case "none":
            return np.zeros(samples)
        case "normal":
            return np.asarray(draw.normal(noise.mean, noise.sd, samples))
        case "uniform":
            return np.asarray(draw.uniform(noise.low, noise.high, samples))


def _split(validation: Validation | None, samples: int, draw: Draw) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Indices of the training rows and of the rows held back."""
    held_back = validation.size(samples) if validation else 0
    order = np.arange(samples)
    if validation is None or held_back == 0:
        return order, order[:0]
    if validation.pick == "first":
        return order[held_back:], order[:held_back]
    if validation.pick == "shuffle":
        order = draw.permutation(samples)
    return order[: samples - held_back], order[samples - held_back :]
