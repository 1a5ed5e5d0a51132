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

Other optimisers than plain descent put a direction in the gradient's place: numpy_rules.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.implementations import implementation
from harness.implementations.base import Implementation
from harness.implementations.numpy_rules import new_rule
from harness.implementations.rate import is_plain
from harness.problem.layout import Parameters
from harness.problem.problem import Problem
from harness.scenario.training import Loss

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


def huber(delta: float) -> Callable[[Array], tuple[Any, Array]]:
    """C = sum of e²/2 where |e| <= delta, delta (|e| - delta/2) beyond, / n; s = e between ±delta, / n."""

    def of(e: Array) -> tuple[Any, Array]:
        size = np.abs(e)
        inside = np.minimum(size, delta)
        return (inside * (size - inside / 2)).sum() / e.size, np.clip(e, -delta, delta) / e.size

    return of


LOSSES = {"mse": mse, "half_mse": half_mse, "sse": sse, "half_sse": half_sse, "mae": mae}


def loss_of(table: Loss) -> Callable[[Array], tuple[Any, Array]]:
    """C and s of a batch by its errors, shape (n,)."""
    return huber(table.delta) if table.kind == "huber" else LOSSES[table.kind]


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
        self.loss = loss_of(problem.loss)
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
        self.schedule, self.steps = problem.schedule, 0
        self.plain = is_plain(problem)
        self.rules = [new_rule(problem.optimizer) for _ in range(2 + 2 * len(self.hidden))]

    def step(self, rows: Any) -> Any:
        a = [self.x[rows]]
        for W, b in self.hidden:
            a.append(self.f(a[-1] @ W.T + b))
        e = a[-1] @ self.w + self.b - self.y[rows]
        loss, s = self.loss(e)

        hidden = self._hidden_gradients(a, np.outer(s, self.w)) if self.hidden else []
        if not self.plain:
            self._move([(self.w, a[-1].T @ s), *hidden], s.sum())
            return loss
        self.w -= self.rate * (a[-1].T @ s)
        if self.intercept:
            self.b = self.b - self.rate * s.sum()
        for parameter, gradient in hidden:
            parameter -= self.rate * gradient
        return loss

    def _hidden_gradients(self, a: list[Array], pulled: Array) -> list[tuple[Array, Array]]:
        """Each hidden layer's parameters with their gradients; `pulled` is dloss/da of the last, shape (n, units)."""
        found = []
        for (W, b), before, after in zip(reversed(self.hidden), reversed(a[:-1]), reversed(a), strict=False):
            d = pulled * self.slope(after)
            pulled = d @ W
            found += [(W, d.T @ before), (b, d.sum(axis=0))]
        return found

    def _move(self, gradients: list[tuple[Array, Array]], of_bias: Any) -> None:
        """The update by the optimiser's rules, the first for the bias, at the rate of this step."""
        rate = self.schedule(self.steps)
        self.steps += 1
        if self.intercept:
            self.b = self.b - rate * self.rules[0](of_bias)
        for rule, (parameter, gradient) in zip(self.rules[1:], gradients, strict=True):
            parameter -= rate * rule(gradient)

    def parameters(self) -> Parameters:
        if not self.layered:
            return self.w, self.b
        weights = [*(W for W, _ in self.hidden), self.w[None, :]]
        return weights, [*(b for _, b in self.hidden), np.asarray(self.b)[None]]
