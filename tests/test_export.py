"""`harness export` beyond csv: parquet, JSON, JUnit and pytest-benchmark, of runs of every shape."""

from __future__ import annotations

import dataclasses
import io
import json
import math
import statistics
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, cast
from xml.etree import ElementTree as ET

import pandas as pd
import pyarrow.parquet as pq
import pytest
from pytest_benchmark.stats import Stats

import harness
from harness import dictionary
from harness.analysis.verdict import Assessment
from harness.cli.main import main
from harness.executors.base import Executor, Finished, Task
from harness.executors.inline import InlineExecutor
from harness.export import statistics as ours
from harness.frames import Run, as_text, load
from harness.frames.text import spelled, strict
from harness.plan import Cuts, make_plan
from harness.progress import Progress
from harness.record import BAD_STATUSES, Record
from harness.report.write import write_report
from harness.runner import Canary, Reference, carry_out
from harness.scenario.read import Scenario
from harness.store.writer import RunWriter
from tests.builders import scenario
from tests.faulty import finished_run

# What a terminal program may write: a bar's returns, a colour, NUL, what no encoding has, what is in no plane 0.
NOISE = '10%\r20%\r\n\x1b[31mred\0 \udc80 \ufffe 😀 ]]> <b> & "x"\n'
FORMATS = ("csv", "parquet", "json", "junit", "pytest-benchmark")
# Read as numbers, one has lost its zeros and the other is infinite.
NUMBER_LIKE = ("001234567890", "12e456789012")
GRID: dict[str, Any] = {
    "grid__device": ["cpu", "cuda"],
    "grid__batch_size": [8, "full"],
    "grid__seed": [0, 1, 2],
    "run": {"timed_seeds": 2, "replicates": 2, "timing_repeats": 1},
    "training__epochs": 3,
}


class Changed(InlineExecutor):
    """
    Runs cells here and changes what some leave behind.

    Args:
        change: From the number of an ok record to the one to store instead, or None.
    """

    def __init__(self, change: Callable[[int], Record | None]) -> None:
        super().__init__()
        self.change, self.number = change, 0

    def run(self, tasks: Iterable[Task], jobs: int) -> Iterator[Finished]:
        for finished in super().run(tasks, jobs):
            if finished.record.status == "ok" and not isinstance(finished.key, (Canary, Reference)):
                record = self.change(self.number)
                self.number += 1
                if record is not None:
                    yield Finished(finished.key, record, b"", "numpy-0.0", 1.0, 2.0)
                    continue
            yield finished


def each_bad_status(number: int) -> Record | None:
    if number >= len(BAD_STATUSES):
        return None
    return Record(BAD_STATUSES[number], f"a reason: {NOISE}", stdout=NOISE, stderr=f"Traceback\n{NOISE}")


def named(name: str, **values: Any) -> Scenario:
    return dataclasses.replace(scenario(**values), name=name, path=f"{name}.toml")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Every status, outputs that no text format likes, timed and untimed cells, names that look like numbers."""
    expect = [
        {"quantity": "weights[0]", "value": 3.0, "within": 100.0},
        {"quantity": "loss", "value": 1e9, "relative": 0.1},
        {"quantity": "status", "equals": "ok"},
        {"quantity": "loss", "value": 1.0, "digits": 1, "where": {"device": "cuda"}},
    ]
    scenarios = (
        named(NUMBER_LIKE[0], **GRID, expect=expect[:2] + expect[3:]),
        named(NUMBER_LIKE[1], training__epochs=2),
    )
    return finished_run(tmp_path_factory.mktemp("export") / "run", *scenarios, executor=Changed(each_bad_status))


@pytest.fixture(scope="module")
def diverged(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Infinite and missing numbers; a line, one without intercept, a net; dotted axes."""
    grid = {**scenario().document.grid.model_dump(exclude={"exclude"}), "learning_rate": [50.0]}
    wild = {"training": {"loss": "mse", "epochs": 100}, "run": {"timing_repeats": 0}}
    several = {"data.samples": [30, 40], "model.powers": [[1]], "training.epochs": [100]}
    scenarios = (
        named("line", grid={**grid, **several}, **wild),
        named("origin", grid=grid, model__intercept=False, init={}, **wild),
        named("net", model={"kind": "mlp", "hidden": [3]}, run={"timing_repeats": 0}),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return finished_run(tmp_path_factory.mktemp("diverged") / "run", *scenarios)


def exported(run: Run, *options: str) -> bytes:
    """What the command writes to a file."""
    path = run.file.folder / "exported"
    assert main(["export", str(run.file.folder), *options, "-o", str(path)]) == 0
    return path.read_bytes()


def as_json(run: Run, *options: str) -> Any:
    """JSON, which must be strict."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    text = exported(run, *options).decode("ascii")
    return json.loads(text, parse_constant=refuse)


def as_xml(run: Run) -> ET.Element:
    return ET.fromstring(exported(run, "--format", "junit").decode("ascii"))


def number(value: Any) -> float:
    return math.nan if value is None else float(value)


def same_numbers(found: Iterable[Any], frame: pd.Series[Any]) -> bool:
    """Equal to the last bit, none and nan being one."""
    pairs = zip(found, frame.astype("float64"), strict=True)
    return all(number(one) == other or (math.isnan(number(one)) and math.isnan(other)) for one, other in pairs)


@pytest.mark.parametrize("which", ["run", "diverged"])
@pytest.mark.parametrize("table", dictionary.TABLES)
def test_json_has_every_value(which: str, table: str, request: pytest.FixtureRequest) -> None:
    """JSON read again is the frame: numbers to the last bit, inf as a word, lists as lists, words as words."""
    run: Run = request.getfixturevalue(which)
    content, frame = as_json(run, "--format", "json", "--table", table), run.table(table)
    assert list(content["columns"]) == list(frame.columns)
    assert all(list(row) == list(frame.columns) for row in content["rows"])
    for name in map(str, frame.columns):
        found = [row[name] for row in content["rows"]]
        kind = content["columns"][name]["type"]
        if kind in ("integer", "number"):
            assert same_numbers(found, frame[name]), name
            assert all(type(item) is int for item in found if item is not None) or kind == "number"
        elif kind == "text":
            assert found == [None if pd.isna(item) else spelled(item) for item in frame[name]], name
        else:
            wanted = [strict(item) for item in frame[name].tolist()]
            assert found == wanted, name


@pytest.mark.parametrize("which", ["run", "diverged"])
@pytest.mark.parametrize("table", dictionary.TABLES)
def test_parquet_has_every_value(which: str, table: str, request: pytest.FixtureRequest) -> None:
    """Parquet read by pandas is the frame: whole numbers whole, lists as the JSON of csv, words as words."""
    run: Run = request.getfixturevalue(which)
    read = pd.read_parquet(io.BytesIO(exported(run, "--format", "parquet", "--table", table)))
    frame, text = run.table(table), as_text(run.table(table))
    assert list(read.columns) == list(frame.columns)
    for name in map(str, frame.columns):
        column = dictionary.column(table, name)
        if column.type in ("integer", "number"):
            assert str(read[name].dtype) == ("Int64" if column.type == "integer" else "float64"), name
            assert same_numbers([None if pd.isna(item) else item for item in read[name]], frame[name]), name
        elif column.type in ("text", "json"):
            assert str(read[name].dtype) == "str"
            wanted = frame[name] if column.type == "text" else text[name]
            found = [None if pd.isna(item) else item for item in read[name]]
            assert found == [None if pd.isna(item) else spelled(item) for item in wanted], name


def test_infinite_numbers_survive(diverged: Run) -> None:
    """inf is inf again in JSON, parquet and csv; in lists nan is told from nothing."""
    content = as_json(diverged, "--format", "json", "--table", "traces")
    losses = [row["loss"] for row in content["rows"]]
    assert losses.count("inf") == sum(math.isinf(item) for item in diverged.traces["loss"]) > 0
    weights = [item for row in content["rows"] for item in row["weights"]]
    assert "nan" in weights
    biases = [row["bias"] for row in content["rows"] if row["scenario"] != "net"]
    assert {"nan", None} <= set(biases)
    assert {row["scenario"] for row in content["rows"] if row["bias"] is None} == {"origin"}
    read = pd.read_parquet(io.BytesIO(exported(diverged, "--format", "parquet", "--table", "traces")))
    assert (read["loss"] == math.inf).sum() == losses.count("inf")


def test_names_that_look_like_numbers_stay_words(run: Run) -> None:
    """A scenario called 12e456789012 and every id are strings in JSON and parquet, whoever reads them."""
    rows = as_json(run, "--format", "json")["rows"]
    assert {row["scenario"] for row in rows} == set(NUMBER_LIKE)
    read = pd.read_parquet(io.BytesIO(exported(run, "--format", "parquet")))
    assert set(read["scenario"]) == set(NUMBER_LIKE)
    assert read["cell"].tolist() == [row["cell"] for row in rows] == run.cells["cell"].tolist()


def test_dotted_axes_have_a_type_of_their_own(diverged: Run) -> None:
    """An axis of any key is a number where it is one, null for scenarios without it, else JSON text."""
    read = pq.read_table(io.BytesIO(exported(diverged, "--format", "parquet")))
    assert str(read.schema.field("data.samples").type) == "int64"
    assert read.column("data.samples").to_pylist() == [30, 40, None, None]
    assert read.column("model.powers").to_pylist() == ["[1]", "[1]", None, None]
    rows = as_json(diverged, "--format", "json")["rows"]
    assert [row["model.powers"] for row in rows] == [[1], [1], None, None]


def test_parquet_says_what_it_holds(run: Run) -> None:
    """Each column has its unit and meaning, the file the run and the versions that made it."""
    schema = pq.read_schema(io.BytesIO(exported(run, "--format", "parquet")))
    assert schema.field("peak_bytes").metadata[b"unit"] == b"bytes"
    assert schema.field("loss").metadata[b"meaning"].decode() == dictionary.column("cells", "loss").meaning
    assert str(schema.field("batch_size").type) == "string"
    assert_head(json.loads(schema.metadata[b"harness"]), run)


def assert_head(head: dict[str, Any], run: Run) -> None:
    assert head["run"]["name"] == run.file.name
    assert head["versions"]["harness"] == harness.__version__
    assert head["versions"]["run_schema"] == "3"
    assert {"harness", "python", "numpy", "torch", "pandas", "run_schema"} <= set(head["versions"])


def test_json_says_what_it_holds(run: Run) -> None:
    """Schema number, versions, run, and type, unit and meaning of each column stand before the rows."""
    content = as_json(run, "--format", "json", "--table", "timings")
    assert list(content) == ["schema", "table", "versions", "run", "columns", "rows"]
    assert content["schema"] == 1
    assert_head(content, run)
    assert content["columns"]["seconds"]["unit"] == "s"


def test_csv_ends_in_run_and_versions(run: Run) -> None:
    """pandas reads csv with its defaults; the last columns say which run and versions every row is of."""
    for table in dictionary.TABLES:
        read = pd.read_csv(io.BytesIO(exported(run, "--table", table)))
        assert len(read) == len(run.table(table))
        assert list(read.columns[-3:]) == ["run", "harness_version", "run_schema"]
        assert set(read["run"]) == {run.file.name}
        assert set(read["harness_version"]) == {harness.__version__}


def test_the_page_has_the_same_csv(run: Run, tmp_path: Path) -> None:
    """cells.csv beside the page is the export, a lone surrogate among the outputs or not."""
    write_report(Assessment(run), tmp_path)
    assert (tmp_path / "cells.csv").read_bytes() == exported(run)


def test_outputs_are_spelled(run: Run) -> None:
    """A lone surrogate is written out in every format; the rest of the outputs is as it was, returns in csv aside."""
    plain = NOISE.replace("\udc80", "\\udc80")
    row = next(row for row in as_json(run, "--format", "json")["rows"] if row["status"] == "failed")
    assert row["stdout"] == plain
    read = pd.read_parquet(io.BytesIO(exported(run, "--format", "parquet")))
    assert read.loc[read["status"] == "failed", "stdout"].tolist() == [plain]
    assert plain.replace("\r\n", "\n").replace("\r", "\n").replace('"', '""').encode() in exported(run)


def test_frames_hold_lone_surrogates(run: Run) -> None:
    """The frame has what the cell wrote, though strings in pyarrow's memory could not."""
    assert NOISE in set(run.cells["stdout"])


# As junit-10.xsd of Jenkins and JUnit.xsd of Ant have them.
_SUITE = ["name", "tests", "failures", "errors", "skipped", "time", "timestamp", "hostname"]
_ENDS = ("skipped", "error", "failure")


def assert_junit(top: ET.Element) -> None:
    """The rules of the common schemas: elements, their order, attributes, and counts that add up."""
    assert top.tag == "testsuites"
    assert {suite.tag for suite in top} == {"testsuite"}
    for suite in top:
        assert list(suite.attrib) == _SUITE
        assert [child.tag for child in suite] == ["properties"] + ["testcase"] * int(suite.get("tests", ""))
        pd.to_datetime(suite.attrib["timestamp"], format="%Y-%m-%dT%H:%M:%S")
        for word, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(suite.get(word, "")) == len(suite.findall(f"testcase/{tag}"))
        cases = suite.findall("testcase")
        assert len({(case.get("classname"), case.get("name")) for case in cases}) == len(cases)
        for case in cases:
            assert set(case.attrib) == {"classname", "name", "time"}
            assert float(case.get("time", "")) >= 0
            tags = [child.tag for child in case]
            ends = [tag for tag in tags if tag in _ENDS]
            assert len(ends) <= 1
            assert tags == [*ends, *(tag for tag in ("system-out", "system-err") if tag in tags)]
            assert all(set(end.attrib) == {"type", "message"} for end in case if end.tag in _ENDS)
    for word in ("tests", "failures", "errors", "skipped"):
        assert int(top.get(word, "")) == sum(int(suite.get(word, "")) for suite in top)


def test_junit_is_junit(run: Run) -> None:
    """A suite a scenario with a case a process, then expectations and gates, by the common schemas."""
    top = as_xml(run)
    assert_junit(top)
    assert [suite.get("name") for suite in top] == [*NUMBER_LIKE, "expectations", "gates"]
    processes = sum(len(suite.findall("testcase")) for suite in top.findall("testsuite")[:2])
    assert processes == len(run.plan) == len(run.cells)
    properties = {item.get("name"): item.get("value") for item in top.findall("testsuite/properties/property")}
    assert properties["run"] == run.file.name
    assert {"harness", "python", "numpy", "torch", "run schema"} <= set(properties)


def test_junit_fails_what_fails_the_run(run: Run) -> None:
    """Failed, crashed, timed-out and out-of-memory processes fail, missed expectations and gates too; skips skip."""
    top = as_xml(run)
    by_type = [item.attrib["type"] for item in top.findall("testsuite/testcase/failure")]
    assert sorted(by_type) == sorted([*BAD_STATUSES, "missed", "missed", "cells", "expectations"])
    skipped = top.findall("testsuite[1]/testcase/skipped")
    assert {item.get("message") for item in skipped} == {"numpy runs on cpu only"}
    assert len(skipped) == (run.cells["status"] == "skipped").sum()


def test_junit_tells_the_outputs_of_a_cell(run: Run) -> None:
    """Tails are there, with what XML cannot hold written out, and no character is lost."""
    case = next(case for case in as_xml(run).iter("testcase") if case.find("failure[@type='crashed']") is not None)
    spelled_out = '10%\n20%\n\\x1b[31mred\\x00 \\udc80 \\ufffe 😀 ]]> <b> & "x"\n'
    assert case.findtext("system-out") == spelled_out
    assert case.findtext("system-err") == f"Traceback\n{spelled_out}"
    assert "Traceback" in (case.findtext("failure") or "")


def test_an_expected_failure_passes(tmp_path: Path) -> None:
    """A status that an expectation names is no failure, as for the exit code."""
    expect = [{"quantity": "status", "equals": "crashed"}]
    run = finished_run(
        tmp_path / "run", scenario(expect=expect), executor=Changed(lambda _: Record("crashed", "signal 6"))
    )
    top = as_xml(run)
    assert_junit(top)
    assert Assessment(run).verdict().passed
    assert top.findall("testsuite/testcase/failure") == []


def test_benchmarks_are_timing_groups(run: Run) -> None:
    """One benchmark for each cell without its seed, one number for each process that was timed."""
    content = as_json(run, "--format", "pytest-benchmark")
    cells = run.cells[(run.cells["status"] == "ok") & run.cells["step_seconds"].notna()]
    groups = cells.groupby(["scenario", "batch_size"], sort=False)["step_seconds"].apply(list)
    assert [bench["stats"]["data"] for bench in content["benchmarks"]] == groups.to_list()
    assert len({bench["fullname"] for bench in content["benchmarks"]}) == len(groups) == 3
    assert all("seed" not in bench["params"] for bench in content["benchmarks"])
    assert_head(content["harness"], run)


@pytest.mark.parametrize("count", range(1, 14))
def test_statistics_are_those_of_pytest_benchmark(count: int) -> None:
    """Each statistic is what pytest-benchmark itself computes of the same data, outliers among them."""
    data = [1e-5 * (1 + (7 * place % 11) / 10 + 9 * (place == 5)) for place in range(count)]
    theirs: Any = cast("Any", Stats)()
    for value in data:
        theirs.update(value)
    found = ours.statistics(data)
    wanted = theirs.as_dict()
    assert found["outliers"] == wanted.pop("outliers")
    assert {name: found[name] for name in wanted} == pytest.approx(wanted, rel=1e-12)
    assert found["median"] == statistics.median(data)


def test_pytest_benchmark_reads_it(run: Run, tmp_path: Path) -> None:
    """Its own `compare` lists every group and benchmark, one file alone and two beside each other."""
    for name in ("one.json", "two.json"):
        (tmp_path / name).write_bytes(exported(run, "--format", "pytest-benchmark"))
    command = [str(Path(sys.executable).with_name("pytest-benchmark")), "compare", "one.json"]
    for files in ([], ["two.json"]):
        done = subprocess.run([*command, *files], capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        assert "Failed to load" not in done.stdout + done.stderr
        groups = {bench["group"] for bench in as_json(run, "--format", "pytest-benchmark")["benchmarks"]}
        assert all(f"benchmark {group!r}: {1 + len(files)} tests" in done.stdout for group in groups)
        assert done.stdout.count("numpy cpu") == len(groups) * (1 + len(files))


def planned(folder: Path) -> RunWriter:
    """A run that has not begun."""
    writer, scenarios = RunWriter(folder), [scenario(**GRID)]
    writer.plan(make_plan(scenarios, Cuts(), 1), scenarios, {})
    return writer


def only(record: Record) -> Executor:
    return Changed(lambda _: record)


def no_record(folder: Path) -> None:
    planned(folder).close()


def only_failures(folder: Path) -> None:
    finished_run(folder, scenario(), executor=only(Record("failed", "ValueError: no")))


def only_skipped(folder: Path) -> None:
    finished_run(folder, scenario(grid__device=["cuda"]))


def untimed(folder: Path) -> None:
    finished_run(folder, scenario(run__timing_repeats=0))


def in_progress(folder: Path) -> None:
    scenarios = [scenario(**GRID)]
    plan, writer = make_plan(scenarios, Cuts(), 1), RunWriter(folder)
    writer.plan(plan, scenarios, {})
    some = dataclasses.replace(plan, processes=plan.processes[-9:])
    with Progress(9, quiet=True) as progress:
        carry_out(some, InlineExecutor(), writer, progress)
    writer.close()
    RunWriter(folder, resume=True).begin("elsewhere", ())  # a second attempt, not yet at its end


SHAPES = (no_record, only_failures, only_skipped, untimed, in_progress)


@pytest.mark.parametrize("shape", SHAPES)
def test_runs_of_every_shape(shape: Callable[[Path], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every format is written of a run without records, timed cells or end; benchmarks may lack, in one sentence."""
    shape(tmp_path / "run")
    run = load(tmp_path / "run")
    for table in dictionary.TABLES:
        assert len(as_json(run, "--format", "json", "--table", table)["rows"]) == len(run.table(table))
        read = pd.read_parquet(io.BytesIO(exported(run, "--format", "parquet", "--table", table)))
        assert len(read) == len(run.table(table))
        assert len(pd.read_csv(io.BytesIO(exported(run, "--table", table)))) == len(run.table(table))
    top = as_xml(run)
    assert_junit(top)
    bad = int(top.get("failures", "")) + int(top.get("errors", ""))
    assert (bad == 0) == Assessment(run).verdict().passed
    assert len(top.findall("testsuite/testcase/error")) == len(run.missing)
    code = main(["export", str(tmp_path / "run"), "--format", "pytest-benchmark"])
    out, err = capsys.readouterr()
    timed = bool(((run.cells["status"] == "ok") & run.cells["step_seconds"].notna()).any())
    assert timed == (shape is in_progress)
    assert code == (0 if timed else 2)
    assert bool(out) == timed
    assert err.count("\n") == (0 if timed else 1)


@pytest.mark.parametrize("shape", [no_record, untimed])
def test_types_do_not_depend_on_the_rows(shape: Callable[[Path], None], run: Run, tmp_path: Path) -> None:
    """A table has the same types whatever its rows hold, none at all too, so that runs can be put together."""
    shape(tmp_path / "run")
    for table in dictionary.TABLES:
        schemas = [
            pq.read_schema(io.BytesIO(exported(one, "--format", "parquet", "--table", table)))
            for one in (run, load(tmp_path / "run"))
        ]
        assert schemas[0].equals(schemas[1]), table


@pytest.mark.parametrize("format_", ["junit", "pytest-benchmark"])
def test_a_whole_run_has_no_table(format_: str, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """--table with a format of the whole run is refused, also for the default table."""
    for table in ("traces", "cells"):
        assert main(["export", str(run.file.folder), "--format", format_, "--table", table]) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert format_ in err


def test_a_run_must_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    """Without RUN the command says what it wants."""
    assert main(["export"]) == 2
    assert "which run?" in capsys.readouterr().err


def test_parquet_goes_to_a_pipe_and_not_to_a_terminal(
    run: Run, capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """stdout gets the bytes of the file; a terminal gets one sentence and exit code 2."""
    arguments = ["export", str(run.file.folder), "--format", "parquet"]
    assert main(arguments) == 0
    assert capsysbinary.readouterr().out == exported(run, "--format", "parquet")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert main(arguments) == 2
    out, err = capsysbinary.readouterr()
    assert (out, err.count(b"\n")) == (b"", 1)


def test_a_reader_may_have_enough(run: Run) -> None:
    """Parquet into a pipe whose reader is gone ends quietly."""
    command = [sys.executable, "-m", "harness", "export", str(run.file.folder), "--format", "parquet"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


@pytest.mark.parametrize("format_", FORMATS)
def test_a_file_that_cannot_be_written_is_one_message(
    format_: str, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder, a path below a file, a full disk: exit code 3 and one line, in every format."""
    (tmp_path / "file").touch()
    for target in (tmp_path, tmp_path / "file" / "x", Path("/dev/full")):
        assert main(["export", str(run.file.folder), "--format", format_, "-o", str(target)]) == 3
        assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("format_", FORMATS)
def test_the_same_run_gives_the_same_bytes(format_: str, run: Run) -> None:
    """Nothing of the moment or of this process is in a file."""
    first = exported(run, "--format", format_)
    assert first == exported(load(run.file.folder), "--format", format_)
