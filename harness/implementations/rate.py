"""What the optimiser and its learning rate ask of every step."""

from __future__ import annotations

from collections.abc import Callable

from harness.problem.problem import Problem


def changing_rate(problem: Problem) -> Callable[[int], float] | None:
    """The rate by step, from 0; None where it is `problem.learning_rate` at every step, which then costs nothing."""
    return None if problem.constant_rate else problem.schedule


def is_plain(problem: Problem) -> bool:
    """Whether each step is `parameter -= learning_rate * gradient`, with nothing to remember."""
    optimizer = problem.optimizer
    return optimizer.kind == "sgd" and not optimizer.momentum and problem.constant_rate
