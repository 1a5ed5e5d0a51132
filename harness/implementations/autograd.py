"""
The training step with the gradient from PyTorch's autograd, the update by hand.

    prediction = f(… f(x W_1' + b_1) …) w + b
    loss.backward()                     fills parameter.grad
    parameter -= rate * parameter.grad

Other optimisers than plain descent put a direction in the gradient's place: torch_rules.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from harness.implementations import implementation
from harness.implementations.base import Implementation
from harness.implementations.rate import is_plain
from harness.implementations.torch_rules import new_rule
from harness.problem.layout import Parameters
from harness.problem.problem import Problem
from harness.scenario.training import Loss

LOSSES: dict[str, Callable[[Tensor], Tensor]] = {
    "mse": lambda e: (e**2).mean(),
    "half_mse": lambda e: (e**2).mean() / 2,
    "sse": lambda e: (e**2).sum(),
    "half_sse": lambda e: (e**2).sum() / 2,
    "mae": lambda e: e.abs().mean(),
}
ACTIVATIONS = {"relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid}


def loss_of(table: Loss) -> Callable[[Tensor], Tensor]:
    """The loss of a batch by its errors, shape (n,)."""
    if table.kind == "huber":
        delta = table.delta
        return lambda e: functional.huber_loss(e, torch.zeros_like(e), delta=delta)
    return LOSSES[table.kind]


@implementation("autograd", devices=("cpu", "cuda"))
class Autograd(Implementation):
    """The gradient by autograd, the update by hand."""

    rows = "torch"

    def load(self, problem: Problem) -> None:
        self.x = torch.tensor(problem.x, device=problem.device)
        self.y = torch.tensor(problem.y, device=problem.device)
        self.rate = problem.learning_rate
        self.loss = loss_of(problem.loss)
        self.intercept = problem.model.intercept
        self.layered = problem.model.kind == "mlp"
        self.hidden: list[tuple[Tensor, Tensor]] = []
        weights, bias = problem.initial
        if problem.model.kind == "mlp":
            self.f = ACTIVATIONS[problem.model.activation]
            self.hidden = [(self._leaf(W), self._leaf(b)) for W, b in zip(weights[:-1], bias[:-1], strict=True)]
            weights, bias = weights[-1][0], bias[-1][0]
        self.w = self._leaf(weights)
        self.b = self._leaf(bias)
        self.trained = self._trained()
        self.schedule, self.steps = problem.schedule, 0
        self.plain = is_plain(problem)
        self.rules = [new_rule(problem.optimizer) for _ in self.trained]

    def _leaf(self, value: Any) -> Tensor:
        """A parameter on the data's device, with room for its gradient."""
        return torch.tensor(value, device=self.x.device, requires_grad=True)

    def _trained(self) -> list[Tensor]:
        hidden = [parameter for layer in self.hidden for parameter in layer]
        return [*hidden, self.w, self.b] if self.intercept else [*hidden, self.w]

    def step(self, rows: Any) -> Tensor:
        a = self.x[rows]
        for W, b in self.hidden:
            a = self.f(a @ W.T + b)
        prediction = a @ self.w + self.b
        loss: Tensor = self.loss(prediction - self.y[rows])

        loss.backward()  # type: ignore[no-untyped-call]
        with torch.no_grad():
            if not self.plain:
                self._move()
                return loss.detach()
            for parameter in self.trained:
                assert parameter.grad is not None
                parameter -= self.rate * parameter.grad
                parameter.grad.zero_()
        return loss.detach()

    def _move(self) -> None:
        """The update by the optimiser's rules, at the rate of this step."""
        rate = self.schedule(self.steps)
        self.steps += 1
        for rule, parameter in zip(self.rules, self.trained, strict=True):
            assert parameter.grad is not None
            parameter -= rate * rule(parameter.grad)
            parameter.grad.zero_()

    def parameters(self) -> Parameters:
        w, b = self.w.detach().cpu().numpy(), self.b.detach().cpu().numpy()
        if not self.layered:
            return w, b
        hidden = [(W.detach().cpu().numpy(), b.detach().cpu().numpy()) for W, b in self.hidden]
        return [*(W for W, _ in hidden), w[None, :]], [*(b for _, b in hidden), b[None]]
