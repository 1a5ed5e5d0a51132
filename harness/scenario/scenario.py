"""A whole scenario file, validated and frozen."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from harness.scenario.base import Table, Text
from harness.scenario.data import Data
from harness.scenario.expect import Expect
from harness.scenario.grid import Grid
from harness.scenario.model import Init, Linear, Model
from harness.scenario.run import Run, Target
from harness.scenario.training import Training


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

    schema_: Literal[1] = Field(alias="schema")
    title: Text = ""
    source: Text = ""
    grid: Grid
    expect: tuple[Expect, ...] = ()
