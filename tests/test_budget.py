"""The error of each parameter, split into parts that add up to it exactly."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import worker
from harness.analysis.budget import CellBudget, Group, deciding_axis, grouped
from harness.cli.main import main
from harness.frames.budget import PARTS, budget, flat
from harness.frames.points import ExactScaling, exact, points
from harness.job import Job
from harness.problem.data import make_data
from harness.record import Arrays, unpack_arrays
from harness.report.budget_marks import mark
from harness.report.findings_budget import left_aside, of_budget
from harness.report.marks import Scale
from harness.report.sections.budget import by_configuration
from harness.report.sections.budget import section as budget_section
from harness.report.view import View
from harness.scenario.cell import CellSpec
from harness.scenario.read import read
from harness.scenario.reference import reference_spec
from tests.builders import scenario
from tests.faulty import finished_run
from tests.referenced import run_here

SCENARIOS = Path(__file__).parent.parent / "scenarios"


def ended(spec: CellSpec) -> tuple[list[float], Arrays]:
    """The parameters that a cell ends on, and its reference's arrays."""
    record, _ = worker.run(Job(spec))
    assert record.status == "ok", record.reason
    reference, trace = worker.run(Job(reference_spec(spec)))
    assert reference.status == "ok", reference.reason
    return flat(vars(record)), unpack_arrays(trace)


def only_spec(**values: Any) -> CellSpec:
    (cell,) = scenario(**values).cells
    return cell.spec


def tutorial_cells() -> list[CellSpec]:
    """A cell in each dtype of each tutorial with a linear model, as they stand there."""
    found: dict[Any, CellSpec] = {}
    for name in ("line", "parabola", "four-traits", "gradient-descent"):
        for cell in read(SCENARIOS / f"{name}.toml").cells:
            if cell.spec.implementation == "numpy" and cell.spec.device == "cpu":
                found.setdefault((name, cell.spec.dtype, cell.spec.model.standardize), cell.spec)
    return list(found.values())


@pytest.mark.parametrize("spec", tutorial_cells(), ids=lambda spec: f"{spec.training.loss.kind}-{spec.dtype}")
def test_the_parts_add_up_in_rationals(spec: CellSpec) -> None:
    """Of a linear cell of each tutorial: exactly as fractions, and as stored within 1 ULP of the largest part."""
    found, reference = ended(spec)
    lines = list(budget(spec, found, reference))
    assert {line["space"] for line in lines} == {"trained", "raw"}
    for space, there in zip(("trained", "raw"), points(spec, found, reference), strict=True):
        of_space = [line for line in lines if line["space"] == space]
        for place, line in enumerate(of_space):
            at = [Fraction(point[place]) for point in there.in_turn if point is not None]
            assert len(at) == 4
            assert sum(one - other for one, other in pairwise(at)) == at[0] - at[3]
            stored = [Fraction(line[part]) for part in PARTS]
            ulp = Fraction(math.ulp(max(abs(line[part]) for part in PARTS)))
            assert abs(sum(stored) - (at[0] - at[3])) <= ulp
            assert abs(Fraction(line["total"]) - (at[0] - at[3])) <= Fraction(math.ulp(line["total"]))


def test_the_published_parabolas_budget() -> None:
    """0.0020666 short of the optimum 2.991342836, which is 0.0086572 from 3: as the book's printed numbers tell."""
    spec = next(spec for spec in tutorial_cells() if spec.training.loss.kind == "half_sse" and spec.dtype == "float64")
    weight, bias = list(budget(spec, *ended(spec)))[:2]
    assert (weight["parameter"], bias["parameter"]) == ("weights[0]", "bias")
    # Printed: w 2.98927619, b 2.09818307; least squares: 2.9913428360, 2.0974173771; true: 3 and 2 + 0.1.
    assert weight["optimisation"] == pytest.approx(2.98927619 - 2.991342836, abs=1e-8)
    assert weight["estimation"] == pytest.approx(2.991342836 - 3, abs=1e-9)
    assert bias["optimisation"] == pytest.approx(2.09818307 - 2.0974173771, abs=1e-8)
    assert bias["estimation"] == pytest.approx(2.0974173771 - 2.1, abs=1e-9)
    assert abs(weight["rounding"]) < 1e-14


def test_the_raw_space_is_the_trained_one_unscaled() -> None:
    """Standardised columns: each part of a raw weight is that of the trained one over the column's spread."""
    spec = only_spec(model__standardize="sample")
    found, reference = ended(spec)
    scaling = make_data(spec).scaling
    lines = {(line["space"], line["parameter"]): line for line in budget(spec, found, reference)}
    for part in PARTS:
        trained = np.array([lines["trained", name][part] for name in ("weights[0]", "weights[1]", "bias")])
        raw = np.array([lines["raw", name][part] for name in ("weights[0]", "weights[1]", "bias")])
        np.testing.assert_allclose(raw[:2], trained[:2] / scaling.scale, rtol=1e-14)
        moved = trained[2] - trained[:2] / scaling.scale @ scaling.centre
        np.testing.assert_allclose(raw[2], moved, rtol=0, atol=1e-14 * np.abs(trained).max())


numbers = st.floats(-1e6, 1e6).map(Fraction)


@given(st.lists(st.tuples(numbers, st.floats(0.01, 100.0).map(Fraction)), min_size=1, max_size=4), st.data())
def test_scaling_there_and_back_is_exact(columns: list[tuple[Fraction, Fraction]], data: st.DataObject) -> None:
    """In fractions nothing is lost between the two spaces, with a bias and without."""
    scaling = ExactScaling([centre for centre, _ in columns], [scale for _, scale in columns])
    for count in (len(columns), len(columns) + 1):
        point = data.draw(st.lists(numbers, min_size=count, max_size=count))
        if count == len(columns):
            scaling = ExactScaling([Fraction(0)] * count, scaling.scale)
        assert list(scaling.raw(scaling.trained(point))) == point


def test_what_does_not_exist_is_empty() -> None:
    """Rows without a truth have no estimation, a net has rounding alone, a sine under a line no truth."""
    inline = only_spec(data={"inline": {"x": [[1.0], [2.0], [4.0]], "y": [1.0, 3.0, 2.0]}}, init={})
    net = only_spec(model={"kind": "mlp", "hidden": [2], "activation": "tanh"}, init={"weights": "default"})
    wave = only_spec(data__y={"kind": "sin", "amplitude": 1.0, "frequency": 1.0, "phase": 0.0, "bias": 0.0})
    for spec, there in ((inline, PARTS[:2]), (net, PARTS[:1]), (wave, PARTS[:2])):
        found, reference = ended(spec)
        for line in budget(spec, found, reference):
            assert {part for part in PARTS if line[part] is not None} == set(there)
            assert line["total"] == pytest.approx(sum(line[part] for part in there), abs=1e-15)


def test_without_a_reference_the_whole_is_known() -> None:
    """Rounding and optimisation cannot be told apart; the whole error is told."""
    spec = only_spec()
    found, _ = ended(spec)
    for line in budget(spec, found, {}):
        assert line["rounding"] is line["optimisation"] is None
        assert line["total"] is not None


def test_a_diverged_cell_has_a_budget() -> None:
    """What is not finite is said, and nothing is raised."""
    spec = only_spec(grid__learning_rate=[50.0], training__epochs=200, grid__dtype=["float32"])
    found, reference = ended(spec)
    assert not all(map(math.isfinite, found))
    line = next(budget(spec, found, reference))
    assert not math.isfinite(line["total"])
    assert not math.isfinite(line["rounding"])


def test_exact_numbers() -> None:
    """A pair is its sum, exactly; what is not finite stays."""
    assert exact([1.0], [2.0**-80]) == [1 + Fraction(1, 2**80)]
    assert exact([math.inf]) == [math.inf]


def test_export_of_the_budget(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """One row a parameter, space, cell and replicate, under the columns that are promised."""
    run = finished_run(tmp_path / "r", scenario(grid__seed=[0, 1]))
    assert main(["export", str(tmp_path / "r"), "--table", "budget", "--format", "csv"]) == 0
    head, *rows = capfd.readouterr().out.splitlines()
    promised = "cell,replicate,space,parameter,total,rounding,optimisation,estimation"
    assert promised in head
    assert len(rows) == len(run.cells) * 2 * 3


# Gathered, and said.


def cell(size: Mapping[str, float | None], *, diverged: bool = False, **axes: Any) -> CellBudget:
    line = {"parameter": "weights[0]", "total": 1.0, **dict.fromkeys(PARTS), **size}
    return CellBudget({"dtype": "float64", "learning_rate": 0.1, "seed": 0, **axes}, (line,), diverged)


SLOW = {"rounding": 1e-9, "optimisation": 0.5, "estimation": 0.01}
DONE = {"rounding": 1e-9, "optimisation": 1e-5, "estimation": 0.01}


def groups_of(*cells: CellBudget) -> list[Group]:
    return grouped(cells, ["dtype", "learning_rate"])


def test_groups_are_configurations() -> None:
    """Seeds are gathered; sizes are the median over them, infinities counted and what is missing not."""
    (group,) = groups_of(*(cell({**DONE, "estimation": size}, seed=seed) for seed, size in enumerate((3.0, 1.0, 2.0))))
    assert group.sizes["estimation"] == 2.0
    (group,) = groups_of(cell(DONE), cell({**DONE, "rounding": math.inf}), cell({**DONE, "rounding": math.nan}))
    assert group.sizes["rounding"] == math.inf
    (group,) = groups_of(cell({"rounding": 1.0}))
    assert (group.known, group.largest) == ({"rounding": 1.0}, None)


def test_the_axis_that_decides() -> None:
    """The rate tells which part dominates; where it does not, no axis does."""
    both = groups_of(cell(SLOW, learning_rate=0.1), cell(DONE, learning_rate=0.2))
    assert deciding_axis(both) == "learning_rate"
    assert deciding_axis(groups_of(cell(DONE), cell(DONE, learning_rate=0.2))) is None
    single: dict[str, Any] = {"dtype": "float32"}
    mixed = [cell(SLOW), cell(DONE, **single), cell(DONE, learning_rate=0.2), cell(SLOW, **single, learning_rate=0.2)]
    assert deciding_axis(groups_of(*mixed)) is None
    assert of_budget(groups_of(*mixed)).startswith(
        "2 of 4 configurations owe most of their error to training that has not arrived (optimisation), "
        "2 to few and noisy data (estimation)."
    )


def test_captions() -> None:
    """None, one, several that agree, several that do not, a net, all zero, not finite."""
    assert of_budget([]) == "No cell finished, so there is no error to split."
    assert "neither a reference nor an optimum nor a truth" in of_budget(groups_of(cell({})))
    assert of_budget(groups_of(cell(DONE))) == (
        "Most of the error comes from few and noisy data (estimation, 0.010). Rounding is at most 1.0"
        "\u202f×\u202f10⁻⁹, in float64."
    )
    said = of_budget(groups_of(cell(SLOW), cell(DONE, learning_rate=0.2)))
    assert said.startswith(
        "With learning rate 0.1 most of the error comes from training that has not arrived (optimisation, 0.50), "
        "with learning rate 0.2 from few and noisy data (estimation, 0.010)."
    )
    assert of_budget(groups_of(cell({"rounding": 2e-7}))).startswith("Only rounding is known here, 2.0")
    assert of_budget(groups_of(cell({"estimation": 2e-7}))) == "One part alone of the error is known: estimation."
    assert of_budget(groups_of(cell(dict.fromkeys(PARTS, 0.0)))) == "The error is no more than rounding."
    two = groups_of(cell(DONE), cell(DONE, learning_rate=0.2))
    assert "from few and noisy data in both configurations (estimation, 0.010)" in of_budget(two)
    gone = groups_of(cell(SLOW), cell(SLOW, learning_rate=0.2, diverged=True))
    assert left_aside(gone) == " 1 configuration diverged and is left aside."
    assert left_aside(gone[:1]) == left_aside(gone[1:]) == ""
    assert "every configuration" in of_budget(groups_of(cell(SLOW, diverged=True)))
    worst = of_budget(groups_of(cell(dict.fromkeys(PARTS, math.inf))))
    assert "not finite" in worst


def test_the_table_has_at_most_twelve_configurations() -> None:
    """Of 14 twelve have a row, which is said; each part has a shape on a row of its own; what diverged has none."""
    rates = [round(0.1 * (place + 1), 1) for place in range(14)]
    groups = groups_of(*(cell(SLOW, learning_rate=rate, diverged=rate == 0.1) for rate in rates))
    table = by_configuration(groups, ["learning_rate"])
    assert table is not None
    assert len(table.rows) == 12
    assert table.note.startswith("12 of 14 configurations")
    assert (table.rows[0][0], table.rows[0][1], table.rows[0][-1]) == ("learning rate 0.1", "diverged", "")
    lines = re.findall(r'class="budget-line" d="M5 ([0-9.]+)H', table.rows[1][-1])
    assert len(lines) == len(set(lines)) == len(PARTS)
    assert all(f'class="budget-{part}"' in table.rows[1][-1] for part in PARTS)
    few = by_configuration(groups[:12], ["learning_rate"])
    assert few is not None
    assert few.note == ""
    assert by_configuration(groups_of(cell({})), []) is None


@pytest.mark.parametrize("size", [0.0, math.inf, math.nan, 1e-300, 1e300])
def test_a_mark_of_any_size_can_be_drawn(size: float) -> None:
    """What has no place on a log scale leaves its row empty."""
    drawn = mark({"rounding": size, "optimisation": 1.0}, Scale.over([size, 1.0], log=True))
    assert "nan" not in drawn
    assert "inf" not in drawn
    assert ("budget-rounding" in drawn) == (0 < size < math.inf)


def view_of(folder: Path, **values: Any) -> View:
    made = scenario(**values)
    return View(run_here(folder / "run", [made]), made)


AT_OPTIMUM = {"rounding": 0.0, "optimisation": 4e-46}


def test_less_than_the_optimum_can_be_trusted_to_is_no_error() -> None:
    """No part is the largest; what is larger elsewhere is told, and of how many."""
    near = replace(cell(AT_OPTIMUM), trusted=5e-15)
    other = replace(near, axes={**near.axes, "learning_rate": 0.2})
    groups = groups_of(near, other)
    assert [group.largest for group in groups] == [None, None]
    assert of_budget(groups) == (
        "The error is no more than rounding in both configurations: its largest part is 4.0\u202f×\u202f10⁻⁴⁶, "
        "and the optimum can be trusted to 5.0\u202f×\u202f10⁻¹⁵."
    )
    assert groups_of(cell(AT_OPTIMUM))[0].largest == "optimisation"
    mixed = of_budget(groups_of(near, cell(SLOW, learning_rate=0.2), cell(SLOW, learning_rate=0.3)))
    assert mixed.startswith("Most of the error comes from training that has not arrived in 2 of 3 configurations")
    assert "The error is no more than rounding in 1 of 3 configurations: its" in mixed


def test_a_start_at_the_optimum_has_no_error(tmp_path: Path) -> None:
    """Exact data and the parameters they were made with: nothing largest, whatever is left of 10⁻⁴⁶."""
    inline = {"inline": {"x": [[1.0], [2.0], [3.0]], "y": [3.0, 5.0, 7.0]}}
    data = budget_section(
        view_of(tmp_path, data=inline, init={"weights": [2.0], "bias": 1.0}, grid__dtype=["float32", "float64"])
    ).data
    assert data.finding.says.startswith("The error is no more than rounding in both configurations")
    assert {row[1] for row in data.by_configuration.rows} == {"–"}


def test_what_diverged_is_not_split(tmp_path: Path) -> None:
    """Every rate too large: the sentence stands alone, without a table that splits what it says cannot be."""
    data = budget_section(view_of(tmp_path, grid__learning_rate=[50.0, 60.0], training__epochs=80)).data
    assert data.finding.says == "Training diverged in every configuration, so there is no error to split."
    assert (data.finding.how, data.by_configuration, data.by_parameter) == ("", None, None)


def test_a_seed_that_diverged_is_no_part_of_the_parameters(tmp_path: Path) -> None:
    """One of three: the medians by parameter are of the other two, and it is said."""
    view = view_of(tmp_path, grid__seed=[0, 1, 2])
    before = budget_section(view).data.by_parameter
    cells = view.first_replicates
    gone = cells.assign(outcome=["diverged" if seed == 2 else "unfinished" for seed in cells["seed"]])
    view.__dict__["first_replicates"] = gone
    after = budget_section(view).data.by_parameter
    assert before.note.startswith("Medians over cells.")
    assert after.note.startswith("Medians over cells that did not diverge.")
    assert before.rows != after.rows


def test_medians_of_few_seeds_are_of_the_middle_two(tmp_path: Path) -> None:
    """Two seeds: no parameter's part is larger than the norm over the parameters beside it."""
    view = view_of(tmp_path, grid__seed=[0, 1])
    (group,) = grouped([cell({**SLOW, "optimisation": size}, seed=seed) for seed, size in enumerate((1.0, 3.0))], [])
    assert group.sizes["optimisation"] == 2.0
    data = budget_section(view).data
    wholes = [float(data.by_configuration.rows[0][column]) for column in (3, 4)]
    for row in data.by_parameter.rows:
        parts = [abs(float(row[column].strip("±").replace("−", "-"))) for column in (3, 4)]
        assert all(part <= 1.1 * whole for part, whole in zip(parts, wholes, strict=True))
