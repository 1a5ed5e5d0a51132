"""Each planted mistake is found in the records, at its first bad step, and explained; no wrong explanation is given."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import catalogue, implementations, plugins
from harness.analysis.diagnosis.diagnose import Diagnosis
from harness.analysis.diagnosis.finding import Finding, named, times
from harness.analysis.verdict import Assessment
from harness.frames import Run
from tests.builders import scenario
from tests.commands import PLUGINS
from tests.faulty import finished_run

# 40 rows in batches of 7: six updates an epoch, the last of 5 rows.
BATCHES = {"grid__batch_size": [7]}
FULL = {"grid__batch_size": ["full"]}
MOMENTUM = {**BATCHES, "training__optimizer": {"kind": "sgd", "momentum": 0.9}, "grid__learning_rate": [0.01]}
NESTEROV = {**MOMENTUM, "training__optimizer": {"kind": "sgd", "momentum": 0.9, "nesterov": True}}
SCHEDULE = {**BATCHES, "training__schedule": {"kind": "inverse", "t0": 1.0, "t1": 20.0}}
ADAM = {**BATCHES, "training__optimizer": "adam"}

ZEROS = {**BATCHES, "init": {"weights": "zeros"}}

SCALED, RATE = "the gradient or the learning rate is scaled by", "the learning rate is scaled by"
SUMMED = "the gradient is summed over the batch instead of averaged"
TWICE = "each update is applied twice"
LATE = "each update uses the gradient of the step before"
ACCUMULATE = "gradients accumulate: they are never set back to zero"
FIRST_ORDER = "every epoch uses the order of the first"
DROPPED, BY_FULL = "a last batch that is short is dropped", "a short batch is averaged over the rows of a full one"
TWO_UPDATES = "each step makes two updates, each with its own gradient"
KEPT = "parameters are kept in float32: each of those recorded is a number of that format"
COARSE = "something is computed in a lower precision: it is as far off as {} would be"
WITH_LOSS = "the loss, and with it the gradient, is scaled by 0.5"


@pytest.fixture(autouse=True, scope="module")
def _planted() -> Iterator[None]:
    """The planted mistakes are implementations here, and nowhere after."""
    known, classes = dict(catalogue._added), dict(implementations._CLASSES)
    plugins.register([str(PLUGINS / "planted.py")])
    yield
    for registry, before in ((catalogue._added, known), (implementations._CLASSES, classes)):
        registry.clear()
        registry.update(before)  # type: ignore[arg-type]


def done(folder: Path, fault: str, **values: Any) -> Run:
    run = finished_run(
        folder / "run", scenario(**{"run__timing_repeats": 0, "grid__implementation": [fault], **values})
    )
    assert (run.cells["status"] == "ok").all(), run.cells["reason"].tolist()
    return run


def only(run: Run) -> Finding:
    (found,) = Diagnosis(run).findings
    return found


def words(found: Finding) -> list[str]:
    return [item.words for item in found.explanations]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    ("fault", "values", "step", "ratio", "explained"),
    [
        ("gradient-scaled", BATCHES, 1, 1.5, [f"{SCALED} 1.5"]),
        ("gradient-scaled", FULL, 1, 1.5, [f"{SCALED} 1.5"]),
        ("gradient-scaled", ZEROS, 1, 1.5, [f"{SCALED} 1.5"]),
        ("rate-scaled", MOMENTUM, 1, 1.5, [f"{SCALED} 1.5"]),
        ("rate-scaled", ADAM, 1, 1.5, [f"{RATE} 1.5"]),
        ("uphill", BATCHES, 1, -1.0, ["the update has the wrong sign"]),
        ("loss-scaled", BATCHES, 1, 0.5, [WITH_LOSS]),
        ("accumulates", FULL, 2, None, [ACCUMULATE]),
        ("accumulates", ADAM, 2, None, [ACCUMULATE]),
        ("summed", BATCHES, 1, 7.0, [SUMMED]),
        ("short-batch-by-full", BATCHES, 6, 5 / 7, [BY_FULL]),
        ("short-batch-dropped", BATCHES, 6, 0.0, [DROPPED]),
        ("short-batch-dropped", MOMENTUM, 6, 0.0, [DROPPED]),
        ("first-order", BATCHES, 7, None, [FIRST_ORDER]),
        ("file-order", BATCHES, 1, None, ["rows are used in file order"]),
        ("all-rows", BATCHES, 1, None, ["every update uses all rows"]),
        ("twice", MOMENTUM, 1, 2.9, [TWICE]),
        ("two-steps", BATCHES, 1, None, [TWO_UPDATES]),
        ("momentum-ignored", MOMENTUM, 2, None, ["momentum = 0.9 is ignored"]),
        ("nesterov-ignored", NESTEROV, 1, 1 / 1.9, ["nesterov = true is ignored"]),
        ("schedule-ignored", SCHEDULE, 2, 1.05, ["the schedule is ignored"]),
        ("bias-still", BATCHES, 1, None, ["bias is never updated"]),
        ("late", BATCHES, 2, None, [LATE]),
        ("weight-decay", BATCHES, 1, None, ["a weight decay of 0.05 is added to the gradient"]),
        ("starts-at-zero", FULL, 0, None, ["the start is not the one given; from there on the path is right"]),
    ],
)
def test_a_planted_mistake_is_found_and_explained(
    tmp_path: Path, fault: str, values: dict[str, Any], step: int, ratio: float | None, explained: list[str], dtype: str
) -> None:
    """The first bad step, the ratio of the changes and the one explanation are those of what was planted."""
    found = only(done(tmp_path, fault, grid__dtype=[dtype], **values))
    assert found.step == step
    assert words(found) == explained
    if ratio is not None:
        assert found.ratio == pytest.approx(ratio, rel=1e-4 if dtype == "float32" else 1e-9, abs=1e-9)
    assert found.fails


@pytest.mark.parametrize(
    ("fault", "values", "step", "explained"),
    [
        ("rate-a-little-off", BATCHES, 1, f"{SCALED} 1 + 1e-09"),
        ("float32-inside", BATCHES, 0, KEPT),
        ("float32-gradient", BATCHES, 1, COARSE.format("float32")),
        ("float16-rows", BATCHES, 1, COARSE.format("float16")),
        ("loss-scaled", ADAM, 1, WITH_LOSS),
        ("gradient-scaled", ADAM, 1, "the gradient is scaled by 1.5"),
    ],
)
def test_in_float64_smaller_mistakes_show(
    tmp_path: Path, fault: str, values: dict[str, Any], step: int, explained: str
) -> None:
    """A rate off by 1e-9, a lower precision, and what Adam's eps still shows of the gradient's scale are found."""
    found = only(done(tmp_path, fault, **values))
    assert (found.step, words(found)) == (step, [explained])


def test_what_looks_alike_is_said_to_and_momentum_tells(tmp_path: Path) -> None:
    """For plain gradient descent an update applied twice is a doubled gradient; with momentum it is not."""
    plain = only(done(tmp_path / "plain", "twice", **BATCHES))
    assert words(plain) == [f"{SCALED} 2", TWICE]
    assert "cannot tell these apart, one with momentum can" in plain.sentence
    told = only(done(tmp_path / "momentum", "twice", **MOMENTUM))
    assert words(told) == [TWICE]
    assert "tell" not in told.sentence


def test_cells_of_one_mistake_narrow_it_down(tmp_path: Path) -> None:
    """Summed over full batches alone is a factor of 40; a cell with short batches leaves one explanation for both."""
    alone = only(done(tmp_path / "alone", "summed", **FULL))
    assert words(alone) == [f"{SCALED} 40", SUMMED]
    assert "a batch size that leaves a short last batch" in alone.sentence
    both = only(done(tmp_path / "both", "summed", grid__batch_size=["full", 7], grid__seed=[0, 1]))
    assert words(both) == [SUMMED]
    assert len(both.cells) == 4
    assert "3 more cells like it" in both.sentence


@pytest.mark.parametrize(
    ("fault", "explained"),
    [
        ("loss-after", "the loss that an update returns is that after it, not before it"),
        ("loss-halved", "the loss that an update returns is scaled by 0.5"),
        ("loss-of-all-rows", "the loss that an update returns is that of all rows, not of its batch"),
        ("loss-in-float32", "the loss that an update returns is computed or kept in a lower precision"),
    ],
)
def test_a_wrong_loss_on_a_right_path_is_found(tmp_path: Path, fault: str, explained: str) -> None:
    """What an update returns is compared with the loss of its batch."""
    found = only(done(tmp_path, fault, **BATCHES))
    assert found.quantity == "step_loss"
    assert found.step == 0
    assert words(found) == [explained]


def test_what_nothing_explains_is_described(tmp_path: Path) -> None:
    """A mistake of another kind is placed: the step, the parameter, and that no explanation fits."""
    found = only(done(tmp_path, "breaks-later", **BATCHES))
    assert (found.step, found.after, found.quantity, found.explanations) == (8, 7, "weights[0]", ())
    assert found.found != found.expected
    assert found.sentence.startswith(
        "The implementation breaks-later, in float64: from step 8 on the path is left in weights[0]: found "
    )
    assert found.sentence.endswith("no mistake that was tried explains it.")


def test_a_cell_lost_alone_is_a_finding(tmp_path: Path) -> None:
    """A cell that turns to nan where its reference does not is told by the step where it does."""
    found = only(done(tmp_path, "turns-to-nan", **BATCHES))
    assert found.step == 3
    assert "from step 3 on parameters are not finite" in found.sentence


def test_between_recorded_states_the_step_is_bounded(tmp_path: Path) -> None:
    """In a sparse part of the trace a finding says after which state, and at the latest when."""
    epochs = {"grid__batch_size": [1], "grid__learning_rate": [0.001], "data__samples": 250, "training__epochs": 2}
    found = only(done(tmp_path, "first-order", **epochs))
    assert found.after == 249 or found.after < 251 <= found.step
    assert found.step - found.after > 1
    assert words(found) == [FIRST_ORDER]
    assert f"after step {found.after}, at the latest from step {found.step} on" in found.sentence


def test_a_mistake_in_a_net_is_found(tmp_path: Path) -> None:
    """A net whose last bias is never updated, and one whose gradient is scaled."""
    net = {"model": {"kind": "mlp", "hidden": [4], "activation": "tanh"}, "init": {"weights": "default"}, **BATCHES}
    still = only(done(tmp_path / "still", "bias-still", **net))
    assert (still.step, still.quantity, words(still)) == (1, "bias[1][0]", ["bias[1][0] is never updated"])
    scaled = only(done(tmp_path / "scaled", "gradient-scaled", **net))
    assert words(scaled) == [f"{SCALED} 1.5"]


def test_an_implementation_alone_does_not_pass(tmp_path: Path) -> None:
    """Without another to disagree with, a mistaken implementation fails the gate, in words."""
    verdict = Assessment(done(tmp_path, "gradient-scaled", **BATCHES)).verdict()
    (gate,) = (gate for gate in verdict.gates if gate.name == "agreement")
    assert not verdict.passed
    assert gate.found == "0 of 1 cell follows its reference"
    assert gate.note.startswith(
        "the implementation gradient-scaled, in float64: from step 1 on the update is 1.5 times what it should be"
    )
    assert gate.note.endswith(f"explained by: {SCALED} 1.5, in line")


def test_in_float32_only_what_is_explained_fails(tmp_path: Path) -> None:
    """A float32 cell that no mistake explains is counted and fails nothing; an explained one does."""
    odd = Assessment(done(tmp_path / "odd", "breaks-later", grid__dtype=["float32"], **BATCHES))
    assert odd.verdict().passed
    (gate,) = (gate for gate in odd.verdict().gates if gate.name == "agreement")
    assert gate.found == "1 of 1 cell follows its reference, 1 in float32 unexplained"
    clear = Assessment(done(tmp_path / "clear", "summed", grid__dtype=["float32"], **BATCHES))
    assert not clear.verdict().passed


def test_rows_say_it_all(tmp_path: Path) -> None:
    """A page finds step, quantity, values, ratio, explanations, cells and the command to reproduce it."""
    found = only(done(tmp_path, "uphill", **BATCHES))
    rows = dict(found.rows)
    assert rows["first bad step"] == "1"
    assert rows["quantity"] == "all parameters"
    assert rows["ratio of the changes"] == "-1"
    assert rows["explanations"].startswith("the update has the wrong sign (to ")
    assert rows["reproduce"] == f"harness reproduce RUN --cell {found.cell}"


@pytest.mark.parametrize(
    ("factor", "text"), [(2.0, "2"), (-1.0, "-1"), (1 / 3, "0.3333"), (1 + 1e-9, "1 + 1e-09"), (1 - 2e-5, "1 - 2e-05")]
)
def test_a_factor_near_1_is_told_from_1(factor: float, text: str) -> None:
    """Four digits, or what is added to 1."""
    assert times(factor) == text


@pytest.mark.parametrize(
    ("chosen", "text"),
    [([0], "a[0][0]"), ([0, 4], "a[0][0] and b"), ([0, 1, 2, 3], "a[0] and a[1]"), ([0, 1, 2, 3, 4], "all parameters")],
)
def test_parameters_are_named(chosen: list[int], text: str) -> None:
    """A few by name, many by their layer, all as such."""
    assert named(["a[0][0]", "a[0][1]", "a[1][0]", "a[1][1]", "b"], chosen) == text


def test_the_rows_of_a_finding_show_where_its_numbers_differ() -> None:
    """Found and expected in ten digits, or in as many as tell them apart; a ratio all but 1 is 1 and what is over."""
    base: dict[str, Any] = {
        "scenario": "s", "cell": "c1", "axes": {"implementation": "rand", "device": "cpu", "dtype": "float64"},
        "step": 6, "after": 5, "quantity": "weights[0]", "found": 1.3705560924, "expected": 1.3705560917,
        "ratio": 1 + 4.6e-9, "along": True, "explanations": (), "cells": ("c1",),
    }  # fmt: skip
    rows = dict(Finding(**base).rows)
    assert (rows["found"], rows["expected"]) == ("1.3705560924", "1.3705560917")
    assert rows["ratio of the changes"] == "1 + 4.6e-09"
