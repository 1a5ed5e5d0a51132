"""A plug-in of implementations with one planted mistake each; each is a shipped one but for that."""

from __future__ import annotations

from typing import Any

import numpy as np

import harness
from harness.implementations.numpy_rules import new_rule

Numpy: Any = harness.implementations.get("numpy")
CONSTANT = 1.5


class Planted(Numpy):
    """NumPy's, with every step done the optimiser's way, so that a mistake stands in one place."""

    w: Any
    b: Any
    x: Any
    y: Any
    rules: list[Any]

    def load(self, problem: Any) -> None:
        super().load(problem)
        self.problem, self.plain, self.done = problem, False, 0
        self.batch_size = len(problem.y) if problem.batch_size == "full" else problem.batch_size
        self.per_epoch = -(-len(problem.y) // self.batch_size)

    def change(self, gradients: list[Any]) -> list[Any]:
        """The gradients, the bias's last."""
        return gradients

    def rows_of(self, rows: Any) -> Any:
        return rows

    def step(self, rows: Any) -> Any:
        loss = super().step(self.rows_of(rows))
        self.done += 1
        return loss

    def _move(self, gradients: list[tuple[Any, Any]], of_bias: Any) -> None:
        *changed, of_bias = self.change([*(gradient for _, gradient in gradients), of_bias])
        super()._move([(old, new) for (old, _), new in zip(gradients, changed, strict=True)], of_bias)


class GradientScaled(Planted):
    """A factor before the gradient."""

    def change(self, gradients: list[Any]) -> list[Any]:
        return [CONSTANT * gradient for gradient in gradients]


class Uphill(Planted):
    """The wrong sign."""

    def change(self, gradients: list[Any]) -> list[Any]:
        return [-gradient for gradient in gradients]


class RateScaled(Planted):
    """A factor before the rate."""

    def load(self, problem: Any) -> None:
        super().load(problem)
        self.schedule = lambda step: CONSTANT * problem.schedule(step)


class RateALittleOff(Planted):
    """A rate with a relative error of 1e-9."""

    def load(self, problem: Any) -> None:
        super().load(problem)
        self.schedule = lambda step: (1 + 1e-9) * problem.schedule(step)


class LossScaled(Planted):
    """Half of the loss, and its gradient."""

    def step(self, rows: Any) -> Any:
        return super().step(rows) / 2

    def change(self, gradients: list[Any]) -> list[Any]:
        return [gradient / 2 for gradient in gradients]


class Accumulates(Planted):
    """The gradient is never set back to zero."""

    def load(self, problem: Any) -> None:
        super().load(problem)
        self.total: list[Any] = []

    def change(self, gradients: list[Any]) -> list[Any]:
        old = self.total or [0.0] * len(gradients)
        self.total = [so_far + new for so_far, new in zip(old, gradients, strict=True)]
        return self.total


class Summed(Planted):
    """The sum over the batch instead of its mean."""

    def step(self, rows: Any) -> Any:
        self.size = len(self.y[rows])
        return super().step(rows)

    def change(self, gradients: list[Any]) -> list[Any]:
        return [gradient * self.size for gradient in gradients]


class ShortBatchByFull(Planted):
    """A short batch is averaged over the rows of a full one."""

    def step(self, rows: Any) -> Any:
        self.size = len(self.y[rows])
        return super().step(rows)

    def change(self, gradients: list[Any]) -> list[Any]:
        return [gradient * self.size / self.batch_size for gradient in gradients]


class ShortBatchDropped(Planted):
    """A short batch is left out."""

    def step(self, rows: Any) -> Any:
        if len(self.y[rows]) == self.batch_size:
            return super().step(rows)
        self.done += 1
        return self.loss(self.x[rows] @ self.w + self.b - self.y[rows])[0]


class FirstOrder(Planted):
    """The first epoch's order is kept for all."""

    def load(self, problem: Any) -> None:
        super().load(problem)
        self.kept: list[Any] = []

    def rows_of(self, rows: Any) -> Any:
        if len(self.kept) < self.per_epoch:
            self.kept.append(rows)
        return self.kept[self.done % self.per_epoch]


class FileOrder(Planted):
    """The rows it is given are not looked at."""

    def rows_of(self, rows: Any) -> Any:
        at = self.done % self.per_epoch * self.batch_size
        return np.arange(at, min(at + self.batch_size, len(self.y)))


class AllRows(Planted):
    """Every update uses all rows."""

    def rows_of(self, rows: Any) -> Any:
        return slice(None)


class Float32Inside(Planted):
    """It computes in float32 and widens what it gives back."""

    def load(self, problem: Any) -> None:
        super().load(problem)
        self.given = problem.dtype
        self.w, self.b, self.x, self.y = (np.float32(value) for value in (self.w, self.b, self.x, self.y))

    def parameters(self) -> Any:
        return self.w.astype(self.given), np.asarray(self.b, self.given)


class Float32Gradient(Planted):
    """The gradient alone is rounded to float32."""

    def change(self, gradients: list[Any]) -> list[Any]:
        return [np.float64(np.float32(gradient)) for gradient in gradients]


class Float16Products(Planted):
    """Rows are kept in half precision."""

    def load(self, problem: Any) -> None:
        super().load(problem)
        self.x, self.y = (values.astype(np.float16).astype(problem.dtype) for values in (self.x, self.y))


class Twice(Planted):
    """Each update is applied twice."""

    def _move(self, gradients: list[tuple[Any, Any]], of_bias: Any) -> None:
        super()._move(gradients, of_bias)
        self.steps -= 1
        super()._move(gradients, of_bias)


class TwoSteps(Planted):
    """Each step makes two updates."""

    def step(self, rows: Any) -> Any:
        loss = super().step(rows)
        self.steps -= 1
        super().step(rows)
        return loss


class Ignoring(Planted):
    """Options of the optimiser are not looked at."""

    ignored: dict[str, Any]

    def load(self, problem: Any) -> None:
        super().load(problem)
        optimizer = problem.optimizer.model_copy(update=self.ignored)
        self.rules = [new_rule(optimizer) for _ in self.rules]


class MomentumIgnored(Ignoring):
    """Momentum is not looked at."""

    ignored = {"momentum": 0.0, "nesterov": False}


class NesterovIgnored(Ignoring):
    """Nesterov's form is not looked at."""

    ignored = {"nesterov": False}


class ScheduleIgnored(Planted):
    """The rate stays the first."""

    def load(self, problem: Any) -> None:
        super().load(problem)
        self.schedule = lambda _step: problem.schedule(0)


class BiasStill(Planted):
    """The bias is never updated."""

    def change(self, gradients: list[Any]) -> list[Any]:
        return [*gradients[:-1], 0.0]


class Late(Planted):
    """Each update uses the gradient of the step before, the first its own."""

    def load(self, problem: Any) -> None:
        super().load(problem)
        self.last: list[Any] = []

    def change(self, gradients: list[Any]) -> list[Any]:
        self.last, used = gradients, self.last or gradients
        return used


class WeightDecay(Planted):
    """A twentieth of each parameter is added to its gradient."""

    def _move(self, gradients: list[tuple[Any, Any]], of_bias: Any) -> None:
        decayed = [(parameter, gradient + 0.05 * parameter) for parameter, gradient in gradients]
        super()._move(decayed, of_bias + 0.05 * self.b)


class StartsAtZero(Planted):
    """The start it was given is not looked at."""

    def load(self, problem: Any) -> None:
        super().load(problem)
        self.w, self.b = np.zeros_like(self.w), np.zeros_like(self.b)


class BreaksLater(Planted):
    """From the eighth step on the first weight is updated twice."""

    def change(self, gradients: list[Any]) -> list[Any]:
        if self.done >= 7:
            gradients[0] = gradients[0] * np.array([2.0] + [1.0] * (len(gradients[0]) - 1))
        return gradients


class TurnsToNan(Planted):
    """The third step loses everything."""

    def change(self, gradients: list[Any]) -> list[Any]:
        return [gradient * np.nan for gradient in gradients] if self.done == 2 else gradients


class LossAfter(Planted):
    """The loss is computed after the update."""

    def step(self, rows: Any) -> Any:
        super().step(rows)
        return self.loss(self.x[rows] @ self.w + self.b - self.y[rows])[0]


class LossHalved(Planted):
    """Half of the loss is returned; the gradient is right."""

    def step(self, rows: Any) -> Any:
        return super().step(rows) / 2


class LossOfAllRows(Planted):
    """The loss is that of all rows."""

    def step(self, rows: Any) -> Any:
        loss = self.loss(self.x @ self.w + self.b - self.y)[0]
        super().step(rows)
        return loss


class LossInFloat32(Planted):
    """The loss is rounded."""

    def step(self, rows: Any) -> Any:
        return np.float64(np.float32(super().step(rows)))


FAULTS = {
    "gradient-scaled": GradientScaled,
    "uphill": Uphill,
    "rate-scaled": RateScaled,
    "rate-a-little-off": RateALittleOff,
    "loss-scaled": LossScaled,
    "accumulates": Accumulates,
    "summed": Summed,
    "short-batch-by-full": ShortBatchByFull,
    "short-batch-dropped": ShortBatchDropped,
    "first-order": FirstOrder,
    "file-order": FileOrder,
    "all-rows": AllRows,
    "float32-inside": Float32Inside,
    "float32-gradient": Float32Gradient,
    "float16-rows": Float16Products,
    "twice": Twice,
    "two-steps": TwoSteps,
    "momentum-ignored": MomentumIgnored,
    "nesterov-ignored": NesterovIgnored,
    "schedule-ignored": ScheduleIgnored,
    "bias-still": BiasStill,
    "late": Late,
    "weight-decay": WeightDecay,
    "starts-at-zero": StartsAtZero,
    "breaks-later": BreaksLater,
    "turns-to-nan": TurnsToNan,
    "loss-after": LossAfter,
    "loss-halved": LossHalved,
    "loss-of-all-rows": LossOfAllRows,
    "loss-in-float32": LossInFloat32,
}
for name, cls in FAULTS.items():
    harness.implementation(name)(cls)
