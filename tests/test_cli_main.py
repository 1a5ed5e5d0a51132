"""The command `harness` itself: its help, its version, its codes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import harness
from harness.cli.main import main
from tests.builders import write_scenario

COMMANDS = ("run", "report", "reproduce", "export", "check", "show", "init", "schema")


def test_help_lists_commands_and_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    """`harness --help` names every command with what it does, and every exit code with what it means."""
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    out, err = capsys.readouterr()
    assert err == ""
    for command in COMMANDS:
        assert f"\n    {command}" in out
    for code in ("0 ", "1 ", "2 ", "3 ", "130 "):
        assert f"\n  {code}" in out.partition("exit codes:")[2]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`harness COMMAND --help` explains each option in a phrase."""
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    assert end.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: harness {command}")


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """`harness --version` is the package's version."""
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"harness {harness.__version__}\n"


def test_no_heavy_import_for_help() -> None:
    """`harness --help` imports neither NumPy, pandas, torch, pydantic nor matplotlib."""
    code = (
        "import sys, contextlib, io\n"
        "from harness.cli.main import main\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit): main(['--help'])\n"
        "print(sorted({'numpy', 'pandas', 'torch', 'pydantic', 'matplotlib', 'tqdm'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "[]\n", done.stderr


def test_check_counts_what_it_validated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`harness check` prints a line a scenario, runs nothing and writes nothing."""
    expect = [{"quantity": "loss", "at_most": 1.0}]
    path = write_scenario(tmp_path, grid__seed=[0, 1, 2], expect=expect)
    assert main(["check", str(path)]) == 0
    assert capsys.readouterr().out == f"{path}: 3 cells, 1 expectations\n"
    assert [item.name for item in tmp_path.iterdir()] == ["line.toml"]


def test_check_tells_every_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`harness check` of a bad file ends with code 2 and a line a fault."""
    path = write_scenario(tmp_path, training__epochs=0, grid__dtype=["float16"])
    assert main(["check", str(path)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.split(": ")[1] for line in err.splitlines()] == ["training.epochs", "grid.dtype[0]"]


@pytest.mark.parametrize("place", ["harness.cli.check.read_all", "harness.cli.main.parser"])
def test_an_interrupt_anywhere_is_130(
    place: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in a command without anything to keep ends with 130 and one message."""

    def interrupted(*_arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(place, interrupted)
    assert main(["check"]) == 130
    assert capsys.readouterr().err == "harness: interrupted.\n"
