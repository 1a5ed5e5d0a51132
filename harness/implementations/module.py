"""
The training step as PyTorch's tutorials write it: `nn.Module`, a loss function, an optimiser.

    loss = loss_function(model(x), y)
    optimizer.zero_grad();  loss.backward();  optimizer.step()
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.implementations import implementation
from harness.implementations.base import Implementation
from harness.implementations.rate import changing_rate
from harness.problem.layout import Parameters
from harness.problem.problem import Problem
from harness.scenario.training import Loss

LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mse": functional.mse_loss,
    "half_mse": lambda prediction, y: functional.mse_loss(prediction, y) / 2,
    "sse": lambda prediction, y: functional.mse_loss(prediction, y, reduction="sum"),
    "half_sse": lambda prediction, y: functional.mse_loss(prediction, y, reduction="sum") / 2,
    "mae": functional.l1_loss,
}
ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}
# A scenario's options have torch's names, and its choice of kernels is left to it: on CUDA all parameters in one.
OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": torch.optim.SGD,
    "rmsprop": torch.optim.RMSprop,
    "adagrad": torch.optim.Adagrad,
    "adam": torch.optim.Adam,
}


def loss_of(table: Loss) -> Callable[[Tensor, Tensor], Tensor]:
    """The loss of a batch by its predictions and targets, both of shape (n,)."""
    if table.kind == "huber":
        delta = table.delta
        return lambda prediction, y: functional.huber_loss(prediction, y, delta=delta)
    return LOSSES[table.kind]


class Net(nn.Module):
    """Linear layers with an activation between them; a linear model is one layer."""

    def __init__(self, problem: Problem) -> None:
        super().__init__()
        hidden = problem.model.hidden if problem.model.kind == "mlp" else ()
        sizes = (problem.x.shape[1], *hidden, 1)
        layers: list[nn.Module] = []
        for inputs, units in pairwise(sizes):
            # The start comes from the problem, so nothing is drawn for it here.
            layer = nn.utils.skip_init(nn.Linear, inputs, units, bias=problem.model.intercept)  # type: ignore[no-untyped-call]
            layers.append(layer)
            if problem.model.kind == "mlp":
                layers.append(ACTIVATIONS[problem.model.activation]())
        self.layers = nn.Sequential(*layers[: 2 * len(sizes) - 3])

    def forward(self, x: Tensor) -> Tensor:
        prediction: Tensor = self.layers(x)
        return prediction.squeeze(-1)

    def linear_layers(self) -> list[nn.Linear]:
        """The layers that hold parameters, in order."""
        return [layer for layer in self.layers if isinstance(layer, nn.Linear)]


@implementation("module", devices=("cpu", "cuda"))
class Module(Implementation):
    """nn.Module, a loss of torch.nn.functional, torch.optim."""

    rows = "torch"

    def load(self, problem: Problem) -> None:
        self.x = torch.tensor(problem.x, device=problem.device)
        self.y = torch.tensor(problem.y, device=problem.device)
        self.layered = problem.model.kind == "mlp"
        self.model = Net(problem).to(device=problem.device, dtype=self.x.dtype)
        weights, biases = problem.initial if self.layered else ([problem.initial[0][None, :]], [problem.initial[1]])
        with torch.no_grad():
            for layer, W, b in zip(self.model.linear_layers(), weights, biases, strict=True):
                layer.weight.copy_(torch.tensor(W))
                if problem.model.intercept:
                    layer.bias.copy_(torch.tensor(b))
        self.loss = loss_of(problem.loss)
        trained, options = self.model.parameters(), problem.optimizer.model_dump(exclude={"kind"})
        self.optimizer = OPTIMIZERS[problem.optimizer.kind](trained, lr=problem.learning_rate, **options)
        self.schedule, self.steps = changing_rate(problem), 0

    def step(self, rows: Any) -> Tensor:
        loss: Tensor = self.loss(self.model(self.x[rows]), self.y[rows])
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
        layers = self.model.linear_layers()
        weights = [layer.weight.detach().cpu().numpy() for layer in layers]
        if self.layered:
            return weights, [layer.bias.detach().cpu().numpy() for layer in layers]
        bias = layers[0].bias
        return weights[0][0], weights[0].dtype.type(0) if bias is None else bias.detach().cpu().numpy()[0]
