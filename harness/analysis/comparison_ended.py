"""How each cell of a run ended, as far as two runs are compared by it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.frames import Run

# A scenario's name and a cell's id.
Key = tuple[str, str]


@dataclass(frozen=True)
class Ended:
    """
    How a cell ended in one run.

    Args:
        scenario: Its scenario.
        cell: Its id.
        axes: Its values on the axes.
        replicate: The record that speaks for it: the first that is ok, else the first.
        status: That record's.
        outcome: Likewise; None where it is not ok.
        digests: Of all its records that are ok.
        digits: Correct digits; NaN where there is no optimum, or it is not ok.
        loss: At the end; likewise.
    """

    scenario: str
    cell: str
    axes: dict[str, Any]
    replicate: int
    status: str
    outcome: str | None
    digests: frozenset[str]
    digits: float
    loss: float

    @property
    def key(self) -> Key:
        """What it is found by in another run."""
        return self.scenario, self.cell

    @property
    def ok(self) -> bool:
        """Whether it did all its steps."""
        return self.status == "ok"

    @property
    def word(self) -> str:
        """Its outcome, or the status that kept it from one."""
        return (self.outcome or self.status) if self.ok else self.status


def ended(run: Run) -> list[Ended]:
    """Every cell of a run that has a record, in the order of its plan."""
    columns = ["scenario", "cell", "replicate", "status", "outcome", "digest", "correct_digits", "loss"]
    groups: dict[Key, list[dict[str, Any]]] = {}
    for row in run.cells[columns].to_dict("records"):
        groups.setdefault((row["scenario"], row["cell"]), []).append({str(name): row[name] for name in row})
    return [_ended(run.file.axes[key], rows) for key, rows in groups.items()]


def _ended(axes: dict[str, Any], rows: Sequence[dict[str, Any]]) -> Ended:
    done = [row for row in rows if row["status"] == "ok"]
    first = (done or rows)[0]
    return Ended(
        scenario=first["scenario"],
        cell=first["cell"],
        axes=axes,
        replicate=int(first["replicate"]),
        status=first["status"],
        outcome=first["outcome"] if done else None,
        digests=frozenset(str(row["digest"]) for row in done),
        digits=float(first["correct_digits"]) if done else math.nan,
        loss=float(first["loss"]) if done else math.nan,
    )
