"""The order of the rows, and how it is cut into batches."""

from __future__ import annotations

from typing import Any

import pytest

from harness.problem.orders import batches, orders
from harness.scenario.cell import CellSpec
from tests.builders import scenario


def spec_of(**values: Any) -> CellSpec:
    (cell,) = scenario(**values).cells
    return cell.spec


def plan(spec: CellSpec) -> list[list[int]]:
    return [batch.tolist() for batch in batches(spec, orders(spec))]


def epochs_of(found: list[list[int]], per_epoch: int) -> list[list[int]]:
    """The rows of each epoch, its batches joined."""
    starts = range(0, len(found), per_epoch)
    return [[row for batch in found[start : start + per_epoch] for row in batch] for start in starts]


@pytest.mark.parametrize("size", [1, 7, 8, 16, 39, 40, 41])
def test_every_epoch_is_a_permutation(size: int) -> None:
    """Each epoch uses every training row once, the short last batch included, and epochs differ."""
    spec = spec_of(grid__batch_size=[size])
    found = plan(spec)
    per_epoch = -(-40 // size)
    assert len(found) == spec.steps == 5 * per_epoch
    assert [len(batch) for batch in found] == ([size] * (40 // size) + [40 % size] * (40 % size > 0)) * 5
    epochs = epochs_of(found, per_epoch)
    assert all(sorted(epoch) == list(range(40)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 5


def test_drop_last() -> None:
    """The short last batch is left out; all others are as without."""
    kept = plan(spec_of(grid__batch_size=[16]))
    dropped = plan(spec_of(grid__batch_size=[16], training__drop_last=True))
    assert [len(batch) for batch in dropped] == [16] * 10
    assert dropped == [batch for batch in kept if len(batch) == 16]


def test_drop_last_where_nothing_is_short() -> None:
    """Nothing is dropped where the batches come out even."""
    assert plan(spec_of(training__drop_last=True)) == plan(spec_of())


def test_sequential() -> None:
    """File order, every epoch alike."""
    found = plan(spec_of(training__order="sequential", grid__batch_size=[16]))
    assert found == [list(range(16)), list(range(16, 32)), list(range(32, 40))] * 5


@pytest.mark.parametrize("steps", [1, 4, 5, 6, 23, 25])
@pytest.mark.parametrize("order", ["shuffle", "sequential"])
def test_steps_cut_an_epoch(steps: int, order: str) -> None:
    """`steps` counts updates epoch after epoch; the first so many are those of whole epochs."""
    found = plan(spec_of(training={"steps": steps, "order": order}))
    assert found == plan(spec_of(training__order=order))[:steps]


@pytest.mark.parametrize("values", [{}, {"training__order": "sequential"}, {"training__drop_last": True}])
def test_full_batches(values: dict[str, Any]) -> None:
    """A full batch is a slice over all rows in file order, one an epoch; nothing is drawn."""
    spec = spec_of(grid__batch_size=["full"], **values)
    assert orders(spec) == []
    assert list(batches(spec, [])) == [slice(None)] * 5


def test_only_training_rows() -> None:
    """Rows held back are no part of any order."""
    spec = spec_of(data__validation={"rows": 10})
    assert all(sorted(order) == list(range(30)) for order in orders(spec))


def test_batch_sizes_share_their_order() -> None:
    """Cells of one seed that differ in batch size go through the rows in the same order."""
    first = epochs_of(plan(spec_of(grid__batch_size=[8])), 5)
    assert epochs_of(plan(spec_of(grid__batch_size=[20])), 2) == first
