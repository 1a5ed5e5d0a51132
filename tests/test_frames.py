"""A run as pandas frames, and as csv: the columns that others rely on, no row lost, no digit lost."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import harness
from harness.cli.main import main
from harness.executors.base import Finished, Task
from harness.executors.inline import InlineExecutor
from harness.frames import Run, as_text, load
from harness.plan import Cuts, make_plan
from harness.record import STATUSES, Record
from harness.runner import Canary, Reference
from harness.store.writer import RunWriter
from tests.builders import scenario
from tests.faulty import finished_run

# The columns of `harness export` that programs outside rely on, by name.
CELL_COLUMNS = """cell, scenario, implementation, device, dtype, batch_size, learning_rate, seed, replicate, status,
    reason, outcome, steps, loss, validation_loss, weights, bias, digest, step_seconds, setup_seconds,
    first_step_seconds, peak_bytes, host, order, started, template, jobs"""
TRACE_COLUMNS = "cell, replicate, step, epoch, loss, weights, bias"
TABLES = ("cells", "traces", "timings", "environment", "canary")

MIXED: dict[str, Any] = {
    "grid__device": ["cpu", "cuda"],
    "grid__batch_size": [8, "full"],
    "grid__seed": [0, 1, 2],
    "data__validation": {"rows": 7},
    "run__timed_seeds": 1,
}


class Unlucky(InlineExecutor):
    """Each bad status once among the results, the rest as they come."""

    def __init__(self) -> None:
        self.bad = [status for status in STATUSES if status not in ("ok", "skipped")]

    def run(self, tasks: Iterable[Task], jobs: int) -> Iterator[Finished]:
        for finished in super().run(tasks, jobs):
            if self.bad and finished.record.status == "ok" and not isinstance(finished.key, (Canary, Reference)):
                record = Record(
                    self.bad.pop(), 'a reason, with "quotes",\ncommas', stdout="10%\r20%\r\n", stderr="a\0b"
                )
                yield Finished(finished.key, record, b"", "numpy-0.0", 1.0, 2.0)
            else:
                yield finished


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """NumPy on a processor and a card it does not run on, timed and not, with every status among the records."""
    return finished_run(tmp_path_factory.mktemp("frames") / "run", scenario(**MIXED), executor=Unlucky())


@pytest.fixture(scope="module")
def two_models(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A line, a line without intercept, and a net, in one run."""
    scenarios = [
        scenario(**{"run__timing_repeats": 0, **values})
        for values in ({}, {"model__intercept": False, "init": {}}, {"model": {"kind": "mlp", "hidden": [3]}})
    ]
    named = [
        type(one)(name, f"{name}.toml", one.text, one.document, one.cells, one.expectations, one.inputs, one.file_cells)
        for name, one in zip(("line", "origin", "net"), scenarios, strict=True)
    ]
    return finished_run(tmp_path_factory.mktemp("models") / "run", *named)


def exported(run: Run, table: str, capsys: pytest.CaptureFixture[str]) -> list[dict[str, str]]:
    """Rows of `harness export --format csv`, read by the csv module as it is."""
    assert main(["export", str(run.file.folder), "--format", "csv", "--table", table]) == 0
    return list(csv.DictReader(io.StringIO(capsys.readouterr().out, newline=""), strict=True))


def names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")]


def test_cells_have_the_columns_of_the_contract(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Every column that the design promises is there, in its order, with the dotted axes behind."""
    found = list(exported(run, "cells", capsys)[0])
    assert [name for name in found if name in names(CELL_COLUMNS)] == names(CELL_COLUMNS)


def test_traces_have_the_columns_of_the_contract(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Every column that the design promises is there, in its order."""
    found = list(exported(run, "traces", capsys)[0])
    assert [name for name in found if name in names(TRACE_COLUMNS)] == names(TRACE_COLUMNS)


@pytest.mark.parametrize("table", TABLES)
def test_rows_in_are_rows_out(run: Run, table: str, capsys: pytest.CaptureFixture[str]) -> None:
    """No row is lost or torn on the way to csv, whatever its texts hold; nor by pandas that reads it."""
    rows = exported(run, table, capsys)
    assert len(rows) == len(run.table(table)) > 0
    assert main(["export", str(run.file.folder), "--table", table]) == 0
    read = pd.read_csv(io.StringIO(capsys.readouterr().out, newline=""))
    assert len(read) == len(rows)
    assert list(read.columns) == list(rows[0])


def test_counts_add_up(run: Run) -> None:
    """Planned processes are those of each status and the missing ones, and nothing is counted twice."""
    counts = run.counts()
    # 2 devices x 2 batch sizes x (1 timed seed x 2 replicates + 2 other seeds).
    assert counts["planned"] == 16 == len(run.plan)
    assert counts["planned"] == sum(counts[status] for status in STATUSES) + counts["missing"]
    assert counts["skipped"] == 8
    assert [counts[status] for status in STATUSES if status not in ("ok", "skipped")] == [1, 1, 1, 1]
    assert counts["ok"] == 4
    assert counts == run.counts("line")
    assert set(run.counts("another").values()) == {0}


def test_every_planned_process_is_a_row_or_missing(tmp_path: Path) -> None:
    """A run without any record has all frames, empty, and counts everything as missing."""
    made = make_plan([scenario(**MIXED)], Cuts(), 1)
    writer = RunWriter(tmp_path / "run")
    writer.plan(made, [scenario(**MIXED)], {})
    writer.close()
    run = load(tmp_path / "run")
    assert run.counts()["missing"] == run.counts()["planned"] == 16
    assert len(run.missing) == 16
    for table in TABLES:
        frame = as_text(run.table(table))
        assert frame.empty
    assert [name for name in run.cells.columns if name in names(CELL_COLUMNS)] == names(CELL_COLUMNS)


def test_ids_survive_pandas(run: Run, tmp_path: Path) -> None:
    """An id begins with a letter, so that no reader takes it for a number (001234567890, 12e456789012)."""
    path = tmp_path / "cells.csv"
    assert main(["export", str(run.file.folder), "-o", str(path)]) == 0
    read = pd.read_csv(path)
    assert list(read["cell"]) == list(run.cells["cell"])
    assert read["cell"].str.fullmatch(r"c[0-9a-f]{12}").all()
    digests = read["digest"].dropna()
    assert list(digests) == list(run.cells["digest"].dropna())


def test_numbers_survive_csv_to_the_last_bit(two_models: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Losses, weights and biases read back from csv are the floats that were computed."""
    for row, cell in zip(exported(two_models, "cells", capsys), two_models.cells.to_dict("records"), strict=True):
        assert float(row["loss"]) == cell["loss"]
        assert json.loads(row["weights"]) == cell["weights"]
        assert (json.loads(row["bias"]) if row["bias"] else None) == cell["bias"]
        assert float(row["gradient_norm"]) == cell["gradient_norm"]
        assert float(row["started"]) == cell["started"]
    trace = exported(two_models, "traces", capsys)
    assert [float(row["loss"]) for row in trace] == two_models.traces["loss"].to_list()
    assert [json.loads(row["weights"]) for row in trace] == two_models.traces["weights"].to_list()


def test_parameters_have_the_shapes_of_their_model(two_models: Run) -> None:
    """Weights and bias: a list and a number for a line, no bias without intercept, a list per layer for a net."""
    line, origin, net = two_models.cells.to_dict("records")
    assert (len(line["weights"]), type(line["bias"])) == (2, float)
    assert len(origin["weights"]) == 2
    assert origin["bias"] is None or math.isnan(origin["bias"])
    assert [[len(row) for row in layer] for layer in net["weights"]] == [[2, 2, 2], [3]]
    assert [len(layer) for layer in net["bias"]] == [3, 1]
    last = two_models.traces.groupby("scenario", sort=False)[["weights", "bias"]].last()
    for name, cell in zip(("line", "origin", "net"), (line, origin, net), strict=True):
        assert last.loc[name, "weights"] == cell["weights"]


def test_whole_numbers_are_whole_whoever_stands_beside(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """No column depends on other cells: steps read 25, not 25.0, also beside rows that have none."""
    rows = exported(run, "cells", capsys)
    # 33 training rows in batches of 8 are 5 updates an epoch, as one full batch is 1; 5 epochs.
    steps = {row["steps"] for row in rows}
    assert steps <= {"25", "5", ""}
    assert len(steps) > 1
    assert all(row["peak_bytes"].isdigit() for row in rows if row["status"] == "ok")


def test_bad_cells_have_their_reason_and_no_number(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """A cell that is not ok has a reason and empty numbers; ok cells have no reason."""
    for row in exported(run, "cells", capsys):
        assert (row["status"] == "ok") == (row["reason"] == "")
        numbers = [row[name] for name in ("loss", "weights", "bias", "digest", "outcome", "steps")]
        assert all(numbers) if row["status"] == "ok" else not any(numbers)


def test_a_skipped_cell_says_why(run: Run) -> None:
    """NumPy has no card: its cuda cells are skipped with that reason, not failed."""
    skipped = run.cells[run.cells["status"] == "skipped"]
    assert set(skipped["device"]) == {"cuda"}
    assert set(skipped["reason"]) == {"numpy runs on cpu only"}


def test_outputs_keep_their_lines(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """A progress bar's returns become lines in csv, where they would end the row; the frame has them as they were."""
    failed = run.cells[run.cells["status"] == "failed"].to_dict("records")[0]
    assert failed["stdout"] == "10%\r20%\r\n"
    row = next(row for row in exported(run, "cells", capsys) if row["status"] == "failed")
    assert row["stdout"] == "10%\n20%\n"
    assert row["reason"] == 'a reason, with "quotes",\ncommas'


def test_states_belong_together(two_models: Run) -> None:
    """Trace rows are states 0 to the last, with the epoch they end, and the last loss is the record's."""
    for (name, _), rows in two_models.traces.groupby(["scenario", "cell"], sort=False):
        assert rows["step"].to_list() == list(range(26))
        assert rows["epoch"].to_list() == [step / 5 for step in range(26)]
        cell = two_models.cells[two_models.cells["scenario"] == name].to_dict("records")[0]
        assert rows["loss"].iloc[-1] == cell["loss"]
        # What the update leaving a state returned: the last state is left by none.
        assert rows["step_loss"].isna().to_list() == [False] * 25 + [True]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_diverged_cell_is_a_row_like_any_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Infinite and missing numbers go through csv: a diverged cell is ok, with its outcome and all its states."""
    values = {"grid__learning_rate": [50.0], "training__epochs": 100, "run__timing_repeats": 0}
    run = finished_run(tmp_path / "run", scenario(**values))
    row = exported(run, "cells", capsys)[0]
    assert (row["status"], row["outcome"], row["steps"]) == ("ok", "diverged", "500")
    assert not any(math.isfinite(float(weight)) for weight in json.loads(row["weights"]))
    assert len(exported(run, "traces", capsys)) == len(run.traces) > 200


def test_dotted_axes_are_columns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An axis of any key is a column of its own name, empty for scenarios that lack it."""
    grid = {**scenario().document.grid.model_dump(exclude={"exclude"}), "data.samples": [30, 40], "model.powers": [[1]]}
    with_axes = scenario(grid=grid, run__timing_repeats=0)
    plain = scenario(run__timing_repeats=0)
    other = type(plain)("other", "other.toml", plain.text, plain.document, plain.cells, file_cells=plain.file_cells)
    run = finished_run(tmp_path / "run", with_axes, other)
    rows = exported(run, "cells", capsys)
    assert [float(row["data.samples"] or 0) for row in rows] == [30, 40, 0]
    assert [row["model.powers"] for row in rows] == ["[1]", "[1]", ""]
    assert run.axes("line") == [*harness.scenario.grid.STANDARD_AXES, "data.samples", "model.powers"]
    assert run.axes("other") == list(harness.scenario.grid.STANDARD_AXES)


def test_export_goes_to_a_file(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """-o writes what stdout would show, and prints nothing."""
    path = tmp_path / "cells.csv"
    assert main(["export", str(run.file.folder), "-o", str(path)]) == 0
    assert capsys.readouterr().out == ""
    assert main(["export", str(run.file.folder)]) == 0
    assert path.read_bytes().decode() == capsys.readouterr().out


def test_an_output_that_cannot_be_written_is_one_message(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """-o to a folder, or below a file, is said in one line."""
    (tmp_path / "file").touch()
    for target in (tmp_path, tmp_path / "file" / "cells.csv"):
        assert main(["export", str(run.file.folder), "-o", str(target)]) == 3
        assert capsys.readouterr().err.count("\n") == 1


def test_harness_load_gives_frames(run: Run) -> None:
    """`harness.load(...)` offers cells, traces, timings and environment as pandas frames."""
    loaded = harness.load(str(run.file.folder))
    for name in ("cells", "traces", "timings", "environment"):
        assert isinstance(getattr(loaded, name), pd.DataFrame)
    assert len(loaded.cells) == len(run.cells)


def test_the_environment_has_one_value_a_key(run: Run) -> None:
    """Host, key, value: each key once, none empty."""
    frame = run.environment
    assert list(frame.columns) == ["host", "key", "value"]
    assert not frame.duplicated(["host", "key"]).any()
    assert frame["value"].str.len().gt(0).all()
    assert {"harness", "python", "numpy", "torch", "cpu", "load before", "load after"} <= set(frame["key"])
