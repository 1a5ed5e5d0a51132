"""Do replicates of a cell, in other processes and templates or in one again, give the same bits?"""

from __future__ import annotations

from dataclasses import dataclass

from harness.frames import Run

# The template of cells that ran in the process that planned them, one after the other.
_INLINE = "inline"
# Why nothing is known of another process.
INLINE = "its cells ran in one process, inline"
TWICE = "no cell finished twice"


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

    @property
    def inline(self) -> bool:
        """Whether all ran in one process, which repeats them and tells nothing of another."""
        return self.templates == (_INLINE,)


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
