"""A table as csv: rows alone, so that every reader of csv reads it."""

from __future__ import annotations

from harness.frames import Run, as_text
from harness.frames.origin import Origin


def as_csv(run: Run, table: str) -> str:
    """
    The table; its last columns are run and versions, as csv has no other place for them.

    Args:
        run: The run.
        table: Name of the table.
    """
    return Origin.of(run).stamped(as_text(run.table(table))).to_csv(index=False)
