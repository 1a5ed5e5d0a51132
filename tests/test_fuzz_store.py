"""Whatever stands in a run file, the answer is its rows, or one message and exit code 2 or 3."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.executors.base import Finished
from harness.executors.inline import InlineExecutor
from harness.store.schema import SCHEMA
from tests.builders import LINE, scenario
from tests.faulty import finished_run
from tests.fuzzing import bounded, command, is_a_refusal

Draw = Callable[..., Any]
TABLES = ("cells", "traces", "timings", "environment", "canary")
SMALL: dict[str, Any] = {
    "data__samples": 12,
    "training__epochs": 2,
    "grid": {**LINE["grid"], "seed": [0, 1], "device": ["cpu", "cuda"], "data.x.sd": [1.0, 2.0]},
    "run": {"timed_seeds": 1, "timing_repeats": 1},
    "expect": [
        {"quantity": "loss", "at_most": 99.0},
        {"quantity": "weights[0]", "value": 1.0, "within": 99.0, "at": {"step": 1}},
        {"quantity": "epoch_loss", "value": 1.0, "within": 99.0, "at": {"epoch": 1}},
        {"quantity": "status", "equals": ["ok", "skipped"]},
    ],
}


class Clockless(InlineExecutor):
    """Every process takes the same time and memory, so that the run file has the same bytes in every session."""

    def run(self, *arguments: Any, **options: Any) -> Iterator[Finished]:
        for finished in super().run(*arguments, **options):
            timings = tuple(
                replace(timing, seconds=0.25, cpu_seconds=0.125, loops=1) for timing in finished.record.timings
            )
            phases = dict.fromkeys(finished.record.phases, 0.5)
            record = replace(finished.record, timings=timings, phases=phases, peak_bytes=4096)
            if timings:
                record = replace(record, step_seconds=0.25, cpu_step_seconds=0.125, first_step_seconds=0.5)
            yield replace(finished, record=replace(record, setup_seconds=0.5), started=1.5, seconds=2.5)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A run file with timed, untimed and skipped cells, expectations and a dotted axis."""
    folder = tmp_path_factory.mktemp("fuzz") / "run"
    path = finished_run(folder, scenario(**SMALL), executor=Clockless()).file.path
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("UPDATE meta SET value = '1.5' WHERE key IN ('started', 'finished', 'created')")
        db.execute("UPDATE environment SET value = 'here', host = 'host'")
        db.execute("UPDATE record SET host = 'host'")
        db.execute("UPDATE attempt SET host = 'host', arguments = '[]', started = 1.5, finished = 2.5")
        db.execute("VACUUM")
    return path.read_bytes()


@pytest.fixture(scope="module")
def cells(whole: bytes) -> list[tuple[str, str, int]]:
    """Every value in the file: table, column and row."""
    with closing(sqlite3.connect(":memory:")) as db:
        db.deserialize(whole)
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return [
            (table, column[1], row[0])
            for table in tables
            for column in db.execute(f"PRAGMA table_info({table})").fetchall()
            for row in db.execute(f"SELECT rowid FROM {table}").fetchall()
        ]


def looks_right(path: Path, *arguments: str) -> int:
    """Run the command on the file: it does its work, or ends with code 2 or 3 and one line that names the file."""
    for log in path.parent.glob("run.sqlite-*"):
        log.unlink()  # of the file before: a damaged head may speak of a log
    code, out, err = command(arguments[0], str(path), *arguments[1:])
    if code == 0:
        assert err == "", err
    else:
        assert is_a_refusal(code, out, err, (2, 3)), (code, err)
        assert err.count("\n") == 1, err
        assert str(path) in err
    return code


def damaged_page(draw: Draw, content: bytes) -> bytes:
    """A stretch of the file, often a page, is something else."""
    size = draw(st.sampled_from([1, 2, 8, 200, 4096]))
    at = draw(st.integers(0, (len(content) - 1) // size)) * size
    other: bytes = draw(st.binary(min_size=size, max_size=size))
    return content[:at] + other + content[at + size :]


def flipped(draw: Draw, content: bytes) -> bytes:
    """One bit is the other."""
    at = draw(st.integers(0, len(content) - 1))
    return content[:at] + bytes([content[at] ^ (1 << draw(st.integers(0, 7)))]) + content[at + 1 :]


def cut(draw: Draw, content: bytes) -> bytes:
    """The file ends early."""
    return content[: draw(st.integers(0, len(content)))]


def of_another_version(draw: Draw, content: bytes) -> bytes:
    """`user_version` is any number: four bytes at 60, https://sqlite.org/fileformat2.html#the_database_header."""
    version: bytes = draw(st.binary(min_size=4, max_size=4))
    return content[:60] + version + content[64:]


@bounded(60)
@given(content=st.binary(max_size=200) | st.binary(max_size=200).map(lambda data: b"SQLite format 3\0" + data))
def test_any_bytes_as_a_run_file(tmp_path: Path, content: bytes) -> None:
    """Any bytes as run.sqlite end with exit code 2 or 3 and one line."""
    path = tmp_path / "run.sqlite"
    path.write_bytes(content)
    for arguments in (["export"], ["report"]):
        assert looks_right(path, *arguments) in (2, 3)


@bounded(200)
@given(data=st.data(), table=st.sampled_from(TABLES))
def test_a_damaged_file(tmp_path: Path, whole: bytes, table: str, data: st.DataObject) -> None:
    """Bytes overwritten, bits flipped, an early end: rows, or exit code 2 or 3 and one line."""
    path = tmp_path / "run.sqlite"
    damage = data.draw(st.sampled_from([damaged_page, damaged_page, flipped, cut]))
    path.write_bytes(damage(data.draw, whole))
    looks_right(path, "export", "--table", table)


@bounded(20)
@given(data=st.data())
def test_any_version(tmp_path: Path, whole: bytes, data: st.DataObject) -> None:
    """A file that says it is of another schema is refused with exit code 2."""
    path = tmp_path / "run.sqlite"
    content = of_another_version(data.draw, whole)
    path.write_bytes(content)
    code = looks_right(path, "export")
    assert code == (0 if content[60:64] == SCHEMA.to_bytes(4, "big") else 2)


OTHERS: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(["", "{}", "[]", "null", "3", '"a"', "[[[]]]", "{", "NaN", '{"a": 1}', "[" * 5000, "\0", "ok"]),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.binary(max_size=20),
)


def changed(draw: Draw, value: Any) -> Any:
    """A value instead of this one: another, or the same with a byte changed, cut out or put in."""
    if not isinstance(value, (str, bytes)) or not value or draw(st.booleans()):
        return draw(OTHERS)
    content = value.encode() if isinstance(value, str) else value
    at = draw(st.integers(0, len(content) - 1))
    byte = bytes([draw(st.integers(0, 255) | st.sampled_from(b'"{}[],:.-e019_ \\'))])
    content = draw(
        st.sampled_from(
            [content[:at] + byte + content[at + 1 :], content[:at], content[:at] + content[at + 1 :],
             content[:at] + byte + content[at:]]
        )
    )  # fmt: skip
    return content.decode(errors="replace") if isinstance(value, str) else content


def with_a_changed_value(draw: Draw, path: Path, cells: list[tuple[str, str, int]]) -> None:
    """Change one value in the database at this path."""
    table, column, row = draw(st.sampled_from(cells))
    with closing(sqlite3.connect(path)) as db, db:
        (value,) = db.execute(f'SELECT "{column}" FROM {table} WHERE rowid = ?', (row,)).fetchone()
        # What SQLite itself refuses, as a word for a row's number, cannot stand in a file.
        with suppress(sqlite3.IntegrityError):
            db.execute(f'UPDATE OR IGNORE {table} SET "{column}" = ? WHERE rowid = ?', (changed(draw, value), row))


@bounded(200)
@given(data=st.data(), table=st.sampled_from(TABLES))
def test_a_damaged_value(
    tmp_path: Path, whole: bytes, cells: list[tuple[str, str, int]], table: str, data: st.DataObject
) -> None:
    """JSON cut short, keys misspelt, words for numbers in any row: `export` gives rows, or exit code 3 and one line."""
    path = tmp_path / "run.sqlite"
    path.write_bytes(whole)
    with_a_changed_value(data.draw, path, cells)
    assert looks_right(path, "export", "--table", table) in (0, 3)


@bounded(10)
@given(data=st.data())
def test_the_report_of_a_damaged_run(
    tmp_path: Path, whole: bytes, cells: list[tuple[str, str, int]], data: st.DataObject
) -> None:
    """`report` of a run with a damaged value writes pages, or ends with exit code 3 and one line."""
    path = tmp_path / "run.sqlite"
    path.write_bytes(whole)
    with_a_changed_value(data.draw, path, cells)
    assert looks_right(path, "report", "-o", str(tmp_path / "pages")) in (0, 3)


DAMAGED = {
    "record.content": "{",
    "cell.axes": "3",
    "cell.spec": '{"data": 1}',
    "meta.value": "[",
    "scenario.text": "schema = 1",
    "scenario.settings": "[1]",
    "trace.data": b"{}\n",
    "canary.content": '{"status": "ok"',
}


@pytest.mark.parametrize("place", DAMAGED)
def test_damaged_json_is_the_machines_fault(tmp_path: Path, whole: bytes, place: str) -> None:
    """JSON that is none, or of another shape, is exit code 3, not an error of the harness."""
    path = tmp_path / "run.sqlite"
    path.write_bytes(whole)
    table, column = place.split(".")
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(f"UPDATE {table} SET {column} = ?", (DAMAGED[place],))
    codes = [looks_right(path, "export", "--table", name) for name in TABLES]
    codes.append(looks_right(path, "report", "-o", str(tmp_path / "pages")))
    assert 3 in codes


def test_an_error_of_sqlite_that_is_no_text(tmp_path: Path, whole: bytes) -> None:
    """SQLite quotes the damaged schema in a message that Python cannot decode: exit code 3 all the same."""
    path = tmp_path / "run.sqlite"
    path.write_bytes(whole.replace(b"CREATE TABLE meta (key", b"CREATE TABLE \xef\xef\xef\xef (key"))
    assert looks_right(path, "export") == 3


def test_a_message_of_sqlite_is_one_line(tmp_path: Path, whole: bytes) -> None:
    """SQLite quotes a text of many lines where it is no UTF-8: the message stays one line."""
    path = tmp_path / "run.sqlite"
    path.write_bytes(whole.replace(b'title = "A line"', b'title = "\xff line"'))
    assert looks_right(path, "report", "-o", str(tmp_path / "pages")) == 3


def test_a_trace_that_is_gone(tmp_path: Path, whole: bytes) -> None:
    """A finished cell without its trace is damage, told when an expectation asks for it."""
    path = tmp_path / "run.sqlite"
    path.write_bytes(whole)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DELETE FROM trace")
    assert looks_right(path, "report", "-o", str(tmp_path / "pages")) == 3


def test_a_misspelt_key_is_no_missing_value(tmp_path: Path, whole: bytes) -> None:
    """A key of a record that is none of ours is damage, not a number that does not exist."""
    path = tmp_path / "run.sqlite"
    path.write_bytes(whole)
    with closing(sqlite3.connect(path)) as db, db:
        (content,) = db.execute("SELECT content FROM record WHERE status = 'ok'").fetchone()
        assert json.loads(content)["loss"] > 0
        db.execute("UPDATE record SET content = ?", (content.replace('"loss"', '"lost"', 1),))
    assert looks_right(path, "export") == 3
