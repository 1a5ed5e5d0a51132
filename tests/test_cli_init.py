"""`harness init`: the scenario that it writes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.cli.main import main
from harness.scenario.read import Scenario, parse
from harness.scenario.scenario import Document

TEXT = (Path(main.__code__.co_filename).parent / "init.toml").read_text(encoding="utf-8")
LINES = TEXT.splitlines()
_KEY = re.compile(r'#?("[^"]+"|[a-z_0-9]+) = ')
CSV = {"points.csv": b"x,y\n1,3\n2,5\n3,7\n"}


def parsed(text: str) -> Scenario:
    return parse(text, Path("scenario.toml"), {}, CSV)


def alternatives() -> Iterator[tuple[int, int]]:
    """First line and end of each alternative: a commented-out line, or the block of a commented-out table."""
    number = 0
    while number < len(LINES):
        end = number + 1
        if LINES[number].startswith("#["):
            while end < len(LINES) and LINES[end].startswith("#") and not LINES[end].startswith("# "):
                end += 1
            yield number, end
        elif _KEY.match(LINES[number]) and LINES[number].startswith("#"):
            yield number, end
        number = end


def with_alternative(first: int, end: int) -> str:
    """The file with an alternative in place of what it replaces, as the file's head says."""
    lines = LINES.copy()
    lines[first:end] = [line[1:] for line in lines[first:end]]
    if not lines[first].startswith("["):
        table = max((number for number in range(first) if lines[number].startswith("[")), default=0)
        named = re.search(r"# instead of ([a-z_, ]+)$", lines[first])
        match = _KEY.match(lines[first])
        assert match
        gone = named[1].split(", ") if named else [match[1]]
        for number in range(table, first):
            key = _KEY.match(lines[number])
            if key and key[1] in gone and not lines[number].startswith("#"):
                lines[number] = ""
    return "\n".join(lines)


def test_it_is_a_valid_scenario_with_every_table() -> None:
    """The file is valid as it stands, and shows every table of a scenario."""
    scenario = parsed(TEXT)
    assert len(scenario.cells) == 40
    for name in Document.model_fields:
        key = Document.model_fields[name].alias or name
        assert re.search(rf"^#?(\[+{key}\b|{key} = )", TEXT, re.MULTILINE), key


@pytest.mark.parametrize(("first", "end"), list(alternatives()), ids=lambda number: str(number))
def test_every_alternative_is_valid(first: int, end: int) -> None:
    """Each commented-out line or table, put in the place of what it replaces, leaves a valid scenario."""
    before, after = parsed(TEXT), parsed(with_alternative(first, end))
    assert (after.document, after.cells) != (before.document, before.cells)


def test_there_are_alternatives_in_every_table() -> None:
    """The tests above do look at something."""
    assert len(list(alternatives())) > 45


@pytest.mark.parametrize("name", ["scenario.toml", "mine.toml"])
def test_writes_the_file(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`harness init [FILE]` writes scenario.toml, or the file named, and says how to go on."""
    monkeypatch.chdir(tmp_path)
    assert main(["init", *([name] if name != "scenario.toml" else [])]) == 0
    assert Path(name).read_text(encoding="utf-8") == TEXT
    assert f"harness run {name}" in capsys.readouterr().out


def test_dash_is_stdout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`harness init -` prints it and writes no file."""
    monkeypatch.chdir(tmp_path)
    assert main(["init", "-"]) == 0
    assert capsys.readouterr().out == TEXT
    assert list(tmp_path.iterdir()) == []


def test_refuses_to_overwrite(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is there stays as it is: one message, exit code 2."""
    path = tmp_path / "mine.toml"
    path.write_text("mine", encoding="utf-8")
    assert main(["init", str(path)]) == 2
    out, err = capsys.readouterr()
    assert (out, path.read_text(encoding="utf-8")) == ("", "mine")
    assert err.count("\n") == 1
    assert "exists already" in err


@pytest.mark.parametrize("name", ["missing/mine.toml", "mine.txt", ""])
def test_refuses_a_name_that_is_none(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder that is not there, or a name that `harness run` would not read, is one message and exit code 2."""
    assert main(["init", str(tmp_path / name)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_it_runs_and_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`harness init && harness run` ends with 0: every expectation holds (here NumPy's cells, in this process)."""
    path = tmp_path / "mine.toml"
    assert main(["init", str(path)]) == 0
    arguments = ["run", str(path), "--only", "implementation=numpy", "--executor", "inline", "--out", str(tmp_path)]
    assert main([*arguments, "--no-report"]) == 0
    assert "3 of 3" in capsys.readouterr().out
