"""What the records of earlier runs on this machine say about the seconds of a cell."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from harness import environment
from harness.errors import HarnessError
from harness.store.find import find
from harness.store.reader import RunFile
from harness.store.schema import FILE_NAME

# Of the cells asked for, so many must be in a run for it to be the basis.
_SHARE = 0.5
# Newest first; a folder of hundreds is not read whole.
_RUNS = 20

_SQL = """
SELECT record.cell, record.seconds, json_extract(cell.job, '$.timing_repeats') AS repeats,
       json_extract(record.content, '$.phases.timing') AS timing
FROM record JOIN cell USING (scenario, cell)
WHERE record.status = 'ok' AND record.host = ?
"""


@dataclass(frozen=True)
class PastCell:
    """
    Median seconds of one cell.

    Args:
        recorded: Of its processes, the timed passes aside.
        timed_pass: Of one timed pass; None where it had none.
    """

    recorded: float
    timed_pass: float | None


@dataclass(frozen=True)
class Past:
    """
    An earlier run.

    Args:
        name: The run's name.
        cells: What it knows, by id of the cell.
    """

    name: str
    cells: dict[str, PastCell]


def latest(wanted: Collection[str], folder: Path) -> Past | None:
    """The newest run in this folder, made on this machine, that has at least half of these cells."""
    files = sorted(folder.glob(f"*/{FILE_NAME}"), key=lambda path: path.stat().st_ctime_ns, reverse=True)
    for path in files[:_RUNS]:
        past = _read(path)
        if past and len(past.cells.keys() & wanted) >= max(1, _SHARE * len(wanted)):
            return past
    return None


def _read(path: Path) -> Past | None:
    """What a run knows; None for a run file that this version cannot read."""
    try:
        run = find(str(path))
        return Past(run.name, _cells(run))
    except HarnessError:
        return None


def _cells(run: RunFile) -> dict[str, PastCell]:
    found: dict[str, list[tuple[float, float | None]]] = {}
    for row in run.rows(_SQL, environment.host()):
        timing = row["timing"] if row["repeats"] else None
        once = timing / row["repeats"] if timing is not None else None
        found.setdefault(row["cell"], []).append((row["seconds"] - (timing or 0.0), once))
    return {cell: _median(values) for cell, values in found.items()}


def _median(values: list[tuple[float, float | None]]) -> PastCell:
    passes = [once for _, once in values if once is not None]
    return PastCell(median(recorded for recorded, _ in values), median(passes) if passes else None)
