"""The parts of the section on convergence: levels that ran and those shown, theory's rows and line, one seed."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import pytest

from harness.executors.base import Task
from harness.record import Record
from harness.report import findings, findings_grid, losses
from harness.report.figures.panel import spread
from harness.report.parts import Table
from harness.report.sections import (
    convergence,
    convergence_grid,
    convergence_targets,
    convergence_theory,
)
from harness.report.sections.convergence_block import evenly
from harness.report.view import View
from tests.referenced import Change, run_here, unchanged
from tests.test_report_page import one_scenario
from tests.test_report_sections import square

UNTIMED: dict[str, Any] = {"run": {"timing_repeats": 0}}
MANY = [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 20, 32, "full"]


def view_of(folder: Path, change: Change = unchanged, **values: Any) -> View:
    folder.mkdir(exist_ok=True)
    assessment = run_here(folder / "run", one_scenario(folder, **{**UNTIMED, **values}), change)
    return View(assessment, assessment.run.file.scenarios[0])


def without(implementation: str, status: str = "failed") -> Change:
    def change(task: Task, record: Record) -> tuple[Record, bool]:
        return (Record(status, "no"), False) if task.job.spec.implementation == implementation else (record, True)

    return change


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> View:
    """Fourteen batch sizes and two rates, six seeds."""
    return view_of(tmp_path_factory.mktemp("many"), grid__batch_size=MANY, grid__learning_rate=[0.01, 0.15],
                   grid__seed={"start": 0, "count": 6}, training={"epochs": 12})  # fmt: skip


def steps_of(view: View, place: int) -> dict[tuple[float, Any], list[float]]:
    """Steps to one target of every seed, by rate and batch."""
    found: dict[tuple[float, Any], list[float]] = {}
    for row in view.rows:
        steps = row["target_steps"][place]
        at = row["axes"]["learning_rate"], row["axes"]["batch_size"]
        found.setdefault(at, []).append(float("inf") if steps is None else float(steps))
    return found


def test_the_fewest_steps_are_of_all_configurations(many: View) -> None:
    """The caption's best is the best of all fourteen batch sizes, and has its row among the seven shown."""
    (block,) = convergence_grid.blocks(many)
    says = str(block.finding.says)
    share = {"10⁻⁷": 3, "10⁻⁵": 2, "10⁻³": 1, "0.1": 0}
    place = next(place for name, place in share.items() if f"where {name} of" in says)
    medians = {at: sorted(steps)[2] + sorted(steps)[3] for at, steps in steps_of(many, place).items()}
    rate, batch = min(medians, key=lambda at: medians[at])
    assert f"{findings_grid.steps_words(medians[rate, batch] / 2)} steps are the fewest" in says
    assert re.search(rf"with learning rate {rate}, batch {batch}[;.]", says)
    (table,) = block.tables
    assert batch not in evenly(MANY, 7)
    assert f"batch {batch}" in [row[0] for row in table.rows]
    assert (len(table.rows), table.note) == (7, "7 of 14 batch sizes; the finding is about all.")


def test_targets_are_counted_over_all_configurations(many: View) -> None:
    """Of 28 configurations, though 14 have a row; and the caption says which it is about."""
    block = convergence_targets.blocks(many)[0]
    assert re.search(r"(In \d+ of 28 configurations|\d+ of 28 get some there)", block.finding.says)
    assert "7 of 14 batch sizes in the table; the finding is about all." in block.finding.how
    assert len(block.tables[0].rows) == 14


def test_the_loss_figure_speaks_of_what_it_draws(many: View) -> None:
    """Lines are traces, which are not all read: the finding is of those drawn, and how many these are is said."""
    figure = convergence.section(many).data.figure
    assert figure.finding.says.startswith("Of the configurations drawn, the median excess loss ends lowest")
    assert "7 of 14 batch sizes." in figure.finding.how
    assert len(figure.table.rows) == 14


def test_drawn_or_not_is_said_in_every_shape() -> None:
    """Lines at the optimum, one line, and no line left: each is about the drawn ones; one seed has no median."""
    ends = {"x": 1e-3, "y": 1.0}
    assert findings.of_convergence(ends, 0, 2, True, cut=True).startswith("Of the configurations drawn, the median ex")
    assert findings.of_convergence(ends, 0, 2, True, one=True).startswith("The excess loss ends lowest")
    assert findings.of_convergence({"x": 0.0, "y": 1.0}, 0, 2, True, cut=True).startswith(
        "Of the configurations drawn, within rounding"
    )
    assert findings.of_convergence({"x": 0.0, "y": 0.0}, 0, 2, True, cut=True).startswith("All lines drawn that do")
    assert findings.of_convergence({"x": 0.5}, 0, 2, False, cut=True) == (
        "Of the configurations drawn, the loss ends at 0.500 with x."
    )


def test_levels_that_did_not_run_have_no_place(tmp_path: Path) -> None:
    """Of twenty planned rates two ran: two panels, two columns, and no word of rates left out."""
    rates = [round(0.01 * place, 2) for place in range(1, 21)]

    def change(task: Task, record: Record) -> tuple[Record, bool]:
        ran = task.job.spec.learning_rate in (0.05, 0.2)
        return (record, True) if ran else (Record("skipped", "out of time"), False)

    view = view_of(tmp_path, change, grid__learning_rate=rates, grid__batch_size=[4, "full"], training={"steps": 30})
    (grid,) = convergence_grid.blocks(view)
    assert grid.tables[0].head == ("Learning rate", "0.05#", "0.2#")
    data = convergence.section(view).data
    assert len(data.figure.panels) == 2
    said = [data.figure.finding.how, *(block.finding.how for block in data.blocks), grid.tables[0].note]
    assert not any(re.search(r"of 20|12 of", text) for text in said)


def test_one_step_is_said_of_one() -> None:
    """`1 step is enough`, and `2 steps are the fewest`."""
    assert findings_grid.of_grid([square("1", "b", 1.0)], 0.1).startswith("1 step is enough to get to where 0.1")
    assert findings_grid.of_grid([square("1", "b", 2.0)], 0.1).startswith("2 steps are the fewest to where 0.1")


def test_one_seed_is_no_median(tmp_path: Path) -> None:
    """Neither the lines nor the targets nor the profile of a single seed are called a median over seeds."""
    data = convergence.section(view_of(tmp_path, grid__learning_rate=[0.05, 0.1], training={"steps": 30})).data
    said = " ".join([data.figure.finding.says, data.figure.finding.how, *(b.finding.how for b in data.blocks)])
    assert "edian" not in said
    assert said.lower().count("one seed") >= 3


def test_the_parts_of_a_name_are_joined_by_a_comma(tmp_path: Path) -> None:
    """`learning rate 0.05, batch 8`, for `and` joins one line to the next."""
    says = convergence.section(view_of(tmp_path, grid__learning_rate=[0.05, 0.1])).data.figure.finding.says
    assert "learning rate 0.05, batch 8" in says


def test_arms_that_failed_are_named_and_have_no_line(tmp_path: Path) -> None:
    """Of three implementations one fails: two take the same steps, share a line called both, and the third is named."""
    values: dict[str, Any] = {"grid__implementation": ["numpy", "autograd", "optim"], "training": {"steps": 30}}
    view = view_of(tmp_path, without("optim"), **values)
    targets, profile = convergence_targets.blocks(view)
    assert "The 2 implementations that finished take the same steps." in targets.finding.how
    assert f"for no cell of theirs is ok: {view.arm_name('optim', 'cpu')}." in profile.finding.how
    assert profile.figure is not None
    assert ">both<" in "".join(profile.figure.panels)
    assert profile.figure.table is not None
    assert [row[0] for row in profile.figure.table.rows] == ["numpy", view.arm_name("autograd", "cpu")]


def test_labels_stay_beside_the_axes() -> None:
    """Seven at the bottom are moved up; more than fit are left around their middle."""
    placed = spread([0.0] * 7, gap=12.0, within=(3.0, 138.0))
    assert min(placed) == 3.0
    assert all(later - earlier >= 12.0 - 1e-9 for earlier, later in itertools.pairwise(sorted(placed)))
    assert max(spread([138.0] * 7, gap=12.0, within=(3.0, 138.0))) == 138.0
    assert spread([0.0] * 20, gap=12.0, within=(3.0, 138.0)) == spread([0.0] * 20, gap=12.0)


def theory_of(folder: Path, **values: Any) -> tuple[View, Table]:
    view = view_of(folder, **{"grid__batch_size": ["full"], "training": {"loss": "mse", "steps": 25}, **values})
    return view, next(table for table in convergence_theory.block(view).tables if table.head[0] == "Full batches")


# One column, no intercept, x = 1, -1, 1, -1 and mse: the curvature is 2, the largest stable rate 1.
UNIT: dict[str, Any] = {
    "data": {"inline": {"x": [[1.0], [-1.0], [1.0], [-1.0]], "y": [3.0, -1.0, 2.0, -2.0]}},
    "model": {"kind": "linear", "intercept": False},
    "init": {"weights": [0.5]},
}


def test_what_has_not_diverged_yet_is_said(tmp_path: Path) -> None:
    """A rate 1.002 times the stable one: the ratio has the digit that tells it from 1, and none diverged yet."""
    _, table = theory_of(tmp_path, **UNIT, grid__learning_rate=[0.9, 1.002])
    assert [row[1:3] for row in table.rows] == [("0.900", "none"), ("1.002", "none yet")]


def test_a_contraction_of_rounding_is_none(tmp_path: Path) -> None:
    """At half of the stable rate the distance is gone after one step: a factor of 0, whatever rounding says."""
    data = {"samples": 40, "x": {"kind": "linspace", "start": -1.0, "stop": 1.0},
            "y": {"kind": "linear", "weights": [0.0], "bias": 3.0}}  # fmt: skip
    values = {"data": data, "init": {"weights": "zeros"}, "training": {"steps": 300}}
    view, table = theory_of(tmp_path, **values, grid__learning_rate=[0.1, 0.5])
    assert [row[3] for row in table.rows] == ["0.800000", "0"]
    # And theory's line ends where the measured one does, so that the axis shows that.
    panels = "".join(convergence.section(view).data.figure.panels)
    exponents = [int(text) for text in re.findall(r">10(-\d+)<", panels.translate(_PLAIN))]
    assert -40 < min(exponents) < -20


_PLAIN = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def test_the_stable_rate_is_the_same_everywhere(tmp_path: Path) -> None:
    """The panel's stable rate divides the rate into the table's ratio, though seeds have rates of their own."""
    view, table = theory_of(tmp_path, grid__learning_rate=[1.5], grid__seed=[0, 1, 2])
    panels = "".join(convergence.section(view).data.figure.panels)
    found = re.search(r"full batch is stable to ([\d.]+)", panels)
    assert found is not None
    assert float(str(table.rows[0][1])) == pytest.approx(1.5 / float(found[1]), rel=0.01)


def drawn(view: View) -> tuple[tuple[tuple[str, str], ...], str]:
    source = losses.Source.of(view, view.first_replicates[view.first_replicates["status"] == "ok"])
    return source.drawn, source.sameness


def test_arms_that_were_not_compared_do_not_coincide(tmp_path: Path) -> None:
    """An arm without a cell at the reference is named as such; nothing is said of its line."""
    exclude = [
        {"implementation": "numpy", "dtype": "float64", "why": "apart"},
        {"implementation": "optim", "dtype": "float32", "why": "apart"},
    ]
    grid: dict[str, Any] = {"grid__implementation": ["numpy", "optim"], "grid__dtype": ["float32", "float64"]}
    arms, said = drawn(view_of(tmp_path / "a", **grid, grid__exclude=exclude))
    assert arms in ((("numpy", "cpu"),), (("optim", "cpu"),))
    assert said in ("Only at other configurations: torch.optim.", "Only at other configurations: numpy.")
    assert "<svg" in "".join(
        convergence.section(view_of(tmp_path / "b", **grid, grid__exclude=exclude)).data.figure.panels
    )


def test_arms_are_compared_seed_by_seed(tmp_path: Path) -> None:
    """Where one lost its first seed the others' first seeds are not set against its second."""

    def lost(task: Task, record: Record) -> tuple[Record, bool]:
        spec = task.job.spec
        gone = spec.implementation == "optim" and spec.seed == 0
        return (Record("failed", "no"), False) if gone else (record, True)

    _, said = drawn(view_of(tmp_path, lost, grid__implementation=["numpy", "optim"], grid__seed=[0, 1, 2]))
    assert said.startswith("numpy and torch.optim coincide")
    assert "(2 seeds compared)" in said
