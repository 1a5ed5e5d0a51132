"""
The optimisers in PyTorch, written out by hand, for the gradients of autograd.

Each step is `parameter -= rate * direction`. The direction comes from the gradients
g_1 … g_t of this parameter so far, element by element:

    sgd         g
    momentum    u = momentum u + g                      u
    nesterov                                            g + momentum u
    rmsprop     v = alpha v + (1 - alpha) g²            r = g / (sqrt(v) + eps)
    centered    m = alpha m + (1 - alpha) g             r = g / (sqrt(v - m²) + eps)
    momentum    u = momentum u + r                      u
    adagrad     v = v + g²                              g / (sqrt(v) + eps) / (1 + lr_decay (t - 1))
    adam        m = b1 m + (1 - b1) g
                v = b2 v + (1 - b2) g²                  m / (1 - b1^t) / (sqrt(v) / sqrt(1 - b2^t) + eps)
    amsgrad     v' = max(v', v)                         the same with v' in place of v

All start at 0, adagrad's v at initial_accumulator_value. As in torch.optim, eps stands outside
the root, a sum u is multiplied by the rate of the step that uses it, and v' is the largest v
before the correction by 1 - b2^t.

numpy_rules.py has the references.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch import Tensor

from harness.scenario.training import Adagrad, Adam, Optimizer, Rmsprop, Sgd

# Takes the next gradient of its one parameter and gives the direction; it keeps what it remembers.
Rule: TypeAlias = Callable[[Tensor], Any]


def new_rule(table: Optimizer) -> Rule:
    """The rule of this optimiser for one parameter, at its start."""
    match table:
        case Sgd():
            return momentum(table) if table.momentum else lambda g: g
        case Rmsprop():
            return rmsprop(table)
        case Adagrad():
            return adagrad(table)
        case Adam():
            return adam(table)


# What is kept is new at each step: the gradient's own memory is set to 0 after it.
def momentum(table: Sgd) -> Rule:
    """A running sum of the gradients, or with nesterov one step ahead of it."""
    u: Any = 0.0

    def direction(g: Tensor) -> Any:
        nonlocal u
        u = table.momentum * u + g
        return g + table.momentum * u if table.nesterov else u

    return direction


def rmsprop(table: Rmsprop) -> Rule:
    """The gradient by the root of a running average of its square, or with centered of its variance."""
    v: Any = 0.0
    m: Any = 0.0
    u: Any = 0.0

    def direction(g: Tensor) -> Any:
        nonlocal v, m, u
        v = table.alpha * v + (1 - table.alpha) * (g * g)
        if table.centered:
            m = table.alpha * m + (1 - table.alpha) * g
        r = g / (torch.sqrt(v - m * m) + table.eps)
        u = table.momentum * u + r if table.momentum else r
        return u

    return direction


def adagrad(table: Adagrad) -> Rule:
    """The gradient by the root of the sum of its squares, at a rate that decays."""
    v: Any = table.initial_accumulator_value
    t = 0

    def direction(g: Tensor) -> Any:
        nonlocal v, t
        t += 1
        v = v + g * g
        return g / (torch.sqrt(v) + table.eps) / (1 + table.lr_decay * (t - 1))

    return direction


def adam(table: Adam) -> Rule:
    """A running average of the gradient by the root of one of its square, both corrected for their start at 0."""
    b1, b2 = table.betas
    m: Any = 0.0
    v: Any = 0.0
    largest: Any = None
    t = 0

    def direction(g: Tensor) -> Any:
        nonlocal m, v, largest, t
        t += 1
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * (g * g)
        largest = torch.maximum(v if largest is None else largest, v) if table.amsgrad else v
        return m / (1 - b1**t) / (torch.sqrt(largest) / (1 - b2**t) ** 0.5 + table.eps)

    return direction
