"""The table `[gates]`: limits that a scenario adds to the verdict."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import model_validator

from harness.scenario.base import Float, Table
from harness.scenario.expect import Expect, Place, Words


class Limit(Table):
    """What a quantity must keep to in each cell that ran."""

    at_least: Float | None = None
    """Least value allowed. `at_least = 3.0`"""
    at_most: Float | None = None
    """Greatest value allowed. `at_most = 1e-3`"""
    equals: Words | None = None
    """The word, or one of these words (quantities that are words). `equals = "ok"`"""
    not_equals: Words | None = None
    """Not this word, or none of these. `not_equals = "diverged"`"""
    where: dict[str, Any] = {}
    """Cells it is about: equality on axes; left out, all. `where = { dtype = "float64" }`"""
    at: Place = "end"
    """The state it is about. `at = "end"`"""
    x: tuple[Float, ...] | None = None
    """The raw row of a prediction. `x = [1.0]`"""
    reduce: Literal["sum", "mean", "last"] = "sum"
    """Of an epoch_loss. `reduce = "mean"`"""

    @model_validator(mode="after")
    def _limits_something(self) -> Self:
        if not self.model_fields_set & {"at_least", "at_most", "equals", "not_equals"}:
            raise ValueError("needs a limit: at_least and/or at_most; for words equals or not_equals")
        return self

    def as_expectation(self, quantity: str) -> Expect:
        """
        The same, checked as an expectation is.

        Raises:
            ValidationError: If the quantity does not exist or does not go with the limit.
        """
        given = {name: getattr(self, name) for name in self.model_fields_set}
        return Expect.model_validate({"quantity": quantity, **given})
