"""What every implementation is: three methods, and no loop, clock or I/O."""

from __future__ import annotations

from typing import Any, ClassVar

from harness.problem.layout import Parameters
from harness.problem.problem import Problem


class Implementation:
    """
    One way to write the training step.

    Attributes:
        rows: Which index the loop makes: `numpy` or `torch`.
        name: Set by the decorator.
        devices: Set by the decorator.
    """

    rows: ClassVar[str] = "numpy"
    name: ClassVar[str] = ""
    devices: ClassVar[tuple[str, ...]] = ("cpu",)

    def load(self, problem: Problem) -> None:
        """Put data and initial parameters in place; called again, it resets everything."""
        raise NotImplementedError(f"{type(self).__name__} needs load(problem)")

    def step(self, rows: Any) -> Any:
        """Do one update on these rows; return the loss before it, unsynchronised and unconverted."""
        raise NotImplementedError(f"{type(self).__name__} needs step(rows)")

    def parameters(self) -> Parameters:
        """(weights, bias) in the cell's dtype: shapes (p,) and (); for a net lists per layer."""
        raise NotImplementedError(f"{type(self).__name__} needs parameters()")
