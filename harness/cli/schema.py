"""`harness schema`: what a scenario file may hold, as JSON Schema for editors or as Markdown for people."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from harness.errors import MachineError
from harness.schema.json_schema import json_schema
from harness.schema.reference import reference
from harness.streams import put


def execute(options: argparse.Namespace) -> int:
    """Print it, or write it to a file."""
    text = (
        reference() if options.format == "markdown" else json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n"
    )
    if options.output is None:
        put(text)
        return 0
    try:
        Path(options.output).write_text(text, encoding="utf-8")
    except OSError as error:
        raise MachineError(f"{options.output}: cannot be written: {error.strerror}.") from error
    return 0
