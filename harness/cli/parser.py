"""The command line: commands and their options, nothing heavy imported."""

from __future__ import annotations

import argparse

from harness import __version__

# What may be run again; the words of the run file, said here because its room imports NumPy.
RETRIED = ("failed", "crashed", "timed_out", "out_of_memory", "skipped")
# More processes at a time, or cells of a sample, than any machine has.
_MOST = 100_000
_EXIT_CODES = """exit codes:
  0    everything ran, or was skipped with its reason, and held
  1    something ran and did not hold
  2    the input is wrong
  3    the machine is: disk full, run file unreadable
  130  interrupted; everything finished so far is kept
"""


def parser() -> argparse.ArgumentParser:
    """The command line, whole."""
    top = argparse.ArgumentParser(
        prog="harness",
        description="A benchmark and reproducibility harness for gradient descent.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"harness {__version__}")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--debug", action="store_true", help="show the traceback of an error")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _run(commands.add_parser("run", parents=[shared], help="run scenarios and write their report"))
    _report(commands.add_parser("report", parents=[shared], help="write a run's pages again from its run file"))
    again = "run cells of a run again and compare them with its records, bit for bit"
    _reproduce(commands.add_parser("reproduce", parents=[shared], help=again, description=again))
    data = "a run's data as csv, parquet, json, junit or pytest-benchmark"
    _export(commands.add_parser("export", parents=[shared], help=data))
    _check(commands.add_parser("check", parents=[shared], help="validate scenarios without running them"))
    _show(commands.add_parser("show", parents=[shared], help="the cells of scenarios, and how long they will take"))
    _init(commands.add_parser("init", parents=[shared], help="write a commented scenario to start from"))
    _schema(commands.add_parser("schema", parents=[shared], help="the scenario file's JSON Schema, or its reference"))
    return top


def _scenarios(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("scenario", nargs="*", default=["scenarios"], help="files or folders (default: scenarios)")
    _plugin(parser)


def _plugin(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--plugin", action="append", default=[], metavar="FILE.py", help="code that registers implementations"
    )


def _run(parser: argparse.ArgumentParser) -> None:
    _scenarios(parser)
    add = parser.add_argument
    add("--quick", action="store_true", help="1 replicate, at most 2 seeds, 1 timing pass")
    add("--only", action="append", default=[], metavar="AXIS=V,V", help="only cells with these values (repeatable)")
    add("--set", action="append", default=[], metavar="KEY=VALUE", help="set a key of every scenario (repeatable)")
    add("--jobs", type=_positive, metavar="N", help="accuracy-only cells at a time (default: the cores)")
    add("--executor", choices=("inline", "local"), help="inline: no isolation, for debugging (default: local)")
    add("--isolation", choices=("fork", "spawn"), help="spawn: a new interpreter for each cell (default: fork)")
    add("--out", default="reports", metavar="DIR", help="folder of the run's folder (default: reports)")
    add("--name", metavar="NAME", help="name of the run's folder (default: the time)")
    add("--timeout", type=_seconds, metavar="S", help="limit of one cell, instead of the scenarios'")
    add("--budget", type=_seconds, metavar="S", help="start no cell after so many seconds; resumable")
    add("--resume", metavar="RUN", help="run what is missing of that run, with its scenarios and options")
    statuses = ", ".join(RETRIED)
    add("--retry", type=_statuses, default=(), metavar="S,S", help=f"with --resume: these again too ({statuses})")
    add("--pdb", action="store_true", help="with --executor inline: a debugger where a cell raises")
    add("--no-report", action="store_true", help="write no pages")
    add("--dry-run", action="store_true", help="print the plan and stop")
    add("--json", action="store_true", help="print the verdict as JSON")


def _report(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", help="a run folder, a run file, or latest")
    baseline = "say what changed since that run, and add its gates to the verdict"
    parser.add_argument("--baseline", metavar="RUN", help=baseline)
    parser.add_argument("-o", "--output", metavar="DIR", help="write the pages here instead of the run's folder")


def _reproduce(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("run", help="a run folder, a run file, or latest")
    add("--cell", action="append", default=[], metavar="ID", help="only this cell (repeatable; default: all)")
    add("--sample", type=_positive, metavar="N", help="only so many cells, drawn anew each time")
    add("--jobs", type=_positive, metavar="N", help="cells at a time (default: the cores)")
    add("--executor", choices=("inline", "local"), default="local", help="inline: no isolation, for debugging")
    add("--isolation", choices=("fork", "spawn"), default="fork", help="spawn: a new interpreter for each cell")
    add("--pdb", action="store_true", help="a debugger where a cell raises; runs inline")
    add("--out", default="reports", metavar="DIR", help="where runs are looked for (default: reports)")
    add("--json", action="store_true", help="print the comparison as JSON")


def _export(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("run", nargs="?", help="a run folder, a run file, or latest")
    formats = ("csv", "parquet", "json", "junit", "pytest-benchmark")
    add("--format", choices=formats, default="csv", help="(default: csv); junit and pytest-benchmark: the whole run")
    tables = ("cells", "traces", "timings", "environment", "reference", "canary", "budget")
    add("--table", choices=tables, help="which table (default: cells)")
    add("--columns", action="store_true", help="print what each column means, with type and unit, and stop")
    add("-o", "--output", metavar="FILE", help="write here instead of stdout")


def _check(parser: argparse.ArgumentParser) -> None:
    _scenarios(parser)


def _show(parser: argparse.ArgumentParser) -> None:
    _scenarios(parser)
    add = parser.add_argument
    add("--all", action="store_true", help="every cell of a long grid")
    add("--quick", action="store_true", help="as run --quick: 1 replicate, at most 2 seeds, 1 timing pass")
    add("--only", action="append", default=[], metavar="AXIS=V,V", help="only cells with these values (repeatable)")
    add("--set", action="append", default=[], metavar="KEY=VALUE", help="set a key of every scenario (repeatable)")
    add("--jobs", type=_positive, metavar="N", help="accuracy-only cells at a time (default: the cores)")
    add("--out", default="reports", metavar="DIR", help="where earlier runs are looked for (default: reports)")


def _init(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", nargs="?", default="scenario.toml", help="(default: scenario.toml; - for stdout)")


def _schema(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--format", choices=("json", "markdown"), default="json", help="(default: json, for editors)")
    parser.add_argument("-o", "--output", metavar="FILE", help="write here instead of stdout")


def _statuses(text: str) -> tuple[str, ...]:
    statuses = tuple(word.strip().replace("-", "_") for word in text.split(","))
    unknown = [status for status in statuses if status not in RETRIED]
    if unknown:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(RETRIED)}")
    return statuses


def _positive(text: str) -> int:
    number = int(text)
    if not 1 <= number <= _MOST:
        raise argparse.ArgumentTypeError(f"must be 1 to {_MOST}")
    return number


def _seconds(text: str) -> float:
    seconds = float(text)
    if not seconds > 0:
        raise argparse.ArgumentTypeError("must be more than 0")
    return seconds
