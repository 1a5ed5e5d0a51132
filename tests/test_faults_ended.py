"""Runs that are ended from outside, at any moment and in any way, and go on as if nothing had been."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from harness.frames import load
from harness.linux import children
from tests.builders import write_scenario
from tests.commands import HARNESS, PLUGINS, Surroundings, messages
from tests.comparing import assert_same, assert_untouched, rows
from tests.faulty import until

pytestmark = pytest.mark.fault

STEERED = ["--plugin", str(PLUGINS / "steered.py")]
UNTIMED: dict[str, Any] = {"timing_repeats": 0}
# Six cells once, then two cells in two rounds.
TIMED: dict[str, Any] = {"timing_repeats": 1, "timed_seeds": 2, "replicates": 2}


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Surroundings]:
    """Surroundings in which nothing may be left."""
    gate = tmp_path / "gate"
    found = Surroundings(tmp_path / "there", {"PYTHON_FAULT_GATE": str(gate)})
    yield found
    left = found.processes()
    found.end()
    assert left == {}
    assert {file for file in found.files() if "reports/" not in file} == {"line.toml"}


def open_gate(there: Surroundings) -> None:
    Path(there.extra["PYTHON_FAULT_GATE"]).touch()


def scenario(there: Surroundings, *names: str, seeds: int, **limits: Any) -> None:
    run = {**UNTIMED, **limits}
    write_scenario(there.here, grid__implementation=names, grid__seed={"start": 0, "count": seeds}, run=run)


def start(there: Surroundings, *options: str, name: str = "r") -> subprocess.Popen[str]:
    return there.start("run", "line.toml", *STEERED, "--no-report", "--name", name, *options)


def folder(there: Surroundings, name: str = "r") -> Path:
    return there.here / "reports" / name


def counted(there: Surroundings, sql: str = "SELECT COUNT(*) FROM record") -> int:
    """A number out of the run file as it is now; -1 where there is none yet."""
    path = folder(there) / "run.sqlite"
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
            return int(db.execute(sql).fetchone()[0])
    except sqlite3.Error:
        return -1


def go_on(there: Surroundings, *options: str) -> subprocess.Popen[str]:
    return there.start("run", "--resume", "reports/r", "--no-report", *options)


def until_stored(there: Surroundings, records: int) -> None:
    until(lambda: counted(there) >= records and counted(there, "SELECT COUNT(*) FROM plan") > 0)


def until_next(there: Surroundings, process: subprocess.Popen[str], seen: int) -> None:
    """Until there is one more record, or nothing is left to do."""
    until(lambda: counted(there) > seen or process.poll() is not None)


def kill(there: Surroundings, process: subprocess.Popen[str]) -> None:
    """kill -9 of the run; all below it end by themselves."""
    process.kill()
    process.communicate()
    until(lambda: not there.processes())


def resumed(there: Surroundings, *options: str) -> subprocess.CompletedProcess[str]:
    return there.finished(go_on(there, *options))


def assert_whole(there: Surroundings, records: int) -> None:
    """Every process has one record, none was run again, and they are numbered in order of storing."""
    run = folder(there)
    with closing(sqlite3.connect(run / "run.sqlite")) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("SELECT COUNT(*) FROM retried").fetchone() == (0,)
    assert sorted(row["order"] for row in rows(run).values()) == list(range(records))
    assert [path.name for path in run.iterdir()] == ["run.sqlite"]


def undisturbed(there: Surroundings, *options: str) -> Path:
    """The same run with nothing in its way, its cells in the command's process: no content rests on that."""
    open_gate(there)
    done = there.finished(start(there, *options, "--executor", "inline", name="undisturbed"))
    assert done.returncode == 0, done.stderr
    return folder(there, "undisturbed")


def test_killed_again_and_again(there: Surroundings) -> None:
    """kill -9 with the plan just stored, in both phases and between rounds: what is finished is never touched again."""
    scenario(there, "slow", seeds=8, **TIMED)
    before: dict[Any, Any] = {}
    for moment in (0, 1, 6, 8):
        process = go_on(there) if moment else start(there, "--jobs", "2")
        until_stored(there, moment)
        kill(there, process)
        assert_untouched(folder(there), before)
        before = rows(folder(there))
        assert len(before) >= moment
    assert resumed(there).returncode == 0
    assert_untouched(folder(there), before)
    assert_whole(there, records=10)
    assert_same(folder(there), undisturbed(there, "--jobs", "2"))


def test_killed_while_it_writes(there: Surroundings) -> None:
    """kill -9 so soon after a record, wherever that falls, leaves a whole file; the run goes on to the same end."""
    scenario(there, "numpy", seeds=60)
    for number, after in enumerate((0.0, 0.003, 0.007, 0.012)):
        process = go_on(there) if number else start(there, "--jobs", "2")
        before = {} if number == 0 else rows(folder(there))
        until_next(there, process, len(before))
        time.sleep(after)
        kill(there, process)
        assert_untouched(folder(there), before)
    before = rows(folder(there))
    assert resumed(there).returncode == 0
    assert_untouched(folder(there), before)
    assert_whole(there, records=60)


def killed_before_the_plan(there: Surroundings) -> None:
    """Kill a run that has its file and not its plan; it is stopped while we look, lest the moment passes."""
    process = start(there)
    until(lambda: folder(there).exists())
    while counted(there, "SELECT COUNT(*) FROM meta") < 1:
        process.send_signal(signal.SIGCONT)
        time.sleep(0.001)
        process.send_signal(signal.SIGSTOP)
    process.kill()
    process.communicate()
    until(lambda: not there.processes())


def test_killed_before_the_plan_is_stored(there: Surroundings) -> None:
    """A run that ended so early has nothing to go on with; --resume says so, as of wrong input."""
    scenario(there, "numpy", seeds=500)
    killed_before_the_plan(there)
    while counted(there, "SELECT COUNT(*) FROM plan") > 0:  # on a busy machine we may look too late
        shutil.rmtree(folder(there))
        killed_before_the_plan(there)
    done = resumed(there)
    assert done.returncode == 2, done.stderr
    (said,) = messages(done)
    assert "ended before its plan was stored" in said


def until_busy(process: subprocess.Popen[str], templates: int) -> None:
    """Until so many templates have a cell."""
    until(lambda: sum(bool(children(pid)) for pid in children(process.pid)) == templates)


def template_of(process: subprocess.Popen[str]) -> int:
    """The template that has a cell."""
    return int(until(lambda: [pid for pid in children(process.pid) if children(pid)])[0])


def test_a_killed_template_takes_its_strays_along(there: Surroundings) -> None:
    """kill -9 of a template ends its cell and what the cell left behind in sessions of its own; the rest runs on."""
    scenario(there, "gate-with-strays", seeds=3)
    process = start(there, "--jobs", "1")
    # The run, a template, a cell and two strays.
    until(lambda: len(there.processes()) == 5)
    template = template_of(process)
    before = set(there.processes())
    os.kill(template, signal.SIGKILL)
    until(lambda: counted(there) == 1)
    assert before & set(there.processes()) == {process.pid}
    open_gate(there)
    done = there.finished(process)
    assert done.returncode == 1
    cells = load(folder(there)).cells.sort_values("order")
    assert cells["status"].to_list() == ["crashed", "ok", "ok"]
    assert cells["reason"].iloc[0] == "its template numpy-0.0 ended (signal 9)"


def test_a_template_told_to_end_again_and_again_leaves_nobody(there: Surroundings) -> None:
    """The run dies, and TERM comes anew while the first is being obeyed, as once for each thread of a run."""
    scenario(there, "gate-with-strays", seeds=1)
    process = start(there, "--jobs", "1")
    until(lambda: len(there.processes()) == 5)
    template = template_of(process)
    process.kill()
    with suppress(ProcessLookupError):
        # For a moment only: a flood without end would keep it from anything else.
        end = time.monotonic() + 0.02
        while time.monotonic() < end:
            os.kill(template, signal.SIGTERM)
    process.communicate()
    until(lambda: not there.processes())


def test_a_template_that_was_killed_idle_costs_nothing(there: Surroundings) -> None:
    """kill -9 of a template between two cells: another takes over, and no record says anything of it."""
    scenario(there, "gate", seeds=1, timing_repeats=1, timed_seeds=1, replicates=3)
    process = start(there)
    busy = template_of(process)
    open_gate(there)
    until(lambda: counted(there) >= 1)
    os.kill(busy, signal.SIGKILL)
    done = there.finished(process)
    cells = load(folder(there)).cells
    lost = cells[cells["status"] != "ok"]
    # It may have had its next cell already; then that one says so, and no other.
    assert len(cells) == 3
    assert len(lost) <= 1
    assert all("its template" in reason for reason in lost["reason"])
    assert done.returncode == bool(len(lost))


def test_everything_killed_at_once(there: Surroundings) -> None:
    """kill -9 of the run and all its templates in one moment leaves no cell running, and a run that goes on."""
    scenario(there, "numpy", "gate", seeds=3)
    process = start(there, "--jobs", "2")
    until_busy(process, templates=2)
    before = rows(folder(there))
    for pid in [process.pid, *children(process.pid)]:
        os.kill(pid, signal.SIGKILL)
    process.communicate()
    until(lambda: not there.processes())
    open_gate(there)
    assert resumed(there).returncode == 0
    assert_untouched(folder(there), before)
    assert_whole(there, records=6)
    assert_same(folder(there), undisturbed(there))


def test_an_interrupted_run_goes_on(there: Surroundings) -> None:
    """Ctrl-C and TERM, however often: code 130, one message with the command that goes on, which then does."""
    scenario(there, "numpy", "gate-with-strays", seeds=3)
    before: dict[Any, Any] = {}
    process = start(there, "--jobs", "2")
    interrupts = [(signal.SIGINT, 1), (signal.SIGINT, 2), (signal.SIGINT, 50), (signal.SIGTERM, 3)]
    for number, times in interrupts:
        until_busy(process, templates=2)
        for _ in range(times):
            # To the whole group, as a terminal does.
            os.killpg(process.pid, number)
        done = there.finished(process)
        assert (done.returncode, done.stdout) == (130, "")
        (said,) = messages(done)
        assert there.processes() == {}
        assert_untouched(folder(there), before)
        assert_whole(there, records=len(before := rows(folder(there))))
        _, _, command = said.partition("Go on: harness ")
        assert command == "run --resume reports/r"
        process = there.start(*command.split(), "--no-report")
    open_gate(there)
    assert there.finished(process).returncode == 0
    assert_untouched(folder(there), before)
    assert_whole(there, records=6)
    assert_same(folder(there), undisturbed(there))


def test_a_closed_terminal(there: Surroundings) -> None:
    """HUP ends the run at once, with nobody left; it can go on like one that was killed."""
    scenario(there, "gate-with-strays", seeds=3)
    process = start(there)
    until(lambda: len(there.processes()) >= 5)
    os.killpg(process.pid, signal.SIGHUP)
    process.communicate()
    until(lambda: not there.processes())
    open_gate(there)
    assert resumed(there).returncode == 0
    assert_whole(there, records=3)


# A file system of its own, seen by one process and those below it only.


def isolated(there: Surroundings, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["unshare", "--mount", "sh", "-c", script, "sh", str(there.here / "reports"), HARNESS, *arguments]
    return subprocess.run(
        command, cwd=there.here, env=there.environment, capture_output=True, text=True, timeout=110, check=False
    )


@pytest.fixture
def mounts(there: Surroundings) -> None:
    """A folder reports/ to mount on; skipped where mounting is not allowed."""
    (there.here / "reports").mkdir()
    if shutil.which("unshare") is None:
        pytest.skip("no unshare(1) here")
    if isolated(there, 'mount -t tmpfs -o size=64k none "$1"').returncode != 0:
        pytest.skip("mounting a file system is not allowed here")


@pytest.mark.usefixtures("mounts")
def test_a_full_disk_and_then_room(there: Surroundings) -> None:
    """A disk that fills up: code 3 and the command that goes on; with room it does, to the same end."""
    scenario(there, "numpy", seeds=100)
    script = """
        mount -t tmpfs -o size=800k none "$1"
        "$2" run line.toml --name r --no-report --jobs 2; echo "code $?"
        cp -r "$1/r" full
        mount -o remount,size=50m "$1"
        "$2" run --resume reports/r --no-report > /dev/null; echo "code $?"
        cp -r "$1/r" after
    """
    done = isolated(there, script)
    assert done.stdout.splitlines() == ["code 3", "code 0"], done.stderr
    (said,) = messages(done)
    assert "full" in said or "No space" in said
    assert said.endswith("harness run --resume reports/r")
    before = rows(there.here / "full")
    assert 0 < len(before) < 100
    assert_untouched(there.here / "after", before)
    (there.here / "reports").rmdir()
    assert_same(there.here / "after", undisturbed(there))
    for copy in ("full", "after"):
        shutil.rmtree(there.here / copy)


@pytest.mark.usefixtures("mounts")
def test_a_disk_that_becomes_read_only(there: Surroundings) -> None:
    """A run on a read-only disk can be neither begun nor resumed: code 3, one message, not a byte changed."""
    scenario(there, "numpy", seeds=3)
    script = """
        mount -t tmpfs none "$1"
        "$2" run line.toml --name r --no-report --budget 1e-9 > /dev/null 2>&1; echo "code $?"
        cp "$1/r/run.sqlite" before; mount -o remount,ro "$1"
        "$2" run --resume reports/r --no-report; echo "code $?"
        "$2" run line.toml --name other --no-report; echo "code $?"
        cmp before "$1/r/run.sqlite"; ls -A "$1" "$1/r"
    """
    done = isolated(there, script)
    lines = done.stdout.splitlines()
    assert lines[:3] == ["code 1", "code 3", "code 3"], done.stderr
    assert [line for line in lines[3:] if line and not line.endswith(":")] == ["r", "run.sqlite"]
    assert len(messages(done)) == 2, done.stderr
    (there.here / "before").unlink()
