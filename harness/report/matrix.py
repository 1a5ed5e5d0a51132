"""Scenarios or runs beside their gates: a row each, and the reason below where a gate failed or was not checked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.analysis.gates import FAILED, NOT_CHECKED, PASSED, Gate
from harness.report import marks, numbers
from harness.report.parts import Content, Markup

_HEADS = {
    "cells": "Cells", "expectations": "Expected numbers", "repeatability": "Same bits again",
    "agreement": "Same path", "accuracy": "As accurate", "bits": "Bits as before",
}  # fmt: skip
_LIMITS = "limits"
# What the head of the column says already.
_SAID = re.compile(r" (follow their|follows its) reference$")
# What was found, where that is the reason for which nothing was checked.
_REASONS = ("none declared",)


@dataclass(frozen=True)
class Why:
    """
    A line below a row.

    Args:
        text: The reason.
        about: The gate, before it; may be empty.
        link: Where the gate is looked at more closely; may be empty.
    """

    text: str
    about: str = ""
    link: str = ""


@dataclass(frozen=True)
class Row:
    """Cells of one row, the first of which names it, and the lines below it."""

    cells: tuple[Content, ...]
    why: tuple[Why, ...] = ()


@dataclass(frozen=True)
class Matrix:
    """A table that the template draws with a body for each row and its lines."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[Row, ...]
    note: str = ""


def columns(all_gates: Sequence[Sequence[Gate]]) -> dict[str, str]:
    """A column, with its head, for each gate that any row has; one for all limits that scenarios set, the last."""
    names = dict.fromkeys(_column(gate) for gates in all_gates for gate in gates)
    order = sorted(names, key=lambda name: name == _LIMITS)
    return {name: _HEADS.get(name, numbers.upper(name)) for name in order}


def _column(gate: Gate) -> str:
    return gate.name if gate.name in _HEADS else _LIMITS


def found(gates: Sequence[Gate], shown: Mapping[str, str]) -> tuple[Content, ...]:
    """What each column's gates found; a dash where the row has none of it."""
    return tuple(_found([gate for gate in gates if _column(gate) == name]) for name in shown)


def _found(gates: Sequence[Gate]) -> Content:
    """Sign and what was found, what goes with it below; of several limits how many hold."""
    if not gates:
        return numbers.MISSING
    if len(gates) > 1:
        held = sum(gate.status == PASSED for gate in gates)
        states = [state for state in (FAILED, PASSED) if any(gate.status == state for gate in gates)]
        return marks.status(states[0] if states else NOT_CHECKED, numbers.share(held, len(gates)))
    (gate,) = gates
    head, *rest = (_SAID.sub("", part) for part in gate.found.split(", "))
    # Of paths the rest is long, and stands on the scenario's page.
    kept = ", ".join(rest[:1] if gate.name == "agreement" else rest)
    return marks.status(gate.status, head) + (Markup('<br><span class="note">{}</span>').format(kept) if kept else "")


def unsaid(gate: Gate) -> bool:
    """Whether a gate failed or was not checked for a reason that its column does not say already."""
    if gate.status == NOT_CHECKED:
        return gate.note not in (gate.found, "") and gate.found not in _REASONS
    return gate.status == FAILED
