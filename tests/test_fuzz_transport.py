"""What goes between processes comes back as it was, or is refused: jobs, records, traces."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import ScenarioError
from harness.job import Job
from harness.record import RECORD_FIELDS, STATUSES, Record, Timing, from_bytes, pack_arrays, to_bytes, unpack_arrays
from harness.scenario.read import parse
from tests.builders import scenario
from tests.fuzzing import FILES, bounded, mutated, written

SPEC = scenario().cells[0].spec
# What Python says of arguments that are none; a job comes from our own process or run file.
REFUSALS = (ValueError, TypeError, LookupError, AttributeError)

ANY_FLOAT = st.floats()
NUMBER = st.none() | ANY_FLOAT
RECORDS = st.builds(
    Record,
    status=st.sampled_from(STATUSES),
    reason=st.text(max_size=20),
    outcome=st.none() | st.text(max_size=5),
    steps=st.none() | st.integers(0, 2**63),
    loss=NUMBER,
    weights=st.none() | st.lists(ANY_FLOAT, max_size=3) | st.lists(st.lists(ANY_FLOAT, max_size=2), max_size=2),
    bias=NUMBER,
    optimum=st.none() | st.lists(ANY_FLOAT, max_size=3),
    digest=st.none() | st.text("0123456789abcdef", max_size=8),
    peak_bytes=st.none() | st.integers(0, 2**63),
    phases=st.dictionaries(st.text(max_size=5), ANY_FLOAT, max_size=3),
    timings=st.lists(
        st.builds(Timing, st.text(max_size=5), st.integers(0, 9), ANY_FLOAT, ANY_FLOAT, st.integers(1, 9)), max_size=3
    ).map(tuple),
    stdout=st.text(max_size=20),
    stderr=st.text(max_size=20),
)
ARRAYS = st.dictionaries(
    st.text(max_size=6),
    st.builds(
        lambda values, dtype: np.array(values).astype(dtype),
        st.lists(st.integers(-9, 9), max_size=4)
        | st.lists(st.tuples(st.integers(-9, 9), st.integers(0, 9)), max_size=3),
        st.sampled_from(["<f8", "<f4", "<i8", ">f8"]),
    ),
    max_size=4,
)


def same(one: Any, other: Any) -> bool:
    """Equality where nan is nan."""
    return json.dumps(one, default=vars) == json.dumps(other, default=vars)


def damaged(draw: Any, content: bytes) -> bytes:
    """The content cut short, with a bit flipped, or with bytes put in."""
    at = draw(st.integers(0, len(content) - 1))
    flipped = bytes([content[at] ^ (1 << draw(st.integers(0, 7)))])
    inserted = draw(st.binary(min_size=1, max_size=3))
    changes = [content[:at], content[:at] + flipped + content[at + 1 :], content[:at] + inserted + content[at:]]
    return bytes(draw(st.sampled_from(changes)))


@bounded(60)
@given(
    base=mutated(),
    limits=st.fixed_dictionaries(
        {},
        optional={
            "timing_repeats": st.integers(0, 2**40),
            "target_digits": st.floats(0.1, 1e300),
            "record_steps": st.lists(st.integers(0, 2**63), max_size=4).map(tuple),
            "timeout_seconds": st.floats(1e-300, 1e300),
            "memory_mb": st.integers(1, 2**40),
        },
    ),
)
def test_a_job_comes_back(base: dict[str, Any], limits: dict[str, Any]) -> None:
    """`from_json(to_json())` is the job, for every valid spec and all limits."""
    try:
        cells = parse(written(base), Path("x.toml"), {}, FILES).cells
    except ScenarioError:
        return
    job = Job(cells[-1].spec, **limits)
    assert Job.from_json(job.to_json()) == job
    assert Job.from_json(job.to_json().encode()) == job


@bounded(100)
@given(data=st.data())
def test_a_damaged_job_is_refused(data: st.DataObject) -> None:
    """A job with a bit flipped, cut short or longer is another job, or refused by what Python says of arguments."""
    content = damaged(data.draw, Job(SPEC, record_steps=(1, 2)).to_json().encode())
    try:
        assert isinstance(Job.from_json(content), Job)
    except REFUSALS:
        assert content != Job(SPEC, record_steps=(1, 2)).to_json().encode()


@bounded(60)
@given(
    text=st.text(max_size=40) | st.recursive(st.none() | st.integers() | st.text(max_size=4), st.lists).map(json.dumps)
)
def test_any_text_is_no_job(text: str) -> None:
    """Any other text is refused."""
    with pytest.raises(REFUSALS):
        Job.from_json(text)


@bounded(80)
@given(record=RECORDS, trace=st.binary(max_size=30))
def test_a_record_comes_back(record: Record, trace: bytes) -> None:
    """`from_bytes(to_bytes())` is the record and its trace: infinite numbers, lone surrogates and all."""
    found = from_bytes(to_bytes(record, trace))
    assert found is not None
    assert all(same(getattr(found[0], name), getattr(record, name)) for name in RECORD_FIELDS)
    assert found[1] == trace


@bounded(20)
@given(record=RECORDS, trace=st.binary(max_size=10))
def test_every_truncation_of_a_record_is_none(record: Record, trace: bytes) -> None:
    """However much of a record is written, it is a record only when it is whole; longer it is none either."""
    content = to_bytes(record, trace)
    assert all(from_bytes(content[:size]) is None for size in range(len(content)))
    assert from_bytes(content + b"x") is None


@bounded(150)
@given(record=RECORDS, data=st.data())
def test_a_damaged_record_is_a_record_or_none(record: Record, data: st.DataObject) -> None:
    """A record with a bit flipped or bytes put in is none, or one with a status that there is."""
    found = from_bytes(damaged(data.draw, to_bytes(record, b"trace")))
    assert found is None or found[0].status in STATUSES


@bounded(60)
@given(content=st.binary(max_size=60))
def test_any_bytes_are_no_record(content: bytes) -> None:
    """Any other bytes are no record, also behind a head that fits them."""
    assert from_bytes(content) is None
    head = b"cell-rec" + len(content).to_bytes(8, "little") + bytes(8)
    assert from_bytes(head + content) is None


@bounded(60)
@given(arrays=ARRAYS)
def test_arrays_come_back(arrays: dict[str, Any]) -> None:
    """Arrays by name have the same values, shapes and precision behind the way through bytes."""
    found = unpack_arrays(pack_arrays(arrays))
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        assert found[name].shape == array.shape
        assert found[name].dtype == array.dtype.newbyteorder("<")
        assert np.array_equal(found[name], array)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # a damaged dtype may be an old name
@bounded(150)
@given(arrays=ARRAYS, data=st.data())
def test_damaged_arrays_are_refused(arrays: dict[str, Any], data: st.DataObject) -> None:
    """Packed arrays with a bit flipped or cut short are arrays, or refused; the reader tells every such error."""
    content = pack_arrays(arrays)
    if not content:
        return
    try:
        found = unpack_arrays(damaged(data.draw, content))
    except (*REFUSALS, SyntaxError, OverflowError, MemoryError, zlib.error):
        return
    assert all(isinstance(array, np.ndarray) for array in found.values())
