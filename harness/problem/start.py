"""Where training starts: drawn in float64 in the order weights, bias, layer by layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.problem.layout import Layout, Parameters
from harness.problem.seeds import start_generator
from harness.scenario.cell import CellSpec
from harness.scenario.model import DefaultStart, NormalStart, UniformStart


def start(spec: CellSpec) -> Parameters:
    """(weights, bias) in float64, in the shapes of the model's layout."""
    layout = Layout.of(spec)
    draw = start_generator(spec)
    weights, biases = [], []
    for layer, shape in enumerate(layout.weights):
        limit = 1 / np.sqrt(shape[-1])
        weights.append(_array(_of_layer(spec.init.weights, layer, layout), shape, draw, limit))
        if layout.biases:
            biases.append(_array(_of_layer(_bias(spec), layer, layout), layout.biases[layer], draw, limit))
    return layout.unflatten(np.concatenate([array.reshape(-1) for array in (*weights, *biases)]))


def _bias(spec: CellSpec) -> Any:
    if spec.init.bias is None:
        return spec.init.weights if isinstance(spec.init.weights, DefaultStart) else 0.0
    return spec.init.bias


def _of_layer(table: Any, layer: int, layout: Layout) -> Any:
    """Numbers per layer give this layer's; anything else holds for all layers."""
    return table[layer] if layout.layered and isinstance(table, tuple) else table


def _array(table: Any, shape: tuple[int, ...], draw: np.random.Generator, limit: float) -> np.ndarray[Any, Any]:
    match table:
        case NormalStart():
            return np.asarray(draw.normal(table.mean, table.sd, shape))
        case UniformStart():
            return np.asarray(draw.uniform(table.low, table.high, shape))
        case DefaultStart():
            return np.asarray(draw.uniform(-limit, limit, shape))
        case tuple():
            return np.array(table, dtype=np.float64).reshape(shape)
        case float() | int():
            return np.full(shape, float(table))
        case _:
            return np.zeros(shape)
