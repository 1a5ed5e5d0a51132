"""The dictionary of exported tables: whole, in one vocabulary, and what the page says."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import html5lib
import pytest

from harness import dictionary
from harness.analysis.verdict import Assessment
from harness.cli.main import main
from harness.cli.parser import parser
from harness.frames import Run
from harness.record import RECORD_FIELDS
from harness.report.write import write_report
from tests.builders import scenario
from tests.faulty import finished_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A timed run with a dotted axis whose key has an underscore."""
    axes: dict[str, Any] = {**scenario().document.grid.model_dump(exclude={"exclude"}), "training.epochs": [2, 3]}
    return finished_run(
        tmp_path_factory.mktemp("dictionary") / "run", scenario(grid=axes, training={"loss": "mse", "epochs": 2})
    )


@pytest.mark.parametrize("table", dictionary.TABLES)
def test_every_column_is_explained_and_nothing_else(run: Run, table: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A table's columns are the dictionary's, in its order; axes of any key share one entry; csv adds the stamp."""
    columns = [str(name) for name in run.table(table).columns]
    dotted = [name for name in columns if "." in name]
    assert dotted == (["training.epochs"] if table in ("cells", "reference") else [])
    assert [name for name in columns if name not in dotted] == list(dictionary.names(table))
    assert [column.name for column in dictionary.TABLES[table]][-1:] == (
        [dictionary.DOTTED] if dotted else columns[-1:]
    )
    assert main(["export", str(run.file.folder), "--table", table]) == 0
    header = next(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert header == [*columns, *(column.name for column in dictionary.STAMP)]


def test_everything_in_a_record_is_a_column() -> None:
    """What a cell leaves behind is in the table of cells, its raw timings and its theory in tables of their own."""
    assert set(RECORD_FIELDS) - {"timings", "theory"} <= set(dictionary.names("cells"))


def test_the_command_offers_the_tables_of_the_dictionary() -> None:
    """`harness export --table` takes every table that is explained, and no other."""
    for table in dictionary.TABLES:
        assert parser().parse_args(["export", "latest", "--table", table]).table == table
    with pytest.raises(SystemExit):
        parser().parse_args(["export", "latest", "--table", "plan"])


@pytest.mark.parametrize("table", dictionary.TABLES)
def test_units_and_types_are_of_one_vocabulary(table: str) -> None:
    """Names end in their unit where they have one; words and ids have none; each column is there once."""
    columns = [*dictionary.TABLES[table], *dictionary.STAMP]
    assert len({column.name for column in columns}) == len(columns)
    for column in columns:
        assert column.type in dictionary.TYPES
        assert column.unit in ("s", "bytes", "digits", "1", "")
        assert (column.unit == "") == (column.type == "text" or column.name == dictionary.DOTTED)
        assert column.unit == "s" or not column.name.endswith("seconds")
        assert (column.unit == "bytes") == column.name.endswith("_bytes")
        assert column.meaning
        assert not column.meaning.endswith(".")


def test_a_column_that_is_not_there_has_no_meaning() -> None:
    """Only cells have axes of any key; a slip of the pen is told."""
    assert dictionary.column("cells", "data.samples").meaning.startswith("an axis")
    for table, name in (("traces", "data.samples"), ("cells", "los")):
        with pytest.raises(KeyError, match="no column"):
            dictionary.column(table, name)


def test_columns_are_printed_without_a_run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """`harness export --columns` is csv, of all tables or one, on stdout or in a file."""
    assert main(["export", "--columns"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["column"] for row in rows if row["table"] == "timings"][:4] == ["scenario", "cell", "replicate", "kind"]
    assert {row["table"] for row in rows} == set(dictionary.TABLES)
    (peak,) = [row for row in rows if row["column"] == "peak_bytes"]
    assert (peak["type"], peak["unit"]) == ("integer", "bytes")
    assert main(["export", "--columns", "--table", "canary", "-o", str(tmp_path / "columns.csv")]) == 0
    assert (tmp_path / "columns.csv").read_text(encoding="utf-8").count("\ncanary,") == 13


@pytest.mark.parametrize("options", [["latest"], ["--format", "json"]], ids=["a run", "another format"])
def test_columns_take_no_run(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """What --columns would ignore is refused in one line."""
    assert main(["export", "--columns", *options]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)


def test_columns_are_light() -> None:
    """The dictionary is printed without NumPy, pandas or pyarrow."""
    code = (
        "import sys\nfrom harness.cli.main import main\nmain(['export', '--columns'])\n"
        "print(sorted({'numpy', 'pandas', 'pyarrow', 'pydantic'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


def test_the_page_explains_its_columns(run: Run, tmp_path: Path) -> None:
    """Below the table of cells a folded table has each of its heads, with the dictionary's words and the unit shown."""
    write_report(Assessment(run), tmp_path)
    page = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(
        (tmp_path / "line.html").read_text(encoding="utf-8")
    )
    section = page.find(".//section[@id='cells']")
    heads = ["".join(head.itertext()) for head in section.findall(".//table[@id='cells-table']/thead/tr/th")]
    rows = [["".join(cell.itertext()) for cell in row] for row in section.findall(".//details//table/tbody/tr")]
    assert [row[0] for row in rows] == heads
    told = {row[0]: row[1:] for row in rows}
    assert told["loss"] == ["none", f"{dictionary.column('cells', 'loss').meaning}."]
    assert told["step, µs"] == ["µs", f"{dictionary.column('cells', 'step_seconds').meaning}."]
    assert told["training.epochs"][1].startswith("an axis")
