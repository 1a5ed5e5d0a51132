"""`harness export`: a run's frames as csv."""

from __future__ import annotations

import argparse

from harness.errors import MachineError
from harness.frames import as_text, load
from harness.streams import put


def execute(options: argparse.Namespace) -> int:
    """Print one table, or write it to a file."""
    frame = as_text(load(options.run).table(options.table))
    text = frame.to_csv(index=False)
    if options.output is None:
        put(text)
        return 0
    try:
        with open(options.output, "w", encoding="utf-8", newline="") as file:
            file.write(text)
    except OSError as error:
        raise MachineError(f"{options.output}: cannot be written: {error.strerror}.") from error
    return 0
