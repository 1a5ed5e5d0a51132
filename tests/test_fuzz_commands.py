"""Whatever stands on the command line, the answer is a plan, or one message and exit code 2."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.scenario.expansion import MOST_CELLS
from harness.scenario.run import MOST_MEMORY_MB, MOST_REPLICATES
from tests.builders import LINE
from tests.fuzzing import FILES, FULL, PIECES, TOKENS, UNICODE, bounded, command, edited, is_a_refusal, written

AXES = ("seed", "dtype", "learning_rate", "batch_size", "data.samples", "implementation", "grid.seed", "nothing", "")
KEYS = ("run.threads", "training.epochs", "data.x", "data.x.sd", "grid.seed", "model", "title", "expect", "a.b.c", ".",
        "run.replicates", "grid.exclude", "init.weights", "schema", "")  # fmt: skip
TEXTS = st.one_of(
    st.sampled_from(["1", "0,1", "[0]", "8,full", "0.05", "full", "true", "1]\nx = [2", "1\ny = 2", "'", "\udc80"]),
    TOKENS.map(lambda token: token.strip("@")),
    UNICODE,
    st.text(max_size=8),
    PIECES.map(bytes.decode),
)  # fmt: skip


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scenario with one of everything, and its table."""
    folder = tmp_path_factory.mktemp("commands")
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    (folder / "full.toml").write_text(written(FULL), encoding="utf-8")
    return folder / "full.toml"


def planned_or_refused(path: Path, *options: str) -> int:
    """`harness run --dry-run` with these options prints one line, or ends with code 2 and a message."""
    code, out, err = command("run", str(path), "--dry-run", *options)
    if code == 0:
        assert (out.count("\n"), err) == (1, "")
    else:
        assert is_a_refusal(code, out, err), (code, err)
    return code


@bounded(40)
@given(axis=st.sampled_from(AXES) | UNICODE, text=TEXTS)
def test_any_only(path: Path, axis: str, text: str) -> None:
    """`--only` with any text leaves cells, or is refused with code 2."""
    planned_or_refused(path, f"--only={axis}={text}")
    planned_or_refused(path, f"--only={text}")


@bounded(40)
@given(key=st.sampled_from(KEYS) | UNICODE, text=TEXTS)
def test_any_set(path: Path, key: str, text: str) -> None:
    """`--set` with any text makes cells, or is refused with code 2."""
    planned_or_refused(path, f"--set={key}={text}")
    planned_or_refused(path, f"--set={text}")


@bounded(40)
@given(option=st.sampled_from(["--jobs", "--timeout", "--executor", "--isolation", "--what", ""]), text=TEXTS)
def test_any_option(path: Path, option: str, text: str) -> None:
    """Numbers, choices and names of options with any text are taken, or refused with code 2."""
    planned_or_refused(path, f"{option}={text}")


@pytest.mark.parametrize("depth", [100, 300, 350, 400, 450, 490, 1000, 20_000])
@pytest.mark.parametrize("form", ["where", "key", "--set", "--only"])
def test_any_depth(tmp_path: Path, depth: int, form: str) -> None:
    """However deeply a value is nested, in the file or on the command line, it is refused in a line."""
    text = "[" * depth + "]" * depth
    expect = '[[expect]]\nquantity = "loss"\nat_least = 0.0\nwhere = { seed = ' + text + " }\n"
    file = tmp_path / "x.toml"
    deep = {"where": expect, "key": f"{'a.' * min(depth, 2000)}a = 1\n"}.get(form, "")
    file.write_text(deep + written(LINE) if form == "key" else written(LINE) + deep, encoding="utf-8")
    option = {"--set": [f"--set=run.threads={text}"], "--only": [f"--only=seed={text}"]}.get(form, [])
    assert planned_or_refused(file, *option) == 2


@pytest.mark.parametrize("option", ["--set=run.threads=", "--only=seed="])
def test_an_integer_of_thousands_of_digits(path: Path, option: str) -> None:
    """Python refuses to read it; so does the command, with code 2."""
    assert planned_or_refused(path, option + "9" * 5000) == 2


@pytest.mark.parametrize("option", ["--set=run.threads=1\ny = 2", "--only=seed=1]\nx = [2"])
def test_nothing_hides_behind_a_value(path: Path, option: str) -> None:
    """A line after the value is no second key that nobody reads: the whole text is the value, and refused."""
    assert planned_or_refused(path, option) == 2


def test_a_date_is_a_text(path: Path, tmp_path: Path) -> None:
    """No key takes a date, and the run file could not keep one: `--set` reads it as the text that it is."""
    assert planned_or_refused(path, "--set=title=2026-11-22") == 0
    assert planned_or_refused(path, '--set=grid.exclude=[{why="x", seed=2026-11-22}]') == 2


@pytest.mark.parametrize(
    ("setting", "code"),
    [
        (f"run.replicates={MOST_REPLICATES + 1}", 2),
        (f"run.replicates={2**62}", 2),
        (f"run.memory_mb={MOST_MEMORY_MB}", 0),
        (f"run.memory_mb={2**62}", 2),
        ("grid.seed={count=100000}", 0),
    ],
)
def test_plans_that_would_fill_the_memory(tmp_path: Path, setting: str, code: int) -> None:
    """More replicates than anybody runs are refused before the plan is made, and limits fit the operating system."""
    file = tmp_path / "x.toml"
    file.write_text(written(LINE | {"training": {"epochs": 1}}), encoding="utf-8")
    if "seed" in setting:
        setting = setting.replace("100000", "1000")
    assert planned_or_refused(file, f"--set={setting}") == code


def test_grids_that_would_fill_the_memory(tmp_path: Path) -> None:
    """A grid of more combinations than anybody runs is refused by their number, before any is made."""
    file = tmp_path / "x.toml"
    axes = {"seed": {"count": 100_000}, "batch_size": list(range(1, 12))}
    file.write_text(written(LINE | {"grid": {**LINE["grid"], **axes}}), encoding="utf-8")
    code, _, err = command("check", str(file))
    assert code == 2
    assert err == f"harness: {file}: grid: has 1,100,000 combinations; allowed: at most {MOST_CELLS:,}\n"


AWKWARD: dict[str, Any] = {
    "nothing": b"",
    "a mark of byte order": "\ufeff".encode() + written(LINE).encode(),
    "no text": b"\xff\xfe\x00",
    "a null": b"a = '\0'",
    "half a pair": b'title = "\\ud800"',
    "depth": b"a = " + b"[" * 100_000,
    "digits": b"schema = " + b"9" * 10_000,
    "a key twice": written(LINE).encode() + b"schema = 1\n",
    "tables in a row": b"[[data]]\n[[grid]]\n",
    "a long key": b"k" * 100_000 + b" = 1",
}


def are_faults_of(file: Path, text: bytes) -> bool:
    """Whether every line on stderr is about this file; a fault alone stands behind the program's name."""
    lines = text.decode().removeprefix("harness: ").removesuffix("\n").split("\n")
    return all(line.startswith(f"{file}: ") for line in lines)


@pytest.mark.parametrize("name", AWKWARD)
def test_awkward_files(tmp_path: Path, name: str) -> None:
    """What is no scenario ends with code 2 and lines that name the file."""
    file = tmp_path / "x.toml"
    file.write_bytes(AWKWARD[name])
    code, out, err = command("check", str(file))
    assert is_a_refusal(code, out, err), err
    assert are_faults_of(file, err.encode())


@pytest.mark.parametrize("name", ["nothing", "no text", "depth", "digits"])
def test_awkward_files_in_a_process_of_their_own(tmp_path: Path, name: str) -> None:
    """The command as users start it does the same: code 2, lines that name the file, no traceback."""
    file = tmp_path / "x.toml"
    file.write_bytes(AWKWARD[name])
    arguments = [sys.executable, "-m", "harness", "check", str(file)]
    done = subprocess.run(arguments, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, b""), done.stderr
    assert are_faults_of(file, done.stderr), done.stderr


def test_lines_may_end_as_on_windows(tmp_path: Path) -> None:
    """A file whose lines end with a return and a newline is the same scenario."""
    file = tmp_path / "x.toml"
    file.write_bytes(written(LINE).replace("\n", "\r\n").encode())
    assert planned_or_refused(file) == 0


def test_a_file_name_that_is_no_text(tmp_path: Path) -> None:
    """A scenario whose name is no UTF-8 is refused before it runs: the run file could not keep the name."""
    file = tmp_path / os.fsdecode(b"\xff.toml")
    file.write_text(written(LINE), encoding="utf-8")
    assert planned_or_refused(file) == 2


@bounded(20)
@given(text=edited([b"seed=0,1", b"data.samples=[40],50", b"learning_rate=0.05", b"batch_size=8,full"]))
def test_an_edited_only(path: Path, text: bytes) -> None:
    """`--only` with a slip of the pen leaves cells, or is refused with code 2."""
    planned_or_refused(path, f"--only={text.decode(errors='surrogateescape')}")
