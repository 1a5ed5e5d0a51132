"""
The training step in NumPy, every gradient written out by hand.

A linear model is a net without hidden layers:

    a_0 = x
    z_l = a_(l-1) W_l' + b_l,    a_l = f(z_l)          for each hidden layer l
    prediction = a_L w + b
    e = prediction - y,          loss = C(e),          s = dC/de

    dloss/dw = a_L' s            dloss/db = sum of s
    d_L = (s w') * f'(z_L)       dloss/dW_l = d_l' a_(l-1)      dloss/db_l = column sums of d_l
    d_(l-1) = (d_l W_l) * f'(z_(l-1))

    parameter -= rate * gradient
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.implementations import implementation
from harness.implementations.base import Implementation
from harness.problem.layout import Parameters
from harness.problem.problem import Problem

Array = NDArray[Any]


def mse(e: Array) -> tuple[Any, Array]:
    """C = e'e / n, s = 2 e / n."""
    return e @ e / e.size, 2 * e / e.size


def half_mse(e: Array) -> tuple[Any, Array]:
    """C = e'e / 2n, s = e / n."""
    return e @ e / (2 * e.size), e / e.size


def sse(e: Array) -> tuple[Any, Array]:
    """C = e'e, s = 2 e."""
    return e @ e, 2 * e


def half_sse(e: Array) -> tuple[Any, Array]:
    """C = e'e / 2, s = e."""
    return e @ e / 2, e


def mae(e: Array) -> tuple[Any, Array]:
    """C = sum of |e| / n, s = sign(e) / n with sign(0) = 0."""
    return np.abs(e).sum() / e.size, np.sign(e) / e.size


LOSSES = {"mse": mse, "half_mse": half_mse, "sse": sse, "half_sse": half_sse, "mae": mae}


def sigmoid(z: Array) -> Array:
    """1 / (1 + exp(-z)), written so that no exp overflows."""
    return (1 + np.tanh(z / 2)) / 2


# f(z), and f'(z) from a = f(z). The slope of relu at 0 is 0.
ACTIVATIONS: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "relu": (lambda z: np.maximum(z, 0), lambda a: a > 0),
    "tanh": (np.tanh, lambda a: 1 - a * a),
    "sigmoid": (sigmoid, lambda a: a * (1 - a)),
}


@implementation("numpy", devices=("cpu",))
class NumpyByHand(Implementation):
    """The gradient by hand."""

    def load(self, problem: Problem) -> None:
        self.x, self.y = problem.x, problem.y
        self.rate = problem.learning_rate
        self.loss = LOSSES[problem.loss.kind]
        self.intercept = problem.model.intercept
        self.hidden: list[tuple[Array, Array]] = []
        weights, bias = problem.initial
        self.layered = problem.model.kind == "mlp"
        if problem.model.kind == "mlp":
            self.f, self.slope = ACTIVATIONS[problem.model.activation]
            self.hidden = [(W.copy(), b.copy()) for W, b in zip(weights[:-1], bias[:-1], strict=True)]
            weights, bias = weights[-1][0], bias[-1][0]
        self.w = weights.copy()
        self.b = bias.copy()

    def step(self, rows: Any) -> Any:
        a = [self.x[rows]]
        for W, b in self.hidden:
            a.append(self.f(a[-1] @ W.T + b))
        e = a[-1] @ self.w + self.b - self.y[rows]
        loss, s = self.loss(e)

        w_before = self.w.copy() if self.hidden else self.w
        self.w -= self.rate * (a[-1].T @ s)
        if self.intercept:
            self.b = self.b - self.rate * s.sum()
        if self.hidden:
            self._step_hidden(a, np.outer(s, w_before))
        return loss

    def _step_hidden(self, a: list[Array], pulled: Array) -> None:
        """`pulled` is dloss/da of the last hidden layer, shape (n, units)."""
        for (W, b), before, after in zip(reversed(self.hidden), reversed(a[:-1]), reversed(a), strict=False):
            d = pulled * self.slope(after)
            pulled = d @ W
            W -= self.rate * (d.T @ before)
            b -= self.rate * d.sum(axis=0)

    def parameters(self) -> Parameters:
        if not self.layered:
            return self.w, self.b
        weights = [*(W for W, _ in self.hidden), self.w[None, :]]
        return weights, [*(b for _, b in self.hidden), np.asarray(self.b)[None]]
