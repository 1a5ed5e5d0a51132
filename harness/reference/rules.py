"""
The optimisers over one vector of all parameters, in whatever precision the gradient has.

Written apart from those of the implementations, so that none of them is held to itself.
Each rule takes the gradients g_1, g_2, … in turn and gives the direction of the step:
parameters -= rate * direction. implementations/numpy_rules.py has the formulas and their sources.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from harness.reference.extended import Extended
from harness.scenario.training import Adagrad, Adam, Optimizer, Rmsprop, Sgd

Rule: TypeAlias = Callable[[Extended], Extended]


def new_rule(table: Optimizer) -> Rule:
    """The rule of this optimiser at its start."""
    match table:
        case Sgd():
            return _Descent(table)
        case Rmsprop():
            return _Rmsprop(table)
        case Adagrad():
            return _Adagrad(table)
        case Adam():
            return _Adam(table)


class _Descent:
    def __init__(self, table: Sgd) -> None:
        self._momentum, self._nesterov = np.longdouble(table.momentum), table.nesterov
        self._sum: Extended | None = None

    def __call__(self, g: Extended) -> Extended:
        if not self._momentum:
            return g
        self._sum = g.copy() if self._sum is None else self._momentum * self._sum + g
        return g + self._momentum * self._sum if self._nesterov else self._sum


class _Rmsprop:
    def __init__(self, table: Rmsprop) -> None:
        self._table, self._alpha = table, np.longdouble(table.alpha)
        self._square: Extended | float = 0.0
        self._mean: Extended | float = 0.0
        self._sum: Extended | float = 0.0

    def __call__(self, g: Extended) -> Extended:
        self._square = self._alpha * self._square + (1 - self._alpha) * g**2
        variance = self._square
        if self._table.centered:
            self._mean = self._alpha * self._mean + (1 - self._alpha) * g
            variance = self._square - self._mean**2
        scaled = g / (np.sqrt(variance) + np.longdouble(self._table.eps))
        self._sum = np.longdouble(self._table.momentum) * self._sum + scaled
        return np.asarray(self._sum)


class _Adagrad:
    def __init__(self, table: Adagrad) -> None:
        self._table = table
        self._square: Extended | np.longdouble = np.longdouble(table.initial_accumulator_value)
        self._steps = 0

    def __call__(self, g: Extended) -> Extended:
        decay = 1 + self._steps * np.longdouble(self._table.lr_decay)
        self._steps += 1
        self._square = self._square + g**2
        return np.asarray(g / (np.sqrt(self._square) + np.longdouble(self._table.eps)) / decay)


class _Adam:
    def __init__(self, table: Adam) -> None:
        self._table = table
        self._b1, self._b2 = map(np.longdouble, table.betas)
        self._mean: Extended | float = 0.0
        self._square: Extended | float = 0.0
        self._largest: Extended | float = 0.0
        self._steps = 0

    def __call__(self, g: Extended) -> Extended:
        self._steps += 1
        self._mean = self._b1 * self._mean + (1 - self._b1) * g
        self._square = self._b2 * self._square + (1 - self._b2) * g**2
        self._largest = np.maximum(self._largest, self._square) if self._table.amsgrad else self._square
        root = np.sqrt(self._largest / (1 - self._b2**self._steps)) + np.longdouble(self._table.eps)
        return np.asarray(self._mean / (1 - self._b1**self._steps) / root)
