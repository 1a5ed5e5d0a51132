"""The command `harness`: options, dispatch, and errors as one message and an exit code."""

from __future__ import annotations

import argparse
import importlib
import traceback
from collections.abc import Sequence

from harness import streams
from harness.cli.parser import parser
from harness.errors import HarnessError, MachineError

# Subcommands are imported when asked for: `harness --help` imports none of them.


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code."""
    streams.prepare()
    try:
        return _execute(parser().parse_args(arguments))
    except KeyboardInterrupt:
        streams.say("harness: interrupted.")
        return 130
    finally:
        streams.finish()


def _execute(options: argparse.Namespace) -> int:
    """The command's exit code; an error is one message, with --debug after its traceback."""
    try:
        command = importlib.import_module(f"harness.cli.{options.command}")
        return int(command.execute(options))
    except Exception as error:
        if options.debug:
            streams.say(traceback.format_exc().rstrip())
        message, code = _as_message(error)
        streams.say(message)
        return code


def _as_message(error: Exception) -> tuple[str, int]:
    """An error as text for people, and its exit code."""
    if isinstance(error, HarnessError):
        return f"harness: {error}" if "\n" not in str(error) else str(error), error.exit_code
    if isinstance(error, OSError):
        return f"harness: {error}.", MachineError.exit_code
    kind = type(error).__name__
    return f"harness: an error of the harness itself, {kind}: {error}. Please report it with what --debug shows.", 1
