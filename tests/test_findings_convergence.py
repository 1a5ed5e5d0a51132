"""Captions on convergence: of nothing, of one, of failures alone, and of numbers that are none."""

from __future__ import annotations

import dataclasses
import math
import re
from pathlib import Path
from typing import Any

import html5lib
import pytest

from harness.analysis.divergence import Divergence
from harness.analysis.targets import Attempt, Target
from harness.analysis.theory import Beside, Contraction, Deviation
from harness.executors.base import Task
from harness.record import Record
from harness.report import findings_convergence as findings
from harness.report.page import environment_of_templates
from harness.report.parts import Section
from harness.report.sections import convergence
from harness.report.sections.convergence_block import evenly
from harness.report.view import View
from tests.referenced import Change, run_here, unchanged
from tests.test_report_page import failing, one_scenario

CELL = Divergence("c1", {"seed": 0}, False, False, "theory", 1.0, 0.5, 0.5)
BESIDE = Beside(
    "c1", {"dtype": "float64"}, False, 1.0, 0.9, Contraction(0.9, 0.9, 50, 100), Deviation(3e-13, 7, None, 101),
    (3,), (3.0,),
)  # fmt: skip
ARMS = (("numpy", "cpu"), ("optim", "cpu"))
NAMES = {ARMS[0]: "numpy", ARMS[1]: "torch.optim"}


def divergence(diverged: bool, expected: bool | None) -> Divergence:
    return dataclasses.replace(CELL, diverged=diverged, expected=expected, loss=1e8 if diverged else 0.5)


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ([], "No cell finished, so none diverged."),
        ([CELL], "No cell diverged, and none had to."),
        ([CELL, divergence(False, None)], "No cell diverged, and none of 1 had to."),
        ([divergence(True, True), CELL], "1 of 2 cells diverged, as it had to."),
        ([divergence(True, True)] * 3, "3 of 3 cells diverged, and all had to."),
        ([dataclasses.replace(divergence(True, True), by="reference"), dataclasses.replace(CELL, by="reference")],
         "1 of 2 cells diverged, as the same training in extended precision does."),
        ([dataclasses.replace(CELL, by="reference")], "No cell diverged, and none does in extended precision."),
        ([divergence(True, None), CELL], "1 of 2 cells diverged; 0 had to, of the others it is not known."),
        ([divergence(True, None)], "1 of 1 cells diverged; whether any had to is not known."),
        ([divergence(True, False), CELL],
         "1 of 2 cell goes another way than predicted: c1 diverged and should not have; its loss ends at "
         "1.00\u202f×\u202f10⁸, where theory predicts 0.500."),
    ],
)  # fmt: skip
def test_divergence_is_a_finding_only_where_it_was_not_predicted(cells: list[Divergence], says: str) -> None:
    """Predicted divergence is told as such; what went the other way is named with its numbers."""
    assert findings.of_divergence(cells) == says


def test_a_cell_that_should_have_diverged_is_a_finding() -> None:
    """So is one whose reference diverged and which did not; a loss that is no number is said in words."""
    cell = dataclasses.replace(divergence(False, True), by="reference", predicted=math.inf)
    text = findings.of_divergence([cell, cell])
    assert text.startswith("2 of 2 cells go another way than predicted: c1 did not diverge and should have")
    assert "the reference ends at not finite" in text


def test_theory_of_nothing() -> None:
    """No cell that it covers, or no extended precision: the reason is given, and nothing else claimed."""
    assert findings.of_theory([]).startswith("Theory predicts nothing here: it covers gradient descent on full batches")
    assert findings.of_theory([], "no extended precision") == "There is nothing to compare: no extended precision."
    blurred = dataclasses.replace(BESIDE, deviation=None, contraction=None)
    assert findings.of_theory([blurred]).startswith("Rounding alone may explain any difference")


def test_theory_that_holds() -> None:
    """The largest deviation by dtype with its limit, and the contraction where it is resolved."""
    single = dataclasses.replace(BESIDE, axes={"dtype": "float32"}, deviation=Deviation(2e-6, 3, None, 9))
    assert findings.of_theory([BESIDE, single]) == (
        "The measured loss is the predicted one to within 3.0\u202f×\u202f10⁻¹³ of it in float64 (1 cell, limit 10⁻¹⁰) "
        "and to within 2.0\u202f×\u202f10⁻⁶ of it in float32 (1 cell); "
        "the contraction to within 0\u202f% where it is resolved (2 cells)."
    )
    unresolved = dataclasses.replace(BESIDE, contraction=None, deviation=Deviation(0.0, 0, 1, 1))
    text = findings.of_theory([unresolved])
    assert "exactly in float64" in text
    assert "no contraction is resolved" in text


def test_what_was_compared_is_counted_beside_what_was_not() -> None:
    """Where rounding leaves one cell of two to be compared, the caption says so."""
    blurred = dataclasses.replace(BESIDE, deviation=None, contraction=None)
    text = findings.of_theory([BESIDE, blurred])
    assert "in float64 (1 of 2 cells, limit 10⁻¹⁰)" in text
    assert "resolved (1 of 2 cells)" in text


def test_theory_that_does_not_hold() -> None:
    """The worst cell is named with its step; a loss that is no number, and a contraction that is off, are said."""
    off = dataclasses.replace(BESIDE, cell="c9", deviation=Deviation(0.25, 12, None, 101))
    text = findings.of_theory([BESIDE, off])
    assert text.startswith("1 of 2 cells leave the loss that theory predicts beyond rounding; worst, c9 is off by 0.25")
    assert "at step 12" in text
    gone = dataclasses.replace(off, deviation=Deviation(math.inf, 4, None, 5))
    assert "c9 is not finite at step 4" in findings.of_theory([gone])
    slow = dataclasses.replace(BESIDE, contraction=Contraction(0.5, 0.9, 1, 9))
    assert "off by more than 1\u202f% in 1 of 1 cells" in findings.of_theory([slow])


def target(share: float, *steps: float) -> Target:
    return Target(share, tuple(Attempt(n, s, 100 if math.isinf(s) else int(s), 0, 0.0) for n, s in enumerate(steps)))


@pytest.mark.parametrize(
    ("targets", "says"),
    [
        ({}, "No cell ran, so no target was tried."),
        ({"x": [target(0.1)]}, "No cell ran, so no target was tried."),
        ({"x": [target(0.1, 3.0), target(0.01, 7.0)]},
         "All seeds get to where 10⁻² of the possible loss reduction is left, in 7 steps, with x."),
        ({"x": [target(0.1, 1.0)]},
         "All seeds get to where 0.1 of the possible loss reduction is left, in 1 step, with x."),
        ({"x": [target(0.1, 5.0, 8.0)], "y": [target(0.1, 4.0, math.inf)], "z": [target(0.1, 2.0, 3.0)]},
         "In 2 of 3 configurations all seeds get to where 0.1 of the possible loss reduction is left; in the fewest "
         "steps, 2.5, with z."),
        ({"x": [target(0.1, 5.0), target(0.05, math.inf)]},
         "No cell reaches the hardest target, where 0.05 of the possible loss reduction is left, though some reach "
         "easier ones."),
        ({"x": [target(0.1, math.inf)]},
         "No cell reaches the hardest target, where 0.1 of the possible loss reduction is left, nor any easier one."),
        ({"x": [target(0.1, 5.0, math.inf)], "y": [target(0.1, math.inf)]},
         "No configuration gets all its seeds to where 0.1 of the possible loss reduction is left; "
         "1 of 2 get some there."),
    ],
)  # fmt: skip
def test_targets_are_told_with_their_misses(targets: dict[str, list[Target]], says: str) -> None:
    """The hardest target; a configuration counts as reaching it only with all its seeds."""
    assert findings.of_targets(targets) == says


@pytest.mark.parametrize(
    ("trainings", "says"),
    [
        ([], ""),
        ([[[3, None], [3, None]]], "All implementations take the same steps."),
        ([[[3, 9], [4, 9], [3, 7]], [[1, 2], [1, 2]]],
         "In 1 of 2 trainings implementations take other steps, by at most 2 steps."),
        ([[[3, 9], [3, None]]],
         "In 1 of 1 trainings implementations take other steps; some reach a target that others miss."),
    ],
)  # fmt: skip
def test_other_steps_are_told(trainings: Any, says: str) -> None:
    """Implementations compute one training: how many trainings part, by how much, and misses apart."""
    assert findings.of_sameness(trainings) == says


def test_who_did_not_finish_takes_no_steps() -> None:
    """Where some implementations failed, the sentence is about those that finished."""
    same = [[[3, 9], [3, 9]]]
    assert findings.of_sameness(same, 2) == "The 2 implementations that finished take the same steps."


def test_shares_are_short() -> None:
    """Powers of ten as such, others as they are."""
    assert [findings.share_words(share) for share in (0.1, 1e-7, 0.05)] == ["0.1", "10⁻⁷", "0.05"]


def test_levels_are_thinned_evenly() -> None:
    """First and last are kept, and no more than asked for."""
    assert evenly([1, 2], 3) == [1, 2]
    assert evenly(list(range(40)), 12)[::11] == [0, 39]
    assert len(evenly(list(range(40)), 12)) == 12


def test_the_best_level_is_among_those_shown() -> None:
    """In place of its neighbour; first and last stay, where there is room for a third."""
    for best in range(40):
        shown = evenly(list(range(40)), 12, best)
        assert best in shown
        assert shown == sorted(set(shown))
        assert (shown[0], shown[-1], len(shown)) == (0, 39, 12)
    assert evenly(list(range(40)), 2, 7) == [0, 7]


FULL: dict[str, Any] = {"grid__batch_size": ["full"], "training": {"steps": 25}, "run": {"timing_repeats": 0}}
NO_REFERENCE = "this machine has no extended precision"


def without_reference(task: Task, record: Record) -> tuple[Record, bool]:
    reference = task.job.spec.implementation == "reference"
    return (Record("skipped", NO_REFERENCE), False) if reference else (record, True)


def unpredicted(task: Task, record: Record) -> tuple[Record, bool]:
    reference = task.job.spec.implementation == "reference"
    return (record, True) if reference else (dataclasses.replace(record, outcome="diverged"), True)


SHAPES: dict[str, tuple[dict[str, Any], Change, str]] = {
    "theory": (FULL, unchanged, "The measured loss is the predicted one"),
    "all diverged": ({**FULL, "grid__learning_rate": [50.0]}, unchanged, "diverged, as it had to"),
    "no reference": (FULL, without_reference, NO_REFERENCE),
    "not predicted": (FULL, unpredicted, "diverged and should not have"),
    "all failed": (FULL, failing({0: "failed"}, "no"), "No cell finished"),
    "absolute loss": ({"training": {"loss": "mae", "steps": 25}}, unchanged, "Theory predicts nothing here"),
    "timed": ({"run": {"timing_repeats": 1}, "grid__implementation": ["numpy", "autograd"]}, unchanged, "not resolved"),
    "many rates": ({**FULL, "training": {"steps": 3}, "grid__learning_rate": [0.01 * n for n in range(1, 41)]},
                   unchanged, "12 of 40 learning rates"),
}  # fmt: skip


def rendered(section: Section) -> str:
    """The section alone, as its template has it."""
    template = environment_of_templates().get_template("sections/convergence.html.jinja")
    text = template.render(section=section, data=section.data)
    html5lib.HTMLParser(strict=True).parseFragment(text)
    return text


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_has_its_words_on_the_page(shape: str, tmp_path: Path) -> None:
    """The finding stands in the section, and the page is whole."""
    values, change, says = SHAPES[shape]
    assessment = run_here(tmp_path / "run", one_scenario(tmp_path, **values), change)
    view = View(assessment, assessment.run.file.scenarios[0])
    made = convergence.section(view)
    text = rendered(made)
    assert says in text
    assert made.mark == ("warn" if shape == "not predicted" else "")


def test_theory_is_drawn_in_its_colour(tmp_path: Path) -> None:
    """A dashed line in the colour of truth on the panels that have a prediction, and none on the others."""
    drawn = []
    for name, batch in (("full", "full"), ("batches", 8)):
        (tmp_path / name).mkdir()
        values = {**FULL, "grid__batch_size": [batch]}
        assessment = run_here(tmp_path / name / "run", one_scenario(tmp_path / name, **values))
        figure = convergence.section(View(assessment, assessment.run.file.scenarios[0])).data.figure
        drawn.append(bool(re.search(r'stroke-dasharray:[^"]*stroke:var\(--truth\)', "".join(figure.panels))))
    assert drawn == [True, False]
