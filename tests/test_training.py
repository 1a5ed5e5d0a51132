"""The loop: what it records, times and nothing else; and what a worker makes of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness import implementations, training, worker
from harness.devices.cpu import Cpu
from harness.implementations.base import Implementation
from harness.job import Job
from harness.problem.data import make_data
from harness.record import unpack_arrays
from harness.timed import loops_for
from harness.trace import Recorder
from tests.builders import scenario


def spec_of(**values: Any) -> Any:
    (cell,) = scenario(**values).cells
    return cell.spec


class Spy(Implementation):
    """Counts up instead of training, and keeps a diary."""

    def __init__(self) -> None:
        self.diary: list[Any] = []
        self.count = 0

    def load(self, problem: Any) -> None:
        self.count = 0

    def step(self, rows: Any) -> Any:
        self.diary.append(("step", rows))
        self.count += 1
        return float(self.count)

    def parameters(self) -> Any:
        self.diary.append("parameters")
        return np.full(2, float(self.count)), np.float64(0)


class Watch(Cpu):
    """A device that writes into the same diary."""

    def __init__(self, diary: list[Any]) -> None:
        self.diary = diary

    def synchronize(self) -> None:
        self.diary.append("synchronize")


def test_the_recorded_pass() -> None:
    """State, step, state, step, …, state; the device is synchronised around the first step alone."""
    spec = spec_of(training={"steps": 3})
    spy = Spy()
    recorder = Recorder(spec, make_data(spec))
    rows = [np.array([number]) for number in range(3)]
    first = training.recorded_pass(spy, ["a", "b", "c"], rows, recorder, Watch(spy.diary))
    assert spy.diary == [
        "parameters", "synchronize", ("step", "a"), "synchronize",
        "parameters", ("step", "b"), "parameters", ("step", "c"), "parameters",
    ]  # fmt: skip
    assert (first.kind, first.number, first.loops) == ("first_step", 0, 1)
    assert first.seconds >= 0


def test_a_timed_pass_does_nothing_but_step() -> None:
    """Between the clock reads stand the steps alone; the device is synchronised before and after."""
    spy = Spy()
    seconds, cpu = training.timed_pass(spy, ["a", "b"], Watch(spy.diary))
    assert spy.diary == ["synchronize", ("step", "a"), ("step", "b"), "synchronize"]
    assert seconds >= 0
    assert cpu >= 0


def test_no_steps_are_an_error() -> None:
    """A training without a step has no first step to time."""
    spec = spec_of()
    with pytest.raises(ValueError, match="at least one step"):
        training.recorded_pass(Spy(), [], [], Recorder(spec, make_data(spec)), Cpu())


def test_indices_of_different_number_are_an_error() -> None:
    """The implementation's indices and the recorder's are the same updates."""
    spec = spec_of()
    with pytest.raises(ValueError, match="zip"):
        training.recorded_pass(Spy(), ["a", "b"], [slice(None)], Recorder(spec, make_data(spec)), Cpu())


@pytest.mark.parametrize(
    ("seconds", "loops"), [(1.0, 1), (1e-3, 1), (0.9e-3, 2), (1e-4, 10), (1e-6, 1000), (0.0, 10_000), (1e-12, 10_000)]
)
def test_loops(seconds: float, loops: int) -> None:
    """A span is at least a millisecond; a pass too short to be seen counts as 0.1 µs."""
    assert loops_for(seconds) == pytest.approx(loops, abs=1)


@pytest.mark.parametrize("name", ["numpy", "autograd", "optim", "module"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_training_that_diverges(name: str, dtype: str) -> None:
    """All steps are done, finite or not: the record is ok, its outcome diverged, and no warning is raised."""
    spec = spec_of(
        grid__implementation=[name], grid__dtype=[dtype], grid__learning_rate=[1e30], training={"epochs": 40}
    )
    record, _ = worker.run(Job(spec, timing_repeats=1))
    assert (record.status, record.outcome, record.steps) == ("ok", "diverged", 200), record.reason


@pytest.mark.parametrize("name", ["numpy", "autograd", "optim", "module"])
@pytest.mark.parametrize("model", [{"kind": "linear"}, {"kind": "mlp", "hidden": [3], "activation": "relu"}])
def test_recording_and_timing_change_no_number(name: str, model: dict[str, Any]) -> None:
    """With and without timed passes, and with more states recorded, the numbers and the digest are the same."""
    spec = spec_of(grid__implementation=[name], model=model, training={"steps": 300})
    found = [worker.run(Job(spec)), worker.run(Job(spec, timing_repeats=2, record_steps=(207, 211)))]
    (plain, _), (timed, trace) = found
    assert (plain.status, timed.status) == ("ok", "ok"), timed.reason
    assert (plain.digest, plain.weights, plain.bias) == (timed.digest, timed.weights, timed.bias)
    assert plain.step_seconds is None
    assert timed.step_seconds is not None
    kinds = [timing.kind for timing in timed.timings if timing.kind != "warm_up"]
    assert kinds == ["setup", "first_step", "pass", "pass"]
    assert {207, 211} <= set(unpack_arrays(trace)["step"].tolist())


@pytest.mark.parametrize("model", [{"kind": "linear"}, {"kind": "mlp", "hidden": [3]}])
def test_shapes_of_a_record(model: dict[str, Any]) -> None:
    """weights and bias are numbers for a line and lists per layer for a net, in plain Python."""
    record, _ = worker.run(Job(spec_of(model=model)))
    layered = model["kind"] == "mlp"
    assert np.shape(record.weights[0]) == ((3, 2) if layered else ())
    assert [np.shape(bias) for bias in record.bias] == [(3,), (1,)] if layered else isinstance(record.bias, float)


def test_a_record_without_intercept() -> None:
    """There is no bias to report."""
    record, _ = worker.run(Job(spec_of(model={"kind": "linear", "intercept": False}, init={})))
    assert record.bias is None
    assert record.optimum is not None
    assert len(record.optimum) == 2


def test_an_implementation_that_does_not_reset(monkeypatch: pytest.MonkeyPatch) -> None:
    """A load that leaves something behind ends on other bits, and the cell fails with that sentence."""
    base = implementations.get("numpy")

    class Forgetful(base):  # type: ignore[valid-type, misc]
        def load(self, problem: Any) -> None:
            started = getattr(self, "w", None)
            super().load(problem)
            if started is not None:
                self.w = started

    monkeypatch.setitem(implementations._CLASSES, "numpy", Forgetful)
    record, _ = worker.run(Job(spec_of(), timing_repeats=1))
    assert record.status == "failed"
    assert "load() does not reset everything" in record.reason


def test_a_step_that_writes_into_its_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each timed pass gets the data afresh, so writing into them shows as different bits, or not at all."""
    base = implementations.get("numpy")

    class Vandal(base):  # type: ignore[valid-type, misc]
        def step(self, rows: Any) -> Any:
            loss = super().step(rows)
            self.x *= 0.5
            return loss

    monkeypatch.setitem(implementations._CLASSES, "numpy", Vandal)
    record, _ = worker.run(Job(spec_of(), timing_repeats=2))
    assert record.status == "ok", record.reason


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (
            {"model": {"kind": "linear", "standardize": "sample"}, "data__x__sd": 0.0},
            "column 0 of the model is constant",
        ),
        ({"data__x__mean": 1e200, "model": {"kind": "linear", "powers": [2]}}, "overflow"),
    ],
)
def test_data_that_cannot_be_trained_on(values: dict[str, Any], words: str) -> None:
    """What only the data show fails in the cell, with the sentence that says what to do."""
    record, trace = worker.run(Job(spec_of(**values)))
    assert record.status == "failed"
    assert words in record.reason
    assert trace == b""
