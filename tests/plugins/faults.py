"""A plug-in with one implementation for each way to misbehave; each is NumPy's until then."""

from __future__ import annotations

import os
from typing import Any

from misdeeds import AS_LOSS, AS_PARAMETERS, IN_STEP, raise_

import harness

Numpy: Any = harness.implementations.get("numpy")


class Faulty(Numpy):
    """NumPy's implementation; a fault may be set for each method."""

    in_step: Any = None
    as_loss: Any = None
    as_parameters: Any = None

    def load(self, problem: Any) -> None:
        super().load(problem)
        self.steps = 0

    def step(self, rows: Any) -> Any:
        self.steps += 1
        third = self.steps == 3
        if third and type(self).in_step:
            type(self).in_step()
        loss = super().step(rows)
        return type(self).as_loss() if third and type(self).as_loss else loss

    def parameters(self) -> Any:
        found = super().parameters()
        bad = type(self).as_parameters
        return bad(*found) if bad and self.steps >= 3 else found


class InInit(Faulty):
    """Cannot be made."""

    def __init__(self) -> None:
        raise ValueError("not to be made")


class InLoad(Faulty):
    """Cannot be loaded."""

    def load(self, problem: Any) -> None:
        raise ValueError("not to be loaded")


class AbortInLoad(Faulty):
    """Aborts where data are put in place."""

    def load(self, problem: Any) -> None:
        os.abort()


class WriteIntoData(Faulty):
    """Leaves nothing of the arrays it was given."""

    def step(self, rows: Any) -> Any:
        loss = super().step(rows)
        for array in (self.x, self.y):
            array *= 0.5
        return loss


class WriteIntoProblem(Faulty):
    """Overwrites everything of its problem that can be overwritten, after having taken what it needs."""

    def load(self, problem: Any) -> None:
        super().load(problem)
        self.x, self.y = problem.x.copy(), problem.y.copy()
        for array in (problem.x, problem.y, problem.initial[0]):
            array[...] = 0.0


class OtherSecondTime(Faulty):
    """Takes another path each time it is loaded."""

    loaded = 0

    def load(self, problem: Any) -> None:
        super().load(problem)
        self.w += self.loaded
        type(self).loaded += 1


class Swallows(Faulty):
    """Catches whatever is raised in it, again and again, and never ends."""

    def step(self, rows: Any) -> Any:
        while True:
            try:
                while True:
                    raise_(ValueError("swallowed"))
            except BaseException:
                continue


def _register(name: str, base: type[Any], **hooks: Any) -> None:
    harness.implementation(name)(type(base.__name__, (base,), {"__qualname__": name, **hooks}))


for name, work in IN_STEP.items():
    _register(name, Faulty, in_step=staticmethod(work))
for name, result in AS_LOSS.items():
    _register(name, Faulty, as_loss=staticmethod(result))
for name, change in AS_PARAMETERS.items():
    _register(name, Faulty, as_parameters=staticmethod(change))
for name, cls in {
    "init-raises": InInit,
    "load-raises": InLoad,
    "load-aborts": AbortInLoad,
    "write-into-data": WriteIntoData,
    "write-into-problem": WriteIntoProblem,
    "other-second-time": OtherSecondTime,
    "swallow": Swallows,
}.items():
    _register(name, cls)
