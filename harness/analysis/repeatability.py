"""Do replicates of a cell, in other processes and templates, give the same bits?"""

from __future__ import annotations

from dataclasses import dataclass

from harness.frames import Run


@dataclass(frozen=True)
class Repeated:
    """
    One cell that ran more than once.

    Args:
        scenario: Its scenario.
        cell: Its id.
        processes: How many replicates did all their steps.
        digests: How many different digests they left; 1 is bitwise.
        templates: The templates they were forked from.
    """

    scenario: str
    cell: str
    processes: int
    digests: int
    templates: tuple[str, ...]

    @property
    def bitwise(self) -> bool:
        """Whether all left the same bits."""
        return self.digests == 1


def repeated_cells(run: Run) -> list[Repeated]:
    """Every cell with at least two finished replicates."""
    done = run.cells[run.cells["status"] == "ok"]
    done = done[done.duplicated(["scenario", "cell"], keep=False)]
    return [
        Repeated(
            str(scenario),
            str(cell),
            len(rows),
            rows["digest"].nunique(dropna=False),
            tuple(sorted(set(rows["template"]))),
        )
        for (scenario, cell), rows in done.groupby(["scenario", "cell"], sort=False, dropna=False)
    ]
