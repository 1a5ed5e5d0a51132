"""A cell's id: frozen, blind to how the file is written, and changed by whatever decides a number."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import ScenarioError
from harness.job import Job
from harness.scenario.cell import Cell, CellSpec
from harness.scenario.read import parse
from tests.builders import LINE, PARABOLA, document
from tests.fuzzing import BASES, FILES, NET, STAIRS, WAVE, bounded, mutated, written

# The id of the first cell of each, as it was when ids were introduced. An id that
# changes makes every run file so far a stranger to its scenario: it may never.
FROZEN: list[tuple[str, dict[str, Any], str]] = [
    ("line", LINE, "cbf932ac75910"),
    (
        "every default",
        {
            **LINE,
            "data": {"samples": 2, "x": LINE["data"]["x"], "y": LINE["data"]["y"]},
            "init": {},
            "training": {"steps": 1},
            "grid": {"learning_rate": [1]},
        },
        "cc8f14020c1a7",
    ),
    (
        "net",
        document(
            data__x={"kind": "uniform", "low": -1.0, "high": 1.0},
            data__y={"kind": "polynomial", "coefficients": [0.0, 1.0, 2.0]},
            model={"kind": "mlp", "hidden": [2, 1], "activation": "tanh", "standardize": "population"},
            init={
                "weights": {"kind": "uniform", "low": -1.0, "high": 1.0},
                "bias": {"kind": "normal", "mean": 0, "sd": 1},
            },
            training={"loss": "mae", "steps": 7},
        ),
        "c9ab3573e32d9",
    ),
    (
        "wave",
        document(
            data__x={"kind": "linspace", "start": -1, "stop": 1},
            data__noise="none",
            data__y={"kind": "sin", "amplitude": 2.0, "frequency": 3.0, "phase": 0.5, "bias": 1.0},
            model={"kind": "mlp", "hidden": [1]},
            init={"weights": [[[0.5]], [[0.25]]], "bias": [[0.0], [1.0]]},
        ),
        "c450f96c50622",
    ),
    (
        "stairs",
        document(
            data__x={"kind": "arange", "start": 0.0, "step": 0.5},
            data__y="cos",
            data__rng="numpy-legacy",
            init={"weights": [1.0], "bias": {"kind": "uniform", "low": 0.0, "high": 1.0}},
        ),
        "c25374b6db75b",
    ),
    ("parabola", document(**PARABOLA, grid__dtype=["float32"], grid__batch_size=["full"]), "c00e30a470a3e"),
    ("uniform noise", document(data__noise={"kind": "uniform", "low": 0, "high": 0.2}), "c324e8f172a93"),
    ("validation", document(data__validation={"rows": 7, "pick": "first"}), "c94fcb91a6abc"),
    (
        "net of two layers",
        document(model={"kind": "mlp", "hidden": [3, 2]}, init={"weights": "default"}),
        "cbf71e071a96d",
    ),
    (
        "no intercept",
        document(model={"kind": "linear", "intercept": False, "powers": [1, 2, 3]}, init={}),
        "c89238422bedf",
    ),
    ("fixed seeds", document(data__seed=0, init__seed=2**32 - 1, training__seed=7), "c39b9f6a5d32f"),
    (
        "losses and orders",
        document(training={"loss": "half_sse", "steps": 9, "order": "sequential", "drop_last": True}),
        "c4086adc6bae4",
    ),
    (
        "autograd on a card",
        document(grid__implementation=["autograd"], grid__device=["cuda"], grid__seed=[12]),
        "c2672a0202e81",
    ),
    ("arithmetic", document(run={"threads": 4, "tf32": True, "deterministic": True}), "c2c664ad15678"),
    (
        "small numbers",
        document(grid__learning_rate=[3.1e-4], init__weights=[0.1, 1e-300], data__x__sd=1e22),
        "c0371beb3ec1a",
    ),
]


def first(base: dict[str, Any]) -> str:
    return cells_of(base)[0].id


def cells_of(base: dict[str, Any]) -> tuple[Cell, ...]:
    return parse(written(base), Path("x.toml"), {}, FILES).cells


@pytest.mark.parametrize(("base", "expected"), [item[1:] for item in FROZEN], ids=[item[0] for item in FROZEN])
def test_ids_never_change(base: dict[str, Any], expected: str) -> None:
    """The id of a scenario's first cell is what it always was."""
    assert first(base) == expected


def test_frozen_cells_differ() -> None:
    """The frozen ids are of cells of different kinds."""
    assert len({expected for _, _, expected in FROZEN}) == len(FROZEN) >= 12


def shuffled(value: Any, order: random.Random) -> Any:
    """The same with keys of every table in another order."""
    if isinstance(value, dict):
        return {key: shuffled(value[key], order) for key in order.sample(list(value), len(value))}
    return [shuffled(item, order) for item in value] if isinstance(value, list) else value


def respelt(value: Any) -> Any:
    """The same with every whole real number as an integer."""
    if isinstance(value, dict):
        return {key: respelt(item) for key, item in value.items()}
    if isinstance(value, list):
        return [respelt(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**63 else value


def valid(base: dict[str, Any]) -> tuple[Cell, ...] | None:
    """Its cells; None where it is refused."""
    try:
        return cells_of(base)
    except ScenarioError:
        return None


@bounded(60)
@given(base=mutated(), order=st.randoms(use_true_random=False))
def test_the_order_of_keys_decides_nothing(base: dict[str, Any], order: random.Random) -> None:
    """Whatever the order of keys and tables, the file has the same cells, or is refused either way."""
    one, other = valid(base), valid(shuffled(base, order))
    assert (one is None) == (other is None)
    if one and other:
        assert {cell.id for cell in one} == {cell.id for cell in other}


@bounded(60)
@given(base=mutated())
def test_the_spelling_of_numbers_decides_nothing(base: dict[str, Any]) -> None:
    """1 and 1.0 are one number wherever a real number stands: the cells are the same."""
    one, other = valid(base), valid(respelt(base))
    if one and other:
        assert [cell.id for cell in one] == [cell.id for cell in other]


@bounded(60)
@given(base=mutated())
def test_ids_differ_where_specs_do(base: dict[str, Any]) -> None:
    """Within a scenario one id is one spec and one spec one id, through the text that workers get, too."""
    cells = valid(base) or ()
    specs = {cell.spec.model_dump_json() for cell in cells}
    assert len({cell.id for cell in cells}) == len(cells) == len(specs)
    for cell in cells[:4]:
        again = Job.from_json(Job(cell.spec).to_json()).spec
        assert Cell(again, {}).id == cell.id


@bounded(40)
@given(base=mutated())
def test_a_spec_written_out_is_the_same_cell(base: dict[str, Any]) -> None:
    """A file that says every default that a cell's spec has holds that cell."""
    for cell in (valid(base) or ())[:2]:
        whole = cell.spec.model_dump(mode="json", exclude_none=True)
        tables = {name: whole[name] for name in ("data", "model", "init", "training")}
        axes = {name: [whole[name]] for name in ("implementation", "device", "dtype", "batch_size", "learning_rate")}
        run = {name: whole[name] for name in ("threads", "tf32", "deterministic")}
        said = {"schema": 1, **tables, "run": run, "grid": {**axes, "seed": [whole["seed"]]}}
        (again,) = cells_of(said)
        assert again.id == cell.id


WITHOUT_EFFECT = st.fixed_dictionaries(
    {},
    optional={
        "title": st.text("abc é", max_size=5),
        "source": st.text("abc", max_size=5),
        "run__replicates": st.integers(1, 9),
        "run__timed_seeds": st.integers(0, 9),
        "run__timing_repeats": st.integers(0, 9),
        "run__timeout_seconds": st.floats(0.1, 1e300),
        "run__memory_mb": st.integers(1, 2**40),
        "target__tau": st.lists(st.floats(0.001, 0.9), min_size=1, max_size=3),
        "target__digits": st.floats(0.1, 20),
        "expect": st.just([{"quantity": "loss", "at_least": 0.0}]),
    },
)


@bounded(40)
@given(values=WITHOUT_EFFECT, base=st.sampled_from([NET, WAVE, STAIRS, LINE]))
def test_what_decides_no_number(values: dict[str, Any], base: dict[str, Any]) -> None:
    """Title, source, replicates, limits, targets and expectations change no id."""
    assert [cell.id for cell in cells_of(document(base, **values))] == [cell.id for cell in cells_of(base)]


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The path of every value that is neither a table nor a list."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if inside is None:
        return [path]
    return [found for key, item in inside for found in leaves(item, (*path, key))]


def another(value: Any) -> Any:
    """A value of the same type that is not this one."""
    if isinstance(value, bool):
        return not value
    return f"{value}x" if isinstance(value, str) else 7 if value is None else value + 1


def changed(spec: CellSpec, path: tuple[str | int, ...]) -> CellSpec:
    """The spec with one value changed, unchecked: only its identity is asked for."""
    if len(path) == 1:
        return spec.model_copy(update={str(path[0]): another(getattr(spec, str(path[0])))})
    inner = getattr(spec, str(path[0]))
    return spec.model_copy(update={str(path[0]): _inside(inner, path[1:])})


def _inside(value: Any, path: tuple[str | int, ...]) -> Any:
    if not path:
        return another(value)
    name = path[0]
    if isinstance(value, tuple):
        return tuple(_inside(item, path[1:]) if number == name else item for number, item in enumerate(value))
    return value.model_copy(update={str(name): _inside(getattr(value, str(name)), path[1:])})


SPECS = [cells_of(base)[0].spec for base in BASES]
KEYS = [(number, path) for number, spec in enumerate(SPECS) for path in leaves(spec.model_dump(mode="json"))]


@pytest.mark.filterwarnings("ignore::UserWarning")  # pydantic writes down a kind that is none
@pytest.mark.parametrize(
    ("number", "path"), KEYS, ids=[f"{number}-{'.'.join(map(str, path))}" for number, path in KEYS]
)
def test_every_key_of_a_spec_changes_the_id(number: int, path: tuple[str | int, ...]) -> None:
    """Each value of a spec, one by one, changes the id; only the name of a file does not, as its digest counts."""
    spec = SPECS[number]
    named = path in (("data", "csv", "path"), ("training", "order", "file"))
    assert (Cell(changed(spec, path), {}).id == Cell(spec, {}).id) == named


def test_the_specs_have_every_key() -> None:
    """What is changed one by one is all that a spec has."""
    assert {path[0] for _, path in KEYS} == set(CellSpec.model_fields)
