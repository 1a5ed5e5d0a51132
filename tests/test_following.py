"""Beside its reference every honest cell follows, and what keeps it from that is said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.analysis.diagnosis.diagnose import Diagnosis
from harness.analysis.diagnosis.envelope import Envelope
from harness.analysis.diagnosis.precision import COARSER, PRECISIONS
from harness.analysis.following import TF32, compared, precision_of, tolerance, within_range
from harness.analysis.gates import agreement_gate
from harness.analysis.verdict import Assessment
from harness.frames import Run
from harness.record import Arrays
from harness.scenario.read import Scenario
from tests.builders import document, scenario
from tests.faulty import finished_run

UNTIMED = {"run__timing_repeats": 0}
NET = {"model": {"kind": "mlp", "hidden": [4], "activation": "relu"}, "init": {"weights": "default"}}


def path(values: Sequence[float], margins: Sequence[float] | None = None, steps: Sequence[int] | None = None) -> Arrays:
    """One parameter; a cell's trace and a reference alike."""
    arrays: Arrays = {
        "parameters": np.array(values, dtype=np.float64)[:, None],
        "parameters_low": np.zeros((len(values), 1)),
        "step": np.array(steps if steps is not None else range(len(values)), dtype=np.int64),
    }
    return arrays if margins is None else {**arrays, "kink_margin": np.array(margins, dtype=np.float32)}


def honest(folder: Path, **values: Any) -> tuple[Run, Diagnosis]:
    run = finished_run(folder / "run", scenario(**{**UNTIMED, **values}))
    assert (run.cells["status"] == "ok").all(), run.cells["reason"].tolist()
    return run, Diagnosis(run)


# compared() on paths written by hand


@pytest.mark.parametrize(("dtype", "near", "far"), [("float64", 1e-13, 1e-11), ("float32", 1e-5, 1e-2)])
def test_a_path_is_left_where_rounding_explains_no_more(dtype: str, near: float, far: float) -> None:
    """Within a few thousand roundings a cell follows; beyond them the first such step is told."""
    wanted = path([1, 2, 3, 4])
    close = compared(dtype, path([1, 2, 3 + 3 * near, 4]), wanted)
    assert close is not None
    assert close[0] == pytest.approx(near, rel=1e-2)
    assert close[1:] == (2, None, 0, None, 4)
    found = compared(dtype, path([1, 2, 3 + 3 * far, 4 + 8 * far]), wanted)
    assert found is not None
    assert found[1:] == (3, 2, 1, None, 4)


def test_each_step_adds_its_rounding() -> None:
    """The tolerance is 1e-12 in float64 at first and grows with the steps."""
    allowed = tolerance("float64", np.array([0, 100, 10**6]))
    assert allowed[0] == allowed[1] == pytest.approx(1e-12, rel=1e-3)
    assert allowed[2] == pytest.approx(8e6 * np.finfo(np.float64).eps)


def test_declared_tf32_is_judged_by_its_own_roundings() -> None:
    """A float32 cell on a device that may multiply in 11 bits, because its scenario says so, is allowed those."""
    (cell,) = scenario(grid__dtype=["float32"]).cells
    assert precision_of(cell.spec) == "float32"
    assert precision_of(cell.spec.model_copy(update={"device": "cuda", "tf32": True})) == TF32
    assert tolerance(TF32, np.array([0]))[0] == 1 / 16


def test_a_path_lost_alone_is_left() -> None:
    """What is no number where the reference is a small one is infinitely far away."""
    for bad in (np.nan, np.inf):
        found = compared("float64", path([1, bad, 3]), path([1, 2, 3]))
        assert found is not None
        assert found[0] == np.inf
        assert found[2] == 1


def test_a_divergence_that_both_share_is_followed() -> None:
    """A cell that leaves its range where the reference is on its way there is compared up to there."""
    assert compared("float32", path([1, 1e10, 1e20, np.inf]), path([1, 1e10, 1e20, 1e40])) == (0, 0, None, 0, None, 3)
    assert not within_range(1e20, "float32")
    assert within_range(1e20, "float64")


def test_a_kink_within_reach_explains_what_follows() -> None:
    """A kink nearer than ten times the distance that the paths had ends the comparison; a farther one does not."""
    wanted = path([1, 2, 3, 4], [1, 1, 2e-5, 1])
    near = compared("float32", path([1, 2, 3 + 9e-6, 5]), wanted)
    assert near is not None
    assert near[2:] == (None, 0, 2, 3)
    far = compared("float32", path([1, 2, 3 + 3e-6, 5]), wanted)
    assert far is not None
    assert far[2:5] == (3, 2, None)


def test_equal_states_have_rounded_data() -> None:
    """Where the paths are the same bit for bit, a kink within ten roundings of the data still explains."""
    kink = compared("float32", path([1, 2, 9]), path([1, 2, 3], [1, 1e-7]))
    assert kink is not None
    assert kink[4] == 1


def test_a_start_that_is_another_is_no_kink() -> None:
    """Nothing was updated before the start."""
    found = compared("float64", path([2, 3]), path([1, 2], [0.0]))
    assert found is not None
    assert found[2:5] == (0, 0, None)


# Precisions


@pytest.mark.parametrize(("name", "dtype"), [("float16", np.float16), ("float32", np.float32)])
def test_rounding_to_bits_is_that_of_the_format(name: str, dtype: Any) -> None:
    """A format given by its bits rounds as NumPy's does, ties to even."""
    values = np.append(np.random.default_rng(0).normal(0, 3, 2000), [1 + 2.0**-11, 1 + 3 * 2.0**-11, 0.0])
    (precision,) = (found for found in COARSER if found.name == name)
    assert (precision.round(values).astype(np.float64) == values.astype(dtype).astype(np.float64)).all()


def test_bfloat16_keeps_eight_bits() -> None:
    """What lies between two of its numbers goes to the nearest: 1 + 1/128 is one, 1 + 1/256 a tie."""
    (bfloat16,) = (found for found in COARSER if found.name == "bfloat16")
    found = bfloat16.round(np.array([1 + 2.0**-7, 1 + 2.0**-8, 1 + 3 * 2.0**-8, np.inf, np.nan]))
    assert found[:4].tolist() == [1 + 2.0**-7, 1.0, 1 + 2.0**-6, np.inf]
    assert np.isnan(found[4])


def test_tf32_rounds_factors_and_keeps_sums() -> None:
    """TensorFloat-32 rounds what it multiplies to 11 bits; what it adds up is float32."""
    tf32, fine = PRECISIONS["tf32"], 1 + 2.0**-20
    assert float(tf32.factor(np.float64(fine))) == 1.0
    assert float(tf32.round(np.float64(fine))) == fine


# Honest cells


def grid(model: dict[str, Any]) -> Scenario:
    """Each loss with each optimiser, full and short batches, both dtypes."""
    losses = ["mse", "mae", {"kind": "huber", "delta": 0.2}]
    optimizers = [{"kind": "sgd"}, {"kind": "sgd", "momentum": 0.9}, {"kind": "rmsprop"}, {"kind": "adam"}]
    values: dict[str, Any] = {"training": {"steps": 60}, "grid__dtype": ["float32", "float64"], **UNTIMED, **model}
    values = document(**values)
    values["grid"] |= {"batch_size": [7, "full"], "training.loss": losses, "training.optimizer": optimizers}
    return scenario(**values)


@pytest.mark.parametrize("model", [{}, NET], ids=["linear", "net"])
def test_no_honest_cell_is_found_wrong(tmp_path: Path, model: dict[str, Any]) -> None:
    """Every loss, optimiser, batch size and dtype by NumPy: each follows, or a kink or rounding says why not."""
    diagnosis = Diagnosis(finished_run(tmp_path / "run", grid(model)))
    assert [item.sentence for item in diagnosis.findings] == []
    assert len(diagnosis.followings) == 48
    assert all(item.follows for item in diagnosis.followings)


def test_no_honest_cell_of_torch_is_found_wrong(tmp_path: Path) -> None:
    """The three ways of torch follow too."""
    names = ["autograd", "optim", "module"]
    _, diagnosis = honest(
        tmp_path,
        grid__implementation=names,
        grid__dtype=["float32", "float64"],
        training__optimizer={"kind": "sgd", "momentum": 0.5},
    )
    assert diagnosis.findings == []
    assert len(diagnosis.followings) == 6


def test_an_honest_divergence_is_no_finding(tmp_path: Path) -> None:
    """A rate far beyond stability: the cell overflows, the reference is on its way, and nothing is wrong."""
    run, diagnosis = honest(
        tmp_path, grid__learning_rate=[3.0], training__epochs=80, grid__dtype=["float32", "float64"]
    )
    assert set(run.cells["outcome"]) == {"diverged"}
    assert diagnosis.findings == []
    assert all(item.follows for item in diagnosis.followings)


def test_chaos_is_walked_again(tmp_path: Path) -> None:
    """A training that makes much of rounding is known by another walk of it; cells like it go by that one."""
    values: dict[str, Any] = {
        "model": {"kind": "mlp", "hidden": [5, 3], "activation": "tanh"},
        "init": {"weights": "default"},
        "training": {"loss": "mse", "steps": 120, "optimizer": {"kind": "adam", "amsgrad": True}},
        "grid__batch_size": [7],
        "grid__learning_rate": [0.3],
        "grid__seed": {"start": 0, "count": 5},
    }
    _, diagnosis = honest(tmp_path, **values)
    amplified = [item for item in diagnosis.followings if item.amplified_step is not None]
    assert diagnosis.findings == []
    assert len(amplified) > 3
    walked = {item.walked for item in amplified}
    assert len(walked) == 3
    assert walked <= {item.cell for item in amplified}
    assert all(item.distance > 1e-12 for item in amplified)


def test_without_references_nothing_is_said(tmp_path: Path) -> None:
    """A run whose references are missing, as where there is no extended precision, has no followings."""
    run, _ = honest(tmp_path)
    bare = Diagnosis(run)
    run.file.__dict__["_kept_reference"] = lambda _key: {}
    assert bare.followings == []
    assert bare.findings == []


def test_a_start_of_zeros_hides_no_mistake(tmp_path: Path) -> None:
    """A row of zeros without a bias is 0 at the start in every arithmetic: no kink there explains a wrong update."""
    wave = {
        "samples": 20,
        "x": {"kind": "linspace", "start": 0.0, "stop": 1.0},
        "y": {"kind": "sin", "amplitude": 1.0, "frequency": 3.0, "phase": 0.0, "bias": 0.0},
    }
    net = {**NET, "init": {"weights": {"kind": "normal", "mean": 0.0, "sd": 1.0}}}
    for name, values in (("net", net), ("mae", {"training__loss": "mae", "init": {"weights": "zeros", "bias": 0.0}})):
        cells = {**values, "data": wave, "grid__batch_size": ["full"], "training__epochs": 3, **UNTIMED}
        run = finished_run(tmp_path / name, scenario(**cells))
        (row,) = run.cells.to_dict("records")
        reference = run.file.reference("line", row["reference"])
        trace = run.file.trace("line", row["cell"], 0)
        assert trace["kink_margin"][0] > 1e-9, name
        assert reference["kink_margin"][0] > 1e-9, name
        wrong = {**trace, "parameters": trace["parameters"].copy()}
        wrong["parameters"][1:] += 0.5 * (trace["parameters"][1] - trace["parameters"][0])
        found = compared("float64", wrong, reference)
        assert found is not None
        assert found[2:5] == (1, 0, None), name


def test_a_state_beyond_all_rounding_is_beyond_every_walk() -> None:
    """A walk that was left early, and is as far away by the time that the others are left, explains it after all."""

    class Walk:
        def __init__(self, *reach: float) -> None:
            self.reach = reach

        def beyond(self, distances: Sequence[float], first: int) -> int | None:
            return next((at for at in range(first, len(distances)) if distances[at] > self.reach[at]), None)

    envelope = Envelope.__new__(Envelope)
    envelope._walks = [Walk(1, 1, 9, 9), Walk(1, 9, 1, 1)]  # type: ignore[list-item]
    assert envelope.beyond(np.array([0.0, 2.0, 2.0, 2.0]), 1) is None
    assert envelope.beyond(np.array([0.0, 2.0, 2.0, 10.0]), 1) == 3


def test_implementations_part_where_a_training_amplifies_rounding(tmp_path: Path) -> None:
    """Two right ones of a chaotic net end far apart in float64: the verdict holds, and does not say that they agree."""
    net = {"model": {"kind": "mlp", "hidden": [6], "activation": "tanh"}, "init": {"weights": "default"}}
    values = {**net, **UNTIMED, "training__epochs": 40, "grid__learning_rate": [2.0]}
    both = {"grid__implementation": ["numpy", "autograd"]}
    run = finished_run(tmp_path / "run", scenario(**{**values, **both}))
    assessment = Assessment(run)
    (pair,) = assessment.agreements
    assert not pair.agrees
    (gate,) = (gate for gate in assessment.verdict().gates if gate.name == "agreement")
    assert (gate.status, gate.held) == ("passed", "2 cells follow their reference (2 that amplify rounding)")
    assert "0 of 1 pair," in gate.found
    assert "1 pair as far as their training amplifies rounding" in gate.found
    alone = [replace(item, amplified_step=None) for item in assessment.followings]
    assert agreement_gate([pair], alone).status == "failed"
