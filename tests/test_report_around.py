"""
What stands around a page: the terminal, the files beside it, the page over all runs, and the example in reports/.

`python -m tests.test_report_around` runs the example anew; after a change of the pages alone,
`harness report reports/example` writes them again.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import html5lib
import pandas as pd
import pytest

from harness.analysis.compared import Compared
from harness.analysis.verdict import Assessment
from harness.cli.main import main
from harness.frames import load
from harness.report import curves, index, table
from harness.report.glance import views_of
from harness.report.index import write_index
from harness.report.index_entry import entries
from harness.report.sections import verdict
from harness.report.summary import as_terminal
from harness.report.summary_json import as_json
from harness.report.summary_markdown import MOST_BYTES, as_markdown, plain
from harness.report.write import write_report
from harness.scenario.read import read_all
from tests.builders import write_scenario
from tests.test_report_page import GRID, HOSTILE, failing, make_run

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "reports" / "example"
# What the pages' bytes rest on besides the run file and our own code.
PACKAGES = ("jinja2", "matplotlib", "numpy", "pandas")
MOST_EXAMPLE = 600_000


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two implementations over seeds, timed by a fake clock, with a failure and a missed expectation."""
    folder = tmp_path_factory.mktemp("around")
    values = {**GRID, "grid__implementation": ["numpy", "autograd"], "grid__device": ["cpu", "cuda"]}
    expect = [{"quantity": "loss", "at_most": 1e-9, "where": {"learning_rate": 0.05}, "source": HOSTILE}]
    exclude = [{"implementation": "numpy", "device": "cuda", "why": "NumPy has no device"}]
    path = write_scenario(folder, **values, expect=expect, grid__exclude=exclude, title=HOSTILE)
    change = failing({3: "failed"}, HOSTILE)
    make_run(folder / "reports" / "made", read_all([str(path)]), change)
    return folder / "reports" / "made"


def test_the_terminal_shows_each_implementation(made: Path) -> None:
    """A line an implementation and device that ran, in at most 100 columns, between the gates and what was missed."""
    text = as_terminal(Assessment(load(made)), made / "index.html")
    lines = text.splitlines()
    (head,) = [place for place, line in enumerate(lines) if line.split()[:2] == ["implementation", "device"]]
    block = lines[head - 1 : head + 6]
    assert block[0].startswith("  line: float64, batch")
    assert block[2].split()[:2] == ["numpy", "cpu"]
    assert max(map(len, block)) <= table.WIDTH
    assert lines[-1].endswith("index.html")
    assert text.index("implementation  device") < text.index("  ✕ line expect[0]")


def test_the_terminal_and_the_page_say_the_same(made: Path) -> None:
    """Digits, steps and time of each arm stand in the page's table too."""
    (view,) = views_of(Assessment(load(made)))
    page = " ".join(str(cell) for row in verdict.section(view).data.glance.rows for cell in row)
    shown = [line for line in table.block(view) if " cpu " in line]
    assert len(shown) == 2
    for line in shown:
        digits, steps, value = line.split()[2:5]
        assert all(f">{word}<" in page or f" {word} " in page for word in (digits, steps))
        assert f"{value}\u00a0µs" in page


def test_many_scenarios_are_counted(tmp_path: Path) -> None:
    """Twelve blocks, then how many more."""
    paths = [write_scenario(tmp_path, f"s{number:02}", run={"timing_repeats": 0}) for number in range(14)]
    views = views_of(make_run(tmp_path / "run", read_all(list(map(str, paths))), real=1))
    lines = table.blocks(views)
    assert sum(line.split()[:1] == ["implementation"] for line in lines) == table.MOST_SCENARIOS
    assert lines[-1] == "  and 2 more scenarios: in the page"


def test_the_curves_are_the_traces(made: Path, tmp_path: Path) -> None:
    """Every recorded state of every cell, to the last bit, with what its columns mean."""
    run = load(made)
    write_report(Assessment(run), tmp_path)
    frame = pd.read_parquet(tmp_path / curves.NAME)
    cell, replicate = str(frame["cell"].iloc[-1]), int(frame["replicate"].iloc[-1])
    rows, arrays = frame[frame["cell"] == cell], run.file.trace("line", cell, replicate)
    assert rows["step"].tolist() == arrays["step"].tolist()
    assert [state.tolist() for state in rows["parameters"]] == arrays["parameters"].tolist()
    assert set(frame["cell"]) == set(run.cells.loc[run.cells["status"] == "ok", "cell"])
    assert frame.attrs["run"] == "made"
    assert set(frame.attrs["columns"]) == set(frame.columns)


def test_many_traces_are_left_out_and_said(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit there is no file, an older one goes, and the page gives the command instead of the link."""
    write_report(Assessment(load(made)), tmp_path)
    monkeypatch.setattr(curves, "MOST_BYTES", 10)
    page = write_report(Assessment(load(made)), tmp_path).read_text(encoding="utf-8")
    assert not (tmp_path / curves.NAME).exists()
    assert f'href="{curves.NAME}"' not in page
    assert "harness export made --table traces" in page


def test_the_summary_is_short_and_harmless(made: Path) -> None:
    """Below 60 KB, one line an item, and no text of a scenario is obeyed."""
    text = as_markdown(Assessment(load(made)))
    assert text.startswith("# ✕ Not passed\n")
    assert "## Missed" in text
    assert "## Published numbers that are off" in text
    assert "<script" not in text
    assert len(text.encode()) < MOST_BYTES
    assert plain("a|b\n<i> `c`") == r"a\|b &lt;i\> \`c\`"


def test_the_summary_of_a_vast_run_is_cut(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole lines, as many as fit, and where the rest is."""
    monkeypatch.setattr("harness.report.summary_markdown.MOST_BYTES", 700)
    text = as_markdown(Assessment(load(made)))
    assert len(text.encode()) < 700
    assert text.endswith("The rest is in summary.json.\n")


def test_machines_are_told_when_and_with_what(made: Path) -> None:
    """What the page over all runs needs stands in summary.json."""
    content = json.loads(as_json(Assessment(load(made))))
    assert content["summary_schema"] == 1
    assert content["started"] > 0
    assert content["seconds"] >= 0
    assert content["versions"]["harness"] == importlib.metadata.version("gradient-descent-harness")
    assert "baseline" not in content


def summary(folder: Path, name: str, **values: Any) -> Path:
    """A folder with a summary, as a run leaves it."""
    path = folder / name
    path.mkdir(parents=True)
    content = {
        "run": name, "passed": True, "sentence": "All held.", "counts": {"planned": 7}, "scenarios": {"a": {}},
        "started": 1.8e9, "seconds": 61.4, "commit": "abc", "versions": {"harness": "0.1.0"}, **values,
    }  # fmt: skip
    (path / "summary.json").write_text(json.dumps(content), encoding="utf-8")
    (path / "index.html").write_text("", encoding="utf-8")
    return path


def page_of(folder: Path) -> str:
    page = write_index(folder)
    assert page is not None
    text = page.read_text(encoding="utf-8")
    html5lib.HTMLParser(strict=True).parse(text)
    return text


def test_runs_are_listed_newest_first(tmp_path: Path) -> None:
    """A row a run: link, verdict, counts, when, how long, code and version."""
    summary(tmp_path, "old", started=1.7e9)
    summary(tmp_path, "new", passed=False, sentence="1 of 2 expectations missed.", quick=True)
    text = page_of(tmp_path)
    assert text.index('href="./new/index.html"') < text.index('href="./old/index.html"')
    assert "1 of 2 runs with a verdict passed." in text
    for words in ("Not passed", "1 of 2 expectations missed.", "2027-01-15 08:00", "1 min 1 s", "abc", "quick"):
        assert words in text
    assert "The newest of them, new, did not pass." in text
    assert page_of(tmp_path) == text


def test_runs_stand_beside_their_gates(tmp_path: Path) -> None:
    """A column a gate that any of them has; gates that are not whole are left out and harm nothing."""
    whole = {
        "name": "cells",
        "title": "t",
        "found": "7 of 7, 2 skipped",
        "limit": "all",
        "status": "passed",
        "note": "",
    }
    summary(tmp_path, "good", gates=[whole, {"name": "bits"}, {**whole, "status": "<b>"}, 3, None])
    summary(tmp_path, "old")
    text = page_of(tmp_path)
    assert ">Cells</th>" in text
    assert "7 of 7</span>" in text
    assert "2 skipped" in text
    assert "Bits as before" not in text


DAMAGED: dict[str, bytes] = {
    "no json": b'{"passed": tr',
    "no object": b"[1, 2]",
    "no utf-8": b"\xff\xfe{}",
    "deep": b"[" * 100_000,
    "nothing in it": b"{}",
    "words for numbers": b'{"run": 3, "passed": "yes", "sentence": [], "counts": 4, "scenarios": null}',
    "empty": b"",
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_summary_is_told_and_harms_nothing(content: bytes, tmp_path: Path) -> None:
    """The run stands in the list without a verdict, the others as ever."""
    summary(tmp_path, "good")
    (summary(tmp_path, "bad") / "summary.json").write_bytes(content)
    text = page_of(tmp_path)
    assert "Its summary.json cannot be read" in text
    assert "1 of 1 runs with a verdict passed; 1 left no verdict." in text


def test_numbers_that_are_none_are_left_out(tmp_path: Path) -> None:
    """A time that is no time, or far beyond any calendar, is a dash."""
    for number, value in enumerate((None, "soon", 1e300, -1e17, float("nan"), True, 10**400)):
        summary(tmp_path, f"r{number}", started=value, seconds=value)
    assert len([entry for entry in entries(tmp_path) if entry.kind == "told"]) == 7
    page_of(tmp_path)


def test_other_folders_are_named_and_left_alone(tmp_path: Path) -> None:
    """A run without a summary says why; a folder without a run is no row; files and hidden folders are nothing."""
    (tmp_path / "going").mkdir()
    (tmp_path / "going" / "run.sqlite").write_bytes(b"")
    (tmp_path / "notes").mkdir()
    (tmp_path / ".secret").mkdir()
    (tmp_path / "file").write_text("")
    os.mkfifo(tmp_path / "notes" / "summary.json")
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    text = page_of(tmp_path)
    assert "still going on, was interrupted, or was made with --no-report" in text
    assert "1 folder without a run left alone: notes." in text
    assert ".secret" not in text


def test_an_empty_folder_has_a_page(tmp_path: Path) -> None:
    """It says how to make a run."""
    assert "There is no run here yet" in page_of(tmp_path)


def test_two_hundred_runs_in_full(tmp_path: Path) -> None:
    """Of 203 the newest 200, which is said; all are counted."""
    for number in range(203):
        summary(tmp_path, f"r{number:03}", started=1.8e9 + number)
    text = page_of(tmp_path)
    assert "200 of 203 runs, the newest." in text
    assert "203 of 203 runs with a verdict passed." in text
    assert 'href="./r003/index.html"' in text
    assert 'href="./r002/index.html"' not in text


def test_hostile_names_stay_names(tmp_path: Path) -> None:
    """Markup, a scheme, quotes, a lone surrogate: shown, quoted in the link, and never a script."""
    for number, name in enumerate(('<img src=x onerror="alert(1)">', "javascript:alert(1)", "a b#c?d%e&'", "x\udcff")):
        path = summary(tmp_path, f"r{number}", run=HOSTILE, sentence=HOSTILE, commit=HOSTILE)
        path.rename(tmp_path / name)
    text = page_of(tmp_path)
    assert "<img" not in text
    assert "<script>alert" not in text
    assert 'href="./javascript%3Aalert%281%29/index.html"' in text
    assert 'href="./a%20b%23c%3Fd%25e%26%27/index.html"' in text
    assert 'href="./x%FF/index.html"' in text


def test_a_page_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    """An index.html that is not ours, or a link to one, is not replaced."""
    summary(tmp_path, "good")
    (tmp_path / "index.html").write_text("<h1>My home</h1>")
    assert write_index(tmp_path) is None
    assert (tmp_path / "index.html").read_text() == "<h1>My home</h1>"
    (tmp_path / "index.html").unlink()
    (tmp_path / "index.html").symlink_to(tmp_path / "good" / "index.html")
    assert write_index(tmp_path) is None


def test_many_at_once_leave_a_whole_page(tmp_path: Path) -> None:
    """Each writes its summary, then the page: the last page holds all, and no draft is left."""

    def run(number: int) -> None:
        summary(tmp_path, f"r{number}")
        write_index(tmp_path)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "8 of 8 runs with a verdict passed." in text
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_report_is_entered_in_the_index(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`harness report` of a run in its folder writes the page over all; of a run file elsewhere, or with -o, none."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(made, tmp_path / "runs" / "made")
    assert main(["report", "runs/made", "-o", "out/pages"]) == 0
    shutil.copytree(made, tmp_path / "home" / "somebody")
    assert main(["report", "home/somebody/run.sqlite"]) == 0
    assert not (tmp_path / "out" / "index.html").exists()
    assert not (tmp_path / "home" / "index.html").exists()
    assert main(["report", "runs/made"]) == 0
    assert 'href="./made/index.html"' in (tmp_path / "runs" / "index.html").read_text(encoding="utf-8")
    assert capsys.readouterr().out == "out/pages/index.html\nhome/somebody/index.html\nruns/made/index.html\n"


def test_an_index_that_cannot_be_written_fails_nothing(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said on stderr; the run's own pages are what was asked for."""
    shutil.copytree(made, tmp_path / "made")

    def refused(_folder: Path) -> Path:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(index, "write_index", refused)
    assert main(["report", str(tmp_path / "made")]) == 0
    assert capsys.readouterr().err.endswith("index.html: cannot be written: Permission denied.\n")


def test_a_baseline_adds_a_section_and_two_gates(made: Path, tmp_path: Path) -> None:
    """Named, both pages tell what changed, the summaries too; without one they say nothing; the exit code stays 0."""
    shutil.copytree(made, tmp_path / "now" / "made")
    shutil.copytree(made, tmp_path / "then")
    with sqlite3.connect(tmp_path / "then" / "run.sqlite") as db:
        db.execute("""UPDATE meta SET value = '"<b>then"' WHERE key = 'name'""")
        db.execute("UPDATE record SET content = json_set(content, '$.digest', 'other') WHERE status = 'ok'")
    db.close()
    folder = tmp_path / "now" / "made"
    assert main(["report", str(folder), "--baseline", str(tmp_path / "then")]) == 0
    for name, anchor in (("index.html", "changed"), ("line.html", "changes")):
        text = (folder / name).read_text(encoding="utf-8")
        html5lib.HTMLParser(strict=True).parse(text)
        assert f'<section id="{anchor}"' in text
        assert "What changed since &lt;b&gt;then?" in text
        assert f'<a href="#{anchor}">The same bits as in &lt;b&gt;then</a>' in text
    content = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert [gate["name"] for gate in content["gates"]][-2:] == ["accuracy", "bits"]
    assert content["baseline"]["scenarios"]["line"]["same_bits"] == 0
    assert "## What changed since &lt;b\\>then" in (folder / "summary.md").read_text(encoding="utf-8")
    assert main(["report", str(folder)]) == 0
    assert "What changed since" not in (folder / "line.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("what", ["itself", "nothing", "a folder"])
def test_a_baseline_that_is_none_is_wrong_input(
    what: str, made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The run itself, or no run at all: one message, exit code 2."""
    baseline = {"itself": made, "nothing": tmp_path / "none", "a folder": tmp_path}[what]
    assert main(["report", str(made), "--baseline", str(baseline)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_baseline_with_nothing_in_common(made: Path, tmp_path: Path) -> None:
    """Another scenario: the section says so, and the two gates are not checked."""
    path = write_scenario(tmp_path, "other", run={"timing_repeats": 0})
    other = make_run(tmp_path / "other", read_all([str(path)]))
    found = Compared(load(made), other.run)
    write_report(found, tmp_path / "out")
    assert "nothing can be compared" in (tmp_path / "out" / "line.html").read_text(encoding="utf-8")
    assert {gate.name: gate.status for gate in found.verdict().gates}["bits"] == "not checked"


def test_the_example_comes_out_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From its run file every file of reports/example is written to the same bytes, wherever that is done."""
    if not (EXAMPLE / "run.sqlite").is_file():
        pytest.skip("there is no example here; python -m tests.test_report_around makes it")
    shutil.copytree(EXAMPLE, tmp_path / "example")
    monkeypatch.chdir(tmp_path)
    assessment = Assessment(load("example"))
    facts = dict(zip(assessment.run.environment["key"], assessment.run.environment["value"], strict=True))
    other = [name for name in PACKAGES if facts[name] != importlib.metadata.version(name)]
    if other:
        pytest.skip(f"the example was made with another {', '.join(other)}")
    write_report(assessment, tmp_path / "again")
    names = sorted(path.name for path in (tmp_path / "again").iterdir())
    assert names == sorted(path.name for path in EXAMPLE.iterdir() if path.name != "run.sqlite")
    for name in names:
        before, after = EXAMPLE / name, tmp_path / "again" / name
        if name == curves.NAME:  # its writer, pyarrow, leaves its own version in it
            pd.testing.assert_frame_equal(pd.read_parquet(before), pd.read_parquet(after))
        else:
            assert before.read_bytes() == after.read_bytes(), f"{name}: harness report reports/example writes it again"


def test_the_example_is_small_and_says_nothing_of_where_it_was_made() -> None:
    """At most 600 KB; no path of the machine that made it."""
    if not EXAMPLE.is_dir():
        pytest.skip("there is no example here")
    assert sum(path.stat().st_size for path in EXAMPLE.iterdir()) <= MOST_EXAMPLE
    for path in EXAMPLE.iterdir():
        found = [word for word in (b"/home/", b"/tmp/", str(ROOT).encode()) if word in path.read_bytes()]
        assert found == [], path.name


def make_example() -> None:
    """Run it in an empty folder, from the scenario's own file, and take its run file here."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "scenarios").mkdir()
        shutil.copy(ROOT / "scenarios" / "parabola.toml", Path(folder) / "scenarios")
        only = ("--only", "device=cpu", "--only", "dtype=float64")
        asked = ("run", "scenarios/parabola.toml", "--quick", *only, "--name", "example")
        subprocess.run([sys.executable, "-m", "harness", *asked], cwd=folder, check=True)
        file = Path(folder) / "reports" / "example" / "run.sqlite"
        db = sqlite3.connect(file, isolation_level=None)
        # Where it was made is nobody's business; the scenario's path holds from the root of the project.
        db.execute("""UPDATE meta SET value = '"."' WHERE key = 'directory'""")
        db.execute("PRAGMA page_size = 1024")  # a third less of it is empty
        db.execute("VACUUM")
        db.close()
        shutil.rmtree(EXAMPLE, ignore_errors=True)
        EXAMPLE.mkdir(parents=True)
        shutil.copy(file, EXAMPLE)
    os.chdir(ROOT)
    sys.exit(main(["report", "reports/example"]))


if __name__ == "__main__":
    make_example()
