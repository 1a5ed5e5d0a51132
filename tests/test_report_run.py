"""The run's page: gates by scenario, failures by reason; and the words and places that pages share."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.analysis.diagnosis.finding import Finding
from harness.analysis.following import Following
from harness.analysis.gates import FAILED, NOT_CHECKED, PASSED, Gate
from harness.analysis.verdict import Assessment
from harness.report import failed, findings_paths, matrix, page, where
from harness.report.glance import views_of
from harness.report.sections import failures, method, overview, overview_causes, paths
from harness.report.view import View
from harness.scenario.read import read_all
from tests.builders import write_scenario
from tests.report_checks import of_text
from tests.test_report_page import GRID, HOSTILE, failing, make_run

EXCLUDE = [{"implementation": "numpy", "device": "cuda", "why": "NumPy has no device"}]


def gate(name: str = "cells", found: str = "3 of 3", status: str = PASSED, note: str = "") -> Gate:
    return Gate(name, f"Title of {name}", found, "all", status, note)


@pytest.fixture(scope="module")
def assessment(tmp_path_factory: pytest.TempPathFactory) -> Assessment:
    """Two scenarios with the same failures, skips and exclusion, one process without a record."""
    folder = tmp_path_factory.mktemp("run")
    values: dict[str, Any] = {**GRID, "grid__implementation": ["numpy", "autograd"], "grid__device": ["cpu", "cuda"]}
    limits = {"gates": {"loss": {"at_most": 1e-30}}}
    for name, more in (("one", {}), ("two", limits)):
        write_scenario(folder, name, **values, grid__exclude=EXCLUDE, title=HOSTILE, **more)
    change = failing({1: "failed", 2: "skipped", 3: "failed"}, "ValueError: nothing to add")
    return make_run(
        folder / "made", read_all([str(folder / f"{name}.toml") for name in ("one", "two")]), change, drop=1
    )


def views(assessment: Assessment) -> list[View]:
    return views_of(assessment)


def test_a_column_a_gate_and_one_for_all_limits() -> None:
    """Columns in the order of the gates, limits last; a row without a gate has a dash."""
    limits = [gate("gates.loss"), gate("two.gates.loss", status=FAILED)]
    columns = matrix.columns([[gate()], [*limits, gate("agreement")]])
    assert list(columns.values()) == ["Cells", "Same path", "Limits"]
    assert matrix.found([gate()], columns)[1:] == ("–", "–")
    assert "1 of 2" in matrix.found(limits, columns)[2]
    assert "is-fail" in matrix.found(limits, columns)[2]


def test_a_cell_has_its_sign_the_number_and_the_rest_below() -> None:
    """Of paths the first of the rest; words that the head says are left out."""
    (cells,) = matrix.found([gate(found="446 of 1,446, 174 skipped, 1 after a retry")], {"cells": "Cells"})
    assert "✓</span> 446 of 1,446</span>" in cells
    assert "174 skipped, 1 after a retry" in cells
    found = "45 of 45 pairs, 260 of 260 cells follow their reference, 28 cells up to a kink"
    (paths,) = matrix.found([gate("agreement", found)], {"agreement": "Same path"})
    assert paths.endswith('<span class="note">260 of 260 cells</span>')
    (none,) = matrix.found([gate("repeatability", "no cell ran twice", NOT_CHECKED)], {"repeatability": "x"})
    assert "○" in none


@pytest.mark.parametrize(
    ("shown", "is_unsaid"),
    [
        (gate(), False),
        (gate(status=FAILED, note="1 failed"), True),
        (gate(found="none", status=NOT_CHECKED, note="none"), False),
        (gate(found="none declared", status=NOT_CHECKED, note="no expectation is declared"), False),
        (gate(found="0 of 1 checked", status=NOT_CHECKED, note="no seed"), True),
    ],
)
def test_a_reason_stands_below_where_the_column_does_not_say_it(shown: Gate, *, is_unsaid: bool) -> None:
    """Failed, or not checked for a reason of its own; never where the cell is the reason."""
    assert matrix.unsaid(shown) is is_unsaid


def test_a_reason_is_one_entry_over_all_scenarios(assessment: Assessment) -> None:
    """Failures are one cause with both scenarios and a command; so is what was skipped; columns are never empty."""
    found = overview_causes.causes(views(assessment), page.link)
    (cause,) = found.causes
    (first, second) = (sum(len(group.rows) for group in failed.groups(view)) for view in views(assessment))
    assert cause.count == first + second
    assert f"one</a> ({first})" in str(cause.scenarios)
    assert re.fullmatch(r"harness reproduce reports/made --cell c\w{12}", cause.command)
    assert found.asides is not None
    words = [re.sub("<[^>]*>", "", str(row[0])).split(maxsplit=1)[1] for row in found.asides.rows]
    assert words == ["no record", "diverged", "skipped", "skipped"]
    assert all(cell not in ("", "–") for row in found.asides.rows for cell in row)
    assert found.left_out is not None
    assert [row[:2] for row in found.left_out.rows] == [("numpy · cuda", "NumPy has no device")]


def test_statuses_that_no_process_has_are_no_column(assessment: Assessment) -> None:
    """Planned, then those that occur."""
    (counts,) = [item for item in overview.sections(assessment, views(assessment), page.link) if item.id == "processes"]
    assert counts.data.resume == "harness run --resume reports/made"
    assert counts.data.table.head == ("Scenario", "planned#", "ok#", "skipped#", "failed#", "no record#")


def test_the_page_of_a_run_with_failures_passes_the_checks(assessment: Assessment) -> None:
    """Strict HTML, unique ids, captions; a broken limit has its column and its reason."""
    text = page.index_page(assessment, views(assessment))
    assert of_text(text) == []
    assert ">Limits</th>" in text
    assert re.search(r'matrix-why"><td colspan="7"><span><a href="two.html#', text)


def test_failures_come_before_what_was_not_run(assessment: Assessment) -> None:
    """On a scenario's page: causes in full, then a table of the rest; what left no record has its command."""
    data = failures.section(views(assessment)[-1]).data
    assert data.causes[0].pattern == "seed 1 and 3"
    assert len({one.cell for one in data.causes[0].first}) == failures.MOST_IN_FULL
    assert data.asides.head == ("What", "Processes#", "Where", "Why")
    assert data.asides.rows[-1][1:] == ("–", "numpy · cuda", "NumPy has no device")
    assert data.resume == "harness run --resume reports/made"


def test_a_scenario_where_all_went_well_has_no_table(tmp_path: Path) -> None:
    """Nothing failed, nothing was left out: no cause, no table, no command."""
    path = write_scenario(tmp_path, grid__learning_rate=[0.05])
    data = failures.section(views(make_run(tmp_path / "run", read_all([str(path)])))[0]).data
    assert (data.causes, data.asides, data.resume) == ((), None, "")


def test_commands_do_not_depend_on_where_the_page_is_made(assessment: Assessment) -> None:
    """The run's name below reports/, quoted for a shell."""
    view = views(assessment)[0]
    assert where.place(assessment) == "reports/made"
    assert where.reproduce(view) == "harness reproduce reports/made"
    assert where.reproduce(view, "c1") == "harness reproduce reports/made --cell c1"


def test_values_of_an_axis_are_a_list() -> None:
    """Commas and `and`; the axis is named once; many are counted."""
    assert where.some("implementation", ["autograd", "optim", "module"]) == "autograd, torch.optim and nn.Module"
    assert where.some("learning_rate", [0.1, 0.2]) == "learning rate 0.1 and 0.2"
    assert where.some("seed", [1]) == "seed 1"
    assert where.some("learning_rate", [0.1] * 5) == "5 values of learning rate"


def test_every_term_can_be_linked(assessment: Assessment) -> None:
    """Anchors are unique and plain; the words that other sections use are among them."""
    groups = method.section(views(assessment)[0]).data
    terms = [term for group in groups for term in group.terms]
    ids = [term.id for term in terms]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"term-[a-z0-9-]+", name) for name in ids)
    assert {"term-ulp", "term-kink", "term-ert", "term-reference-path", "term-contraction"} <= set(ids)
    assert all(term.meaning.endswith(".") for term in terms)
    assert all(group.heading.endswith("?") for group in groups)


def following(**values: Any) -> Following:
    base: dict[str, Any] = {
        "scenario": "s", "cell": "c1", "replicate": 0, "axes": {"dtype": "float64"}, "distance": 3e-15, "step": 9,
        "left": None, "before": 0, "kink_step": None, "compared": 10,
    }  # fmt: skip
    return Following(**{**base, **values})


def test_paths_in_words() -> None:
    """None, one, many by dtype; some that leave are counted, and then no distance is claimed of all."""
    says = findings_paths.of_paths
    two = [following(), following(cell="c2", axes={"dtype": "float32"}, distance=0.001)]
    assert says([], []).startswith("No cell finished beside a reference")
    assert says([following(distance=0.5)], []).startswith("The one cell that finished walks the path")
    assert says(two, []) == (
        "Both cells walk the path of their reference, at most 3.0\u202f×\u202f10⁻¹⁵ of the largest parameter away "
        "in float64 and 0.0010 in float32."
    )
    wrong = Finding.__new__(Finding)
    object.__setattr__(wrong, "cells", ("c2",))
    assert says(two, [wrong]) == "1 of 2 cells leave the path, or return a loss that is not theirs."
    assert findings_paths.of_limits(two) == ""
    assert findings_paths.of_limits([following(kink_step=4)]).startswith("Compared: 1 up to a kink")


def test_a_row_of_paths_leaves_out_what_its_training_amplifies() -> None:
    """The largest distance is of cells that are compared; how many are not is said, and of no other a number."""
    view: Any = SimpleNamespace(arm_name=lambda name, device: name, varied=["seed"])
    axes = {"implementation": "numpy", "device": "cpu", "dtype": "float64", "seed": 1}
    near, far = following(axes=axes), following(cell="c2", axes=axes, distance=7.5e4, left=4, amplified_step=4)
    later = following(cell="c3", axes=axes, distance=3.0, left=9, amplified_step=9)
    row = paths._row(view, "numpy", "cpu", "float64", [near, far], set())
    assert row[3] == "3.0\u202f×\u202f10⁻¹⁵"
    assert "1 not compared from step 4 on, where its training amplifies rounding" in str(row[6])
    none = paths._row(view, "numpy", "cpu", "float64", [far, later], set())
    assert none[3:6] == ("–", "–", "–")
    assert "2 not compared from steps 4 to 9 on, where their training amplifies rounding" in str(none[6])
