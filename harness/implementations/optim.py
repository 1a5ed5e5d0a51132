"""
The training step with the gradient from autograd and the update from `torch.optim`.

    prediction = f(… f(x W_1' + b_1) …) w + b
    optimizer.zero_grad();  loss.backward();  optimizer.step()
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from harness.implementations import implementation
from harness.implementations.base import Implementation
from harness.implementations.rate import changing_rate
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
# A scenario's options have torch's names, and its choice of kernels is left to it: on CUDA all parameters in one.
OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": torch.optim.SGD,
    "rmsprop": torch.optim.RMSprop,
    "adagrad": torch.optim.Adagrad,
    "adam": torch.optim.Adam,
}


def loss_of(table: Loss) -> Callable[[Tensor], Tensor]:
    """The loss of a batch by its errors, shape (n,)."""
    if table.kind == "huber":
        delta = table.delta
        return lambda e: functional.huber_loss(e, torch.zeros_like(e), delta=delta)
    return LOSSES[table.kind]


@implementation("optim", devices=("cpu", "cuda"))
class Optim(Implementation):
    """The gradient by autograd, the update by torch.optim."""

    rows = "torch"

    def load(self, problem: Problem) -> None:
        self.x = torch.tensor(problem.x, device=problem.device)
        self.y = torch.tensor(problem.y, device=problem.device)
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
        options = problem.optimizer.model_dump(exclude={"kind"})
        self.optimizer = OPTIMIZERS[problem.optimizer.kind](self._trained(), lr=problem.learning_rate, **options)
        self.schedule, self.steps = changing_rate(problem), 0

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

        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        if self.schedule is not None:
            self._set_rate(self.schedule)
        self.optimizer.step()
        return loss.detach()

    def _set_rate(self, schedule: Callable[[int], float]) -> None:
        self.optimizer.param_groups[0]["lr"] = schedule(self.steps)
        self.steps += 1

    def parameters(self) -> Parameters:
        w, b = self.w.detach().cpu().numpy(), self.b.detach().cpu().numpy()
        if not self.layered:
            return w, b
        hidden = [(W.detach().cpu().numpy(), b.detach().cpu().numpy()) for W, b in self.hidden]
        return [*(W for W, _ in hidden), w[None, :]], [*(b for _, b in hidden), b[None]]
