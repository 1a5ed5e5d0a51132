"""What --resume refuses, what it accepts, and that it leaves alone what is finished."""

from __future__ import annotations

import compileall
import fcntl
import os
import shutil
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import Any

import pytest

import harness
from harness.frames import load
from harness.store.find import find
from harness.store.schema import SCHEMA
from tests.builders import write_scenario
from tests.commands import PLUGINS, Surroundings, messages
from tests.comparing import assert_same, assert_untouched, rows
from tests.faulty import until

pytestmark = pytest.mark.fault

RESUME = ["run", "--resume", "reports/r", "--no-report"]
UNTIMED: dict[str, Any] = {"timing_repeats": 0}
TABLE: dict[str, Any] = {"quantity": "loss", "table": "rows.csv", "within": 1e9}
CODE = Path(harness.__file__).parent


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Surroundings]:
    """A run of which nothing is done, with everything that it rests on in files of its own, the harness too."""
    base = tmp_path_factory.mktemp("left")
    shutil.copytree(CODE, base / "code" / "harness", ignore=shutil.ignore_patterns("__pycache__"))
    # Once for all commands; by hash, as a test changes a source and its size and second may stay.
    compileall.compile_dir(base / "code", quiet=1, invalidation_mode=PycInvalidationMode.CHECKED_HASH)
    path = os.pathsep.join([str(base / "code"), *os.environ.get("PYTHONPATH", "").split(os.pathsep)])
    there = Surroundings(base / "there", {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"})
    for name in ("faults.py", "misdeeds.py"):
        shutil.copy(PLUGINS / name, there.here)
    (there.here / "rows.csv").write_text("epoch,loss\n0,3.5\n5,1.0\n", encoding="utf-8")
    grid: dict[str, Any] = {"grid__implementation": ["numpy", "exception"], "grid__learning_rate": [0.05]}
    write_scenario(there.here, expect=[TABLE], run=UNTIMED, **grid)
    options = ["--plugin", "faults.py", "--no-report", "--name", "r", "--budget", "1e-9", "--jobs", "1"]
    done = there.run("run", "line.toml", *options)
    assert done.returncode == 1, done.stderr
    yield there
    assert there.processes() == {}


def run_file(there: Surroundings) -> Path:
    return there.here / "reports" / "r" / "run.sqlite"


@contextmanager
def changed(path: Path, content: bytes) -> Iterator[None]:
    """A file with other bytes for a while; one that is not there is made."""
    before = path.read_bytes() if path.exists() else None
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    yield
    path.unlink() if before is None else path.write_bytes(before)


def refused(there: Surroundings, *options: str) -> str:
    """What --resume says, with code 2, no process started and not a byte of the run file changed."""
    before = run_file(there).read_bytes()
    done = there.run(*RESUME, *options)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert "Traceback" not in done.stderr
    assert run_file(there).read_bytes() == before
    assert [path.name for path in run_file(there).parent.iterdir()] == ["run.sqlite"]
    return done.stderr


def edited(path: Path, old: str, new: str) -> bytes:
    text = path.read_text(encoding="utf-8")
    assert text.count(old) >= 1
    return text.replace(old, new).encode()


CHANGES: dict[str, tuple[str, str, str, list[str]]] = {
    "a value": ("here/line.toml", "epochs", "steps", ["line.toml", "training.epochs: was 5, is not there"]),
    "a rate": ("here/line.toml", "0.05", "0.06", ["line.toml", "grid.learning_rate", "0.05", "0.06"]),
    "a broken file": ("here/line.toml", "=", "", ["line.toml", "no longer valid"]),
    "data": ("here/rows.csv", "3.5", "3.6", ["rows.csv", "changed"]),
    "a plug-in": ("here/faults.py", "class InInit", "\nclass InInit", ["faults.py", "changed"]),
    "a helper": ("here/misdeeds.py", "100 * 2**20", "99 * 2**20", ["misdeeds.py", "changed"]),
    "code": ("../code/harness/timed.py", "_LEAST_SECONDS = 1e-3", "_LEAST_SECONDS = 2e-3", ["harness/timed.py"]),
}


@pytest.mark.parametrize(("file", "old", "new", "words"), CHANGES.values(), ids=CHANGES.keys())
def test_what_a_run_rests_on_may_not_change(
    left: Surroundings, file: str, old: str, new: str, words: list[str]
) -> None:
    """A changed scenario, data file, plug-in, helper module or harness is refused, and named."""
    path = left.folder / file
    with changed(path, edited(path, old, new)):
        said = refused(left)
    assert all(word in said for word in words), said


def test_a_package_of_another_version(left: Surroundings) -> None:
    """A package that was upgraded in between is refused, with both versions."""
    path = left.folder.parent / "code" / "threadpoolctl-99.0.dist-info" / "METADATA"
    with changed(path, b"Metadata-Version: 2.1\nName: threadpoolctl\nVersion: 99.0\n"):
        said = refused(left)
    shutil.rmtree(path.parent)
    assert "threadpoolctl: was " in said
    assert "is 99.0" in said


@pytest.mark.parametrize(
    "option",
    ["--jobs=3", "--quick", "--only=seed=0", "--set=training.epochs=3", "--isolation=spawn", "--timeout=9",
     "--executor=inline", "--plugin=misdeeds.py", "other.toml"],
)  # fmt: skip
def test_options_are_the_runs_own(left: Surroundings, option: str) -> None:
    """An option with another value than the run's is refused, and named."""
    said = refused(left, option)
    name = option.removeprefix("--").partition("=")[0]
    assert ("scenario" if name == "other.toml" else name) in said
    assert "Leave it out" in said


@pytest.mark.parametrize(("version", "words"), [(SCHEMA + 1, "newer"), (SCHEMA - 1, "schema")])
def test_a_run_file_of_another_schema(left: Surroundings, version: int, words: str) -> None:
    """A newer and an older run file are refused, each in its own words."""
    whole = run_file(left).read_bytes()
    with changed(run_file(left), whole):
        with closing(sqlite3.connect(run_file(left))) as db:
            db.execute(f"PRAGMA user_version = {version}")
        said = refused(left)
    assert words in said
    assert said.count("\n") == 1


def test_a_run_file_that_is_cut_short(left: Surroundings) -> None:
    """Whatever its length, a truncated run file ends in one message and code 2 or 3, and is left as it is."""
    whole = run_file(left).read_bytes()
    for size in (0, 100, 4096, len(whole) // 2, len(whole) - 4096):
        with changed(run_file(left), whole[:size]):
            done = left.run(*RESUME)
            assert run_file(left).read_bytes() == whole[:size]
        assert (done.returncode, done.stdout) in ((2, ""), (3, "")), (size, done.stderr)
        assert len(messages(done)) == done.stderr.count("\n") == 1, (size, done.stderr)
        assert [path.name for path in run_file(left).parent.iterdir()] == ["run.sqlite"]


def test_a_run_that_another_process_writes(left: Surroundings) -> None:
    """Where another process holds the folder's lock, or the file inside SQLite, the answer is code 3, in words."""
    before = run_file(left).read_bytes()
    fd = os.open(run_file(left).parent, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    held = left.run(*RESUME)
    os.close(fd)
    with closing(sqlite3.connect(run_file(left), isolation_level=None)) as db:
        db.execute("BEGIN EXCLUSIVE")
        locked = left.run(*RESUME)
        db.execute("ROLLBACK")
    for done, word in ((held, "another harness"), (locked, "locked")):
        assert (done.returncode, done.stdout) == (3, ""), done.stderr
        (said,) = messages(done)
        assert word in said
    assert run_file(left).read_bytes() == before


# Runs whose cells wait until a test lets them go on.


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Surroundings]:
    """Surroundings in which no process may be left."""
    found = Surroundings(tmp_path / "there", {"PYTHON_FAULT_GATE": str(tmp_path / "gate")})
    yield found
    left = found.processes()
    found.end()
    assert left == {}


def open_gate(there: Surroundings) -> None:
    Path(there.extra["PYTHON_FAULT_GATE"]).touch()


def scenario(there: Surroundings, *names: str, seeds: int, **limits: Any) -> None:
    others = {key: limits.pop(key) for key in [*limits] if "__" in key}
    grid = {"grid__implementation": names, "grid__seed": {"start": 0, "count": seeds}, **others}
    write_scenario(there.here, run={**UNTIMED, **limits}, **grid)


def begin(there: Surroundings, *options: str, name: str = "r") -> int:
    command = ["run", "line.toml", "--plugin", str(PLUGINS / "steered.py"), "--no-report", "--name", name]
    return there.run(*command, *options).returncode


def at_once(there: Surroundings) -> Path:
    """The same run in one go, its cells in the command's process: what they hold does not rest on that."""
    assert begin(there, "--executor", "inline", name="at-once") == 0
    return there.here / "reports" / "at-once"


def test_a_comment_changes_nothing(there: Surroundings) -> None:
    """A scenario that is spelled another way, with other comments, and gone altogether, is the same; budgets add up."""
    scenario(there, "slow", seeds=20)
    assert begin(there, "--budget", "0.4", "--jobs", "1") == 1
    file = there.here / "line.toml"
    file.write_text("# said again\n" + file.read_text(encoding="utf-8").replace(" = ", "="), encoding="utf-8")
    seen = rows(run_file(there).parent)
    done = there.run(*RESUME, "--budget", "0.2")
    assert done.returncode == 1, done.stderr
    assert_untouched(run_file(there).parent, seen)
    file.rename(there.here / "gone")
    seen = rows(run_file(there).parent)
    assert len(seen) < 20
    assert there.run(*RESUME).returncode == 0
    assert_untouched(run_file(there).parent, seen)
    (there.here / "gone").rename(file)
    assert_same(run_file(there).parent, at_once(there))


def test_two_resume_at_once(there: Surroundings) -> None:
    """Of two that go on with a run in one moment one works, and the other ends at once with code 3."""
    scenario(there, "gate", seeds=3)
    assert begin(there, "--budget", "1e-9") == 1
    both = [there.start(*RESUME) for _ in range(2)]
    until(lambda: any(process.poll() is not None for process in both))
    (second,) = [process for process in both if process.poll() is not None]
    (first,) = [process for process in both if process is not second]
    done = there.finished(second)
    assert (done.returncode, done.stdout) == (3, ""), done.stderr
    assert "another harness is writing this run" in done.stderr
    open_gate(there)
    assert there.finished(first).returncode == 0
    assert_same(run_file(there).parent, at_once(there))


BAD = {
    "later-failed": "failed",
    "later-crashed": "crashed",
    "later-timed-out": "timed_out",
    "later-out-of-memory": "out_of_memory",
}


def test_each_status_is_retried_when_it_is_named(there: Surroundings) -> None:
    """--retry runs cells of the statuses named, no other; the old records are kept aside, what is ok never changes."""
    scenario(there, "numpy", *BAD, seeds=1, memory_mb=150)
    assert begin(there, "--timeout", "3", "--jobs", "2") == 1
    run = run_file(there).parent
    first = rows(run)
    assert there.run(*RESUME).returncode == 1
    assert rows(run) == first
    open_gate(there)
    left = dict(BAD)
    for statuses in (["failed"], ["crashed", "out_of_memory"], ["timed_out"]):
        kept = {key: row for key, row in rows(run).items() if row["status"] not in statuses}
        left = {name: status for name, status in left.items() if status not in statuses}
        assert there.run(*RESUME, "--retry", ",".join(statuses)).returncode == bool(left)
        assert_untouched(run, kept)
        found = load(run).cells.set_index("implementation")["status"].to_dict()
        assert found == {"numpy": "ok", **{name: left.get(name, "ok") for name in BAD}}
    with closing(sqlite3.connect(run / "run.sqlite")) as db:
        db.row_factory = sqlite3.Row
        aside = [dict(row) for row in db.execute("SELECT * FROM retried")]
    wanted = [{name: value for name, value in row.items() if name != "data"} for row in first.values()]
    assert sorted(aside, key=str) == sorted((row for row in wanted if row["status"] != "ok"), key=str)
    assert_same(run, at_once(there))


def test_what_was_skipped_can_be_retried(there: Surroundings) -> None:
    """--retry skipped asks again for the device that was not there; its old record is kept aside, as of a failure."""
    scenario(there, "numpy", seeds=1, grid__device=["cpu", "cuda"])
    assert there.run("run", "line.toml", "--no-report", "--name", "r").returncode == 0
    run = run_file(there).parent
    before = rows(run)
    assert there.run(*RESUME, "--retry", "skipped").returncode == 0
    assert_untouched(run, {key: row for key, row in before.items() if row["status"] == "ok"})
    with closing(sqlite3.connect(run_file(there))) as db:
        assert db.execute("SELECT status FROM retried").fetchall() == [("skipped",)]
    assert sorted(row["status"] for row in rows(run).values()) == ["ok", "skipped"]


def test_a_retry_that_is_killed_loses_nothing(there: Surroundings) -> None:
    """kill -9 while cells are run again leaves the old record, and what comes of a second retry is what is kept."""
    scenario(there, "later-failed", "numpy", seeds=2)
    assert begin(there) == 1
    run = run_file(there).parent
    before = rows(run)
    process = there.start(*RESUME, "--retry", "failed")
    until(lambda: len(find(str(run)).attempts) == 2)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    until(lambda: not there.processes())
    assert {key: row["status"] for key, row in rows(run).items()} == {key: row["status"] for key, row in before.items()}
    open_gate(there)
    assert there.run(*RESUME, "--retry", "failed").returncode == 0
    assert_untouched(run, {key: row for key, row in before.items() if row["status"] == "ok"})
    assert set(load(run).cells["status"]) == {"ok"}
