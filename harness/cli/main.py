"""The command `harness`: options, dispatch, and errors as one message and an exit code."""

from __future__ import annotations

import argparse
import importlib
import traceback
from collections.abc import Sequence

from harness import __version__, streams
from harness.errors import HarnessError, MachineError

# Subcommands are imported when asked for: `harness --help` imports none of them.

_EXIT_CODES = """exit codes:
  0    everything ran, or was skipped with its reason, and held
  1    something ran and did not hold
  2    the input is wrong
  3    the machine is: disk full, run file unreadable
  130  interrupted; everything finished so far is kept
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code."""
    streams.prepare()
    try:
        return _execute(_parser().parse_args(arguments))
    finally:
        streams.finish()


def _execute(options: argparse.Namespace) -> int:
    """The command's exit code; an error is one message, with --debug after its traceback."""
    try:
        command = importlib.import_module(f"harness.cli.{options.command}")
        return int(command.execute(options))
    except KeyboardInterrupt:
        streams.say("harness: interrupted.")
        return 130
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="harness",
        description="A benchmark and reproducibility harness for gradient descent.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"harness {__version__}")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--debug", action="store_true", help="show the traceback of an error")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _run(commands.add_parser("run", parents=[shared], help="run scenarios and write their report"))
    _report(commands.add_parser("report", parents=[shared], help="write a run's pages again from its run file"))
    _export(commands.add_parser("export", parents=[shared], help="a run's data as csv"))
    _check(commands.add_parser("check", parents=[shared], help="validate scenarios without running them"))
    return parser


def _scenarios(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("scenario", nargs="*", default=["scenarios"], help="files or folders (default: scenarios)")


def _run(parser: argparse.ArgumentParser) -> None:
    _scenarios(parser)
    add = parser.add_argument
    add("--quick", action="store_true", help="1 replicate, at most 2 seeds, 1 timing pass")
    add("--only", action="append", default=[], metavar="AXIS=V,V", help="only cells with these values (repeatable)")
    add("--set", action="append", default=[], metavar="KEY=VALUE", help="set a key of every scenario (repeatable)")
    add("--jobs", type=_positive, metavar="N", help="accuracy-only cells at a time (default: the cores)")
    add("--executor", choices=("inline", "local"), default="local", help="inline: no isolation, for debugging")
    add("--isolation", choices=("fork", "spawn"), default="fork", help="spawn: a new interpreter for each cell")
    add("--out", default="reports", metavar="DIR", help="folder of the run's folder (default: reports)")
    add("--name", metavar="NAME", help="name of the run's folder (default: the time)")
    add("--timeout", type=_seconds, metavar="S", help="limit of one cell, instead of the scenarios'")
    add("--no-report", action="store_true", help="write no pages")
    add("--dry-run", action="store_true", help="print the plan and stop")
    add("--json", action="store_true", help="print the verdict as JSON")


def _report(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", help="a run folder, a run file, or latest")
    parser.add_argument("-o", "--output", metavar="DIR", help="write the pages here instead of the run's folder")


def _export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", help="a run folder, a run file, or latest")
    parser.add_argument("--format", choices=("csv",), default="csv")
    tables = ("cells", "traces", "timings", "environment", "canary")
    parser.add_argument("--table", choices=tables, default="cells")
    parser.add_argument("-o", "--output", metavar="FILE", help="write here instead of stdout")


def _check(parser: argparse.ArgumentParser) -> None:
    _scenarios(parser)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _seconds(text: str) -> float:
    seconds = float(text)
    if not seconds > 0:
        raise argparse.ArgumentTypeError("must be more than 0")
    return seconds
