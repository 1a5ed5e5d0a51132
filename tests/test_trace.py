"""The trace: which states it holds, what stands in a row, and what its digest covers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from harness import implementations, worker
from harness.job import Job
from harness.problem.data import Data, make_data
from harness.problem.evaluation import Evaluation
from harness.problem.layout import Layout
from harness.problem.orders import batches
from harness.problem.problem import make_problem
from harness.record import Arrays, pack_arrays, unpack_arrays
from harness.scenario.cell import CellSpec
from harness.trace import Recorder, kept_steps
from tests.builders import scenario


def spec_of(**values: Any) -> CellSpec:
    (cell,) = scenario(**values).cells
    return cell.spec


class TestKeptSteps:
    """Every step up to 200, then evenly on a log scale, the last, and those that expectations name."""

    @pytest.mark.parametrize("steps", [1, 2, 199, 200])
    def test_short(self, steps: int) -> None:
        """Up to 200 steps every state is kept, start and end included."""
        assert kept_steps(steps).tolist() == list(range(steps + 1))

    @pytest.mark.parametrize("steps", [201, 202, 250, 300, 1000, 2000, 12_345, 10**6])
    def test_long(self, steps: int) -> None:
        """Beyond 200, states are sorted, unique, end with the last, and about 50 a decade, none far apart."""
        kept = kept_steps(steps)
        assert kept[:201].tolist() == list(range(201))
        assert kept[-1] == steps
        assert (np.diff(kept) > 0).all()
        assert len(kept) <= 203 + 50 * np.log10(steps / 200)
        # one fiftieth of a decade is a factor of 1.047; rounding to whole steps adds at most one
        assert (kept[201:] <= kept[200:-1] * 10 ** (1 / 50) + 1).all()

    def test_named(self) -> None:
        """Named states are kept, whatever the scale; states that do not exist are not."""
        kept = kept_steps(5000, [4321, 4999, 3, 5001, -1])
        assert {4321, 4999, 3} <= set(kept.tolist())
        assert set(kept.tolist()) - set(kept_steps(5000).tolist()) == {4321, 4999}

    @pytest.mark.parametrize("steps", [250, 3000])
    def test_names_move_nothing(self, steps: int) -> None:
        """What is kept without names is kept with them."""
        assert set(kept_steps(steps).tolist()) <= set(kept_steps(steps, range(210, 230)).tolist())


def recorded(spec: CellSpec, states: Any, losses: Any, named: Any = ()) -> tuple[Arrays, Any, str]:
    """A recorder fed with made-up linear states (k + 1, p + 1) and step losses (k,)."""
    data = make_data(spec)
    recorder = Recorder(spec, data, named)
    plan = list(batches(spec, make_problem(spec, data).orders))
    for number, state in enumerate(states):
        recorder.state((state[:-1], state[-1]))
        if number < len(losses):
            recorder.step(losses[number], plan[number])
    return recorder.finish()


def made_up(spec: CellSpec) -> tuple[Any, Any]:
    """States and step losses that all differ."""
    draw = np.random.default_rng(1)
    size = Layout.of(spec).size
    return (
        draw.normal(size=(spec.steps + 1, size)).astype(spec.dtype),
        draw.uniform(1, 2, spec.steps).astype(spec.dtype),
    )


# Blocks are of 256 states; 25 steps are one, 255 fill it exactly, 256 begin another, 1100 are five.
@pytest.mark.parametrize("steps", [1, 25, 254, 255, 256, 257, 511, 512, 1100])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("loss", ["mse", "mae"])
def test_a_row_is_one_state(steps: int, dtype: str, loss: str) -> None:
    """Row s holds the parameters of state s, their loss over all rows, and the loss of the update leaving it."""
    spec = spec_of(training={"loss": loss, "steps": steps}, grid__dtype=[dtype])
    states, losses = made_up(spec)
    arrays, all_losses, _ = recorded(spec, states, losses, [steps - 1])
    step = arrays["step"]
    assert_array_equal(step, kept_steps(steps, [steps - 1]))
    assert_array_equal(arrays["parameters"], states[step].astype(np.float64))
    rows = make_data(spec).training
    wanted = Evaluation.of(spec).loss(states.astype(np.float64), rows.x, rows.y)
    np.testing.assert_allclose(all_losses, wanted, rtol=1e-13)
    np.testing.assert_allclose(arrays["loss"], wanted[step], rtol=1e-13)
    assert_array_equal(arrays["step_loss"][:-1], losses[step[:-1]].astype(np.float64))
    assert np.isnan(arrays["step_loss"][-1])
    assert arrays["parameters"].dtype == arrays["loss"].dtype == arrays["step_loss"].dtype == np.float64


@pytest.mark.parametrize("steps", [254, 256, 600])
def test_kink_margins_are_of_the_batch_and_the_state_before(steps: int) -> None:
    """Across the ends of blocks each update's margin is that of the state it left, on its own rows."""
    spec = spec_of(training={"loss": "mae", "steps": steps})
    states, losses = made_up(spec)
    arrays, _, _ = recorded(spec, states, losses)
    rows, evaluation = make_data(spec).training, Evaluation.of(spec)
    plan = list(batches(spec, make_problem(spec, make_data(spec)).orders))
    wanted = [
        evaluation.kink_margin(state, rows.x[batch], rows.y[batch])
        for state, batch in zip(states[:-1], plan, strict=True)
    ]
    assert_array_equal(arrays["kink_margin"], np.array(wanted, dtype=np.float32))


@pytest.mark.parametrize(("loss", "dtype"), [("mse", "float64"), ("mae", "float32")])
def test_no_margins_where_none_are_used(loss: str, dtype: str) -> None:
    """Paths are compared in float64, and only where there are kinks."""
    spec = spec_of(training__loss=loss, grid__dtype=[dtype])
    assert "kink_margin" not in recorded(spec, *made_up(spec))[0]


class TestDigest:
    """The digest covers every state and every step's loss."""

    SPEC = {"training": {"steps": 300}}

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    @pytest.mark.parametrize(
        ("state", "parameter"), [(0, 0), (1, 2), (199, 1), (207, 0), (255, 2), (256, 0), (299, 1), (300, 2)]
    )
    def test_of_every_parameter(self, dtype: str, state: int, parameter: int) -> None:
        """One parameter of one state, kept in the trace or not, moved by one ULP, changes it."""
        spec = spec_of(**self.SPEC, grid__dtype=[dtype])
        states, losses = made_up(spec)
        digest = recorded(spec, states, losses)[2]
        assert recorded(spec, states, losses)[2] == digest
        states[state, parameter] = np.nextafter(states[state, parameter], np.inf, dtype=states.dtype)
        assert recorded(spec, states, losses)[2] != digest

    @pytest.mark.parametrize("step", [0, 207, 255, 256, 299])
    def test_of_every_loss(self, step: int) -> None:
        """So does one step's loss."""
        spec = spec_of(**self.SPEC)
        states, losses = made_up(spec)
        digest = recorded(spec, states, losses)[2]
        losses[step] = np.nextafter(losses[step], np.inf)
        assert recorded(spec, states, losses)[2] != digest

    def test_of_their_order(self) -> None:
        """Two states that change places change it."""
        spec = spec_of(**self.SPEC)
        states, losses = made_up(spec)
        digest = recorded(spec, states, losses)[2]
        states[[3, 4]] = states[[4, 3]]
        assert recorded(spec, states, losses)[2] != digest

    def test_not_of_what_is_kept(self) -> None:
        """Naming more states changes the trace, not the digest."""
        spec = spec_of(**self.SPEC)
        states, losses = made_up(spec)
        assert recorded(spec, states, losses, [207, 213])[2] == recorded(spec, states, losses)[2]

    def test_signed_zero_and_nan(self) -> None:
        """Bits are compared: -0.0 is not 0.0, and a nan is equal to itself."""
        spec = spec_of()
        states, losses = made_up(spec)
        states[3, 0], states[4, 0] = 0.0, np.nan
        digest = recorded(spec, states, losses)[2]
        assert recorded(spec, states, losses)[2] == digest
        states[3, 0] = -0.0
        assert recorded(spec, states, losses)[2] != digest


class TestEpochs:
    """Sum, mean and last of each whole epoch's step losses, added in order in the cell's dtype."""

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_added_one_by_one(self, dtype: str) -> None:
        """
        As a training loop adds: `total += loss`, in the cell's dtype.

        1, then 4095 times half an ULP of 1: each vanishes by itself in order, while adding in pairs keeps them.
        """
        spec = spec_of(
            data__samples=4096, grid__batch_size=[1], grid__dtype=[dtype], training={"epochs": 1, "order": "sequential"}
        )
        states, losses = made_up(spec)
        losses[:] = np.finfo(dtype).eps / 2
        losses[0] = 1
        arrays, _, _ = recorded(spec, states, losses)
        assert losses.sum() > 1
        assert arrays["epoch_sum"].tolist() == [1.0]
        assert arrays["epoch_mean"].tolist() == [1 / 4096]

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_of_every_epoch(self, dtype: str) -> None:
        """Five epochs of five updates, against a loop."""
        spec = spec_of(grid__dtype=[dtype])
        states, losses = made_up(spec)
        arrays, _, _ = recorded(spec, states, losses)
        kind = np.dtype(dtype).type
        sums = []
        for epoch in losses.reshape(5, 5):
            total = kind(0)
            for loss in epoch:
                total = total + loss
            sums.append(total)
        assert_array_equal(arrays["epoch_sum"], np.array(sums, dtype=np.float64))
        assert_array_equal(arrays["epoch_mean"], [float(total / kind(5)) for total in sums])
        assert_array_equal(arrays["epoch_last"], losses[4::5].astype(np.float64))

    @pytest.mark.parametrize(("steps", "epochs"), [(4, 0), (5, 1), (7, 1), (9, 1), (10, 2)])
    def test_whole_epochs_only(self, steps: int, epochs: int) -> None:
        """Steps that end inside an epoch leave it out."""
        spec = spec_of(training={"steps": steps})
        arrays, _, _ = recorded(spec, *made_up(spec))
        assert [len(arrays[name]) for name in ("epoch_sum", "epoch_mean", "epoch_last")] == [epochs] * 3

    def test_full_batches(self) -> None:
        """One update is one epoch."""
        spec = spec_of(grid__batch_size=["full"])
        states, losses = made_up(spec)
        assert_array_equal(recorded(spec, states, losses)[0]["epoch_sum"], losses)

    def test_a_sum_that_overflows(self) -> None:
        """A sum beyond the dtype is inf, without a warning."""
        spec = spec_of(grid__dtype=["float32"])
        states, losses = made_up(spec)
        losses[:] = 3e38
        assert np.isinf(recorded(spec, states, losses)[0]["epoch_sum"]).all()


def test_parameters_of_another_dtype() -> None:
    """An implementation that widens its parameters is refused, with both dtypes."""
    spec = spec_of(grid__dtype=["float32"])
    recorder = Recorder(spec, make_data(spec))
    with pytest.raises(TypeError, match=r"float64.*float32"):
        recorder.state((np.zeros(2), np.float64(0)))


def test_states_are_copied() -> None:
    """Parameters that are updated in place afterwards do not change the states before."""
    spec = spec_of(training={"steps": 2})
    recorder = Recorder(spec, make_data(spec))
    weights, bias = np.zeros(2), np.zeros(())
    for number in range(3):
        recorder.state((weights, bias))
        weights += 1
        bias += 1
        if number < 2:
            recorder.step(0.0, slice(None))
    assert recorder.finish()[0]["parameters"].tolist() == [[0.0] * 3, [1.0] * 3, [2.0] * 3]


def by_hand(spec: CellSpec, data: Data) -> tuple[list[Any], list[float]]:
    """All states and step losses of a cell, by its implementation outside any loop of ours."""
    problem = make_problem(spec, data)
    cls = implementations.get(spec.implementation)
    implementation, layout = cls(), Layout.of(spec)
    implementation.load(problem)
    states, losses = [layout.flatten(implementation.parameters())], []
    for rows in worker.indices(list(batches(spec, problem.orders)), cls.rows, "cpu"):
        losses.append(float(implementation.step(rows)))
        states.append(layout.flatten(implementation.parameters()))
    return states, losses


@pytest.mark.parametrize("name", ["numpy", "module"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_workers_trace(name: str, dtype: str) -> None:
    """From load to record nothing is shifted: the trace is what the implementation itself goes through."""
    spec = spec_of(grid__implementation=[name], grid__dtype=[dtype], training={"steps": 300})
    states, losses = by_hand(spec, make_data(spec))
    record, blob = worker.run(Job(spec, record_steps=(251,)))
    arrays = unpack_arrays(blob)
    assert 251 in arrays["step"]
    for step, parameters, step_loss in zip(arrays["step"], arrays["parameters"], arrays["step_loss"], strict=True):
        assert_array_equal(parameters, states[step].astype(np.float64))
        if step < 300:
            assert step_loss == losses[step]
    assert record.loss == arrays["loss"][-1]
    assert [*record.weights, record.bias] == arrays["parameters"][-1].tolist()


def test_arrays_survive_their_packing() -> None:
    """What is stored is what was recorded, bits and dtypes."""
    spec = spec_of(training__loss="mae")
    arrays = recorded(spec, *made_up(spec))[0]
    again = unpack_arrays(pack_arrays(arrays))
    assert again.keys() == arrays.keys()
    for name, array in arrays.items():
        assert again[name].dtype == array.dtype
        assert again[name].tobytes() == array.tobytes()
    assert unpack_arrays(pack_arrays({})) == {}
