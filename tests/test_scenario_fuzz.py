"""Whatever is written into a scenario file, the answer is a scenario or its faults."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import ScenarioError
from harness.job import Job
from harness.scenario.read import Scenario, parse, read
from tests.builders import LINE, toml

BOUNDED = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

# LINE with one of everything, so that a mutation can hit it.
FULL: dict[str, Any] = {
    **LINE,
    "data": {**LINE["data"], "validation": {"fraction": 0.2, "pick": "shuffle"}, "rng": "numpy", "seed": 3},
    "model": {"kind": "linear", "powers": [1, 2], "intercept": True, "standardize": "sample"},
    "run": {"replicates": 2, "threads": 1, "tf32": False, "timeout_seconds": 5},
    "target": {"tau": [0.1], "digits": 3},
    "grid": {
        **LINE["grid"],
        "seed": {"start": 0, "count": 3},
        "data.samples": [40, 50],
        "exclude": [{"seed": 1, "data.samples": 50, "why": "x"}],
    },
    "expect": [
        {"quantity": "loss", "value": 1.0, "within": 9.0, "at": {"epoch": 1}, "where": {"seed": 0}},
        {"quantity": "weights[0]", "at_least": -9.0},
        {"quantity": "outcome", "equals": ["converged", "unfinished"]},
    ],
}

NUMBERS = st.one_of(
    st.integers(-3, 300),
    st.sampled_from([2**31, 2**32, 2**63, 2**64, 10**30, -(10**30), 10**400]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
)
WORDS = st.one_of(
    st.sampled_from(
        ["", "numpy", "full", "normal", "uniform", "linspace", "linear", "polynomial", "sin", "none", "mlp", "zeros",
         "default", "mae", "shuffle", "end", "start", "loss", "weights[0]", "weights[9]", "bias", "epoch_loss", "kind"]
    ),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=6),
)  # fmt: skip
KEYS = st.one_of(
    st.sampled_from(
        ["kind", "mean", "sd", "low", "high", "columns", "samples", "x", "y", "noise", "weights", "bias", "epochs",
         "steps", "epoch", "step", "at", "where", "table", "value", "seed", "count", "start", "hidden", "powers",
         "data.x", "data.x.mean", "data.y.weights", "training.loss", "init.weights", "model.kind", "run.threads",
         "target.digits", "expect", "grid", "why"]
    ),
    st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=4),
)  # fmt: skip
VALUES = st.recursive(
    NUMBERS | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every key and list member in the document."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, item in inside for found in ((*path, key), *places(item, (*path, key)))]


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, Any]:
    """FULL after one to three changes: a key deleted, replaced, or added."""
    document = copy.deepcopy(FULL)
    for _ in range(draw(st.integers(1, 3))):
        *parents, last = draw(st.sampled_from(places(document)))
        here: Any = document
        for key in parents:
            here = here[key]
        change = draw(st.sampled_from(["delete", "replace", "replace", "add"]))
        if change == "delete":
            del here[last]
        elif change == "replace" or isinstance(here, list):
            here[last] = draw(VALUES)
        else:
            here[draw(KEYS)] = draw(VALUES)
    return document


def outcome_of(text: str, settings: dict[str, Any] | None = None, files: dict[str, bytes] | None = None) -> Any:
    """The scenario or its faults; any other exception fails the test."""
    try:
        return parse(text, Path("/nowhere/line.toml"), settings or {}, files)
    except ScenarioError as error:
        return error.faults


def look_at(found: Any) -> None:
    """Faults are there, differ, and are one line each; a scenario has cells that survive the way to a worker."""
    if isinstance(found, Scenario):
        assert found.cells
        for cell in found.cells[:3]:
            assert Job.from_json(Job(cell.spec).to_json()).spec == cell.spec
            assert cell.spec.steps >= 1
            assert cell.spec.data.training_rows >= 1
    else:
        assert found
        assert len(set(found)) == len(found)
        assert all(fault.problem and "\n" not in str(fault) for fault in found)


@BOUNDED
@given(mutated())
def test_mutations_of_a_scenario(document: dict[str, Any]) -> None:
    """A changed document is valid or refused with a message; what is valid survives the way to a worker."""
    look_at(outcome_of(toml(document)))


@BOUNDED
@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_any_small_document(document: dict[str, Any]) -> None:
    """Any TOML of a few keys is refused with a message."""
    look_at(outcome_of(toml(document)))


@BOUNDED
@given(st.text(max_size=60))
def test_any_text(text: str) -> None:
    """Any text is no exception but a ScenarioError."""
    look_at(outcome_of(text))


@BOUNDED
@given(content=st.binary(max_size=60))
def test_any_bytes(tmp_path: Path, content: bytes) -> None:
    """Any bytes in a file are a ScenarioError that names the file."""
    path = tmp_path / "x.toml"
    path.write_bytes(content)
    with pytest.raises(ScenarioError) as error:
        read(path)
    assert {fault.file for fault in error.value.faults} == {str(path)}


@BOUNDED
@given(content=st.binary(max_size=80) | st.text('epochlosstp,.1-9\n\r" ', max_size=80).map(str.encode))
def test_any_table(content: bytes) -> None:
    """Any bytes as an expectation's table are read or refused with a message."""
    document = {**LINE, "expect": [{"quantity": "loss", "table": "rows.csv", "within": 1.0}]}
    found = outcome_of(toml(document), files={"rows.csv": content})
    look_at(found)
    assert isinstance(found, Scenario) or {fault.path for fault in found} == {"expect[0].table"}


@BOUNDED
@given(setting=st.tuples(KEYS.filter(lambda key: "." in key), VALUES))
def test_any_setting(setting: tuple[str, Any]) -> None:
    """A `--set` of any dotted key to any value gives a scenario or its faults."""
    look_at(outcome_of(toml(FULL), dict([setting])))
