"""
Loss, gradient and prediction of recorded parameters, in float64.

This is the yardstick: it is written apart from the four implementations, so
that none of them measures itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.problem.layout import Layout
from harness.scenario.cell import CellSpec
from harness.scenario.model import Mlp
from harness.scenario.training import Loss

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

# Sum or mean, and the factor before it: mse is 1/n, half_sse is 1/2.
_HALF = {"mse": 1.0, "half_mse": 0.5, "sse": 1.0, "half_sse": 0.5, "mae": 1.0, "huber": 1.0}
# Made of pieces that meet at an error of 0, or of delta.
_KINKED = ("mae", "huber")
# Keeps 0 / 0 from becoming nan where a value and all that meets there are 0.
_TINY = np.finfo(np.float64).tiny
_MEAN = ("mse", "half_mse", "mae", "huber")


def loss_scale(loss: Loss, rows: int) -> float:
    """The factor before the sum of the costs of so many rows."""
    return _HALF[loss.kind] / (rows if loss.kind in _MEAN else 1)


def _whole(loss: Loss, of_rows: NDArray[np.float64], rows: int) -> NDArray[np.float64]:
    """
    What adds up over rows to the loss or its gradient, as part of the whole.

    Divided by a whole number, which is exact in extended precision too; one over it is not.
    """
    scaled = of_rows if _HALF[loss.kind] == 1.0 else _HALF[loss.kind] * of_rows
    return np.asarray(scaled / rows if loss.kind in _MEAN else scaled)


def loss_of_error(loss: Loss, error: NDArray[np.float64]) -> NDArray[np.float64]:
    """Loss over the last axis of `error = prediction - target`; a sum that overflows is inf."""
    with np.errstate(over="ignore", invalid="ignore"):
        return _whole(loss, _costs(loss, error).sum(axis=-1), error.shape[-1])


def _costs(loss: Loss, error: NDArray[np.float64]) -> NDArray[np.float64]:
    """e², |e|, or Huber's: e²/2 up to delta, delta (|e| - delta/2) beyond."""
    match loss.kind:
        case "mae":
            return np.abs(error)
        case "huber":
            inside = np.minimum(np.abs(error), loss.delta)
            return np.asarray(inside * (np.abs(error) - inside / 2))
        case _:
            return error * error


def _slopes(loss: Loss, error: NDArray[np.float64]) -> NDArray[np.float64]:
    """Derivatives of the costs; of |e| at 0 it is 0."""
    match loss.kind:
        case "mae":
            return np.asarray(np.sign(error))
        case "huber":
            return np.clip(error, -loss.delta, loss.delta)
        case _:
            return 2 * error


@dataclass(frozen=True)
class Evaluation:
    """Evaluates flat parameter vectors of one cell's model on rows of its data."""

    spec: CellSpec
    layout: Layout

    @staticmethod
    def of(spec: CellSpec) -> Evaluation:
        """The evaluation of a cell's model and loss."""
        return Evaluation(spec, Layout.of(spec))

    def predict(self, states: Matrix, x: Matrix) -> Matrix:
        """Predictions, shape (k, n), of parameter states (k, parameters) on rows (n, p)."""
        with np.errstate(over="ignore", invalid="ignore"):
            if not self.layout.layered:
                weights = states[:, : x.shape[1]]
                bias = states[:, x.shape[1] :] if self.layout.biases else 0.0
                return np.asarray(weights @ x.T + bias)
            return np.stack([self._forward(state, x)[-1][:, 0] for state in states])

    def loss(self, states: Matrix, x: Matrix, y: Vector) -> Vector:
        """Loss of each state over all these rows, shape (k,)."""
        return loss_of_error(self.spec.training.loss, self.predict(states, x) - y)

    def gradient(self, state: Vector, x: Matrix, y: Vector) -> Vector:
        """Gradient of the loss over these rows by every parameter, in the layout's order."""
        loss = self.spec.training.loss
        with np.errstate(over="ignore", invalid="ignore"):
            error = self.predict(state[None], x)[0] - y
            return _whole(loss, self._pull_back(state, x, _slopes(loss, error)), len(y))

    def _forward(self, state: Vector, x: Matrix) -> list[Matrix]:
        """Inputs of every layer, and the output (n, 1)."""
        weights, biases = self.layout.unflatten(state)
        values = [x]
        for layer, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
            before = values[-1] @ weight.T + bias
            values.append(before if layer == len(weights) - 1 else _activate(self._activation, before))
        return values

    @property
    def _activation(self) -> str:
        return self.spec.model.activation if isinstance(self.spec.model, Mlp) else ""

    def _pull_back(self, state: Vector, x: Matrix, slope: Vector) -> Vector:
        if not self.layout.layered:
            parts = [x.T @ slope, *([slope.sum()[None]] if self.layout.biases else [])]
            return np.concatenate(parts)
        weights, _ = self.layout.unflatten(state)
        values = self._forward(state, x)
        of_weights: list[Any] = []
        of_biases: list[Any] = []
        delta = slope[:, None]
        for layer in reversed(range(len(weights))):
            of_weights.insert(0, delta.T @ values[layer])
            of_biases.insert(0, delta.sum(axis=0))
            delta = (delta @ weights[layer]) * _slope(self._activation, values[layer])
        return np.concatenate([array.reshape(-1) for array in (*of_weights, *of_biases)])

    def kink_margin(self, state: Vector, x: Matrix, y: Vector, *, start: bool = False) -> float:
        """
        Distance to the nearest kink, as a share of the values that meet there.

        A residual (mae) or a unit's input (relu) within rounding of 0, or a residual of
        delta (huber), may round to either side, and then two correct implementations
        part. No kink: inf. A sum of nothing but zeros (a row of zeros at a unit without a
        bias, of mae at the start) is 0 in every arithmetic: that parts nobody.
        """
        loss, margins = self.spec.training.loss, [np.inf]
        with np.errstate(over="ignore", invalid="ignore"):
            if loss.kind in _KINKED:
                bend = loss.delta if loss.kind == "huber" else 0.0
                prediction = self.predict(state[None], x)[0]
                size = np.abs(prediction) + np.abs(y) + bend
                exact = start and not self.layout.layered
                terms = size + self.predict(np.abs(state)[None], np.abs(x))[0] if exact else None
                margins.append(_share(np.abs(prediction - y) - bend, size, terms))
            if self._activation == "relu":
                weights, biases = self.layout.unflatten(state)
                values = self._forward(state, x)
                for weight, bias, before in zip(weights[:-1], biases[:-1], values, strict=False):
                    size = np.abs(before) @ np.abs(weight).T + np.abs(bias)
                    margins.append(_share(before @ weight.T + bias, size, size))
        return min(margins)

    @property
    def has_kinks(self) -> bool:
        """Whether loss or activation is made of pieces: at a joint a first or second derivative jumps."""
        return self.spec.training.loss.kind in _KINKED or self._activation == "relu"

    @property
    def magnifies(self) -> bool:
        """
        Whether the optimiser makes as much of a small gradient as of a large one.

        It divides by a running average of the gradient's size; where the gradient has all but
        vanished, that has too, and what rounding left of the gradient is blown up to a step.
        """
        return self.spec.training.optimizer.kind in ("rmsprop", "adam")


def _share(value: NDArray[np.float64], size: NDArray[np.float64], terms: NDArray[np.float64] | None = None) -> float:
    """The least of value by size; where terms are given and are 0, nothing is rounded, and nothing counts."""
    shares = np.abs(value) / np.maximum(size, _TINY)
    smallest = float((shares if terms is None else np.where(terms == 0, np.inf, shares)).min())
    return smallest if smallest == smallest else np.inf


def _activate(name: str, z: Matrix) -> Matrix:
    if name == "relu":
        return np.maximum(z, 0.0)
    if name == "tanh":
        return np.tanh(z)
    return np.asarray(0.5 * (1 + np.tanh(z / 2)))


def _slope(name: str, activated: Matrix) -> Matrix:
    """Derivative of the activation, from its value; at relu's kink 0, as torch takes it."""
    if name == "relu":
        return (activated > 0).astype(np.float64)
    if name == "tanh":
        return np.asarray(1 - activated**2)
    return np.asarray(activated * (1 - activated))
