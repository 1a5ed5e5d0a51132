"""Results to stdout and words to stderr, whose readers may be gone."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import TextIO

from harness.errors import MachineError


def prepare() -> None:
    """Have stdout spell what its encoding cannot write, instead of ending the command."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def put(text: str) -> None:
    """
    Write a result to stdout, all of it, now.

    A reader that has enough (head, less) is no error: the rest goes nowhere, and
    the exit code stays the command's own.

    Raises:
        MachineError: If stdout cannot take it, as a file on a full disk.
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        _to_nowhere(sys.stdout)
    except OSError as error:
        _to_nowhere(sys.stdout)
        raise MachineError(f"stdout: cannot be written: {error.strerror}.") from error


def say(text: str) -> None:
    """Write a line to stderr; if nobody can hear it, go on."""
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        _to_nowhere(sys.stderr)


def finish() -> None:
    """Flush what others wrote to stdout (argparse its help), so that the interpreter's end does not complain."""
    try:
        sys.stdout.flush()
    except OSError:
        _to_nowhere(sys.stdout)


def _to_nowhere(stream: TextIO) -> None:
    """Give a stream that cannot be written another file; what is buffered would else fail again at the end."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
