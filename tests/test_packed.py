"""Arrays in the bytes of them all."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness.analysis.ulp import apart, near
from harness.packed import EMPTY, Packed, pack_arrays, packed, stacked, unpack_arrays


def trace(seed: int, far: float = 0.0) -> dict[str, Any]:
    """A trace of five states of two parameters, of which the last one is so far from that of seed 0."""
    parameters = np.random.default_rng(0).normal(size=(5, 2)) + np.arange(5)[:, None] * seed * 2.0**-52
    parameters[-1] += far
    return {"step": np.arange(5), "loss": np.arange(5) / 7 + seed, "parameters": parameters}


def kept(arrays: dict[str, Any]) -> Packed:
    """The same as a run file gives it back."""
    return packed(pack_arrays(arrays))


def test_each_array_comes_out_as_it_went_in() -> None:
    """Names, dtypes, shapes and bits are the same, whether made one by one or all at once; other names are absent."""
    arrays, blob = trace(3), pack_arrays(trace(3))
    for found in (packed(blob), unpack_arrays(blob)):
        assert list(found) == list(arrays)
        assert all(found[name].dtype == array.dtype and found[name].shape == array.shape
                   and found[name].tobytes() == array.tobytes() for name, array in arrays.items())  # fmt: skip
        assert "epoch" not in found
    assert packed(b"") is EMPTY
    assert not EMPTY


def test_bytes_that_are_too_few_are_refused_as_they_are_read() -> None:
    """A head that promises more numbers than there are, or less than none, is no array's."""
    blob = pack_arrays({"loss": np.arange(4.0)})
    for shape in (b"[5]", b"[-1]", b"[true]"):
        with pytest.raises(ValueError, match=r"bytes|shape"):
            packed(blob.replace(b"[4]", shape))


def test_stacking_is_that_of_each() -> None:
    """Many of one layout at once are what stacking them one by one gives."""
    many = [kept(trace(seed)) for seed in range(4)]
    for name, found in zip(("parameters", "step"), stacked(many, "parameters", "step"), strict=True):
        np.testing.assert_array_equal(found, np.stack([item[name] for item in many]))


def test_pairs_together_are_as_far_apart_as_each() -> None:
    """Of pairs within the limit the first step that differs, the distance and its step; those beyond are left out."""
    others = [kept(trace(0)), kept(trace(1)), kept(trace(5)), kept(trace(1, far=0.1)), kept(trace(1, far=np.nan))]
    ones = [kept(trace(0))] * len(others)
    found = near(ones, others, "float64", lambda steps: np.full(len(steps), 1e-12))
    assert list(found) == [0, 1, 2]
    for place, told in found.items():
        alone = apart(ones[place], others[place], "float64")
        assert told == (alone.first, *alone.farthest)
