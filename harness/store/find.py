"""From what the user says to a run file."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from harness.errors import MachineError, RunError
from harness.store.damage import UNREADABLE, in_a_line
from harness.store.reader import RunFile, opened
from harness.store.schema import FILE_NAME, SCHEMA

_MAGIC = b"SQLite format 3\0"


def find(argument: str, folder: Path = Path("reports")) -> RunFile:
    """
    The run that the user names: a run folder, a run file, or `latest`.

    Raises:
        RunError: If it is none, or one of another schema.
        MachineError: If the file is damaged.
    """
    path = _latest(folder) if argument == "latest" else _named(argument, folder)
    if not _is_database(path):
        raise RunError(f"{path}: is not a run file.")
    try:
        with closing(opened(path)) as db:
            version = db.execute("PRAGMA user_version").fetchone()[0]
            tables = {row[0] for row in db.execute("SELECT name FROM sqlite_master")}
    except UNREADABLE as error:
        raise MachineError(f"{path}: is no readable run file: {in_a_line(error)}.") from error
    if version > SCHEMA:
        raise RunError(
            f"{path}: was written by a newer harness (schema {version}, this one reads {SCHEMA}). Update it."
        )
    if version < SCHEMA or "record" not in tables:
        raise RunError(f"{path}: is not a run file that this harness reads (schema {version}, it reads {SCHEMA}).")
    return RunFile(path)


def _is_database(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_MAGIC)) in (_MAGIC, b"")
    except OSError as error:
        raise MachineError(f"{path}: cannot be read: {error.strerror}.") from error


def _latest(folder: Path) -> Path:
    runs = sorted(folder.glob(f"*/{FILE_NAME}"), key=lambda path: path.stat().st_ctime_ns)
    runs = [path for path in runs if path.parent.name != "example"] or runs
    if not runs:
        raise RunError(f"{folder}/ holds no run. Make one with: harness run")
    return runs[-1]


def _named(argument: str, folder: Path) -> Path:
    for path in (Path(argument), folder / argument):
        if path.is_file():
            return path
        if (path / FILE_NAME).is_file():
            return path / FILE_NAME
    raise RunError(f"{argument}: is no run; a run is a folder with a {FILE_NAME}, such a file, or the word latest.")
