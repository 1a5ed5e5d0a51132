"""`numpy` with one mistake each, for the checks to find; all but one are made on a line with the loss mse."""

from __future__ import annotations

import importlib
import os
import random
from typing import Any, ClassVar

import numpy as np

from harness.implementations.numpy import NumpyByHand
from harness.problem.problem import Problem

# Below what paths are compared to, above what bits are.
TINY = 1e-15


class Doubled(NumpyByHand):
    """A factor too much."""

    def load(self, problem: Problem) -> None:
        super().load(problem)
        self.rate *= 2


class Uphill(NumpyByHand):
    """The sign of the update is turned."""

    def load(self, problem: Problem) -> None:
        super().load(problem)
        self.rate *= -1


class ForgetsTheIntercept(NumpyByHand):
    """The intercept is never trained."""

    def load(self, problem: Problem) -> None:
        super().load(problem)
        self.intercept = False


class UsesTheUpdatedWeights(NumpyByHand):
    """The hidden layer's gradient is pulled back through weights that are updated already."""

    def _hidden_gradients(self, a: list[Any], pulled: Any) -> Any:
        slopes = pulled[:, 0] / self.w[0]
        return super()._hidden_gradients(a, np.outer(slopes, self.w - self.rate * (a[-1].T @ slopes)))


class TurnsToNan(NumpyByHand):
    """The third step loses everything."""

    def load(self, problem: Problem) -> None:
        super().load(problem)
        self.steps = 0

    def step(self, rows: Any) -> Any:
        loss = super().step(rows)
        self.steps += 1
        if self.steps == 3:
            self.w[:] = np.nan
        return loss


class LeftOverGradient(NumpyByHand):
    """Each step repeats the update before it."""

    def load(self, problem: Problem) -> None:
        super().load(problem)
        self.last = np.zeros_like(self.w)

    def step(self, rows: Any) -> Any:
        before = self.w.copy()
        loss = super().step(rows)
        self.w += self.last
        self.last = self.w - before
        return loss


class LossAfter(NumpyByHand):
    """The loss is computed after the update."""

    def step(self, rows: Any) -> Any:
        super().step(rows)
        return self.loss(self.x[rows] @ self.w + self.b - self.y[rows])[0]


class LossOfAllRows(NumpyByHand):
    """The loss is that of all rows, whatever the batch."""

    def step(self, rows: Any) -> Any:
        loss = self.loss(self.x @ self.w + self.b - self.y)[0]
        super().step(rows)
        return loss


class LossInFloat32(NumpyByHand):
    """The loss is rounded to float32."""

    def step(self, rows: Any) -> Any:
        return np.float32(super().step(rows))


class VectorLoss(NumpyByHand):
    """The loss is not averaged."""

    def step(self, rows: Any) -> Any:
        e = self.x[rows] @ self.w + self.b - self.y[rows]
        super().step(rows)
        return e * e


class OneElementLoss(NumpyByHand):
    """The loss keeps an axis of one."""

    def step(self, rows: Any) -> Any:
        return np.array([super().step(rows)])


class NoLoss(NumpyByHand):
    """Nothing is returned."""

    def step(self, rows: Any) -> Any:
        super().step(rows)


class LossBuffer(NumpyByHand):
    """Every step returns the same array."""

    def load(self, problem: Problem) -> None:
        super().load(problem)
        self.buffer = np.zeros((), problem.dtype)

    def step(self, rows: Any) -> Any:
        self.buffer[()] = super().step(rows)
        return self.buffer


class Float32Inside(NumpyByHand):
    """It computes in float32 and widens what it gives back."""

    def load(self, problem: Problem) -> None:
        super().load(problem)
        self.given = problem.dtype
        self.w, self.b, self.x, self.y = (a.astype(np.float32) for a in (self.w, self.b, self.x, self.y))

    def parameters(self) -> Any:
        return self.w.astype(self.given), self.b.astype(self.given)


class Float32Parameters(NumpyByHand):
    """It gives back float32."""

    def parameters(self) -> Any:
        return self.w.astype(np.float32), self.b.astype(np.float32)


class BiasIsAFloat(NumpyByHand):
    """The bias is a Python float, which NumPy takes for float64."""

    def parameters(self) -> Any:
        return self.w, float(self.b)


class ShapesOfALinearLayer(NumpyByHand):
    """The shapes of nn.Linear."""

    def parameters(self) -> Any:
        return self.w[None, :], np.asarray(self.b)[None]


class TrainsTheBiasAnyway(NumpyByHand):
    """It does not look at `intercept`."""

    def load(self, problem: Problem) -> None:
        super().load(problem)
        self.intercept = True


class NoBiasAtAll(NumpyByHand):
    """Without intercept it gives None."""

    def parameters(self) -> Any:
        return self.w, self.b if self.intercept else None


class StartsAtZero(NumpyByHand):
    """It does not look at `initial`."""

    def load(self, problem: Problem) -> None:
        super().load(problem)
        self.w[:] = 0


class KeepsTheLastUpdate(NumpyByHand):
    """A velocity is made once and not set back by load."""

    velocity: Any = 0.0

    def step(self, rows: Any) -> Any:
        before = self.w.copy()
        loss = super().step(rows)
        self.velocity = before - self.w
        return loss

    def load(self, problem: Problem) -> None:
        super().load(problem)
        self.w -= np.sum(self.velocity)


class KeepsTheData(NumpyByHand):
    """The rows are kept where the new ones have their shape."""

    def load(self, problem: Problem) -> None:
        kept = vars(self).copy()
        super().load(problem)
        if "x" in kept and kept["x"].shape == self.x.shape:
            self.x, self.y = kept["x"], kept["y"]


class InstancesShare(NumpyByHand):
    """A class attribute counts, and the count is used."""

    loads: ClassVar[list[int]] = []

    def load(self, problem: Problem) -> None:
        super().load(problem)
        self.loads.append(1)

    def step(self, rows: Any) -> Any:
        loss = super().step(rows)
        self.w += TINY * (len(self.loads) % 2)
        return loss


class DrawsAndUsesIt(NumpyByHand):
    """Every step adds noise from NumPy's global stream."""

    def step(self, rows: Any) -> Any:
        loss = super().step(rows)
        self.w += TINY * np.random.random()
        return loss


class DrawsForNothing(NumpyByHand):
    """load draws from NumPy's global stream."""

    def load(self, problem: Problem) -> None:
        super().load(problem)
        np.random.random()


class DrawsFromPython(NumpyByHand):
    """A step draws from Python's global stream."""

    def step(self, rows: Any) -> Any:
        random.random()
        return super().step(rows)


class DrawsFromTorch(NumpyByHand):
    """load makes a layer, which draws its own start."""

    def load(self, problem: Problem) -> None:
        torch = importlib.import_module("torch")
        torch.nn.Linear(2, 1)
        super().load(problem)


class WritesIntoX(NumpyByHand):
    """load scribbles on the rows it was given."""

    def load(self, problem: Problem) -> None:
        super().load(problem)
        self.x = problem.x.copy()
        problem.x[:] = 0


class TrainsTheStart(NumpyByHand):
    """The start is not copied, and updated in place."""

    def load(self, problem: Problem) -> None:
        super().load(problem)
        self.w, _ = problem.initial


class SortsTheRows(NumpyByHand):
    """A step sorts its index in place."""

    def step(self, rows: Any) -> Any:
        if not isinstance(rows, slice):
            rows.sort()
        return super().step(rows)


class DropsTheShortBatch(NumpyByHand):
    """A batch that is not full is left out."""

    def load(self, problem: Problem) -> None:
        super().load(problem)
        self.least = 1 if problem.batch_size == "full" else problem.batch_size

    def step(self, rows: Any) -> Any:
        e = self.x[rows] @ self.w + self.b - self.y[rows]
        return self.loss(e)[0] if e.size < self.least else super().step(rows)


class DividesByTheBatchSize(NumpyByHand):
    """A short batch is averaged over the rows of a full one."""

    def load(self, problem: Problem) -> None:
        super().load(problem)
        self.declared, self.given = problem.batch_size, self.rate

    def step(self, rows: Any) -> Any:
        self.rate = self.given if self.declared == "full" else self.given * len(rows) / self.declared
        return super().step(rows)


class UsesAllRows(NumpyByHand):
    """It does not look at `rows`."""

    def step(self, rows: Any) -> Any:
        return super().step(slice(None))


class SqueezesOneRow(NumpyByHand):
    """A batch of one row loses its axis."""

    def step(self, rows: Any) -> Any:
        if not isinstance(rows, slice) and len(rows) == 1:
            raise IndexError("too many indices for array")
        return super().step(rows)


class WorksWhenRead(NumpyByHand):
    """parameters() moves the weights."""

    def parameters(self) -> Any:
        w = self.w.copy()
        self.w *= 1 + TINY
        return w, self.b


class Prints(NumpyByHand):
    """A print was left in."""

    def step(self, rows: Any) -> Any:
        print("step")
        return super().step(rows)


class WritesToTheDescriptor(NumpyByHand):
    """It writes below Python's outputs."""

    def load(self, problem: Problem) -> None:
        os.write(2, b"loading\n")
        super().load(problem)
