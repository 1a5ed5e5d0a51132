"""One bad cell leaves one record with the right status, and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from tests.faulty import FAULTS, FLOOD_BYTES, HANGS, MEMORY_MB

# Longest tail that a record keeps of an output, by the supervisor's constant of 16 KiB.
TAIL = 16_384
ROOT = Path(__file__).parent.parent

# Fault, the status that the contract gives it, and what its reason must say.
STATUSES = [
    ("raise", "failed", "ValueError: a bad step"),
    ("exit", "failed", "SystemExit: 3"),
    ("interrupt", "failed", "KeyboardInterrupt"),
    ("generator-exit", "failed", "GeneratorExit"),
    ("unprintable", "failed", "_UnprintableError"),
    ("worse", "failed", "_WorseError"),
    ("surrogate", "failed", "ValueError: no such file"),
    ("many-lines", "failed", "ValueError: first line"),
    ("long", "failed", "ValueError: yyy"),
    ("close-and-raise", "failed", "ValueError: nowhere to say it"),
    ("abort", "crashed", "SIGABRT"),
    ("segfault", "crashed", "SIGSEGV"),
    ("leave", "crashed", "exit code 0"),
    ("leave-7", "crashed", "exit code 7"),
    ("kill", "crashed", "SIGKILL"),
    ("term", "crashed", "SIGTERM"),
    ("real-time-signal", "crashed", "signal"),
    ("close-everything", "crashed", "without leaving a record"),
    ("half-record", "crashed", "without leaving a record"),
    ("number-record", "crashed", "without leaving a record"),
    ("unknown-status", "crashed", "without leaving a record"),
    ("return", "crashed", "without leaving a record"),
    ("raise-early", "crashed", "without leaving a record"),
    ("stop", "timed_out", "0.5 s"),
    ("loop", "timed_out", "0.5 s"),
    ("deaf", "timed_out", "0.5 s"),
    ("hold-the-lock", "timed_out", "0.5 s"),
    ("flood-for-ever", "timed_out", "0.5 s"),
    ("flood-by-many", "timed_out", "0.5 s"),
    ("stray-for-ever", "timed_out", "0.5 s"),
    ("allocate", "out_of_memory", "Unable to allocate 8.00 TiB"),
    ("eat", "out_of_memory", ""),
    ("eat-small-pieces", "out_of_memory", ""),
    ("eat-in-children", "out_of_memory", f"the limit is {MEMORY_MB} MiB"),
    ("eat-in-strays", "out_of_memory", f"the limit is {MEMORY_MB} MiB"),
    ("eat-a-part-in-each-child", "out_of_memory", f"the limit is {MEMORY_MB} MiB"),
    ("out-of-memory-error", "out_of_memory", "can't allocate memory"),
    ("flood", "ok", ""),
    ("flood-errors", "ok", ""),
    ("close", "ok", ""),
    ("child", "ok", ""),
    ("stray", "ok", ""),
    ("thread", "ok", ""),
    ("go-on-twice", "ok", ""),
    ("eat-and-share", "ok", ""),
]
BAD = [(fault, status, reason) for fault, status, reason in STATUSES if status != "ok"]


def play(*faults: str) -> dict[str, Any]:
    """What `python -m tests.faulty` prints: a helper in the place of a template, one cell after the other."""
    command = [sys.executable, "-m", "tests.faulty", *faults]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@lru_cache(maxsize=1)
def everything() -> dict[str, Any]:
    """All faults one after the other in one template, a good cell after each."""
    order = [name for fault, _, _ in STATUSES for name in (fault, "none")]
    played = play("none", *order)
    played["first"] = played["cells"][0]
    played["by_fault"] = dict(zip(order[::2], played["cells"][1::2], strict=True))
    played["neighbours"] = dict(zip(order[::2], played["cells"][2::2], strict=True))
    return played


def record_of(fault: str) -> dict[str, Any]:
    record: dict[str, Any] = everything()["by_fault"][fault]["record"]
    return record


def test_every_fault_is_tried() -> None:
    """The table above names every fault of the helper, those with a test of their own aside."""
    assert {fault for fault, _, _ in STATUSES} == FAULTS.keys() - {"none", "run-is-gone"}
    assert {fault for fault, status, _ in STATUSES if status == "timed_out"} == set(HANGS)


@pytest.mark.parametrize(("fault", "status", "reason"), STATUSES, ids=[fault for fault, _, _ in STATUSES])
def test_a_fault_leaves_one_record_with_its_status(fault: str, status: str, reason: str) -> None:
    """Whatever a cell does, its one record says what became of it."""
    record = record_of(fault)
    assert (record["status"], reason in record["reason"]) == (status, True), record["reason"]


@pytest.mark.parametrize("fault", [fault for fault, _, _ in BAD])
def test_a_reason_is_one_sentence_that_can_be_stored(fault: str) -> None:
    """A reason is not empty, one line, not endless, and valid UTF-8 even where the exception's text is not."""
    reason = record_of(fault)["reason"]
    assert 0 < len(reason) <= 600
    assert len(reason.splitlines()) == 1
    assert reason.encode("utf-8")


@pytest.mark.parametrize("fault", [fault for fault, _, _ in STATUSES])
def test_no_process_outlives_its_cell(fault: str) -> None:
    """After a cell's record its template has no child, adopted strays and zombies included."""
    assert everything()["by_fault"][fault]["left"] == []


@pytest.mark.parametrize("fault", [fault for fault, _, _ in STATUSES])
def test_a_bad_neighbour_changes_nothing(fault: str) -> None:
    """A good cell after a bad one in the same template has the bits of a good cell before it."""
    wanted, found = everything()["first"]["record"], everything()["neighbours"][fault]["record"]
    measured = ("step_seconds", "cpu_step_seconds", "setup_seconds", "first_step_seconds", "peak_bytes", "phases")
    assert {key: value for key, value in found.items() if key not in measured} == {
        key: value for key, value in wanted.items() if key not in measured
    }


def test_no_file_stays_open_in_the_template() -> None:
    """After some 90 cells, good and bad, the supervising process holds the files it held before."""
    played = everything()
    assert len(played["cells"]) > 50
    assert played["files_after"] == played["files_before"]


@pytest.mark.parametrize(("fault", "output"), [("flood", "stdout"), ("flood-errors", "stderr")])
def test_a_flood_keeps_its_tail_and_says_what_was_cut(fault: str, output: str) -> None:
    """Of 50 MB written, the record keeps the last 16 KiB and the number of bytes cut."""
    head, _, tail = record_of(fault)[output].partition("\n")
    # The flood writes whole blocks of 64 KiB until FLOOD_BYTES, which is a multiple of it.
    assert head == f"[{FLOOD_BYTES - TAIL} bytes cut]"
    assert len(tail) == TAIL
    assert set(tail) == {"x", "\n"}


@pytest.mark.parametrize("fault", ["raise", "exit", "allocate", "raise-early"])
def test_an_exception_leaves_its_traceback(fault: str) -> None:
    """The cell's stderr ends with the traceback of what it raised."""
    stderr = record_of(fault)["stderr"]
    assert "Traceback (most recent call last)" in stderr
    assert 'File "' in stderr


@pytest.mark.parametrize("fault", ["abort", "segfault"])
def test_a_crash_leaves_where_it_was(fault: str) -> None:
    """faulthandler tells the Python line of a signal that kills."""
    assert "Fatal Python error" in record_of(fault)["stderr"]
    assert "in step" in record_of(fault)["stderr"]


@pytest.mark.parametrize("fault", [fault for fault, status, _ in STATUSES if status == "ok"])
def test_a_cell_that_finished_keeps_its_numbers(fault: str) -> None:
    """Noise around a training that did all its steps costs it neither numbers nor trace."""
    record, cell = record_of(fault), everything()["by_fault"][fault]
    assert record["digest"] == everything()["first"]["record"]["digest"]
    assert cell["trace_bytes"] > 0


@pytest.mark.parametrize("fault", [fault for fault, _, _ in BAD])
def test_a_bad_cell_leaves_no_number(fault: str) -> None:
    """A cell that did not finish has no outcome, loss, weights, digest or time, so nothing can rank it."""
    record = record_of(fault)
    empty = ("outcome", "steps", "loss", "weights", "bias", "digest", "step_seconds", "correct_digits")
    assert [record[name] for name in empty] == [None] * len(empty)
    assert everything()["by_fault"][fault]["trace_bytes"] == 0


def test_a_cell_dies_with_its_run() -> None:
    """When the run's socket closes, the running cell and its strays are killed and there is no record."""
    played = play("run-is-gone")
    assert played["cells"] == [{"record": None, "trace_bytes": 0, "left": []}]
    assert played["files_after"] == played["files_before"]
