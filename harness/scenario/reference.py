"""The reference of a cell: the same training in extended precision, shared by all that compute it in their own way."""

from __future__ import annotations

from harness.scenario.cell import Cell, CellSpec

REFERENCE = "reference"
# What decides how a training is computed, and not what it is.
_HOW = {"device": "cpu", "dtype": "float64", "threads": 1, "tf32": False, "deterministic": False}
# The axes of the same; cells that differ in no other have one reference.
HOW_AXES = ("implementation", "device", "dtype", "run.threads", "run.tf32", "run.deterministic")


def reference_spec(spec: CellSpec) -> CellSpec:
    """The training of a cell, whoever computes it; its arithmetic is extended whatever its dtype says."""
    return spec.model_copy(update={"implementation": REFERENCE, **_HOW})


def reference_id(spec: CellSpec) -> str:
    """The id of a reference: as a cell's, but behind an r."""
    return "r" + Cell(spec, {}).id[1:]
