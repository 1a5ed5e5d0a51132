"""The pages as text: structure, references, escaping, determinism, and runs of every shape."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import worker
from harness.analysis.verdict import Assessment
from harness.errors import MachineError
from harness.executors.base import Finished, Task
from harness.frames import load
from harness.plan import Cuts, make_plan
from harness.progress import Progress
from harness.record import Record
from harness.report.glance import views_of
from harness.report.page import file_name, link
from harness.report.sections import cells
from harness.report.sections.cells import PAGE_ROWS, Column, fitted, safe_json
from harness.report.sections.failures import tail
from harness.report.svg import rewrite
from harness.report.view import View
from harness.report.write import write_report
from harness.runner import Canary, Reference, carry_out
from harness.scenario.read import Scenario, read_all
from harness.store.writer import RunWriter
from tests.builders import scenario as built
from tests.builders import write_scenario
from tests.faulty import finished_run
from tests.report_checks import MOST_BYTES, MOST_ELEMENTS, MOST_PANELS, of_text

HOSTILE = "a </script><script>alert(1)</script> & <b>\"quoted\"</b> 'x' \u2028 $y_2$"
GRID: dict[str, Any] = {
    "grid__seed": [0, 1, 2, 3],
    "grid__batch_size": [8, "full"],
    "grid__learning_rate": [0.05, 5.0],
    "run": {"timed_seeds": 3, "replicates": 2, "timing_repeats": 1},
    "training__epochs": 3,
}
Change = Callable[[Task, Record], tuple[Record, bool]]


class Rehearsed:
    """
    Runs tasks in this process with the times of a fake clock.

    Args:
        change: From a task and its record to the record to store, and whether its trace is stored too.
        real: How many tasks run for real before the last one is repeated.
    """

    def __init__(self, change: Change, real: int = 10_000) -> None:
        self._change, self._real = change, real

    def run(self, tasks: Iterable[Task], jobs: int) -> Iterator[Finished]:
        del jobs
        record, trace = Record("ok"), b""
        for place, task in enumerate(tasks):
            if isinstance(task.key, (Canary, Reference)):
                yield Finished(task.key, Record("ok", step_seconds=1e-5), b"", "numpy-0.0", 1.8e9, 0.1)
                continue
            if place < self._real:
                record, trace = worker.run(dataclasses.replace(task.job, timing_repeats=0))
            seconds = 1e-5 * (1 + place % 7 / 10) if task.job.timing_repeats else None
            changed, kept = self._change(task, dataclasses.replace(record, step_seconds=seconds))
            yield Finished(task.key, changed, trace if kept else b"", "numpy-0.0", 1.8e9, 0.1)

    def describe(self) -> dict[str, str]:
        return {"isolation": "rehearsed"}

    def close(self) -> None:
        pass


def unchanged(_task: Task, record: Record) -> tuple[Record, bool]:
    return record, True


def make_run(
    folder: Path, scenarios: list[Scenario], change: Change = unchanged, real: int = 10_000, drop: int = 0
) -> Assessment:
    """A run file made in this process; `drop` processes are planned and leave no record."""
    plan = make_plan(scenarios, Cuts(), shuffle_seed=1)
    writer = RunWriter(folder)
    writer.meta({"name": folder.name, "created": 1.8e9})
    writer.plan(plan, scenarios, {})
    cut = dataclasses.replace(plan, processes=plan.processes[: len(plan.processes) - drop])
    with Progress(len(plan.processes), quiet=True) as progress:
        carry_out(cut, Rehearsed(change, real), writer, progress)
    writer.close()
    return Assessment(load(folder))


def failing(statuses: dict[int, str], reason: str) -> Change:
    """Seeds to the status their cells end with."""

    def change(task: Task, record: Record) -> tuple[Record, bool]:
        status = statuses.get(task.job.spec.seed)
        if status is None:
            return record, True
        return Record(status, reason, stderr=f"Traceback\n{HOSTILE}\n"), False

    return change


def pages_of(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.html"))}


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report over a scenario that passes, one with failures and hostile names, and a net."""
    folder = tmp_path_factory.mktemp("report")
    expect = [
        {"quantity": "weights[0]", "value": 3.0, "within": 0.5, "where": {"learning_rate": 0.05}, "source": HOSTILE},
        {"quantity": "outcome", "equals": "diverged", "where": {"learning_rate": 5.0}},
        {"quantity": "loss", "value": 1e9, "relative": 0.1, "where": {"learning_rate": 0.05}},
        {"quantity": "weights[0]", "value": 3.0, "inside": "seeds"},
    ]
    write_scenario(folder, "good", **GRID, title=HOSTILE, expect=expect)
    write_scenario(folder, "bad", **GRID, title="Fails")
    net = {"kind": "mlp", "hidden": [3], "activation": "tanh"}
    write_scenario(folder, "net", model=net, init={"weights": "default"}, grid__seed=[0, 1])
    change = failing({1: "failed", 2: "skipped", 3: "timed_out"}, f"ValueError: {HOSTILE}")

    def only_bad(task: Task, record: Record) -> tuple[Record, bool]:
        return change(task, record) if getattr(task.key, "scenario", "") == "bad" else (record, True)

    scenarios = read_all([str(folder / f"{name}.toml") for name in ("good", "bad", "net")])
    assessment = make_run(folder / "run", scenarios, only_bad)
    write_report(assessment, folder / "run")
    return folder / "run"


def test_every_page_and_file_is_written(report: Path) -> None:
    """The run's page, one page a scenario, and the files beside them."""
    names = {path.name for path in report.iterdir()}
    assert {"index.html", "good.html", "bad.html", "net.html", "cells.csv", "summary.md", "summary.json"} <= names
    assert json.loads((report / "summary.json").read_text())["passed"] is False


def test_the_same_run_gives_the_same_bytes(report: Path, tmp_path: Path) -> None:
    """Written again from the run file, every file is the same."""
    write_report(Assessment(load(report)), tmp_path / "again")
    again = sorted((tmp_path / "again").iterdir())
    assert len(again) == 8
    for path in again:
        assert path.read_bytes() == (report / path.name).read_bytes(), path.name


def test_pages_pass_the_checks(report: Path) -> None:
    """Weight, addresses, ids, captions, headings, language, strict HTML: nothing is wrong with any page."""
    for name, text in pages_of(report).items():
        assert of_text(text) == [], name
        assert 'class="skip" href="#main"' in text


def test_titles_begin_with_the_verdict(report: Path) -> None:
    """A tab says at its beginning whether the run passed."""
    titles = {name: re.findall("<title>(.*?)</title>", text)[0] for name, text in pages_of(report).items()}
    assert titles["index.html"].startswith("Not passed")
    assert titles["net.html"].startswith("Passed")


def test_links_between_pages_resolve(report: Path) -> None:
    """Every relative link is a file that lies there."""
    for text in pages_of(report).values():
        for target in re.findall(r'href="([^"#:]+)(?:#[^"]*)?"', text):
            assert (report / target).exists(), target


def test_hostile_text_stays_text(report: Path) -> None:
    """A title, a source, a reason and a stderr with markup in them are shown, not obeyed."""
    for text in pages_of(report).values():
        assert "<script>alert" not in text
        assert "<b>&quot;" not in text
    assert "&lt;script&gt;alert(1)" in pages_of(report)["bad.html"]


def test_skipped_and_diverged_cells_are_said(report: Path) -> None:
    """Skipped cells are named with their reason, diverged ones in words."""
    bad, good = pages_of(report)["bad.html"], pages_of(report)["good.html"]
    assert re.search(r"skipped</span></th><td class=\"number\">[\d,]+</td><td>seed 2</td>", bad)
    assert re.search(r"diverged</span></th><td class=\"number\">[\d,]+</td><td>learning rate 5</td>", good)


def test_a_failure_carries_its_command(report: Path) -> None:
    """The command names the run as it lies in a project and the cell, and not the path that the page was made from."""
    text = pages_of(report)["bad.html"]
    assert re.search(r"harness reproduce reports/run --cell c[0-9a-f]{12}", text)
    assert str(report) not in text


def test_a_missed_expectation_stands_beside_what_was_found(report: Path) -> None:
    """Wanted, found, source and status of an expectation are in one row; one not checked gives its reason."""
    text = pages_of(report)["good.html"]
    assert "1000000000" in text
    assert "4 seeds; it takes 50" in text
    assert "2 of 4 expectations" not in re.findall("<h2.*?</h2>", text)[0]


def test_a_net_shows_its_loss(report: Path) -> None:
    """There is no closed form for a net, which is said."""
    assert "A net has no closed form" in pages_of(report)["net.html"]


def one_scenario(folder: Path, **values: Any) -> list[Scenario]:
    return read_all([str(write_scenario(folder, **values))])


SHAPES: dict[str, tuple[dict[str, Any], Change, int]] = {
    "one cell, untimed": ({"run": {"timing_repeats": 0}}, unchanged, 0),
    "one cell, one process": ({"run": {"replicates": 1, "timing_repeats": 1}}, unchanged, 0),
    "none ok": ({"grid__seed": [0, 1]}, failing({0: "crashed", 1: "out_of_memory"}, ""), 0),
    "all skipped": ({"grid__seed": [0, 1]}, failing({0: "skipped", 1: "skipped"}, "no such device"), 0),
    "all diverged": ({"grid__learning_rate": [50.0], "training__epochs": 60}, unchanged, 0),
    "interrupted": ({"grid__seed": [0, 1]}, unchanged, 3),
    "no record at all": ({}, unchanged, 2),
    "one step": ({"training": {"steps": 1}}, unchanged, 0),
    "no intercept, many columns": (
        {
            "model": {"kind": "linear", "intercept": False},
            "init": {"weights": "zeros"},
            "data__x": {"kind": "normal", "mean": 0.0, "sd": 1.0, "columns": 9},
            "data__y": {"kind": "linear", "weights": [1.0] * 9},
        },
        unchanged,
        0,
    ),
    "absolute loss": ({"training": {"loss": "mae", "epochs": 3}}, unchanged, 0),
    "axes of every kind": (
        {"grid": {"implementation": ["numpy"], "learning_rate": [0.1], "data.samples": [10, 20],
                  "model.intercept": [True, False], "init.bias": [0.0]}, "init": {"weights": "zeros"},
         "data__y": {"kind": "linear", "weights": [3.0, -1.0]}},
        unchanged,
        0,
    ),
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_of_run_has_a_page(shape: str, tmp_path: Path) -> None:
    """No run, however little came out of it, stops the report or breaks its HTML."""
    values, change, drop = SHAPES[shape]
    assessment = make_run(tmp_path / "run", one_scenario(tmp_path, **values), change, drop=drop)
    write_report(assessment, tmp_path / "out")
    for text in pages_of(tmp_path / "out").values():
        assert of_text(text) == []
        assert not re.search(r"[>\s](nan|inf|None)[<\s]", re.sub(r"<(script|pre|td).*?</\1>", "", text, flags=re.S))


def large_run(folder: Path, cells: int) -> Path:
    """The page of a run of so many cells that all left the same trace."""
    values: dict[str, Any] = {"grid__seed": {"start": 0, "count": cells // 4}, "grid__batch_size": [8, "full"]}
    rates = [0.01, 0.05]
    scenarios = one_scenario(folder, **values, grid__learning_rate=rates, run={"timing_repeats": 0})

    def numbered(task: Task, record: Record) -> tuple[Record, bool]:
        seed = task.job.spec.seed
        return dataclasses.replace(record, loss=seed / 7, correct_digits=seed % 70 / 10), True

    assessment = make_run(folder / "run", scenarios, numbered, real=1)
    return write_report(assessment, folder / "out").with_name("line.html")


def test_a_large_run_stays_light(tmp_path: Path) -> None:
    """400 cells pass the checks, weight and elements among them, and all are in the table."""
    text = large_run(tmp_path, 400).read_text(encoding="utf-8")
    assert of_text(text) == []
    assert json.loads(re.findall(r'id="cells-data">(.*?)</script>', text)[0])["count"] == 400


SOUND = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>t</title></head><body><main>'
    '<h1 id="top">A page</h1><p><a href="#top">up</a></p></main></body></html>'
)
BROKEN = {
    "two elements have the id top": ("<p>", '<p id="top">'),
    "no element has the id top": ('id="top"', ""),
    "points outside": ("<p>", '<p><img alt="" src="https://example.org/a.png">'),
    "points outside: url": ("<title>", "<style>p{background:url(//example.org/a.png)}</style><title>"),
    "a figure lacks its title": ("<p>", '<svg role="img" viewBox="0 0 1 1"></svg><p>'),
    "a table lacks its caption": ("<p>", "<table><tbody><tr><td>1</td></tr></tbody></table><p>"),
    "has 0 headings of level 1": ("h1", "h2"),
    "a heading of level 3 follows one of level 1": ("<p>", "<h3>deep</h3><p>"),
    "does not say its language": (' lang="en"', ""),
    "is not valid": ("<p>", "<p></b>"),
    "weighs": ("</main>", f"<p>{'x' * MOST_BYTES}</p></main>"),
    "has 6,": ("</main>", f"{'<p>x</p>' * MOST_ELEMENTS}</main>"),
    "a figure weighs": (
        "<p>", f'<svg role="img" viewBox="0 0 1 1"><title>t</title><desc>{"d" * 50_000}</desc></svg><p>'
    ),
}  # fmt: skip


def test_a_sound_page_passes() -> None:
    """What the broken pages are made from has no fault."""
    assert of_text(SOUND) == []


@pytest.mark.parametrize("fault", BROKEN)
def test_the_checks_can_fail(fault: str) -> None:
    """A page broken on purpose is found faulty, and in that way alone."""
    old, new = BROKEN[fault]
    found = of_text(SOUND.replace(old, new))
    assert len(found) == 1, found
    assert found[0].startswith(fault)


def test_what_is_embedded_is_cut_to_the_budget() -> None:
    """20,000 rows of a wide grid: as many as fit, from the top, and never fewer than the page shows."""
    columns = [Column("cell", "text", tuple(f"c{row:012x}" for row in range(20_000)))]
    columns += [Column(f"axis {n}", "level", tuple(row % 40 for row in range(20_000)), tuple("ab")) for n in range(30)]
    text, kept = fitted(columns, 20_000)
    assert len(text.encode()) <= cells.MOST_BYTES
    assert PAGE_ROWS < kept < 20_000
    assert json.loads(text)["columns"][0]["values"] == list(columns[0].values[:kept])


def test_a_folder_that_cannot_be_written_is_the_machines_fault(report: Path, tmp_path: Path) -> None:
    """One sentence that names the folder, and exit code 3."""
    (tmp_path / "file").write_text("")
    with pytest.raises(MachineError, match="report cannot be written"):
        write_report(Assessment(load(report)), tmp_path / "file" / "out")


def test_names_become_links_that_work() -> None:
    """A scenario called index keeps off the run's page; odd names are quoted."""
    assert file_name("index") == "index-scenario.html"
    assert link("a b#c:d?") == "a%20b%23c%3Ad%3F.html"


def test_embedded_json_cannot_end_its_element() -> None:
    """Neither markup nor the two line ends of JavaScript get through, and the value comes back."""
    text = safe_json([HOSTILE, "\u2029"])
    assert not {"<", "\u2028", "\u2029"} & set(text)
    assert json.loads(text) == [HOSTILE, "\u2029"]


def test_only_the_end_of_stderr_is_kept() -> None:
    """A flood on stderr does not flood the page."""
    assert tail("x\n" * 10_000).count("x") == 30
    assert len(tail("y" * 100_000)) == 3_000


def test_a_figure_is_rewritten_for_the_page() -> None:
    """Colours become variables, ids get the key, styles that are about the page go."""
    source = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 10 20">'
        '<defs><style type="text/css">*{color:red}</style></defs><metadata>now</metadata>'
        '<g id="a"><path id="m1" d="M 0.123456 1" style="stroke: #10125f; font: 10px x"/></g>'
        '<use xlink:href="#m1"/><g clip-path="url(#m1)"><path d="M 1 1"/></g></svg>'
    )
    text = str(rewrite(source, "k", "<t>", "d"))
    assert 'id="k-m1"' in text
    assert 'href="#k-m1"' in text
    assert "url(#k-m1)" in text
    assert "stroke:var(--numpy)" in text
    assert 'd="M 0.1 1"' in text
    assert "&lt;t&gt;" in text
    assert not re.search("style type|metadata|now|#10125f", text)


def test_the_reference_was_timed(tmp_path: Path) -> None:
    """What the page holds fixed is a configuration with times, though another that was not timed came out better."""
    included = {"learning_rate": 0.2, "seed": 1}
    values: dict[str, Any] = {
        "grid__include": [included],
        "run": {"timed_seeds": 1, "timing_repeats": 1, "replicates": 1},
    }
    made = finished_run(tmp_path / "run", built(**values))
    digits = made.cells.set_index("learning_rate")["correct_digits"]
    assert digits[0.2] > digits[0.05]
    assert View(Assessment(made), made.file.scenarios[0]).reference["learning_rate"] == 0.05


def test_a_page_has_no_more_panels_than_are_read(tmp_path: Path) -> None:
    """Fourteen rates, seven parameters, two dtypes, two implementations: 30 panels, the best rate among them."""
    columns = {"kind": "normal", "mean": 0.0, "sd": 1.0, "columns": 6}
    values: dict[str, Any] = {
        "data__x": columns, "data__y": {"kind": "linear", "weights": [1.0] * 6, "bias": 0.5},
        "grid__implementation": ["numpy", "autograd"], "grid__dtype": ["float32", "float64"],
        "grid__batch_size": [8, "full"], "grid__learning_rate": [round(0.01 * n, 2) for n in range(1, 15)],
        "run": {"timed_seeds": 1, "replicates": 1, "timing_repeats": 1}, "training__epochs": 2,
    }  # fmt: skip
    assessment = make_run(tmp_path / "run", one_scenario(tmp_path, **values))
    text = write_report(assessment, tmp_path / "out").with_name("line.html").read_text(encoding="utf-8")
    assert of_text(text) == []
    assert text.count('<svg class="figure"') == MOST_PANELS
    (view,) = views_of(assessment)
    assert f">learning rate {view.reference['learning_rate']:g}<" in text
    assert re.search(r"\d+ of 14 learning rates\.", text)
