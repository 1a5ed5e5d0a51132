"""Orders drawn with replacement or read from a file, the rate by step, and cells beside a grid's product."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness import worker
from harness.errors import ScenarioError
from harness.job import Job
from harness.plan import Cuts, make_plan
from harness.problem.data import make_data
from harness.problem.orders import batches, orders
from harness.problem.problem import make_problem
from harness.record import unpack_arrays
from harness.scenario.read import Scenario, parse
from tests.builders import LINE, document, toml

# Six rows, of which five are left for training where one is held back.
SIX = {"inline": {"x": [[float(row)] for row in range(6)], "y": [1.0, 3.0, 2.0, 5.0, 4.0, 6.0]}}


def scenario(files: dict[str, bytes] | None = None, **values: Any) -> Scenario:
    """LINE with these keys set, its files in memory."""
    return parse(toml(document(**values)), Path("line.toml"), {}, files or {})


def faults(files: dict[str, bytes] | None = None, **values: Any) -> dict[str, str]:
    """What is told, by key."""
    with pytest.raises(ScenarioError) as error:
        scenario(files, **values)
    return {fault.path: fault.problem for fault in error.value.faults}


def updates(found: Scenario, number: int = 0) -> list[Any]:
    """The rows of each update of one of its cells."""
    spec = found.cells[number].spec
    plan = batches(spec, orders(spec, found.inputs.of(spec)))
    return [rows if isinstance(rows, slice) else rows.tolist() for rows in plan]


class TestWithReplacement:
    """`training.order = "with-replacement"`."""

    DRAWN: dict[str, Any] = {"training__order": "with-replacement"}

    def test_n_draws_an_epoch_from_the_stream_of_the_order(self) -> None:
        """Each epoch draws as many rows as there are, from the second child of the seed's sequence, by hand."""
        child = np.random.SeedSequence(9).spawn(2)[1]
        draw = np.random.Generator(np.random.PCG64(child))
        epochs = [draw.integers(40, size=40).tolist() for _ in range(5)]
        found = updates(scenario(**self.DRAWN, grid__seed=[9]))
        assert found == [epoch[start : start + 8] for epoch in epochs for start in range(0, 40, 8)]
        assert all(len(set(epoch)) < 40 for epoch in epochs)

    def test_a_short_last_batch(self) -> None:
        """It is cut as any other order is; `drop_last` leaves it out."""
        sizes = [len(rows) for rows in updates(scenario(**self.DRAWN, grid__batch_size=[16]))]
        assert sizes == [16, 16, 8] * 5
        dropped = scenario(**self.DRAWN, grid__batch_size=[16], training__drop_last=True)
        assert [len(rows) for rows in updates(dropped)] == [16, 16] * 5

    def test_full_batches_draw_nothing(self) -> None:
        """A full batch is every row once, in file order."""
        assert updates(scenario(**self.DRAWN, grid__batch_size=["full"])) == [slice(None)] * 5

    def test_only_training_rows(self) -> None:
        """Rows held back are never drawn, every other one may be."""
        found = scenario(**self.DRAWN, data__validation={"rows": 30}, training__epochs=50)
        assert {row for rows in updates(found) for row in rows} == set(range(10))

    def test_data_and_start_are_those_of_other_orders(self) -> None:
        """The stream is the order's own."""
        one, other = (scenario(**values).cells[0].spec for values in ({}, self.DRAWN))
        assert make_data(one).training.y.tobytes() == make_data(other).training.y.tobytes()
        left, right = (make_problem(spec, make_data(spec)).initial for spec in (one, other))
        assert left[0].tolist() == right[0].tolist()

    def test_a_fixed_seed(self) -> None:
        """`training.seed` fixes it, the grid's seed does not move it then."""
        fixed = scenario(**self.DRAWN, training__seed=3, grid__seed=[0, 1])
        assert updates(fixed, 0) == updates(fixed, 1) == updates(scenario(**self.DRAWN, grid__seed=[3]))


class TestOrderFile:
    """`training.order = { file = … }`."""

    LINES = b"5,4,3,2,1,0\n0, 2, 4, 1, 3, 5\n0,0,0,0,0,1\n"

    @classmethod
    def ordered(cls, content: bytes = LINES, **values: Any) -> Scenario:
        return scenario({"order.csv": content}, **cls.values(**values))

    @staticmethod
    def values(**values: Any) -> dict[str, Any]:
        training = {"epochs": 3, "order": {"file": "order.csv"}, **values.pop("training", {})}
        training = {key: value for key, value in training.items() if value is not None}
        return {"data": SIX, "init": {}, "training": training, "grid__batch_size": [4], **values}

    def test_a_line_an_epoch_cut_by_the_batch_size(self) -> None:
        """Rows are used in the order of the line, however often they stand there; the last batch is short."""
        assert updates(self.ordered()) == [[5, 4, 3, 2], [1, 0], [0, 2, 4, 1], [3, 5], [0, 0, 0, 0], [0, 1]]
        whole = self.ordered(grid__batch_size=[6])
        assert updates(whole) == [[5, 4, 3, 2, 1, 0], [0, 2, 4, 1, 3, 5], [0, 0, 0, 0, 0, 1]]

    @pytest.mark.parametrize(
        "content",
        [LINES.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + LINES, LINES.strip(), b"\n" + LINES + b"\n\n",
         LINES.replace(b",", b" , "), LINES.replace(b"5,4", b"05,004")],
    )  # fmt: skip
    def test_spellings(self, content: bytes) -> None:
        """Line ends, a BOM, blanks and blank lines change nothing."""
        assert updates(self.ordered(content)) == updates(self.ordered())

    def test_drop_last(self) -> None:
        """The short batch of each line is left out."""
        assert updates(self.ordered(training={"drop_last": True})) == [[5, 4, 3, 2], [0, 2, 4, 1], [0, 0, 0, 0]]

    @pytest.mark.parametrize(("steps", "lines"), [(1, 1), (2, 1), (3, 2), (5, 3)])
    def test_steps_use_as_many_lines_as_they_begin(self, steps: int, lines: int) -> None:
        """Fewer steps than an epoch has need one line, and use the first batches of it."""
        content = b"".join(self.LINES.splitlines(keepends=True)[:lines])
        training = {"epochs": None, "steps": steps}
        assert updates(self.ordered(content, training=training)) == updates(self.ordered())[:steps]
        if lines > 1:
            fewer = b"".join(self.LINES.splitlines(keepends=True)[: lines - 1])
            told = faults({"order.csv": fewer}, **self.values(training=training))
            assert told == {"training.order.file": f"has {lines - 1} lines; {lines} epochs need one each"}

    def test_more_lines_than_epochs(self) -> None:
        """Those beyond the last epoch are not used."""
        assert updates(self.ordered(training={"epochs": 1})) == [[5, 4, 3, 2], [1, 0]]

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"0,1,2,3,4\n" * 3, "epoch 1 has 5 indices; there are 6 training rows"),
            (b"0,1,2,3,4,5\n0,1,2,3,4,5,0\n0,1,2,3,4,5\n", "epoch 2 has 7 indices; there are 6 training rows"),
            (b"0,1,2,3,4,5\n" * 2, "has 2 lines; 3 epochs need one each"),
            (b"0,1,2,3,4,5\n0,1,2,3,4,6\n0,1,2,3,4,5\n", "epoch 2: found 6; allowed: 0 to 5"),
            (b"1,2,3,4,5,6\n" * 3, "epoch 1: found 6; allowed: 0 to 5"),
            (b"0,1,2,3,4,-1\n" * 3, 'line 1: found "-1"; allowed: whole numbers from 0, comma-separated'),
            (b"0,1,2,3,4,x\n" * 3, 'found "x"'),
            (b"0,1,2,3,4,5.0\n" * 3, 'found "5.0"'),
            (b"0,1,2,3,4,1_0\n" * 3, 'found "1_0"'),
            ("0,1,2,3,4,\u0665\n".encode() * 3, 'found "\u0665"'),
            (b"0,1,2,3,4,\n" * 3, 'found ""'),
            (b"0;1;2;3;4;5\n" * 3, 'found "0;1;2;3;4;5"'),
            (b"0 1 2 3 4 5\n" * 3, 'found "0 1 2 3 4 5"'),
            (b"a,b\n0,1,2,3,4,5\n", 'line 1: found "a"'),
            (b"", "has no lines"),
            (b" \n\n", "has no lines"),
            (b"\xff\xfe0,1", "UTF-8"),
        ],
    )
    def test_a_file_that_does_not_fit(self, content: bytes, words: str) -> None:
        """Wrong lengths, too few lines, indices of no training row, and words are told with their line."""
        told = faults({"order.csv": content}, **self.values())
        assert list(told) == ["training.order.file"]
        assert words in told["training.order.file"]

    def test_blank_lines_are_no_epochs(self) -> None:
        """A line is told by its epoch, whatever is blank before it; a word by its line in the file."""
        told = faults({"order.csv": b"0,1,2,3,4,5\n\n\n0,1,2,3,4\n0,1,2,3,4,5\n"}, **self.values())
        assert "the line of epoch 2 has 5 indices" in told["training.order.file"]
        told = faults({"order.csv": b"0,1,2,3,4,5\n\n\nx\n"}, **self.values())
        assert "line 4" in told["training.order.file"]

    def test_an_index_of_thousands_of_digits(self) -> None:
        """It is refused as any other index that is too large."""
        told = faults({"order.csv": b"0,1,2,3,4," + b"9" * 5000 + b"\n"}, **self.values(training={"epochs": 1}))
        assert list(told) == ["training.order.file"]

    def test_indices_are_of_training_rows(self) -> None:
        """With a row held back there are five; index 5 is none of them."""
        data = {**SIX, "validation": {"rows": 1, "pick": "first"}}
        assert updates(self.ordered(b"4,3,2,1,0\n" * 3, data=data))[0] == [4, 3, 2, 1]
        told = faults({"order.csv": b"5,3,2,1,0\n" * 3}, **self.values(data=data))
        assert told == {"training.order.file": "the line of epoch 1: found 5; allowed: 0 to 4, the training rows"}

    def test_a_full_batch_ignores_it(self) -> None:
        """Full batches are in file order, and need no lines; a small batch beside still does."""
        assert updates(self.ordered(b"1,0\n", grid__batch_size=["full"])) == [slice(None)] * 3
        assert list(faults({"order.csv": b"1,0\n"}, **self.values(grid__batch_size=["full", 4]))) == [
            "training.order.file"
        ]

    def test_it_is_what_is_trained_on(self) -> None:
        """
        The cell's own losses are those of its rows.

        One row a batch, weight and bias 0: the first loss is y², of the row that the file names first: 6² = 36.
        """
        found = self.ordered(grid__batch_size=[1], grid__learning_rate=[1e-9], training={"epochs": 1})
        spec = found.cells[0].spec
        record, packed = worker.run(Job(spec, record_steps=tuple(range(7)), inputs=found.inputs.of(spec)))
        assert record.status == "ok", record.reason
        # y by row is 1, 3, 2, 5, 4, 6, and the line is 5, 4, 3, 2, 1, 0.
        losses = unpack_arrays(packed)["step_loss"][:6]
        assert losses.tolist() == pytest.approx([36.0, 16.0, 25.0, 4.0, 9.0, 1.0], rel=1e-5)

    def test_a_file_may_be_an_axis(self) -> None:
        """Each file is an order of its own, and a fault is told at its place in the axis."""
        files = {"a.csv": self.LINES, "b.csv": self.LINES[::-1].strip() + b"\n"}
        values = self.values()
        values["grid"] = {**LINE["grid"], "batch_size": [6], "training.order.file": ["a.csv", "b.csv"]}
        found = scenario(files, **values)
        assert [updates(found, number)[0] for number in (0, 1)] == [[5, 4, 3, 2, 1, 0], [1, 0, 0, 0, 0, 0]]
        told = faults({"a.csv": self.LINES, "b.csv": b"x\n"}, **values)
        assert list(told) == ['grid."training.order.file"[1]']


class TestInverse:
    """`training.schedule = { kind = "inverse", t0, t1 }`."""

    TABLE = {"kind": "inverse", "t0": 5.0, "t1": 50.0}
    TRAINING: dict[str, Any] = {"steps": 4, "schedule": TABLE}

    @staticmethod
    def grid(**axes: Any) -> dict[str, Any]:
        """LINE's grid without a rate."""
        return {**{axis: values for axis, values in LINE["grid"].items() if axis != "learning_rate"}, **axes}

    def test_the_rate_by_step(self) -> None:
        """t0 / (step + t1), the step from 0: 5/50, 5/51, 5/52, …"""
        spec = scenario(training=self.TRAINING).cells[0].spec
        problem = make_problem(spec, make_data(spec))
        assert [problem.schedule(step) for step in (0, 1, 2, 950)] == [0.1, 5 / 51, 5 / 52, 0.005]
        assert problem.learning_rate == spec.learning_rate == 0.1

    @pytest.mark.parametrize("name", ["numpy", "autograd"])
    def test_it_is_what_is_trained_with(self, name: str) -> None:
        """
        Two steps by hand on x = 1, y = 1, without intercept.

        w1 = 0 + r0 2 (1 - 0), w2 = w1 + r1 2 (1 - w1), with r0 = 1/4 and r1 = 1/5: 0.5, then 0.7.
        """
        data = {"inline": {"x": [[1.0], [1.0]], "y": [1.0, 1.0]}}
        training = {"steps": 2, "schedule": {"kind": "inverse", "t0": 1.0, "t1": 4.0}}
        grid = self.grid(implementation=[name], batch_size=["full"], learning_rate=[77.0])
        found = scenario(data=data, init={}, model={"intercept": False}, training=training, grid=grid)
        record, _ = worker.run(Job(found.cells[0].spec))
        assert record.weights == pytest.approx([0.7], rel=1e-15)

    @pytest.mark.parametrize("axes", [{}, {"learning_rate": [0.5]}, {"learning_rate": [0.1, 0.2, 0.3]}])
    def test_the_grids_rate_is_ignored(self, axes: dict[str, Any]) -> None:
        """However many rates are listed, none or three, it is one cell, always the same, with the rate of step 0."""
        cells = scenario(training=self.TRAINING, grid=self.grid(**axes)).cells
        assert [cell.id for cell in cells] == [scenario(training=self.TRAINING).cells[0].id]
        assert cells[0].axes["learning_rate"] == 0.1

    def test_without_it_a_rate_is_required(self) -> None:
        """A constant schedule has no rate of its own, said or not."""
        for training in ({"steps": 4}, {"steps": 4, "schedule": "constant"}):
            told = faults(training=training, grid=self.grid())
            assert told == {"grid.learning_rate": "is missing; it is required here"}

    def test_a_constant_schedule_beside(self) -> None:
        """Where the schedule is an axis the constant one takes every rate, the other none."""
        axes = {"training.schedule": ["constant", self.TABLE]}
        assert "is missing" in faults(grid=self.grid(**axes))["grid.learning_rate"]
        cells = scenario(grid=self.grid(**axes, learning_rate=[0.2, 0.3])).cells
        assert [(cell.spec.training.schedule.kind, cell.spec.learning_rate) for cell in cells] == [
            ("constant", 0.2),
            ("constant", 0.3),
            ("inverse", 0.1),
        ]

    @pytest.mark.parametrize(("t0", "t1", "rate"), [(1e308, 1e-8, "inf"), (1e-300, 1e300, "0")])
    def test_a_first_rate_that_is_no_rate(self, t0: float, t1: float, rate: str) -> None:
        """A quotient beyond a float, and one that underflows to 0, are refused."""
        told = faults(training={"steps": 4, "schedule": {"kind": "inverse", "t0": t0, "t1": t1}})
        assert f"would be {rate}" in told["training.schedule.t1"]


class TestInclude:
    """`[[grid.include]]` adds cells."""

    AXES: dict[str, Any] = {
        "implementation": ["numpy", "autograd"], "dtype": ["float64"], "batch_size": [8], "learning_rate": [0.1],
        "seed": [0, 1],
    }  # fmt: skip

    def cells(self, *include: dict[str, Any], **axes: Any) -> list[tuple[Any, ...]]:
        """(implementation, batch size, rate, seed) of every cell."""
        found = scenario(grid={**self.AXES, **axes, "include": list(include)}).cells
        return [(c.spec.implementation, c.spec.batch_size, c.spec.learning_rate, c.spec.seed) for c in found]

    def test_paired_values(self) -> None:
        """Its values go together; axes that it does not name take all of theirs."""
        product = self.cells()
        found = self.cells({"batch_size": "full", "learning_rate": 0.5}, {"batch_size": 20, "learning_rate": 1})
        assert found[:4] == product
        assert found[4:] == [
            (name, size, rate, seed)
            for size, rate in (("full", 0.5), (20, 1.0))
            for name in ("numpy", "autograd")
            for seed in (0, 1)
        ]

    def test_duplicates_are_one_cell(self) -> None:
        """Cells that the grid has, or another include, are not there twice."""
        assert self.cells({"batch_size": 8}) == self.cells()
        twice = [{"implementation": "numpy", "learning_rate": 1}, {"implementation": "numpy", "learning_rate": 1.0}]
        assert self.cells(*twice) == self.cells(twice[0])
        assert len(self.cells(twice[0], {"learning_rate": 1})) == 8

    def test_exclude_does_not_touch_it(self) -> None:
        """What is excluded of the grid may be included again; excludes cut the product alone."""
        exclude = [{"implementation": "autograd", "why": "x"}]
        assert self.cells(exclude=exclude) == [("numpy", 8, 0.1, 0), ("numpy", 8, 0.1, 1)]
        found = self.cells({"implementation": "autograd", "seed": 1}, exclude=exclude)
        assert found[2:] == [("autograd", 8, 0.1, 1)]

    def test_a_grid_of_includes_alone(self) -> None:
        """Everything else may be excluded."""
        found = self.cells({"seed": 7}, exclude=[{"seed": [0, 1], "why": "x"}])
        assert found == [("numpy", 8, 0.1, 7), ("autograd", 8, 0.1, 7)]

    @pytest.mark.parametrize(
        ("seed", "seeds"), [(7, [7]), ([7, 9], [7, 9]), ({"start": 7, "count": 2}, [7, 8]), ({"count": 1}, [0])]
    )
    def test_seeds(self, seed: Any, seeds: list[int]) -> None:
        """A seed, a list or a range."""
        found = self.cells({"seed": seed, "learning_rate": 0.5, "implementation": "numpy"})
        assert [cell[3] for cell in found[4:]] == seeds

    def test_new_seeds_run_too(self) -> None:
        """A seed that only an include has is planned, after those of the grid; --quick keeps the first two."""
        found = scenario(grid={**self.AXES, "include": [{"seed": 7, "implementation": "numpy"}]})
        planned = {item.job.spec.seed for item in make_plan([found], Cuts(), 0).processes}
        assert planned == {0, 1, 7}
        assert {item.job.spec.seed for item in make_plan([found], Cuts(quick=True), 0).processes} == {0, 1}

    def test_a_dotted_axis(self) -> None:
        """A dotted axis is named in quotes and takes one value, a list where its values are lists."""
        axes = {"data.samples": [40, 50], "model.powers": [[1], [2]]}
        grid = {**LINE["grid"], **axes, "include": [{"data.samples": 60, "model.powers": [1, 2]}, {"data.samples": 70}]}
        cells = scenario(init={}, grid=grid).cells
        found = [(cell.spec.samples, list(cell.spec.model.powers)) for cell in cells]
        assert found[4:] == [(60, [1, 2]), (70, [1]), (70, [2])]
        assert cells[4].axes["model.powers"] == [1, 2]

    @pytest.mark.parametrize(
        ("include", "path", "words"),
        [
            ({}, "grid.include[0]", "names no axis"),
            ({"sed": 1}, "grid.include[0].sed", 'Did you mean "seed"?'),
            ({"why": "x"}, "grid.include[0].why", "no such axis"),
            ({"data.samples": 60}, 'grid.include[0]."data.samples"', "no such axis"),
            ({"implementation": "numpi"}, "grid.include[0].implementation", 'Did you mean "numpy"?'),
            ({"implementation": "mine"}, "grid.include[0].implementation", "--plugin"),
            ({"implementation": ["numpy"]}, "grid.include[0].implementation", "a text"),
            ({"device": "gpu"}, "grid.include[0].device", "cpu, cuda"),
            ({"dtype": "float16"}, "grid.include[0].dtype", '"float32", "float64"'),
            ({"batch_size": 0}, "grid.include[0].batch_size", "1 or more"),
            ({"batch_size": [8]}, "grid.include[0].batch_size", "a whole number"),
            ({"learning_rate": 0}, "grid.include[0].learning_rate", "more than 0"),
            ({"seed": []}, "grid.include[0].seed", "at least 1 value"),
            ({"seed": {"start": 1}}, "grid.include[0].seed.count", "is missing"),
        ],
        ids=str,
    )
    def test_what_is_refused(self, include: dict[str, Any], path: str, words: str) -> None:
        """Nothing named, an axis that there is not, and values that the axis could not have."""
        told = faults(grid={**self.AXES, "include": [include]})
        assert list(told) == [path]
        assert words in told[path]

    def test_a_wrong_value_of_a_dotted_axis(self) -> None:
        """It is told at the include that has it."""
        told = faults(
            grid={**LINE["grid"], "data.samples": [40, 50], "include": [{"data.samples": 60}, {"data.samples": 1}]}
        )
        assert list(told) == ['grid.include[1]."data.samples"']
        assert "2 or more" in told['grid.include[1]."data.samples"']

    def test_an_expectation_may_name_what_is_included(self) -> None:
        """Its values are values of the axis."""
        expect = [{"quantity": "loss", "at_least": 0.0, "where": {"learning_rate": 0.5}}]
        found = scenario(grid={**self.AXES, "include": [{"learning_rate": 0.5}]}, expect=expect)
        assert len(found.cells) == 8


@pytest.mark.parametrize(
    ("outer", "inner"),
    [
        (("data.x", [LINE["data"]["x"]]), ("data.x.sd", [1.0, 2.0])),
        (("training.optimizer", ["sgd"]), ("training.optimizer.momentum", [0.0, 0.5])),
        (("training.order", ["shuffle"]), ("training.order.file", ["a.csv"])),
    ],
    ids=str,
)
@pytest.mark.parametrize("first", [0, 1])
def test_overlapping_axes(outer: tuple[str, Any], inner: tuple[str, Any], first: int) -> None:
    """An axis inside another is refused, in whatever order they stand: which value held would depend on it."""
    axes = dict([(outer, inner), (inner, outer)][first])
    told = faults(grid={**LINE["grid"], **axes})
    path = f'grid."{inner[0]}"'
    assert "vary one of the two" in told[path]


def test_axes_side_by_side_do_not_overlap() -> None:
    """A name that begins like another is not inside it."""
    grid = {**LINE["grid"], "data.x.sd": [1.0, 2.0], "data.x.mean": [0.0, 1.0], "data.seed": [1, 2]}
    assert len(scenario(grid=grid).cells) == 8


@pytest.mark.parametrize(("powers", "twice"), [([1, 1], 1), ([1, 2, 3, 2], 2)])
def test_a_power_given_twice(powers: list[int], twice: int) -> None:
    """Two equal columns, whose weights nothing tells apart, are refused, in the file and in an axis."""
    for model in ({"powers": powers}, {"kind": "mlp", "hidden": [2], "powers": powers}):
        assert f"holds {twice} twice" in faults(model=model, init={})["model.powers"]
    told = faults(grid={**LINE["grid"], "model.powers": [[1], powers]})
    assert f"holds {twice} twice" in told['grid."model.powers"[1]']


def test_columns_in_order_of_the_powers() -> None:
    """[2, 1] is all squares, then the columns as they are."""
    data = make_data(scenario(model={"powers": [2, 1]}).cells[0].spec).training
    assert (data.x == np.hstack([data.raw**2, data.raw])).all()
