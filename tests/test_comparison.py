"""Two runs beside each other: bits, accuracy, outcomes and times, on values made by hand, then on run files."""

from __future__ import annotations

import dataclasses
import json
import math
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from harness.analysis.compared import MOST_PATHS, Compared
from harness.analysis.comparison import BETTER, SAME, WORSE, Change, Comparison, accuracy, compare
from harness.analysis.comparison_ended import Ended, ended
from harness.analysis.comparison_gates import accuracy_gate, bits_gate
from harness.analysis.comparison_speed import (
    FASTER,
    SLOWER,
    UNMOVED,
    UNRESOLVED,
    Speed,
    canary_ratios,
    ratio_interval,
    unlike,
)
from harness.analysis.timing import TimingGroup
from harness.frames import load
from harness.record import pack_arrays, unpack_arrays
from harness.report import changes as words
from harness.report.changes_json import as_content
from harness.report.write import write_report
from harness.scenario.read import read_all
from tests.builders import write_scenario
from tests.test_report_page import make_run

AXES = {"implementation": "numpy", "device": "cpu", "dtype": "float64", "seed": 0}


def cell(name: str = "c1", **values: Any) -> Ended:
    """A cell that ended well, with some of it changed."""
    base = Ended("s", name, AXES, 0, "ok", "converged", frozenset({"d"}), 3.0, 0.5)
    return dataclasses.replace(base, **values)


def failed(name: str = "c1", status: str = "failed") -> Ended:
    return cell(name, status=status, outcome=None, digests=frozenset(), digits=math.nan, loss=math.nan)


def only(was: Ended, now: Ended) -> Change:
    (change,) = compare([was], [now]).changes
    return change


def test_no_common_cell() -> None:
    """Cells of one run alone are told apart from each other, and no gate is checked."""
    found = compare([cell("c1")], [cell("c2"), cell("c3")])
    assert [len(found.changes), len(found.gone), len(found.new)] == [0, 1, 2]
    assert accuracy_gate(found, "old").status == bits_gate(found, "old").status == "not checked"
    assert "nothing can be compared" in words.of_cells(found, "old")


def test_the_same_id_in_another_scenario_is_another_cell() -> None:
    """Two scenarios may share an id; the key is both."""
    assert not compare([cell(scenario="a")], [cell(scenario="b")]).changes


def test_one_cell_the_same() -> None:
    """The same digest: nothing is to be said, and both gates pass."""
    found = compare([cell()], [cell()])
    assert found.changed == ()
    assert accuracy_gate(found, "old").status == bits_gate(found, "old").status == "passed"
    assert words.of_cells(found, "old").startswith("The one cell with numbers in both runs left the same bits; none is")


def test_other_bits_fail_the_gate_of_bits_alone() -> None:
    """A digest that differs with the same digits is no loss of accuracy."""
    found = compare([cell(), cell("c2")], [cell(digests=frozenset({"e"})), cell("c2")])
    assert [change.now.cell for change in found.differing] == ["c1"]
    gate = bits_gate(found, "old")
    assert (gate.status, gate.found, gate.note) == (
        "failed", "1 of 2", "1 cell is not the same bits as in old, first c1",
    )  # fmt: skip
    assert accuracy_gate(found, "old").status == "passed"


def test_replicates_that_differed_before_are_the_same_only_as_a_set() -> None:
    """The digests of all replicates count: one more is a difference."""
    assert only(cell(digests=frozenset("de")), cell(digests=frozenset("ed"))).same_bits
    assert not only(cell(digests=frozenset("de")), cell()).same_bits


@pytest.mark.parametrize(
    ("was", "now", "word"),
    [
        ({"digits": 3.0}, {"digits": 3.1}, BETTER),
        ({"digits": 3.0}, {"digits": 2.9}, WORSE),
        ({"digits": 15.0}, {"digits": 12.5}, SAME),
        ({"digits": 13.0}, {"digits": 11.5}, WORSE),
        ({"digits": math.inf}, {"digits": 15.5}, SAME),
        ({"digits": math.inf}, {"digits": 3.0}, WORSE),
        ({"digits": math.nan}, {"digits": math.nan, "loss": 0.5 * (1 + 1e-13)}, SAME),
        ({"digits": math.nan}, {"digits": math.nan, "loss": 0.6}, WORSE),
        ({"digits": math.nan}, {"digits": 3.0, "loss": 0.4}, BETTER),
        ({"digits": math.nan, "loss": 0.0}, {"digits": math.nan, "loss": 0.0}, SAME),
        ({"digits": math.nan}, {"digits": math.nan, "loss": math.inf}, WORSE),
        ({"digits": math.nan, "loss": math.nan}, {"digits": math.nan}, BETTER),
        ({"digits": math.nan, "loss": math.nan}, {"digits": math.nan, "loss": math.inf}, SAME),
        ({"digits": -math.inf}, {"digits": 2.0}, BETTER),
        ({"digits": -1e9}, {"digits": -1e8}, SAME),
        ({"digits": -5.0, "outcome": "diverged"}, {"digits": -90.0, "outcome": "diverged"}, SAME),
    ],
)
def test_accuracy_is_worse_only_beyond_rounding(was: dict[str, Any], now: dict[str, Any], word: str) -> None:
    """Relative errors may move by 1e-12; without an optimum the loss by that share; what is not finite is largest."""
    assert accuracy(cell(**was), cell(**now)) == word


def test_rounding_of_float32_is_wider() -> None:
    """5.4e-4 of the largest parameter: 3.5 digits instead of 6 are within what 4,504 roundings leave."""
    axes = {**AXES, "dtype": "float32"}
    assert accuracy(cell(axes=axes, digits=6.0), cell(axes=axes, digits=3.5)) == SAME
    assert accuracy(cell(axes=axes, digits=6.0), cell(axes=axes, digits=3.0)) == WORSE


@pytest.mark.parametrize(
    ("was", "now", "word"),
    [(cell(), failed(), WORSE), (failed(), cell(), BETTER), (failed(), failed(status="crashed"), SAME),
     (cell(), failed(status="skipped"), ""), (failed(status="skipped"), failed(), "")],
)  # fmt: skip
def test_what_no_longer_finishes_is_worse(was: Ended, now: Ended, word: str) -> None:
    """A cell that fails has no numbers; one that was skipped says nothing of accuracy."""
    change = only(was, now)
    assert change.accuracy == word
    assert not change.compared
    assert not change.is_same


def test_all_failed() -> None:
    """Nothing has numbers in either: neither bits nor accuracy is checked."""
    found = compare([failed(), failed("c2")], [failed(), failed("c2")])
    assert found.compared == found.changed == ()
    assert bits_gate(found, "old").status == accuracy_gate(found, "old").status == "not checked"
    assert "None of the 2 cells" in words.of_cells(found, "old")


def test_only_cells_with_numbers_are_counted_as_accurate() -> None:
    """Cells that failed in both, and those of the baseline alone, are said beside the count; one that failed counts."""
    then = [cell("c1"), failed("c2"), cell("c3"), failed("c4")]
    now = [cell("c1"), failed("c2"), cell("c5"), cell("c4")]
    gate = accuracy_gate(compare(then, now), "old")
    assert (gate.status, gate.found) == ("passed", "2 of 2, 1 without numbers in both, 1 of old not here")
    assert accuracy_gate(compare([cell("c1")], [failed("c1")]), "old").found == "0 of 1"


def test_one_cell_is_singular() -> None:
    """What is said of one cell is said in the singular."""
    found = compare([cell()], [cell()])
    assert bits_gate(found, "old").held == "1 cell has the same bits as in old"
    assert words.of_cells(compare([failed()], [failed()]), "old") == (
        "The one cell in both runs does not have numbers in both."
    )


def test_the_gate_names_the_first_cell_that_fails_now() -> None:
    """A failure that is new is less accurate, by its status."""
    note = accuracy_gate(compare([cell("c1"), cell("c2")], [cell("c1"), failed("c2", "timed_out")]), "old").note
    assert note == "1 cell is less accurate than in old, first c2 (timed out)"


def test_the_worse_come_first() -> None:
    """Then the better, then what only has other bits or another outcome."""
    other = frozenset({"e"})
    now = [cell("c1", outcome="stalled"), cell("c2", digits=4.0, digests=other), cell("c3", digits=2.0, digests=other)]
    found = compare([cell("c1"), cell("c2"), cell("c3"), cell("c4")], [*now, cell("c4")])
    assert [change.now.cell for change in found.changed] == ["c3", "c2", "c1"]
    assert words.of_cells(found, "old") == (
        "Of 4 cells with numbers in both runs 2 left other bits; 1 is less accurate beyond rounding, 1 more; "
        "1 outcome changed."
    )
    assert words.line(found.changed[2]).endswith(
        "converged → stalled, same bits, digits 3.0 → 3.0, loss 0.5 → 0.5; accuracy same"
    )


def group(*seconds: float) -> TimingGroup:
    return TimingGroup(AXES, seconds)


STEADY = (1.0, 1.01, 0.99, 1.0, 1.02, 0.98)


@pytest.mark.parametrize(
    ("factor", "canary", "word"),
    [(1.0, 1.0, UNMOVED), (1.05, 1.0, UNMOVED), (1.3, 1.0, SLOWER), (0.7, 1.0, FASTER), (1.3, 1.3, UNMOVED),
     (1.0, 1.3, FASTER), (1.3, math.nan, SLOWER), (1.1, 1.0, UNRESOLVED)],
)  # fmt: skip
def test_speed_is_suspected_with_the_canary_taken_out(factor: float, canary: float, word: str) -> None:
    """Never more than suspected, and only where all of the interval is more than 10 % away from the canary's ratio."""
    speed = Speed(group(*STEADY), group(*(factor * value for value in STEADY)), canary)
    assert speed.verdict == word
    assert speed.ratio == pytest.approx(factor)


def test_below_six_processes_nothing_is_resolved() -> None:
    """Unequal numbers of processes are fine; fewer than six in either run are too few, whatever the ratio."""
    assert Speed(group(*STEADY), group(*[5.0] * 5), 1.0).verdict == UNRESOLVED
    assert Speed(group(*STEADY), group(*[5.0] * 40), 1.0).verdict == SLOWER
    assert ratio_interval(STEADY, STEADY[:5]) is None
    assert ratio_interval(STEADY, [0.0] * 6) is None


def test_intervals_come_out_again() -> None:
    """The resampling has a fixed seed, and the order of the values decides nothing."""
    assert ratio_interval(STEADY, STEADY[::-1]) == ratio_interval(STEADY[::-1], STEADY)


def test_canaries_are_set_against_those_of_the_same_kind() -> None:
    """Medians over rounds; one that a run lacks, or that took no time, has no ratio."""
    then = {"numpy": [1.0, 2.0, 9.0], "torch": [0.0], "other": [1.0]}
    assert canary_ratios(then, {"numpy": [1.0], "torch": [2.0], "new": [1.0]}) == {"numpy": 0.5}


def test_unlike_machines_are_named_instead_of_a_ratio() -> None:
    """Another processor, or number of threads; the card only where cells ran on it."""
    then = {"cpu": "A", "cpus": "4", "gpu": "G", "variable OMP_NUM_THREADS": "1", "torch": "2.1"}
    now = {"cpu": "B", "cpus": "4", "gpu": "H", "variable OMP_NUM_THREADS": "2", "torch": "2.2"}
    assert unlike(then, now, {"cpu"}) == ["cpu (A, now B)", "variable OMP_NUM_THREADS (1, now 2)"]
    assert "gpu (G, now H)" in unlike(then, now, {"cuda"})
    assert words.of_speed([], ["cpu (A, now B)"], "old") == (
        "Times are not set against those of old: the runs differ in cpu (A, now B)."
    )


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A run, and a baseline made of it: another torch, another commit, other numbers in autograd's cells."""
    folder = tmp_path_factory.mktemp("runs")
    path = write_scenario(
        folder,
        grid__implementation=["numpy", "autograd"],
        grid__seed=[0, 1, 2],
        run={"timed_seeds": 3, "replicates": 2, "timing_repeats": 1},
    )
    make_run(folder / "now", read_all([str(path)]))
    shutil.copytree(folder / "now", folder / "then")
    with sqlite3.connect(folder / "then" / "run.sqlite") as db:
        _age(db)
    db.close()
    with sqlite3.connect(folder / "now" / "run.sqlite") as db:
        db.executemany("INSERT INTO environment VALUES ('here', ?, ?)", [("commit", "new")])
        db.executemany("INSERT INTO fingerprint VALUES ('package', ?, '2')", [("torch",), ("numpy",)])
    db.close()
    return folder / "then", folder / "now"


def _age(db: sqlite3.Connection) -> None:
    db.execute("UPDATE meta SET value = '\"then\"' WHERE key = 'name'")
    db.executemany("INSERT INTO environment VALUES ('here', ?, ?)", [("commit", "old")])
    db.executemany("INSERT INTO fingerprint VALUES ('package', ?, ?)", [("torch", "1"), ("numpy", "2")])
    for (name,) in db.execute("SELECT cell FROM cell WHERE axes LIKE '%autograd%'").fetchall():
        for replicate, content, data in db.execute(
            "SELECT replicate, content, data FROM record JOIN trace USING (cell, replicate) WHERE cell = ?", (name,)
        ).fetchall():
            key = (name, replicate)
            record, arrays = json.loads(content), dict(unpack_arrays(data))
            record["digest"], record["correct_digits"] = "f" * 32, record["correct_digits"] + 1
            arrays["parameters"] = arrays["parameters"] + (arrays["step"][:, None] >= 3) * 1e-3
            db.execute("UPDATE record SET content = ? WHERE cell = ? AND replicate = ?", (json.dumps(record), *key))
            db.execute("UPDATE trace SET data = ? WHERE cell = ? AND replicate = ?", (pack_arrays(arrays), *key))


def test_two_run_files(runs: tuple[Path, Path]) -> None:
    """Cells, gates, where paths part, and what goes with the cells that differ."""
    then, now = (load(path) for path in runs)
    found = Compared(now, then)
    assert len(found.comparison.compared) == 6
    assert {change.now.axes["implementation"] for change in found.comparison.differing} == {"autograd"}
    assert found.comparison.count(WORSE) == 3
    gates = {gate.name: gate.status for gate in found.verdict().gates}
    assert (gates["accuracy"], gates["bits"]) == ("failed", "failed")
    assert [(item.name, len(item.cells)) for item in found.differences] == [("torch", 3)]
    assert [item.name for item in found.said] == ["commit"]
    assert "rest on torch (was 1, is 2)" in found.attribution().conclusion()
    parted = found.parted("line")
    assert 0 < len(parted) <= MOST_PATHS
    assert all(item.first == 3 and item.ulp > 1e9 for item in parted)
    content = json.loads(json.dumps(as_content(found), allow_nan=False))
    assert content["scenarios"]["line"]["worse"] == 3
    assert len(content["scenarios"]["line"]["speed"]) == 2
    assert found.unlike("line") == []


def test_a_run_beside_a_copy_of_itself(runs: tuple[Path, Path], tmp_path: Path) -> None:
    """Nothing differs, and nothing is claimed."""
    shutil.copytree(runs[1], tmp_path / "copy")
    found = Compared(load(runs[1]), load(tmp_path / "copy"))
    assert found.verdict().passed
    assert found.comparison.changed == ()
    assert (found.differences, found.said, found.parted("line")) == ([], [], [])
    assert {speed.verdict for speed in found.speeds("line")} <= {UNMOVED, UNRESOLVED}


def test_that_nothing_differs_is_said_once(runs: tuple[Path, Path], tmp_path: Path) -> None:
    """On both pages the conclusion says that no difference is known, and no sentence says it again."""
    shutil.copytree(runs[1], tmp_path / "copy")
    write_report(Compared(load(runs[1]), load(tmp_path / "copy")), tmp_path / "out")
    pages = [path.read_text(encoding="utf-8") for path in sorted((tmp_path / "out").glob("*.html"))]
    assert len(pages) >= 2
    for page in pages:
        assert page.count("No difference of environment is known, and no cell differs.") == 1
        assert "is known to differ" not in page


def test_another_processor_is_no_comparison_of_speed(runs: tuple[Path, Path], tmp_path: Path) -> None:
    """The differing fact is named, in the caption and for machines, and no ratio is given."""
    shutil.copytree(runs[0], tmp_path / "then")
    with sqlite3.connect(tmp_path / "then" / "run.sqlite") as db:
        db.execute("UPDATE environment SET value = 'B' WHERE key = 'cpu'")
    db.close()
    found = Compared(load(runs[1]), load(tmp_path / "then"))
    assert words.of_speed_in(found, "line").startswith(
        "Times are not set against those of then: the runs differ in cpu (B, now "
    )
    content = as_content(found)["scenarios"]["line"]
    assert content["speed"] == []
    assert [phrase.split(" (")[0] for phrase in content["not_comparable_in"]] == ["cpu"]


def test_every_cell_is_counted_once(runs: tuple[Path, Path]) -> None:
    """Replicates are one cell, the first that is ok speaks for it."""
    found = ended(load(runs[1]))
    assert len(found) == 6
    assert {item.replicate for item in found} == {0}
    assert isinstance(compare(found, found), Comparison)
