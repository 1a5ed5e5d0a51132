"""A whole scenario file, validated and frozen."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from harness.scenario.base import Table, Text
from harness.scenario.data import Data
from harness.scenario.expect import Expect
from harness.scenario.faults import show
from harness.scenario.gates import Limit
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
    """Which rows there are: made from formulas (`x`, `y`, `noise`), from a file (`csv`), or written out (`inline`)."""
    model: Model = Linear(kind="linear")
    """What is fitted; left out, a line or plane with an intercept."""
    init: Init = Init()
    """Where training starts; left out, at zero."""
    training: Training
    """How it is trained: loss, optimiser, length, and order of the rows."""
    run: Run = Run()
    """How often each cell runs, and within which limits."""
    target: Target = Target()
    """What counts as reached, for speed of convergence and for the outcome `converged`."""


class Document(Experiment):
    """All tables of a scenario file."""

    schema_: Annotated[Literal[1], BeforeValidator(_whole)] = Field(alias="schema")
    """Number of this format. `schema = 1`"""
    title: Text = ""
    """The page's heading; left out, the file's name. `title = "A line, four ways"`"""
    source: Text = ""
    """Where the experiment was published. `source = "a tutorial"`"""
    grid: Grid
    """The axes; every combination of their values is one cell."""
    expect: tuple[Expect, ...] = ()
    """What must come out: a table each, with a quantity, the cells and states it is about, and one rule."""
    gates: dict[str, Limit] = {}
    """
    Limits by quantity, on each cell that ran: `[gates]` with one line each. `gates = { loss = { at_most = 1.0 }
    }`
    """
