"""Whatever is written into a scenario file, the answer is a scenario or its faults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from harness.errors import ScenarioError
from harness.job import Job
from harness.plan import Cuts, make_plan
from harness.scenario.read import Scenario, parse, read
from harness.scenario.scenario import Document
from tests.builders import LINE, toml
from tests.fuzzing import (
    BASES,
    FILES,
    FULL,
    KEYS,
    SCENARIO_BYTES,
    VALUES,
    bounded,
    command,
    is_a_refusal,
    mutated,
    places,
    written,
)


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
            assert cell.spec.training_rows >= 1
        assert make_plan([found], Cuts(), 1).processes
    else:
        assert found
        assert len(set(found)) == len(found)
        assert all(fault.problem and "\n" not in str(fault) for fault in found)


def lines_of(err: str) -> list[str]:
    """The faults on stderr; one alone stands behind the program's name."""
    return err.removeprefix("harness: ").removesuffix("\n").split("\n")


def of_schema(schema: Any) -> set[str]:
    """Every key that a JSON Schema names."""
    if isinstance(schema, list):
        return {key for item in schema for key in of_schema(item)}
    if not isinstance(schema, dict):
        return set()
    return {*schema.get("properties", {}), *(key for item in schema.values() for key in of_schema(item))}


def test_the_bases_are_scenarios() -> None:
    """What is mutated is valid before, and has every key that a scenario may have."""
    for base in BASES:
        assert isinstance(outcome_of(written(base), files=FILES), Scenario), base
    present = {str(key) for base in BASES for path in places(base) for key in path}
    assert of_schema(Document.model_json_schema()) <= present


@bounded(200)
@given(mutated())
def test_mutations_of_a_scenario(document: dict[str, Any]) -> None:
    """A changed document is valid or refused with a message; what is valid survives the way to a worker."""
    look_at(outcome_of(written(document), files={"": b"", **FILES}))


@bounded(100)
@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_any_small_document(document: dict[str, Any]) -> None:
    """Any TOML of a few keys is refused with a message."""
    look_at(outcome_of(written(document)))


@bounded(100)
@given(st.text(max_size=60))
def test_any_text(text: str) -> None:
    """Any text is no exception but a ScenarioError."""
    look_at(outcome_of(text))


@bounded(150)
@given(content=SCENARIO_BYTES)
def test_any_bytes(tmp_path: Path, content: bytes) -> None:
    """Any bytes in a file are a scenario, or a ScenarioError that names the file."""
    path = tmp_path / "x.toml"
    path.write_bytes(content)
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    try:
        found: Any = read(path)
    except ScenarioError as error:
        found = error.faults
    look_at(found)
    assert isinstance(found, Scenario) or {fault.file for fault in found} == {str(path)}


@bounded(100)
@given(content=st.binary(max_size=80) | st.text('epochlosstp,.1-9\n\r" ', max_size=80).map(str.encode))
def test_any_table(content: bytes) -> None:
    """Any bytes as an expectation's table are read or refused with a message."""
    document = {**LINE, "expect": [{"quantity": "loss", "table": "rows.csv", "within": 1.0}]}
    found = outcome_of(toml(document), files={"rows.csv": content})
    look_at(found)
    assert isinstance(found, Scenario) or {fault.path for fault in found} == {"expect[0].table"}


@bounded(100)
@given(setting=st.tuples(KEYS.filter(lambda key: "." in key), VALUES))
def test_any_setting(setting: tuple[str, Any]) -> None:
    """A `--set` of any dotted key to any value gives a scenario or its faults."""
    look_at(outcome_of(toml(FULL), dict([setting]), FILES))


@bounded(150)
@given(content=SCENARIO_BYTES)
def test_any_bytes_on_the_command_line(tmp_path: Path, content: bytes) -> None:
    """`harness check` and `harness run --dry-run` of any bytes print a line, or end with code 2 and the file's name."""
    path = tmp_path / "x.toml"
    path.write_bytes(content)
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    codes = set()
    for arguments in (["check", str(path)], ["run", str(path), "--dry-run"]):
        code, out, err = command(*arguments)
        codes.add(code)
        if code == 0:
            assert (out.count("\n"), err) == (1, "")
        else:
            assert is_a_refusal(code, out, err), err
            assert all(line.startswith(f"{path}: ") for line in lines_of(err)), err
    assert len(codes) == 1
