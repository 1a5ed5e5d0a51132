"""
The pages in docs/: what they show is valid, and the reference is the schema's.

`python -m tests.test_docs` writes the reference into docs/scenario.md again.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.cli.main import main
from harness.cli.parser import parser
from harness.scenario import data, expect, gates, grid, model, run, training
from harness.scenario.base import Range, Table
from harness.scenario.read import parse
from harness.scenario.scenario import Document
from harness.schema.described import descriptions
from harness.schema.meanings import OUTCOMES, QUANTITIES, STATUSES
from harness.schema.reference import reference
from tests.builders import toml

DOCS = Path(__file__).parent.parent / "docs"
SCENARIO = DOCS / "scenario.md"
PAGES = sorted(DOCS.glob("*.md"))
_BEGIN, _END = "<!-- reference: begin -->\n", "<!-- reference: end -->\n"
FILES = {
    "houses.csv": b"size,rooms,price\n10,1,100\n20,2,210\n30,2,290\n40,3,410\n50,4,500\n",
    "data/points.csv": b"size,price,a\n" + b"".join(b"%d,%d,%d\n" % (n, 3 * n, n * n) for n in range(80)),
    "semicolons.csv": b"size;price\n1;2\n2;3\n3;5\n",
    "printed.csv": b"epoch,printed\n1,0.8123\n2,0.4071\n",
    "data/printed.csv": b"epoch,printed,loss\n0,1.0,1.0\n1,0.5,0.5\n",
    "order.csv": b"\n".join(b",".join(b"%d" % n for n in range(100)) for _ in range(200)),
}

# What the fragments of the page and the examples of the keys are put into.
BASE: dict[str, Any] = {
    "schema": 1,
    "data": {
        "samples": 100,
        "x": {"kind": "linspace", "start": -1.0, "stop": 1.0},
        "y": {"kind": "polynomial", "coefficients": [2.0, 0.0, 3.0]},
    },
    "training": {"loss": "half_sse", "epochs": 200},
    "grid": {"dtype": ["float64", "float32"], "learning_rate": [0.001]},
}


def with_reference(page: str) -> str:
    """The page with the reference as it is today."""
    before, after = page.partition(_BEGIN)[0], page.partition(_END)[2]
    return f"{before}{_BEGIN}\n{reference()}\n{_END}{after}"


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a page."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def must_be_valid(content: dict[str, Any]) -> None:
    parse(toml(content), Path("scenario.toml"), {}, FILES)


def test_reference_is_up_to_date() -> None:
    """The reference in docs/scenario.md is what `harness schema --format markdown` prints."""
    page = SCENARIO.read_text(encoding="utf-8")
    assert page == with_reference(page), "write it again with: python -m tests.test_docs"


@pytest.mark.parametrize("block", blocks(SCENARIO, "toml"))
def test_toml_blocks_are_valid(block: str) -> None:
    """Every TOML block of docs/scenario.md, its tables put into a small scenario, is valid."""
    must_be_valid({**BASE, **tomllib.loads(block)})


def test_the_tutorials_parts_make_its_scenario(tmp_path: Path) -> None:
    """The first block for each table, one after the other, is a scenario whose expectations hold."""
    parts: dict[str, str] = {}
    for block in blocks(SCENARIO, "toml"):
        parts.setdefault(next(iter(tomllib.loads(block)), ""), block)
    path = tmp_path / "parabola.toml"
    path.write_text("\n".join(parts[key] for key in parts if key not in ("", "gates")), encoding="utf-8")
    only = ["--only", "implementation=numpy", "--set", "run.timing_repeats=0"]
    assert main(["run", str(path), *only, "--executor", "inline", "--out", str(tmp_path), "--no-report"]) == 0


def tables() -> list[type[Table]]:
    """Every table of a scenario file."""
    return [
        table
        for module in (data, model, training, grid, run, gates, expect)
        for table in vars(module).values()
        if isinstance(table, type) and issubclass(table, Table) and table not in (Table, Range, data.Source)
    ] + [Document]


@pytest.mark.parametrize("table", list(dict.fromkeys(tables())), ids=lambda table: table.__name__)
def test_every_key_is_described(table: type[Table]) -> None:
    """Each key of each table has a phrase; those that are no tables of the file, nor a kind, have an example."""
    said = descriptions(table)
    for name, field in table.model_fields.items():
        if name == "kind" and table is not model.Linear:
            continue
        assert name in said, name
        assert said[name].words.endswith((".", "…")), name
        assert said[name].example or (table is Document and name in _TABLES), name
        if said[name].example:
            assert said[name].example.startswith(f"{field.alias or name} = ")


_TABLES = ("data", "model", "init", "training", "grid", "run", "target", "expect")
# Where a table stands in a file.
PLACES: dict[type[Table], str] = {
    data.NormalColumns: "data.x", data.UniformColumns: "data.x", data.Linspace: "data.x", data.Arange: "data.x",
    data.LinearTarget: "data.y", data.PolynomialTarget: "data.y", data.WaveTarget: "data.y",
    data.NormalNoise: "data.noise", data.UniformNoise: "data.noise", data.Validation: "data.validation",
    data.Generated: "data", data.FromCsv: "data",
    data.Csv: "data.csv", data.Given: "data.inline", data.Inline: "data", model.Linear: "model", model.Mlp: "model",
    model.NormalStart: "init.weights", model.UniformStart: "init.weights", model.Init: "init",
    training.HuberLoss: "training.loss", training.Sgd: "training.optimizer", training.Rmsprop: "training.optimizer",
    training.Adagrad: "training.optimizer", training.Adam: "training.optimizer", training.Inverse: "training.schedule",
    training.OrderFile: "training.order", training.Training: "training", run.Run: "run", run.Target: "target",
    grid.SeedRange: "grid.seed", grid.Grid: "grid", grid.Exclude: "grid.exclude", grid.Include: "grid.include",
    gates.Limit: "gates", expect.AtEpoch: "expect.at", expect.AtStep: "expect.at",
    expect.Expect: "expect", Document: "",
}  # fmt: skip
# Keys that their table needs beside the one shown.
NEEDED: dict[type[Table], dict[str, Any]] = {
    data.NormalColumns: {"kind": "normal", "mean": 0.0, "sd": 1.0},
    data.UniformColumns: {"kind": "uniform", "low": 0.0, "high": 1.0},
    data.Linspace: {"kind": "linspace", "start": 0.0, "stop": 1.0},
    data.Arange: {"kind": "arange", "start": 0.0, "step": 1.0},
    data.LinearTarget: {"kind": "linear", "weights": [1.0, 2.0, 3.0, 4.0]},
    data.PolynomialTarget: {"kind": "polynomial"},
    data.WaveTarget: {"kind": "sin"},
    data.NormalNoise: {"kind": "normal", "mean": 0.0, "sd": 1.0},
    data.UniformNoise: {"kind": "uniform", "low": 0.0, "high": 1.0},
    data.Csv: {"path": "data/points.csv", "x": ["size"], "y": "price"},
    data.Given: {"x": [[1.0], [2.0], [4.0]], "y": [1.0, 2.0, 3.0]},
    model.Mlp: {"kind": "mlp", "hidden": [3]},
    model.NormalStart: {"kind": "normal", "mean": 0.0, "sd": 1.0},
    model.UniformStart: {"kind": "uniform", "low": 0.0, "high": 1.0},
    training.HuberLoss: {"kind": "huber"},
    training.Sgd: {"kind": "sgd", "momentum": 0.5},
    training.Rmsprop: {"kind": "rmsprop"},
    training.Adagrad: {"kind": "adagrad"},
    training.Adam: {"kind": "adam"},
    training.Inverse: {"kind": "inverse", "t0": 1.0, "t1": 1.0},
    grid.SeedRange: {"count": 3},
    grid.Exclude: {"implementation": "optim", "why": "x"},
    expect.Expect: {"quantity": "loss", "value": 1.0},
}
# Where the key shown needs others, or takes the place of some.
WITH: dict[tuple[type[Table], str], dict[str, Any]] = {
    (data.Validation, "pick"): {"rows": 5},
    (data.Csv, "header"): {"x": [0], "y": 1, "path": "order.csv"},
    (data.Csv, "skip_rows"): {"x": [0], "y": 1, "header": False},
    (data.Csv, "delimiter"): {"path": "semicolons.csv"},
    (gates.Limit, "equals"): {"quantity": "status"},
    (gates.Limit, "not_equals"): {"quantity": "outcome"},
    (gates.Limit, "x"): {"quantity": "prediction", "at_least": -1e9},
    (gates.Limit, "reduce"): {"quantity": "epoch_loss", "at_least": 0.0, "at": {"epoch": 1}},
}


def examples() -> Iterator[Any]:
    for table in PLACES:
        for name, said in descriptions(table).items():
            if said.example:
                yield pytest.param(table, name, id=f"{PLACES[table] or 'top'}-{table.__name__}-{name}")


@pytest.mark.parametrize(("table", "name"), list(examples()))
def test_every_example_is_valid(table: type[Table], name: str) -> None:
    """The example of each key, in its place in a small scenario, is valid."""
    ((key, value),) = tomllib.loads(descriptions(table)[name].example).items()
    must_be_valid(around(table, name, {**NEEDED.get(table, {}), **WITH.get((table, name), {}), key: value}))


def around(table: type[Table], name: str, content: dict[str, Any]) -> dict[str, Any]:
    """A scenario in which this table stands where it belongs."""
    if table is Document:
        return {**BASE, **content}
    root, _, inner = PLACES[table].partition(".")
    base = dict(BASE.get(root, {})) if root not in ("expect", "gates") else {}
    if table is training.Training and name == "steps":
        del base["epochs"]
    if table in (data.Csv, data.Given) or name in ("csv", "inline"):
        base = {}
    if table in (data.NormalColumns, data.UniformColumns):
        base["y"] = "sin"
    if table is data.LinearTarget:
        base["x"] = {"kind": "normal", "mean": 0.0, "sd": 1.0, "columns": 4}
    if table is expect.Expect:
        return {**BASE, **_expecting(name, content)}
    if table is gates.Limit:
        limit = {"at_least": -1e9, **content} if name in ("where", "at") else content
        return {**BASE, "gates": {limit.pop("quantity", "loss"): limit}}
    if table in (expect.AtEpoch, expect.AtStep):
        return {**BASE, "expect": [{"quantity": "loss", "at_least": -1e9, "at": content}]}
    if table in (grid.Exclude, grid.Include):
        return {**BASE, "grid": {**base, inner: [content]}}
    return {**BASE, root: {**base, **({inner: content} if inner else content)}}


_RULES = ("relative", "digits", "inside", "sd", "within")
_BOUNDS = ("at_least", "at_most", "equals", "not_equals")


def _expecting(name: str, content: dict[str, Any]) -> dict[str, Any]:
    """An expectation with this key, and what the key needs."""
    grid_ = {**BASE["grid"], "seed": [0, 1, 2]}
    if name not in _RULES:
        content["within"] = 1.0
    if name in _BOUNDS:
        del content["value"], content["within"]
    if name in ("equals", "not_equals"):
        content["quantity"] = "outcome"
    if name in ("table", "column"):
        del content["value"]
        content |= {"table": "data/printed.csv"}
    if name == "x":
        content |= {"quantity": "prediction"}
        two_columns = {"samples": 9, "x": {"kind": "normal", "mean": 0.0, "sd": 1.0, "columns": 2}, "y": "sin"}
        return {"grid": grid_, "expect": [content], "data": two_columns}
    if name == "reduce":
        content |= {"quantity": "epoch_loss", "at": {"epoch": 1}}
    if name == "space":
        content |= {"quantity": "bias"}
    if name == "least_seeds":
        content |= {"inside": "seeds"}
        del content["within"]
    return {"grid": grid_, "expect": [content]}


def test_every_quantity_and_word_has_its_meaning() -> None:
    """The reference explains each quantity, outcome and status that an expectation may name."""
    assert set(QUANTITIES) == {*expect.NUMBERS, *expect.CONSTANTS}
    assert tuple(OUTCOMES) == expect.VOCABULARY["outcome"]
    assert tuple(STATUSES) == expect.VOCABULARY["status"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_in_the_pages_exist(page: Path) -> None:
    """Every `harness …` line of a console block is a command line that the parser takes."""
    lines = [line for block in blocks(page, "console") for line in block.splitlines() if line.startswith("$ harness")]
    for line in lines:
        arguments = line.partition("#")[0].split()[2:]
        assert parser().parse_args(arguments).command == arguments[0]
    assert lines


def test_what_check_is_shown_to_say(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The messages of `harness check` on the page are those it gives."""
    (shown,) = [block for block in blocks(SCENARIO, "console") if "unknown key" in block]
    path = tmp_path / "my.toml"
    wrong = {**BASE, "training": {**BASE["training"], "losss": "mse"}, "grid": {**BASE["grid"], "dtype": ["float16"]}}
    path.write_text(toml(wrong), encoding="utf-8")
    assert main(["check", str(path)]) == 2
    assert capsys.readouterr().err.replace(str(path), "my.toml") == shown.partition("\n")[2]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """A link inside docs/ names a page, and a heading that it has."""
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        name, _, heading = target.partition("#")
        file = DOCS / name if name else page
        assert file.exists(), target
        text = file.read_text(encoding="utf-8") if file.is_file() else ""
        titles = re.findall(r"^#+ (.*)$", text.lower(), re.MULTILINE)
        headings = {re.sub(r"[^a-z0-9 -]", "", title).replace(" ", "-") for title in titles}
        assert not heading or heading in headings, target


def test_the_pages_implementation_passes_the_checks(tmp_path: Path) -> None:
    """The two files of docs/implementation.md, as they stand, pass every check that is shipped."""
    for block in blocks(DOCS / "implementation.md", "python"):
        first, _, _ = block.partition("\n")
        (tmp_path / first.removeprefix("# ")).write_text(block, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_mine.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
    assert re.search(r"^[0-9]+ passed in", done.stdout, re.MULTILINE), done.stdout + done.stderr


if __name__ == "__main__":
    SCENARIO.write_text(with_reference(SCENARIO.read_text(encoding="utf-8")), encoding="utf-8")
