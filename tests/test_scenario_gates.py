"""Limits that a scenario adds to the verdict: what is accepted, what is checked, and what a user sees."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.analysis.gates import Gate
from harness.analysis.verdict import Assessment
from harness.cli.main import main
from harness.errors import Fault, ScenarioError
from harness.executors.base import Finished, Task
from harness.executors.inline import InlineExecutor
from harness.frames import Run
from harness.plan import Cuts, Planned
from harness.record import Record
from harness.scenario.read import Scenario, parse
from tests.builders import document, toml, write_scenario
from tests.faulty import finished_run

UNTIMED: dict[str, Any] = {"run": {"timing_repeats": 0}}


def gated(gates: dict[str, Any], name: str = "line", **values: Any) -> Scenario:
    return parse(toml(document(**{**UNTIMED, **values, "gates": gates})), Path(f"{name}.toml"), {})


def faults_of(gates: dict[str, Any], **values: Any) -> list[Fault]:
    try:
        gated(gates, **values)
    except ScenarioError as error:
        return list(error.faults)
    return []


def limits(run: Run, scenario: str | None = "line") -> dict[str, Gate]:
    """The gates that scenarios set, by name."""
    return {gate.name: gate for gate in Assessment(run).verdict(scenario).gates if "gates." in gate.name}


def gates_of(folder: Path, gates: dict[str, Any], **values: Any) -> dict[str, Gate]:
    return limits(finished_run(folder / "run", gated(gates, **values)))


# What is accepted.


@pytest.mark.parametrize(
    "gates",
    [
        {"loss": {"at_most": 1.0}},
        {"weights[1]": {"at_least": -2.0, "at_most": 0.0, "where": {"dtype": "float64"}, "at": "start"}},
        {"correct_digits": {"at_least": 6, "where": {}, "at": "end"}},
        {"gradient[2]": {"at_most": 1.0, "at": {"epoch": [1, 2]}}},
        {"epoch_loss": {"at_most": 1.0, "at": {"epoch": 2}, "reduce": "mean"}},
        {"step_loss": {"at_most": 1.0, "at": {"step": 3}}},
        {"prediction": {"at_most": 1.0, "x": [1.0, 2.0]}},
        {"outcome": {"not_equals": ["diverged", "stalled"]}, "status": {"equals": "ok"}},
        {"condition_number": {"at_most": 1e6}, "stable_learning_rate": {"at_least": 0.05}},
    ],
    ids=lambda gates: " ".join(gates),
)
def test_limits_that_can_be_set(gates: dict[str, Any]) -> None:
    """Every quantity takes limits, or words, with cells, a state and what else it needs."""
    assert faults_of(gates) == []


@pytest.mark.parametrize(
    ("gates", "path", "words"),
    [
        ({"weights[0]": {}}, 'gates."weights[0]"', "needs a limit: at_least and/or at_most"),
        ({"loss": {"where": {"seed": 0}}}, "gates.loss", "needs a limit"),
        ({"wieghts[0]": {"at_least": 1.0}}, 'gates."wieghts[0]"', 'Did you mean "weights"?'),
        ({"los": {"at_least": 1.0}}, "gates.los", 'Did you mean "loss"?'),
        ({"": {"at_least": 1.0}}, 'gates.""', "found ''; allowed: loss, "),
        ({"weights": {"at_least": 1.0}}, "gates.weights", "needs an index, as in weights[0]"),
        ({"loss[0]": {"at_least": 1.0}}, 'gates."loss[0]"', "takes no index"),
        ({"weights[2]": {"at_least": 1.0}}, 'gates."weights[2]"', "found index 2; the model's last is 1"),
        ({"weights[0]": {"at_leest": 1.0}}, 'gates."weights[0]".at_leest', 'Did you mean "at_least"?'),
        ({"weights[0]": {"at_least": "1"}}, 'gates."weights[0]".at_least', 'found "1"; allowed: a number'),
        ({"weights[0]": 3.0}, 'gates."weights[0]"', "found 3.0; allowed: a table"),
        ({"loss": {"at_least": 2.0, "at_most": 1.0}}, "gates.loss", "found 1; allowed: at_least (2) or more"),
        ({"loss": {"equals": "diverged"}}, "gates.loss", "does not fit loss"),
        ({"outcome": {"at_most": 1.0}}, "gates.outcome", "does not fit outcome"),
        ({"outcome": {"not_equals": "diverge"}}, "gates.outcome", 'Did you mean "diverged"?'),
        ({"outcome": {"equals": []}}, "gates.outcome.equals", "at least 1 value"),
        ({"outcome": {"equals": "stalled", "not_equals": "diverged"}}, "gates.outcome", "equals and not_equals"),
        ({"loss": {"at_most": 1.0, "statistic": "mean"}}, "gates.loss.statistic", "unknown key"),
        ({"loss": {"value": 1.0, "within": 1.0}}, "gates.loss.value", "unknown key"),
        ({"loss": {"at_most": 1.0, "where": {"seed": 9}}}, "gates.loss.where", "matches no cell: seed is never 9"),
        ({"loss": {"at_most": 1.0, "where": {"data.samples": 9}}}, 'gates.loss.where."data.samples"', "no such axis"),
        ({"loss": {"at_most": 1.0, "at": {"epoch": 6}}}, "gates.loss.at", "found epoch 6; allowed: 0 to 5"),
        ({"epoch_loss": {"at_most": 1.0}}, "gates.epoch_loss", "at: epoch_loss needs { epoch = e }"),
        ({"step_loss": {"at_most": 1.0}}, "gates.step_loss", "name the state, never the end"),
        ({"prediction": {"at_most": 1.0}}, "gates.prediction", "x: goes with quantity"),
        ({"prediction": {"at_most": 1.0, "x": [1.0]}}, "gates.prediction.x", "the data have 2 columns"),
        ({"validation_loss": {"at_most": 1.0}}, "gates.validation_loss", "there are no validation rows"),
        ([], "gates", "allowed: a table"),
    ],
)
def test_limits_that_cannot(gates: Any, path: str, words: str) -> None:
    """What is wrong is told at the gate's key, as TOML spells it, before anything runs."""
    found = [fault for fault in faults_of(gates) if fault.path == path]
    assert any(words in fault.problem for fault in found), faults_of(gates)


def test_faults_of_gates_and_expectations_together() -> None:
    """Every gate's fault is told, with those of the expectations."""
    gates = {"lss": {"at_most": 1.0}, "weights[7]": {"at_most": 1.0}}
    found = faults_of(gates, expect=[{"quantity": "weights[9]", "at_least": 0.0}])
    assert {fault.path for fault in found} == {"expect[0].quantity", "gates.lss", 'gates."weights[7]"'}


def test_gates_decide_no_number() -> None:
    """A cell with another limit is the same cell."""
    ids = [[cell.id for cell in gated(gates).cells] for gates in ({}, {"loss": {"at_most": 1.0}})]
    assert ids[0] == ids[1]


# What is checked.


def test_a_limit_that_holds_and_one_that_does_not(tmp_path: Path) -> None:
    """Each limit is one more gate of the verdict, with the cells that keep it, and the one farthest beyond it."""
    run = finished_run(
        tmp_path / "run", gated({"loss": {"at_most": 0.5}, "bias": {"at_least": 9.0}}, grid__seed=[0, 1, 2])
    )
    found = limits(run)
    assert [(name, gate.status, gate.found) for name, gate in found.items()] == [
        ("gates.loss", "passed", "3 of 3"),
        ("gates.bias", "failed", "0 of 3"),
    ]
    assert found["gates.loss"].held == "loss at the end is at most 0.5 in all 3 cells"
    worst = min(run.cells.to_dict("records"), key=lambda row: float(row["bias"]))
    assert found["gates.bias"].note == (
        f"3 of 3 cells break the limit that bias at the end is at least 9, "
        f"worst {worst['bias']:.10g} at the end in {worst['cell']}"
    )
    verdict = Assessment(run).verdict("line")
    assert not verdict.passed
    assert "break the limit that bias at the end is at least 9" in verdict.sentence


def test_a_limit_on_some_cells(tmp_path: Path) -> None:
    """`where` chooses the cells, and the claim says which."""
    gates = {"loss": {"at_most": -1.0, "where": {"seed": [1, 2], "dtype": "float64"}}}
    gate = gates_of(tmp_path, gates, grid__seed=[0, 1, 2])["gates.loss"]
    assert (gate.status, gate.found) == ("failed", "0 of 2")
    assert gate.title == "loss at the end is at most -1 for seed [1, 2], dtype float64"


def test_a_limit_at_some_states(tmp_path: Path) -> None:
    """States that a limit names are in the trace of a long training; a cell counts once however many it breaks."""
    gates = {
        "loss": {"at_most": 1e9, "at": {"step": [3, 1234, 2999]}},
        "weights[0]": {"at_least": 1e9, "at": {"step": [1235, 1236]}},
        "bias": {"at_most": 0.01, "at": "start"},
    }
    run = finished_run(tmp_path / "run", gated(gates, training={"loss": "mse", "steps": 3000}, init={"bias": 0.01}))
    found = limits(run)
    assert {name: gate.found for name, gate in found.items()} == {
        "gates.loss": "1 of 1", "gates.weights[0]": "0 of 1", "gates.bias": "1 of 1"
    }  # fmt: skip
    assert found["gates.weights[0]"].note.startswith("1 of 1 cell breaks the limit that weights[0] at steps 1235 and")
    steps = run.file.trace("line", run.cells["cell"][0], 0)["step"].tolist()
    assert {1234, 1235, 1236, 2999} <= set(steps)


def test_a_limit_at_its_border(tmp_path: Path) -> None:
    """A value that is the limit keeps it."""
    found = gates_of(tmp_path, {"bias": {"at_least": 0.01, "at_most": 0.01, "at": "start"}})
    assert found["gates.bias"].status == "passed"


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning", "ignore:invalid value:RuntimeWarning:harness.implem")
def test_limits_in_words(tmp_path: Path) -> None:
    """A training that diverges breaks `outcome` and every limit of a number; its process is ok all the same."""
    gates: dict[str, Any] = {
        "outcome": {"not_equals": "diverged"}, "status": {"equals": "ok"}, "loss": {"at_least": -1e300}
    }  # fmt: skip
    values: dict[str, Any] = {"grid__learning_rate": [0.05, 50.0], "training__epochs": 300}
    found = gates_of(tmp_path, gates, **values)
    assert {name: (gate.status, gate.found) for name, gate in found.items()} == {
        "gates.outcome": ("failed", "1 of 2"), "gates.status": ("passed", "2 of 2"), "gates.loss": ("failed", "1 of 2")
    }  # fmt: skip
    assert "the limit that outcome is not diverged, first: diverged in c" in found["gates.outcome"].note
    assert "worst nan at the end in c" in found["gates.loss"].note


class Ending(InlineExecutor):
    """Seed 0 comes back with this status."""

    def __init__(self, status: str) -> None:
        super().__init__()
        self.status = status

    def run(self, tasks: Iterable[Task], jobs: int) -> Iterator[Finished]:
        for finished in super().run(tasks, jobs):
            if isinstance(finished.key, Planned) and finished.key.job.spec.seed == 0:
                finished = replace(finished, record=Record(self.status, "a reason"), trace=b"")
            yield finished


GATES: dict[str, Any] = {
    "loss": {"at_most": 1e9}, "outcome": {"not_equals": "diverged"}, "status": {"not_equals": "timed_out"}
}  # fmt: skip


@pytest.mark.parametrize("status", ["failed", "crashed", "out_of_memory"])
def test_a_cell_that_failed_breaks_its_limits(tmp_path: Path, status: str) -> None:
    """It has no number that could keep one; a limit on its status is about just that."""
    run = finished_run(tmp_path / "run", gated(GATES, grid__seed=[0, 1]), executor=Ending(status))
    found = limits(run)
    assert [gate.status for gate in found.values()] == ["failed", "failed", "passed"]
    assert f"first: {status.replace('_', ' ')}" in found["gates.loss"].note


def test_a_limit_on_the_status_excuses_no_failure(tmp_path: Path) -> None:
    """Only an expectation of the status lets a failed cell pass; a limit that allows it does not."""
    run = finished_run(
        tmp_path / "run", gated({"status": {"equals": ["ok", "failed"]}}, grid__seed=[0, 1]), executor=Ending("failed")
    )
    assert limits(run)["gates.status"].status == "passed"
    assert not Assessment(run).verdict().passed


def test_an_expectation_of_a_number_excuses_no_failure(tmp_path: Path) -> None:
    """A failed cell fails the gate of the cells, also where something else than its status was expected of it."""
    expect = [{"quantity": "loss", "at_most": 1e9}, {"quantity": "outcome", "not_equals": "diverged"}]
    run = finished_run(tmp_path / "run", gated({}, expect=expect), executor=Ending("failed"))
    gates = {gate.name: gate.status for gate in Assessment(run).verdict().gates}
    assert (gates["cells"], gates["expectations"]) == ("failed", "failed")


def test_skipped_cells_are_not_asked(tmp_path: Path) -> None:
    """A limit is kept by the cells that ran; where all of its cells were skipped it is not checked, and says why."""
    gates = {**GATES, "bias": {"at_least": 9.0, "where": {"seed": 0}}}
    run = finished_run(tmp_path / "run", gated(gates, grid__seed=[0, 1]), executor=Ending("skipped"))
    found = limits(run)
    assert [gate.found for gate in found.values()] == ["1 of 1", "1 of 1", "1 of 1", "no cell"]
    assert found["gates.bias"].status == "not checked"
    assert found["gates.bias"].note == "bias at the end is at least 9 for seed 0 (skipped: a reason)"
    assert Assessment(run).verdict().passed


def test_cells_left_out_are_not_asked(tmp_path: Path) -> None:
    """--only leaves out the cells of a limit: not checked. The cells of a --set are not those of the file."""
    gates = {"bias": {"at_least": 9.0, "where": {"seed": 0}}}
    read = gated(gates, grid__seed=[0, 1])
    run = finished_run(tmp_path / "one", read, cuts=Cuts(only=(("seed", (1,)),)))
    assert "left out by --quick, --only or --set" in limits(run)["gates.bias"].note
    settings = {"training.epochs": 7}
    made = parse(toml(document(**UNTIMED, gates={"bias": {"at_least": 9.0}})), Path("line.toml"), settings)
    run = finished_run(tmp_path / "two", made, settings=settings)
    assert limits(run)["gates.bias"].status == "not checked"


def test_limits_of_two_scenarios(tmp_path: Path) -> None:
    """Each scenario's verdict has its own limits; the run's has all, each named by its scenario."""
    one, two = (gated({"loss": {"at_most": most}}, name) for name, most in (("one", 9.0), ("two", -9.0)))
    run = finished_run(tmp_path / "run", one, two)
    assert {name: gate.status for name, gate in limits(run, "one").items()} == {"gates.loss": "passed"}
    assert {name: gate.status for name, gate in limits(run, "two").items()} == {"gates.loss": "failed"}
    whole = limits(run, None)
    assert {name: gate.status for name, gate in whole.items()} == {
        "one.gates.loss": "passed", "two.gates.loss": "failed"
    }  # fmt: skip
    assert whole["two.gates.loss"].title == "two: loss at the end is at most -9"
    assert whole["two.gates.loss"].note.startswith(
        "1 of 1 cell of two breaks the limit that loss at the end is at most"
    )
    assert Assessment(run).verdict("one").passed
    assert not Assessment(run).verdict().passed


# What a user sees.


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """Terminal, summary and pages of a run with a limit that holds, one that does not, and one not checked."""
    monkeypatch.chdir(tmp_path)
    gates = {
        "loss": {"at_most": 0.5},
        "weights[0]": {"at_least": 9.0},
        "bias": {"at_least": 9.0, "where": {"device": "cuda"}},
    }
    grid: dict[str, Any] = {"grid__implementation": ["numpy"], "grid__device": ["cpu", "cuda"]}
    write_scenario(tmp_path, **UNTIMED, **grid, gates=gates)
    code = main(["run", "line.toml", "--executor", "inline", "--name", "r"])
    folder = tmp_path / "reports" / "r"
    pages = {
        path.name: path.read_text(encoding="utf-8")
        for path in folder.rglob("*")
        if path.suffix in (".html", ".md", ".json")
    }
    return {"code": str(code), "terminal": capsys.readouterr().out, **pages}


BROKEN = "weights[0] at the end is at least 9"


def test_a_broken_limit_is_seen_everywhere(shown: dict[str, str]) -> None:
    """Exit code 1; the limit stands in the terminal and in both pages, with how many cells break it."""
    assert shown["code"] == "1"
    assert f"✕ line: {BROKEN}" in shown["terminal"]
    assert "✓ line: loss at the end is at most 0.5" in shown["terminal"]
    assert "○ line: bias at the end is at least 9 for device cuda" in shown["terminal"]
    assert shown["terminal"].startswith(f"✕ Not passed. 1 of 1 cell of line breaks the limit that {BROKEN}, worst ")
    pages = [text for name, text in shown.items() if name.endswith(".html")]
    assert len(pages) >= 2
    assert all(BROKEN in text for text in pages)


def test_the_summary_names_a_broken_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """The JSON has a gate of its own for each limit, by name, in the run and in its scenario."""
    monkeypatch.chdir(tmp_path)
    write_scenario(tmp_path, **UNTIMED, gates={"loss": {"at_most": 0.5}, "weights[0]": {"at_least": 9.0}})
    assert main(["run", "line.toml", "--executor", "inline", "--name", "r", "--json", "--no-report"]) == 1
    found = json.loads(capsys.readouterr().out)
    statuses = {gate["name"]: gate["status"] for gate in found["gates"]}
    assert (statuses["line.gates.loss"], statuses["line.gates.weights[0]"]) == ("passed", "failed")
    inside = {gate["name"]: gate for gate in found["scenarios"]["line"]["gates"]}
    assert inside["gates.weights[0]"]["title"] == BROKEN
    assert not found["passed"]
