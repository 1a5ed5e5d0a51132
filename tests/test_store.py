"""The run file: whole after any end of the run, readable while it grows, and refused in a sentence."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import harness
from harness.cli.main import main
from harness.errors import MachineError, RunError
from harness.executors.base import Finished, Task
from harness.executors.inline import InlineExecutor
from harness.frames import Run, load
from harness.linux import descendants
from harness.runner import Reference
from harness.store.find import find
from harness.store.schema import SCHEMA
from harness.store.writer import RunWriter
from tests.builders import scenario, write_scenario
from tests.faulty import ended, finished_run, until

UNTIMED: dict[str, Any] = {"run__timing_repeats": 0}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A finished run of three cells."""
    return finished_run(tmp_path / "run", scenario(**UNTIMED, grid__seed=[0, 1, 2]))


def edit(run: Run, *statements: str) -> None:
    """Change a run file behind its reader's back."""
    with closing(sqlite3.connect(run.file.path)) as db, db:
        for statement in statements:
            db.execute(statement)


class Watched(InlineExecutor):
    """After each result, counts the records that another connection sees."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.seen: list[int] = []

    def run(self, tasks: Iterable[Task], jobs: int) -> Iterator[Finished]:
        for finished in super().run(tasks, jobs):
            yield finished
            if not isinstance(finished.key, Reference):
                self.seen.append(len(load(self.path).cells))


def test_each_record_is_committed_at_once(tmp_path: Path) -> None:
    """A second reader sees every record as soon as its cell has come back, while the run goes on."""
    executor = Watched(tmp_path / "run")
    finished_run(tmp_path / "run", scenario(**UNTIMED, grid__seed=[0, 1, 2, 3]), executor=executor)
    assert executor.seen == [1, 2, 3, 4]


def test_a_finished_run_is_one_file(run: Run) -> None:
    """No log stays beside a closed run file, and none after reading it."""
    assert len(load(run.file.path).cells) == 3
    assert [path.name for path in run.file.folder.iterdir()] == ["run.sqlite"]


def test_reading_does_not_change_a_run_file(run: Run) -> None:
    """A run file has the same bytes after every frame was read."""
    before = run.file.path.read_bytes()
    fresh = load(run.file.path)
    for table in ("cells", "traces", "timings", "environment", "canary"):
        fresh.table(table)
    assert run.file.path.read_bytes() == before


def test_a_run_keeps_its_scenarios(tmp_path: Path) -> None:
    """The run is read with the scenario text and tables it was made with, whatever became of the files."""
    rows = tmp_path / "rows.csv"
    rows.write_text("epoch,loss\n0,1.0\n5,2.0\n", encoding="utf-8")
    expect = [{"quantity": "loss", "table": "rows.csv", "within": 1e9}]
    path = write_scenario(tmp_path, expect=expect, **UNTIMED)
    assert main(["run", str(path), "--executor", "inline", "--no-report", "--out", str(tmp_path), "--name", "r"]) == 0
    rows.unlink()
    path.unlink()
    kept = load(tmp_path / "r").file.scenarios[0]
    assert kept.expectations[0].rows is not None
    assert kept.expectations[0].rows.values == (1.0, 2.0)
    assert kept.path == str(path)


def test_trace_blobs_come_back_bit_for_bit(run: Run) -> None:
    """What the frames say of a trace is what the cell recorded: the last state is the record's weights and bias."""
    for row in run.cells.to_dict("records"):
        trace = run.file.trace(row["scenario"], row["cell"], row["replicate"])
        assert trace["parameters"][-1].tolist() == [*row["weights"], row["bias"]]
        assert trace["loss"][-1] == row["loss"]
        assert trace["step"].dtype == np.int64


@pytest.mark.parametrize("name", ["a b", "night #3", "what?", "100%25", "ünïcode", "it's", 'say "x"', "a&mode=rwc"])
def test_a_run_may_have_any_folder_name(tmp_path: Path, name: str) -> None:
    """A name that means something in an address is a name like any other."""
    run = finished_run(tmp_path / name, scenario(**UNTIMED))
    assert run.file.name == name
    assert len(run.cells) == 1
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_latest_is_the_run_made_last(tmp_path: Path) -> None:
    """`latest` goes by time, not by name; the run that stands in the repository as an example gives way."""
    for name in ("b", "a", "example"):
        finished_run(tmp_path / name, scenario(**UNTIMED))
    assert load("latest", tmp_path).file.folder.name == "a"
    shutil.rmtree(tmp_path / "a")
    assert load("latest", tmp_path).file.folder.name == "b"
    shutil.rmtree(tmp_path / "b")
    assert load("latest", tmp_path).file.folder.name == "example"
    shutil.rmtree(tmp_path / "example")
    with pytest.raises(RunError, match="harness run"):
        load("latest", tmp_path)


def test_a_run_is_named_by_folder_file_or_name(run: Run, tmp_path: Path) -> None:
    """A run folder, its file, and its name in the reports folder are the same run."""
    for argument in (str(run.file.folder), str(run.file.path), "run"):
        assert find(argument, tmp_path).path == run.file.path


def test_a_newer_and_an_older_schema_get_different_sentences(run: Run) -> None:
    """A run of another schema is the wrong input, in a sentence that says what to do."""
    edit(run, f"PRAGMA user_version = {SCHEMA + 1}")
    with pytest.raises(RunError, match=rf"newer harness \(schema {SCHEMA + 1}, this one reads {SCHEMA}\)\. Update it"):
        find(str(run.file.path))
    edit(run, f"PRAGMA user_version = {SCHEMA - 1}")
    with pytest.raises(RunError, match=rf"schema {SCHEMA - 1}, it reads {SCHEMA}"):
        find(str(run.file.path))


NO_RUNS = {
    "a text": b"weights,bias\n1,2\n" * 100,
    "nothing": b"",
    "a page": b"<!DOCTYPE html>",
    "zeros": bytes(5000),
}


@pytest.mark.parametrize("content", NO_RUNS.values(), ids=NO_RUNS.keys())
def test_what_is_no_run_is_the_wrong_input(tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    """Any other file is refused with exit code 2 and its name, by one line."""
    path = tmp_path / "other"
    path.write_bytes(content)
    assert main(["export", str(path)]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert str(path) in err


def test_another_database_is_the_wrong_input(tmp_path: Path) -> None:
    """An SQLite file of somebody else is no run, even with our schema number."""
    path = tmp_path / "run.sqlite"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(f"CREATE TABLE t (x); PRAGMA user_version = {SCHEMA};")
    with pytest.raises(RunError, match="not a run file"):
        find(str(tmp_path))


@pytest.mark.parametrize("name", ["nowhere", "latest", "."])
def test_a_path_without_a_run_is_the_wrong_input(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder or name that holds no run is refused with exit code 2, by one line."""
    monkeypatch.chdir(tmp_path)
    for command in ("export", "report"):
        assert main([command, name]) == 2
        assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("table", ["cells", "traces", "timings"])
@pytest.mark.parametrize("keep", [0.02, 0.3, 0.6, 0.95])
def test_a_truncated_run_file_is_the_machines_fault(
    run: Run, keep: float, table: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file cut short gives exit code 3 and one line, or all its rows where only a spare page was cut."""
    whole = run.file.path.read_bytes()
    run.file.path.write_bytes(whole[: int(len(whole) * keep)])
    code = main(["export", str(run.file.path), "--table", table])
    out, err = capsys.readouterr()
    assert (code, out, err.count("\n")) == (3, "", 1)
    assert str(run.file.path) in err


@pytest.mark.parametrize("table", ["cells", "traces", "timings", "canary"])
@pytest.mark.parametrize("offset", [0, 2000, 3800])
def test_a_damaged_run_file_never_ends_in_a_traceback(
    run: Run, table: str, offset: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whichever block is overwritten, the command ends with one message and code 3, or with rows."""
    whole = run.file.path.read_bytes()
    for start in range(4096 + offset, len(whole), 4096):
        run.file.path.write_bytes(whole[:start] + b"\xa5" * 200 + whole[start + 200 :])
        code = main(["export", str(run.file.path), "--table", table])
        err = capsys.readouterr().err
        assert code in (0, 3), err
        assert err.count("\n") == (0 if code == 0 else 1), err


def test_an_existing_folder_is_never_written_into(run: Run) -> None:
    """A new run refuses a folder that is there, and leaves the run in it as it is."""
    before = run.file.path.read_bytes()
    with pytest.raises(MachineError, match="exists already"):
        RunWriter(run.file.folder)
    assert run.file.path.read_bytes() == before


def test_a_path_below_a_file_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where no folder can be made, the run ends with exit code 3 and one message, before any cell runs."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    path = write_scenario(tmp_path)
    assert main(["run", str(path), "--out", str(tmp_path / "file" / "out"), "--no-report"]) == 3
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "cannot be written" in err


# Whole runs, ended from outside.

COMMAND = [sys.executable, "-m", "harness"]
# Some 10 ms a cell: half a minute of cells, of which a test waits for a few.
MANY: dict[str, Any] = {**UNTIMED, "grid__seed": {"start": 0, "count": 3000}}


@pytest.fixture
def started(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A run of many cells in a session of its own, some of them done."""
    path = write_scenario(tmp_path, **MANY)
    options = ["--out", str(tmp_path), "--name", "run", "--no-report", "--jobs", "2"]
    process = subprocess.Popen(
        [*COMMAND, "run", str(path), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        until(lambda: _records(tmp_path / "run") >= 5 or process.poll() is not None)
        assert process.poll() is None
        yield process
        process.kill()


def _records(folder: Path) -> int:
    try:
        return len(load(folder).file.rows("SELECT cell FROM record"))
    except (RunError, MachineError):
        return 0


def _below(process: subprocess.Popen[str]) -> list[int]:
    """Process files of everything below the run."""
    fds = []
    for pid in descendants(process.pid):
        try:
            fds.append(os.pidfd_open(pid))
        except ProcessLookupError:
            continue
    return fds


def _assert_whole(folder: Path) -> Run:
    """Everything in the file is a whole record with its trace, and the counts add up."""
    run = load(folder)
    with closing(sqlite3.connect(run.file.path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    counts = run.counts()
    assert counts["ok"] >= 5
    assert counts["planned"] == 3000 == counts["ok"] + counts["missing"]
    traces = dict(run.file.traces())
    assert len(traces) == counts["ok"]
    for row in run.cells.to_dict("records"):
        trace = traces[row["scenario"], row["cell"], row["replicate"]]
        assert trace["parameters"][-1].tolist() == [*row["weights"], row["bias"]]
    return run


def test_kill_9_leaves_a_whole_file_and_nobody(started: subprocess.Popen[str], tmp_path: Path) -> None:
    """kill -9 of a run loses the cells in flight; what is finished is whole, and no process survives it."""
    fds = _below(started)
    assert len(fds) >= 3  # the run and two templates
    before = _records(tmp_path / "run")
    started.kill()
    assert all(ended(fd) for fd in fds)
    assert _assert_whole(tmp_path / "run").counts()["ok"] >= before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_keeps_what_is_finished(
    started: subprocess.Popen[str], tmp_path: Path, number: signal.Signals
) -> None:
    """Ctrl-C, and the TERM of a cancelled CI job, end with code 130, one message, one file and no process."""
    fds = _below(started)
    started.send_signal(number)
    out, err = started.communicate(timeout=60)
    assert (started.returncode, out) == (130, "")
    messages = [line for line in err.splitlines() if " processes" not in line]
    assert len(messages) == 1
    assert "interrupted" in messages[0]
    assert all(ended(fd) for fd in fds)
    run = _assert_whole(tmp_path / "run")
    assert [path.name for path in run.file.folder.iterdir()] == ["run.sqlite"]
    (attempt,) = run.file.attempts
    assert attempt["finished"] > attempt["started"]


def test_ctrl_c_twice_leaves_nobody(started: subprocess.Popen[str], tmp_path: Path) -> None:
    """An impatient second Ctrl-C ends no less cleanly."""
    fds = _below(started)
    started.send_signal(signal.SIGINT)
    started.send_signal(signal.SIGINT)
    _, err = started.communicate(timeout=60)
    assert started.returncode == 130
    assert "Traceback" not in err
    assert all(ended(fd) for fd in fds)
    _assert_whole(tmp_path / "run")


def test_a_run_can_be_exported_while_it_runs(started: subprocess.Popen[str], tmp_path: Path) -> None:
    """`harness export` of a run in progress prints the rows there are, and the run goes on undisturbed."""
    command = [*COMMAND, "export", str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") > 5
    seen = _records(tmp_path / "run")
    until(lambda: _records(tmp_path / "run") > seen)
    assert started.poll() is None


# Disks that are full or cannot be written: a file system of their own, seen by one process only.


def _isolated(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["unshare", "--mount", "sh", "-c", script, "sh", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)


@pytest.fixture
def mounts(tmp_path: Path) -> Path:
    """An empty folder to mount on; skipped where mounting is not allowed."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if shutil.which("unshare") is None:
        pytest.skip("no unshare(1) here")
    if _isolated('mount -t tmpfs -o size=64k none "$1"', str(folder)).returncode != 0:
        pytest.skip("mounting a file system is not allowed here")
    return folder


def _run_command(path: Path, out: Path) -> str:
    return f"{sys.executable} -m harness run {path} --out {out} --name run --no-report --executor inline"


def test_a_full_disk_keeps_what_is_finished(tmp_path: Path, mounts: Path) -> None:
    """A disk that fills up ends the run with code 3 and one message that says so; the records before it are whole."""
    path = write_scenario(tmp_path, **{**UNTIMED, "grid__seed": {"start": 0, "count": 500}})
    script = f"""
        mount -t tmpfs -o size=3200k none "$1"
        {_run_command(path, mounts)} >&2; echo "code $?"
        {sys.executable} -m harness export "$1/run" > {tmp_path}/cells.csv; echo "export $?"
    """
    done = _isolated(script, str(mounts))
    assert done.stdout.split("\n")[:2] == ["code 3", "export 0"], done.stderr
    messages = [line for line in done.stderr.splitlines() if " processes" not in line]
    assert len(messages) == 1, done.stderr
    assert "full" in messages[0] or "No space" in messages[0]
    assert (tmp_path / "cells.csv").read_text(encoding="utf-8").count(",ok,") > 10


@pytest.mark.parametrize("kilobytes", [4, 16, 40, 80, 160])
def test_a_disk_too_small_for_the_plan(tmp_path: Path, mounts: Path, kilobytes: int) -> None:
    """A disk that is full before the first cell gives code 3 and one message."""
    path = write_scenario(tmp_path, **{**UNTIMED, "grid__seed": {"start": 0, "count": 500}})
    script = f'mount -t tmpfs -o size={kilobytes}k none "$1"; {_run_command(path, mounts)}'
    done = _isolated(script, str(mounts))
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.count("\n") == 1, done.stderr


def test_a_read_only_disk(tmp_path: Path, mounts: Path) -> None:
    """Nothing can be run onto a disk that cannot be written, but a finished run on it can be read."""
    finished_run(tmp_path / "run", scenario(**UNTIMED, grid__seed=[0, 1]))
    path = write_scenario(tmp_path)
    script = f"""
        mount -t tmpfs none "$1"; cp -r {tmp_path}/run "$1/old"; mount -o remount,ro "$1"
        {_run_command(path, mounts)}; echo "code $?"
        {sys.executable} -m harness export "$1/old" --table traces > {tmp_path}/traces.csv; echo "export $?"
    """
    done = _isolated(script, str(mounts))
    assert done.stdout.split("\n")[:2] == ["code 3", "export 0"], done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    # Two cells of 5 epochs of 5 batches: 26 states each, below a line of names.
    assert (tmp_path / "traces.csv").read_text(encoding="utf-8").count("\n") == 53


def test_stdout_on_a_full_disk(run: Run) -> None:
    """A result that cannot be written is exit code 3 and one message, not a row less."""
    command = f"{sys.executable} -m harness export {run.file.path} > /dev/full"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (3, "harness: stdout: cannot be written: No space left on device.\n")


def test_the_version_is_in_the_run(run: Run) -> None:
    """Which harness, Python and packages made a run stands in it."""
    facts: dict[str, Any] = dict(zip(run.environment["key"], run.environment["value"], strict=True))
    assert facts["harness"] == harness.__version__
    assert facts["python"] == ".".join(map(str, sys.version_info[:3]))
    assert facts["numpy"] == np.__version__
