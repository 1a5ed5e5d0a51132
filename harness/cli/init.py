"""`harness init`: a commented scenario to start from."""

from __future__ import annotations

import argparse
from importlib import resources
from pathlib import Path

from harness.errors import MachineError, UserError
from harness.streams import put


def execute(options: argparse.Namespace) -> int:
    """Write it to a file that is not there yet, or to stdout."""
    text = (resources.files("harness.cli") / "init.toml").read_text(encoding="utf-8")
    if options.file == "-":
        put(text)
        return 0
    path = Path(options.file)
    if path.suffix != ".toml":
        raise UserError(f"{path}: a scenario's file name ends with .toml; try {path.name or 'scenario'}.toml")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise UserError(f"{path}: exists already; nothing is overwritten. Name another file.") from error
    except FileNotFoundError as error:
        raise UserError(f"{path}: the folder {path.parent} does not exist.") from error
    except OSError as error:
        raise MachineError(f"{path}: cannot be written: {error.strerror}.") from error
    put(f"{path} is written. Go on: harness run {path}\n")
    return 0
