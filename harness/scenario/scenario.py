"""A whole scenario file, validated and frozen."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from harness.scenario.base import Table, Text
from harness.scenario.data import Data
from harness.scenario.expect import Expect
from harness.scenario.faults import show
from harness.scenario.grid import Grid
from harness.scenario.model import Init, Linear, Model
from harness.scenario.run import Run, Target
from harness.scenario.training import Training


def _whole(value: Any) -> Any:
    """Python takes true and 1.0 for 1; a schema is a whole number."""
    if isinstance(value, (bool, float)):
        raise ValueError(f"found {show(value)}; allowed: 1")
    return value


class Experiment(Table):
    """What decides the numbers of a cell, its axes aside, and how it is run."""

    data: Data
    model: Model = Linear(kind="linear")
    init: Init = Init()
    training: Training
    run: Run = Run()
    target: Target = Target()


class Document(Experiment):
    """All tables of a scenario file."""

    schema_: Annotated[Literal[1], BeforeValidator(_whole)] = Field(alias="schema")
    title: Text = ""
    source: Text = ""
    grid: Grid
    expect: tuple[Expect, ...] = ()
