"""
Isolation, end to end: whatever a cell does, one record says so, and no other changes by a bit.

One run of the real command holds all cells that misbehave (tests/plugins) among good ones;
another holds the good ones alone. The claims below are about these two.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.frames import Run, load
from tests.builders import write_scenario
from tests.commands import PLUGINS, Surroundings, messages
from tests.comparing import assert_holds, rows
from tests.plugins.misdeeds import AS_LOSS, AS_PARAMETERS, FLOOD_BYTES, IN_STEP, MEMORY_MB

pytestmark = [pytest.mark.fault, pytest.mark.timeout(240)]

# Longest tail that a record keeps of an output, by the supervisor's constant of 16 KiB.
TAIL = 16_384
ENDED = "without leaving a record"

# Fault, the status that the contract gives it, and what its reason must say.
FAULTS: list[tuple[str, str, str]] = [
    ("exception", "failed", "ValueError: a bad step"),
    ("system-exit", "failed", "SystemExit: 3"),
    ("interrupt", "failed", "KeyboardInterrupt"),
    ("recursion", "failed", "RecursionError"),
    ("unprintable", "failed", "UnprintableError"),
    ("long-reason", "failed", "ValueError: yyy"),
    ("markup", "failed", "ValueError: </td>"),
    ("init-raises", "failed", "ValueError: not to be made"),
    ("load-raises", "failed", "ValueError: not to be loaded"),
    ("import-raises", "failed", "ValueError: not to be imported"),
    ("parameters-raise", "failed", "ValueError: no parameters"),
    ("parameters-large", "failed", "shapes ((13107200,)"),
    ("parameters-wide", "failed", "shapes ((3,)"),
    ("parameters-float16", "failed", "float16"),
    ("parameters-complex", "failed", "complex128"),
    ("parameters-nothing", "failed", "NoneType"),
    ("loss-nothing", "failed", "NoneType"),
    ("loss-text", "failed", "small"),
    ("files", "failed", "Too many open files"),
    ("close-outputs-and-raise", "failed", "ValueError: nowhere to say it"),
    ("damage-modules", "failed", "numpy"),
    ("forget-modules", "failed", "ModuleNotFoundError"),
    ("swamp-record", "failed", "its record has 100 MiB; the limit is 64"),
    ("forge-numbers", "failed", "holds what no cell writes: steps"),
    ("forge-success", "failed", "holds what no cell writes"),
    ("damage-trace", "failed", "holds what no cell writes"),
    ("other-second-time", "failed", "warm-up 0"),
    ("torch-raises", "failed", "RuntimeError"),
    ("abort", "crashed", "SIGABRT"),
    ("load-aborts", "crashed", "SIGABRT"),
    ("import-aborts", "crashed", "SIGABRT"),
    ("segfault", "crashed", "SIGSEGV"),
    ("torch-segfault", "crashed", "SIGSEGV"),
    ("bus-error", "crashed", "SIGBUS"),
    ("alarm", "crashed", "SIGALRM"),
    ("kill-9", "crashed", "SIGKILL"),
    ("kill-group", "crashed", "SIGKILL"),
    ("stray-and-crash", "crashed", "SIGABRT"),
    ("exit-0", "crashed", f"exit code 0 {ENDED}"),
    ("loss-breaks", "crashed", f"exit code 3 {ENDED}"),
    ("close-everything", "crashed", ENDED),
    ("half-record", "crashed", ENDED),
    ("forge-record", "crashed", ENDED),
    ("kill-template", "crashed", "its template numpy-"),
    ("terminate-template", "crashed", "its template numpy-"),
    ("torch-kill-template", "crashed", "its template torch-"),
    ("stop", "timed_out", "1 s"),
    ("hang", "timed_out", "1 s"),
    ("hang-busy", "timed_out", "1 s"),
    ("hang-in-c", "timed_out", "1 s"),
    ("deaf", "timed_out", "1 s"),
    ("swallow", "timed_out", "1 s"),
    ("flood-for-ever", "timed_out", "1 s"),
    ("stray-and-hang", "timed_out", "1 s"),
    ("stop-template", "timed_out", "its template numpy-"),
    ("memory", "out_of_memory", ""),
    ("memory-at-once", "out_of_memory", "Unable to allocate 8.00 TiB"),
    ("memory-in-children", "out_of_memory", f"the limit is {MEMORY_MB} MiB"),
    ("torch-memory", "out_of_memory", "allocate"),
    ("loss-nan", "ok", ""),
    ("loss-inf", "ok", ""),
    ("parameters-nan", "ok", ""),
    ("parameters-inf", "ok", ""),
    ("limit-template", "ok", ""),
    ("write-into-data", "ok", ""),
    ("write-into-problem", "ok", ""),
    ("memory-and-go-on", "ok", ""),
    ("files-and-go-on", "ok", ""),
    ("children", "ok", ""),
    ("strays", "ok", ""),
    ("program", "ok", ""),
    ("storm", "ok", ""),
    ("chains", "ok", ""),
    ("thread", "ok", ""),
    ("fork-and-go-on", "ok", ""),
    ("close-outputs", "ok", ""),
    ("flood-stdout", "ok", ""),
    ("flood-stderr", "ok", ""),
    ("every-byte", "ok", ""),
    ("change-folder", "ok", ""),
    ("change-environment", "ok", ""),
    ("change-arithmetic", "ok", ""),
    ("change-interpreter", "ok", ""),
    ("torch-changed", "ok", ""),
    ("torch-threads", "ok", ""),
    ("at-exit", "ok", ""),
    ("write-here", "ok", ""),
    ("temporary-folder", "ok", ""),
]
STATUS = {name: status for name, status, _ in FAULTS}
OK = [name for name, status, _ in FAULTS if status == "ok"]
# Their numbers are not NumPy's, as they say.
OTHER_NUMBERS = {"loss-nan", "loss-inf", "parameters-nan", "parameters-inf", "write-into-data", "torch-threads"}

# A template that is stopped is given up after 30 s more: it has a run of its own, beside the others.
STOPPED = ["stop-template"]
HANGS = [name for name, status, _ in FAULTS if status == "timed_out" and name not in STOPPED]
LIMITED = ["memory", "memory-at-once", "memory-in-children", "memory-and-go-on"]
TIMED = ["other-second-time", "write-into-problem", "kill-9", "kill-template", "strays", "exception"]
REST = [name for name in STATUS if name not in {*STOPPED, *HANGS, *LIMITED, "other-second-time"}]
SPAWNED = [
    "exception",
    "exit-0",
    "segfault",
    "import-aborts",
    "strays",
    "kill-template",
    "limit-template",
    "at-exit",
    "change-folder",
]
PLUGIN_FILES = ["faults.py", "torch_faults.py", "import_raises.py", "import_aborts.py"]


def _plugins(*names: str) -> list[str]:
    return [word for name in names for word in ("--plugin", str(PLUGINS / name))]


def write_all(folder: Path, *, bad: bool) -> list[str]:
    """The scenarios of the run, with the cells that misbehave or without them; the names of their files."""

    def write(name: str, faults: list[str], good: list[str], **limits: Any) -> str:
        faults = faults if bad else []
        exclude = [{"implementation": faults, "seed": 1, "why": "once is enough"}] if faults else []
        grid = {"grid__implementation": [*good, *faults], "grid__seed": [0, 1], "grid__exclude": exclude}
        run = {"timing_repeats": 0, **limits}
        return write_scenario(folder, name, **grid, run=run).name

    files = [
        write("rest", REST, ["numpy", "autograd"]),
        write("timed", TIMED, ["numpy"], timing_repeats=1, timed_seeds=1, replicates=2),
    ]
    if bad:
        files.append(write("hangs", HANGS, [], timeout_seconds=1.0))
        files.append(write("limited", LIMITED, [], memory_mb=MEMORY_MB))
    return files


@dataclass(frozen=True)
class Outcome:
    """
    One run of the command, and what was left after it.

    Args:
        folder: Of the run.
        code: Exit code.
        out: What it wrote to stdout.
        messages: What it wrote to stderr, progress aside.
        processes: Left running, by process id.
        files: Left in the working folder, in TMPDIR and in shared memory.
    """

    folder: str
    code: int
    out: str
    messages: list[str]
    processes: dict[str, str]
    files: list[str]

    @property
    def run(self) -> Run:
        """What came out."""
        return load(self.folder)


def _outcome(there: Surroundings, *arguments: str) -> Outcome:
    done = there.run("run", *arguments, "--name", "r")
    left = {str(pid): words for pid, words in there.processes().items()}
    there.end()
    said = messages(done)
    return Outcome(str(there.here / "reports" / "r"), done.returncode, done.stdout, said, left, sorted(there.files()))


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Among the processes that run these tests."""
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _make(folder: Path) -> dict[str, Any]:
    """All runs of this file, once."""
    surroundings = {name: Surroundings(folder / name) for name in ("stopped", "bad", "good", "spawned")}
    stopped, bad, good, spawned = surroundings.values()
    for there in (stopped, spawned):
        names = STOPPED if there is stopped else ["numpy", *SPAWNED]
        write_scenario(
            there.here, "own", grid__implementation=names, run={"timing_repeats": 0, "timeout_seconds": 40.0}
        )
    few = _plugins("faults.py", "import_aborts.py")
    slow = stopped.start("run", "own.toml", *few, "--name", "r", "--timeout", "1", "--no-report")
    made = {
        "bad": _outcome(bad, *write_all(bad.here, bad=True), *_plugins(*PLUGIN_FILES), "--jobs", "2"),
        # One at a time: how many run at once decides no number either.
        "good": _outcome(good, *write_all(good.here, bad=False), "--jobs", "1", "--no-report"),
        "spawned": _outcome(spawned, "own.toml", *few, "--isolation", "spawn", "--jobs", "2", "--no-report"),
    }
    done = stopped.finished(slow)
    left = {str(pid): words for pid, words in stopped.processes().items()}
    stopped.end()
    files = sorted(stopped.files())
    run = str(stopped.here / "reports" / "r")
    made["stopped"] = Outcome(run, done.returncode, done.stdout, messages(done), left, files)
    return {name: vars(outcome) for name, outcome in made.items()}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> dict[str, Outcome]:
    """The runs; where tests run in several processes, one makes them for all."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "faults"
    with _one_at_a_time(folder):
        kept = folder / "made.json"
        if not kept.exists():
            kept.write_text(json.dumps(_make(folder)), encoding="utf-8")
        return {name: Outcome(**fields) for name, fields in json.loads(kept.read_text(encoding="utf-8")).items()}


def of(made: dict[str, Outcome], fault: str) -> list[dict[str, Any]]:
    """All records of this fault in runs from templates."""
    return [
        {str(name): value for name, value in row.items()}
        for outcome in (made["bad"], made["stopped"])
        for row in outcome.run.cells.to_dict("records")
        if row["implementation"] == fault
    ]


def test_every_misdeed_is_tried() -> None:
    """The table above names all that the plug-ins can do wrong."""
    from tests.plugins.torch_faults import IN_STEP as OF_TORCH

    others = {"init-raises", "load-raises", "load-aborts", "write-into-data", "write-into-problem"}
    others |= {"other-second-time", "swallow", "import-raises", "import-aborts"}
    assert set(STATUS) == {*IN_STEP, *AS_LOSS, *AS_PARAMETERS, *OF_TORCH, *others}
    assert len(STATUS) == len(FAULTS)


@pytest.mark.parametrize(("fault", "status", "reason"), FAULTS, ids=[name for name, _, _ in FAULTS])
def test_a_fault_leaves_a_record_that_names_it(made: dict[str, Outcome], fault: str, status: str, reason: str) -> None:
    """Whatever a cell does, each of its records has the right status, and a reason that names the cause."""
    found = of(made, fault)
    assert found
    for row in found:
        assert (row["status"], reason in row["reason"]) == (status, True), row["reason"]
        assert (row["reason"] == "") is (status == "ok")
        assert len(row["reason"]) <= 600
        assert len(row["reason"].splitlines()) <= 1


def test_every_planned_process_has_one_record(made: dict[str, Outcome]) -> None:
    """No record is missing and none is there twice, whatever became of templates and neighbours."""
    for outcome in made.values():
        run = outcome.run
        counts = run.counts()
        assert counts["missing"] == 0
        assert counts["planned"] == len(rows(Path(outcome.folder))) > 0
        assert sorted(run.cells["order"]) == list(range(counts["planned"]))


def test_no_other_cell_changes_by_a_bit(made: dict[str, Outcome]) -> None:
    """Each good cell's record and trace are what they are in a run without the bad ones."""
    assert made["good"].code == 0
    assert set(made["good"].run.cells["status"]) == {"ok"}
    assert_holds(Path(made["bad"].folder), Path(made["good"].folder))


def test_a_spawned_cell_is_as_isolated(made: dict[str, Outcome]) -> None:
    """In new interpreters the same faults have the same statuses, and the good cell the same bits."""
    cells = made["spawned"].run.cells.set_index("implementation")
    assert cells["status"].to_dict() == {"numpy": "ok", **{name: STATUS[name] for name in SPAWNED}}
    good = made["good"].run.cells.query("scenario == 'rest' and implementation == 'numpy' and seed == 0")
    assert cells.loc["numpy", "digest"] == good["digest"].item()


@pytest.mark.parametrize("fault", [name for name in OK if name not in OTHER_NUMBERS])
def test_a_cell_that_did_all_its_steps_keeps_its_numbers(made: dict[str, Outcome], fault: str) -> None:
    """What a cell changes around its training costs it no bit of it."""
    good = "autograd" if fault.startswith("torch") else "numpy"
    digests = made["good"].run.cells.query("seed == 0").groupby("implementation")["digest"].unique()[good]
    assert {row["digest"] for row in of(made, fault)} == set(digests)


def test_a_bad_cell_leaves_no_number(made: dict[str, Outcome]) -> None:
    """A cell that did not finish has no outcome, loss, weights, digest, time or trace, so nothing can rank it."""
    for name in ("bad", "stopped", "spawned"):
        cells = made[name].run.cells.query("status != 'ok'")
        empty = ["outcome", "steps", "loss", "weights", "bias", "digest", "step_seconds", "correct_digits"]
        assert cells[empty].isna().all(axis=None)
        assert {row["data"] for row in rows(Path(made[name].folder)).values() if row["status"] != "ok"} == {None}


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("exception", ["Traceback (most recent call last)", "misdeeds.py", "ValueError: a bad step"]),
        ("import-raises", ["Traceback (most recent call last)", "import_raises.py", "ValueError"]),
        ("abort", ["Fatal Python error: Aborted", "in step"]),
        ("segfault", ["Fatal Python error: Segmentation fault", "in step"]),
        ("torch-segfault", ["Fatal Python error: Segmentation fault", "in step"]),
        ("load-aborts", ["Fatal Python error: Aborted", "in load"]),
        ("import-aborts", ["Fatal Python error: Aborted", "import_aborts.py"]),
    ],
)
def test_stderr_tells_where_it_was(made: dict[str, Outcome], fault: str, words: list[str]) -> None:
    """The tail of stderr that the record keeps names the line, of a crash too."""
    for row in of(made, fault):
        assert all(word in row["stderr"] for word in words), row["stderr"]


@pytest.mark.parametrize(("fault", "output"), [("flood-stdout", "stdout"), ("flood-stderr", "stderr")])
def test_a_flood_keeps_its_tail(made: dict[str, Outcome], fault: str, output: str) -> None:
    """Of 100 MB written, the record keeps the last 16 KiB and the number of bytes cut."""
    (row,) = of(made, fault)
    head, _, tail = row[output].partition("\n")
    assert head == f"[{FLOOD_BYTES - TAIL} bytes cut]"
    assert (len(tail), set(tail)) == (TAIL, {"x", "\n"})


@pytest.mark.parametrize("name", ["bad", "good", "spawned", "stopped"])
def test_no_process_is_left(made: dict[str, Outcome], name: str) -> None:
    """When the command has ended, nothing that it or a cell started runs on, strays of killed templates included."""
    assert made[name].processes == {}


@pytest.mark.parametrize("name", ["bad", "good", "spawned", "stopped"])
def test_no_file_is_left(made: dict[str, Outcome], name: str) -> None:
    """Besides the run file, the page, and what a cell itself wrote into the working folder, there is nothing new."""
    files = {file for file in made[name].files if not file.endswith(".toml")}
    files -= {file for file in files if file.startswith("reports/") and _is_page(file)}
    assert files == {"reports/r/run.sqlite", *(["written-by-a-cell"] if name == "bad" else [])}


def _is_page(file: str) -> bool:
    return file.endswith(".html") or Path(file).stem in ("summary", "cells", "curves")


@pytest.mark.parametrize("name", ["bad", "spawned", "stopped"])
def test_the_run_says_so(made: dict[str, Outcome], name: str) -> None:
    """Exit code 1, the verdict on stdout, and no word of the harness's own on stderr."""
    outcome = made[name]
    assert (outcome.code, outcome.messages) == (1, [])
    assert "Every cell left its record, and none failed" in outcome.out
    for status, word in (("crashed", "crashed"), ("timed_out", "timed out"), ("out_of_memory", "out of memory")):
        number = outcome.run.counts()[status]
        assert f"{number} {word}" in outcome.out or not number


def test_the_page_shows_what_cells_wrote_as_text(made: dict[str, Outcome]) -> None:
    """Markup in a reason or an output is no markup of the page; no byte makes the page unwritable."""
    page = Path(made["bad"].folder, "index.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
