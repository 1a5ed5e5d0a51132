"""The parameters of a model as one flat vector, and back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.scenario.cell import CellSpec
from harness.scenario.model import Mlp

Array = NDArray[Any]
# What an implementation starts from and gives back: (weights, bias) of a linear
# model, or for a net a list of matrices and a list of vectors, one a layer.
Parameters = tuple[Any, Any]


@dataclass(frozen=True)
class Layout:
    """
    Shapes of a model's parameters.

    Args:
        weights: Shape of each layer's weights; one vector for a linear model.
        biases: Shape of each layer's bias; a scalar for a linear model, none without intercept.
        layered: Whether parameters are lists per layer (a net).
    """

    weights: tuple[tuple[int, ...], ...]
    biases: tuple[tuple[int, ...], ...]
    layered: bool

    @staticmethod
    def of(spec: CellSpec) -> Layout:
        """The layout of a cell's model."""
        if not isinstance(spec.model, Mlp):
            return Layout(((spec.features,),), ((),) if spec.model.intercept else (), layered=False)
        sizes = (spec.features, *spec.model.hidden, 1)
        layers = tuple(zip(sizes[1:], sizes, strict=False))
        return Layout(layers, tuple((units,) for units, _ in layers), layered=True)

    @property
    def size(self) -> int:
        """Number of parameters."""
        return sum(math.prod(shape) for shape in (*self.weights, *self.biases))

    @property
    def names(self) -> list[str]:
        """One name for each element of the flat vector: `weights[0]`, …, `bias`."""
        if not self.layered:
            return [f"weights[{i}]" for i in range(self.weights[0][0])] + ["bias"] * len(self.biases)
        return [
            f"{group}[{layer}]{''.join(f'[{i}]' for i in index)}"
            for group, shapes in (("weights", self.weights), ("bias", self.biases))
            for layer, shape in enumerate(shapes)
            for index in np.ndindex(shape)
        ]

    def flatten(self, parameters: Parameters) -> Array:
        """
        All weights, then all biases, as one vector in the parameters' dtype.

        Raises:
            ValueError: If a shape is not the model's; nothing is broadcast.
        """
        weights, bias = parameters if self.layered else ([parameters[0]], [parameters[1]])
        if not self.biases:
            bias = []
        shapes = (*self.weights, *self.biases)
        arrays = [np.asarray(array) for array in (*weights, *bias)]
        found = tuple(array.shape for array in arrays)
        if found != shapes:
            raise ValueError(f"parameters() returned the shapes {found}; the model has {shapes}, weights first.")
        return np.concatenate([array.reshape(-1) for array in arrays])

    def unflatten(self, flat: Array) -> Parameters:
        """(weights, bias) of a flat vector; without intercept the bias is 0."""
        parts, at = [], 0
        for shape in (*self.weights, *self.biases):
            count = math.prod(shape)
            parts.append(flat[at : at + count].reshape(shape))
            at += count
        weights, biases = parts[: len(self.weights)], parts[len(self.weights) :]
        if self.layered:
            return weights, biases
        return weights[0], biases[0] if biases else flat.dtype.type(0)
