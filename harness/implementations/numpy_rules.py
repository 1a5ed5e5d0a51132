"""
The optimisers in NumPy, written out by hand.

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

References:
    Sutskever, Martens, Dahl & Hinton (2013), https://proceedings.mlr.press/v28/sutskever13.html (momentum, nesterov)
    Hinton (2012), https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf (rmsprop)
    Graves (2013), https://arxiv.org/abs/1308.0850 (rmsprop, centered)
    Duchi, Hazan & Singer (2011), https://jmlr.org/papers/v12/duchi11a.html (adagrad)
    Kingma & Ba (2015), https://arxiv.org/abs/1412.6980 (adam)
    Reddi, Kale & Kumar (2018), https://openreview.net/forum?id=ryQu7f-RZ (amsgrad)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from harness.scenario.training import Adagrad, Adam, Optimizer, Rmsprop, Sgd

# Takes the next gradient of its one parameter and gives the direction; it keeps what it remembers.
Rule: TypeAlias = Callable[[Any], Any]


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


# Python's numbers take the dtype of the gradient they meet: float32 stays float32.
def momentum(table: Sgd) -> Rule:
    """A running sum of the gradients, or with nesterov one step ahead of it."""
    u: Any = 0.0

    def direction(g: Any) -> Any:
        nonlocal u
        u = table.momentum * u + g
        return g + table.momentum * u if table.nesterov else u

    return direction


def rmsprop(table: Rmsprop) -> Rule:
    """The gradient by the root of a running average of its square, or with centered of its variance."""
    v: Any = 0.0
    m: Any = 0.0
    u: Any = 0.0

    def direction(g: Any) -> Any:
        nonlocal v, m, u
        v = table.alpha * v + (1 - table.alpha) * (g * g)
        if table.centered:
            m = table.alpha * m + (1 - table.alpha) * g
        r = g / (np.sqrt(v - m * m) + table.eps)
        u = table.momentum * u + r if table.momentum else r
        return u

    return direction


def adagrad(table: Adagrad) -> Rule:
    """The gradient by the root of the sum of its squares, at a rate that decays."""
    v: Any = table.initial_accumulator_value
    t = 0

    def direction(g: Any) -> Any:
        nonlocal v, t
        t += 1
        v = v + g * g
        return g / (np.sqrt(v) + table.eps) / (1 + table.lr_decay * (t - 1))

    return direction


def adam(table: Adam) -> Rule:
    """A running average of the gradient by the root of one of its square, both corrected for their start at 0."""
    b1, b2 = table.betas
    m: Any = 0.0
    v: Any = 0.0
    largest: Any = 0.0
    t = 0

    def direction(g: Any) -> Any:
        nonlocal m, v, largest, t
        t += 1
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * (g * g)
        largest = np.maximum(largest, v) if table.amsgrad else v
        return m / (1 - b1**t) / (np.sqrt(largest) / (1 - b2**t) ** 0.5 + table.eps)

    return direction
