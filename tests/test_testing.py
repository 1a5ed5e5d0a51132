"""The shipped checks pass what is right, and each fails what it is there for, naming the cause."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import re
import subprocess
import sys
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

import harness
from harness import implementations
from harness.devices.cpu import Cpu
from harness.implementations.numpy import NumpyByHand
from harness.problem.evaluation import Evaluation
from harness.problem.problem import Problem
from harness.scenario.training import HuberLoss, Optimizer
from harness.testing import ImplementationChecks, cases
from harness.testing.cases import Scope
from harness.testing.surroundings import printed, streams
from harness.testing.walk import bits
from tests import mistaken

CHECKS = tuple(name for name in vars(ImplementationChecks) if name.startswith("test_"))
ALL = Scope(
    tuple(cases.LOSSES),
    cases.MODELS,
    cases.ACTIVATIONS,
    cases.DTYPES,
    tuple(cases.OPTIMIZERS),
    tuple(cases.SCHEDULES),
    "cpu",
)


class TestNumpy(ImplementationChecks):
    """The built-in `numpy` passes."""

    implementation = "numpy"


class TestAutograd(ImplementationChecks):
    """The built-in `autograd` passes."""

    implementation = "autograd"


class TestOptim(ImplementationChecks):
    """The built-in `optim` passes."""

    implementation = "optim"


class TestModule(ImplementationChecks):
    """The built-in `module` passes."""

    implementation = "module"


@pytest.fixture(autouse=True)
def _nothing_left() -> Iterator[None]:
    """What a test registers as `mine` is gone after it."""
    yield
    implementations._CLASSES.pop("mine", None)


def failures(cls: Any, **narrowed: Any) -> dict[str, str]:
    """The checks that fail, without `test_`, with what they say; all others must pass."""
    checks = type("Checks", (ImplementationChecks,), {"implementation": cls, **narrowed})()
    found = {}
    for name in CHECKS:
        try:
            getattr(checks, name)()
        except AssertionError as failed:
            found[name.removeprefix("test_")] = str(failed)
        except unittest.SkipTest:
            pass
    return found


LINES: dict[str, Any] = {"losses": ("mse",), "models": ("linear",)}
NO_INTERCEPT = "without_intercept_the_bias_stays_zero"
# What a step that leads elsewhere cannot pass.
PATHS = {"path_agrees_with_numpy", "mini_batches", "a_short_last_batch", NO_INTERCEPT}
GRADIENT = "gradient_is_the_derivative_of_the_loss"
LOSS = "loss_is_of_the_state_before_the_step"
NUMBER = "step_returns_a_number"
STREAM = "no_global_random_stream_is_drawn"
PROBLEM = "the_problem_is_left_as_it_was"
START = "load_starts_where_told"
SHAPES = "parameters_have_the_models_shapes"
DTYPE = "parameters_have_the_cells_dtype"
RESET = "load_resets_everything"
ANOTHER = "load_takes_another_problem"
REPEATED = {RESET, ANOTHER, "two_instances_give_the_same_bits"}
READING = "reading_parameters_changes_nothing"


# The mistake, what fails, and what one of the messages says; all on a line with the loss mse.
FAULTS: list[tuple[type[Any], set[str], str]] = [
    (mistaken.Doubled, {GRADIENT, *PATHS}, r"2 times the derivative: a factor"),
    (mistaken.Uphill, {GRADIENT, *PATHS}, r"-1 times the derivative: the sign"),
    (mistaken.ForgetsTheIntercept, {GRADIENT, *PATHS - {NO_INTERCEPT}}, r"moves bias by -?0 times(.|\n)*left out"),
    (mistaken.LeftOverGradient, PATHS, r"from step 2 on(.|\n)*the first step is right"),
    (mistaken.TurnsToNan, {LOSS, *PATHS}, r"from step 3 on .*: not finite"),
    (mistaken.LossAfter, {LOSS}, r"after the update: compute it first"),
    (mistaken.LossOfAllRows, {LOSS}, r"loss of all rows"),
    (mistaken.LossInFloat32, {LOSS, GRADIENT}, r"float32 somewhere inside"),
    (mistaken.VectorLoss, {NUMBER, LOSS, GRADIENT}, r"shape \(20,\)(.|\n)*one number(.|\n)*mean or sum"),
    (mistaken.OneElementLoss, {NUMBER, LOSS, GRADIENT}, r"shape \(1,\)"),
    (mistaken.NoLoss, {NUMBER, LOSS, GRADIENT}, r"returned None(.|\n)*no return"),
    (mistaken.LossBuffer, {"a_returned_loss_stays", LOSS}, r"step 0 returned has changed(.|\n)*buffer"),
    (mistaken.Float32Inside, {START, LOSS, GRADIENT, *PATHS}, r"float32 somewhere inside a float64 cell"),
    (mistaken.Float32Parameters, {DTYPE, START, LOSS, GRADIENT, *PATHS}, r"has the dtype float32\n  wanted: float64"),
    (mistaken.BiasIsAFloat, {DTYPE, NO_INTERCEPT}, r"dtype float32, float64\n  wanted: float32"),
    (mistaken.ShapesOfALinearLayer, {SHAPES, LOSS, GRADIENT, *PATHS}, r"\[\(1, 2\), \(1,\)\]\n.*: \[\(2,\), \(\)\]"),
    (mistaken.TrainsTheBiasAnyway, {NO_INTERCEPT}, r"after 1 steps .*the bias .*\n(.|\n)*is not looked at"),
    (mistaken.NoBiasAtAll, {NO_INTERCEPT}, r"the bias array\(None(.|\n)*wanted: 0"),
    (mistaken.StartsAtZero, {START, GRADIENT, *PATHS}, r"after load\(\) the parameters are \[0"),
    (mistaken.KeepsTheLastUpdate, {RESET, ANOTHER}, r"parameters after 0 steps differ(.|\n)*load\(\) keeps something"),
    (mistaken.KeepsTheData, {ANOTHER}, r"load\(\) keeps data"),
    (mistaken.InstancesShare, {*REPEATED, "global_seeds_change_nothing", READING}, r"attribute that instances share"),
    (mistaken.DrawsAndUsesIt, {*REPEATED, STREAM, "global_seeds_change_nothing", READING}, r"global seeds.* differ"),
    (mistaken.DrawsForNothing, {STREAM}, r"moved the global random stream of numpy.random\n"),
    (mistaken.DrawsFromPython, {STREAM}, r"stream of random\n"),
    (mistaken.DrawsFromTorch, {STREAM}, r"stream of torch\n(.|\n)*skip_init"),
    (mistaken.WritesIntoX, {PROBLEM}, r"wrote into problem.x\n"),
    (mistaken.TrainsTheStart, {PROBLEM}, r"wrote into problem.initial\n(.|\n)*copy it"),
    (mistaken.SortsTheRows, {PROBLEM}, r"wrote into problem.orders\n"),
    (mistaken.DropsTheShortBatch, {"a_short_last_batch"}, r"from step 3 on(.|\n)*left out(.|\n)*batch_size = 8"),
    (mistaken.DividesByTheBatchSize, {"a_short_last_batch"}, r"its mean is taken over problem.batch_size"),
    (mistaken.UsesAllRows, {"mini_batches", "a_short_last_batch", LOSS}, r"uses all rows"),
    (mistaken.SqueezesOneRow, {"mini_batches", "a_short_last_batch"}, r"it raised IndexError: (.|\n)*batch_size = 1,"),
    (mistaken.WorksWhenRead, {READING}, r"when parameters\(\) is called after every step"),
    (mistaken.Prints, {"nothing_is_printed"}, r"wrote to stdout: 'step\\n"),
    (mistaken.WritesToTheDescriptor, {"nothing_is_printed"}, r"wrote to stderr: 'loading"),
]  # fmt: skip


@pytest.mark.parametrize(("mistake", "wanted", "says"), FAULTS, ids=[row[0].__name__ for row in FAULTS])
def test_a_mistake_fails_its_checks(mistake: type[Any], wanted: set[str], says: str) -> None:
    """Exactly the checks meant for it, and one of them names the cause and the cell."""
    dtypes = cases.DTYPES if DTYPE in wanted else ("float64",)
    found = failures(harness.implementation("mine")(mistake), losses=("mse",), models=("linear",), dtypes=dtypes)
    assert set(found) == wanted, found
    assert any(re.search(says, text) for text in found.values()), found
    assert all('in the cell: loss = "mse"' in text for text in found.values())


def test_every_check_can_fire() -> None:
    """There is a mistake for each check."""
    fired = {name for _, names, _ in FAULTS for name in names} | {"it_is_registered", "rows_names_an_index"}
    assert {f"test_{name}" for name in fired} == set(CHECKS)


def test_a_mistake_that_only_a_net_can_make() -> None:
    """A layer whose gradient goes through weights already updated: the first step shows it, at another rate."""
    found = failures(
        harness.implementation("mine")(mistaken.UsesTheUpdatedWeights),
        losses=("mse",),
        models=("mlp",),
        activations=("tanh",),
    )
    assert set(found) == PATHS - {NO_INTERCEPT}
    assert "the gradient, the rate or the optimiser" in found["path_agrees_with_numpy"]
    assert "batch_size = 1," in found["mini_batches"]


def test_a_loss_that_holds_its_graph() -> None:
    """A tensor that was not detached fails, for all of them are kept."""

    @harness.implementation("mine")
    class HoldsTheGraph(implementations.get("autograd")):  # type: ignore[misc]
        def step(self, rows: Any) -> Any:
            return super().step(rows).requires_grad_()

    found = failures(HoldsTheGraph, losses=("mse",), models=("linear",))
    assert set(found) == {NUMBER}
    assert "wanted: loss.detach()" in found[NUMBER]


class TestRegistration:
    """The name must lead to the class."""

    def test_without_the_decorator(self) -> None:
        """A class that nobody can name in a scenario file fails that one check; the default device and rows hold."""

        class Unnamed:
            load, step, parameters = NumpyByHand.load, NumpyByHand.step, NumpyByHand.parameters

        found = failures(Unnamed, losses=("mse",), models=("linear",), optimizers=("sgd",), schedules=("constant",))
        assert set(found) == {"it_is_registered"}
        assert "Unnamed has no name" in found["it_is_registered"]
        assert "@harness.implementation" in found["it_is_registered"]

    def test_a_subclass_that_inherits_its_name(self) -> None:
        """A subclass of a registered class is not what the name leads to."""

        class Derived(NumpyByHand):
            pass

        found = failures(Derived, losses=("mse",), models=("linear",))
        assert set(found) == {"it_is_registered"}
        assert "leads to harness.implementations.numpy.NumpyByHand" in found["it_is_registered"]

    def test_another_kind_of_rows(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """`rows` that is neither of the two is named."""
        cls = harness.implementation("mine")(type("Mine", (NumpyByHand,), {}))
        monkeypatch.setattr(cls, "rows", "pandas")
        found = failures(cls, losses=("mse",), models=("linear",))
        assert found["rows_names_an_index"].startswith('rows = \'pandas\'\n  wanted: "numpy" or "torch"')

    @pytest.mark.parametrize(
        ("implementation", "says"), [("", "names no implementation"), ("mien", "'mien'; import the file")]
    )
    def test_no_class(self, implementation: str, says: str) -> None:
        """Without a class every check says how to name one."""
        found = failures(implementation)
        assert len(found) == len(CHECKS)
        assert all(says in text for text in found.values())


LOOKS_AWAY: list[tuple[str, str, Any]] = [
    ("sgd-momentum", "momentum", 0.0),
    ("sgd-nesterov", "nesterov", False),
    ("rmsprop", "alpha", 0.99),
    ("rmsprop", "eps", 1e-8),
    ("rmsprop-centered", "centered", False),
    ("rmsprop-momentum", "momentum", 0.0),
    ("adagrad", "initial_accumulator_value", 0.0),
    ("adagrad", "eps", 1e-10),
    ("adagrad-lr_decay", "lr_decay", 0.0),
    ("adam", "betas", (0.9, 0.4)),
    ("adam", "betas", (0.8, 0.999)),
    ("adam", "eps", 1e-8),
    ("adam-amsgrad", "amsgrad", False),
]


class TestLookingAway:
    """An option that an implementation does not look at is found out."""

    @pytest.mark.parametrize(("optimizer", "option", "default"), LOOKS_AWAY)
    def test_of_the_optimizer(self, optimizer: str, option: str, default: Any) -> None:
        """Each option of each optimiser changes a path beyond 1e-12, and the message names problem.optimizer."""

        class LooksAway(NumpyByHand):
            def load(self, problem: Problem) -> None:
                table = problem.optimizer.model_copy(update={option: default})
                super().load(dataclasses.replace(problem, optimizer=table))

        found = failures(harness.implementation("mine")(LooksAway), optimizers=(optimizer,), **LINES)
        assert "mini_batches" in found
        assert set(found) <= PATHS
        assert "problem.optimizer, or one of its options" in found["mini_batches"]
        assert 'optimizers = ("sgd",)' in found["mini_batches"]

    def test_of_the_loss(self) -> None:
        """A bend of its own is another loss, and another path."""

        class LooksAway(NumpyByHand):
            def load(self, problem: Problem) -> None:
                super().load(dataclasses.replace(problem, loss=HuberLoss(kind="huber")))

        found = failures(harness.implementation("mine")(LooksAway), losses=("huber",), models=("linear",))
        assert set(found) == {LOSS, *PATHS}

    def test_of_the_schedule(self) -> None:
        """The grid's rate throughout is another path from the second step on, and the message says so."""

        class LooksAway(NumpyByHand):
            def load(self, problem: Problem) -> None:
                super().load(dataclasses.replace(problem, schedule=lambda step: problem.learning_rate))

        found = failures(harness.implementation("mine")(LooksAway), schedules=("inverse",), **LINES)
        assert set(found) == PATHS
        assert "from step 2 on" in found["path_agrees_with_numpy"]
        assert "problem.schedule(step) is not looked at" in found["path_agrees_with_numpy"]
        assert 'schedule = {"kind": "inverse"' in found["path_agrees_with_numpy"]

    @pytest.mark.parametrize(
        ("narrowed", "says"),
        [({"optimizers": ("adam",)}, 'optimizers = ("sgd",)'), ({"schedules": ("inverse",)}, 'schedules = ("const')],
    )
    def test_an_exception_says_how_to_narrow(self, narrowed: Any, says: str) -> None:
        """Where it raises instead, the message names the line that leaves such cells out."""

        class Raises(NumpyByHand):
            def load(self, problem: Problem) -> None:
                raise KeyError(problem.optimizer.kind)

        found = failures(harness.implementation("mine")(Raises), **LINES, **narrowed)
        assert f"narrow the checks, as in {says}" in found["path_agrees_with_numpy"]


class TestNarrowing:
    """An implementation that cannot do everything is checked on what it can."""

    class LinesOnly(NumpyByHand):
        """Does one loss, and no net."""

        def load(self, problem: Problem) -> None:
            super().load(problem)
            self.loss = {"mse": self.loss}[problem.loss.kind]
            self.w = self.w.reshape(problem.x.shape[1])

    def test_what_it_cannot_do_is_told(self) -> None:
        """Unnarrowed, the exception comes with the cell and the way to leave it out."""
        found = failures(harness.implementation("mine")(self.LinesOnly), models=("linear",))
        text = found["path_agrees_with_numpy"]
        assert text.startswith("it raised KeyError: 'half_mse'")
        assert 'narrow the checks, as in losses = ("half_mse",)' in text
        assert 'in the cell: loss = "half_mse", optimizer = "sgd", model = "linear"' in text

    def test_narrowed_it_passes(self) -> None:
        """With the names it can do, all checks pass."""
        assert not failures(harness.implementation("mine")(self.LinesOnly), losses=("mse",), models=("linear",))

    @pytest.mark.parametrize(
        ("narrowed", "skipped"),
        [
            ({"models": ("mlp",), "activations": ("tanh",)}, NO_INTERCEPT),
            ({"models": ("linear",), "dtypes": ("float32",)}, GRADIENT),
        ],
    )
    def test_a_check_with_nothing_left_is_skipped(self, narrowed: Any, skipped: str) -> None:
        """It says that it checked nothing, instead of passing."""
        checks = type("Checks", (ImplementationChecks,), {"implementation": "numpy", **narrowed})()
        with pytest.raises(unittest.SkipTest, match="nothing is left"):
            getattr(checks, f"test_{skipped}")()
        checks.test_path_agrees_with_numpy()

    @pytest.mark.parametrize("field", ["losses", "models", "activations", "dtypes", "optimizers", "schedules"])
    def test_an_unknown_name(self, field: str) -> None:
        """A slip of the pen is refused with the names there are."""
        checks = type("Checks", (ImplementationChecks,), {"implementation": "numpy", field: ("mes",)})()
        with pytest.raises(ValueError, match=rf"{field}: found \['mes'\]; allowed: \w+"):
            checks.test_load_resets_everything()


class TestDevices:
    """The processor where it can, else the first device that is here, else a skip with the reason."""

    def test_the_processor_first(self) -> None:
        """Whatever the order in which devices are named."""
        cls = harness.implementation("mine", devices=("cuda", "cpu"))(type("Mine", (NumpyByHand,), {}))
        assert type("Checks", (ImplementationChecks,), {"implementation": cls})()._device() == "cpu"

    def test_none_is_here(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The reason of each device is told."""
        monkeypatch.setattr(Cpu, "missing", lambda self: "no processor today")
        checks = type("Checks", (ImplementationChecks,), {"implementation": "numpy"})()
        with pytest.raises(unittest.SkipTest, match="cpu: no processor today"):
            checks.test_load_resets_everything()


class TestCells:
    """What the checks run."""

    def test_every_name_is_in_some_cell(self) -> None:
        """All losses, dtypes, activations, optimisers and schedules are, with each kind of model."""
        found = [case.spec for case in ALL.cases()]
        assert {(spec.training.loss.kind, spec.model.kind) for spec in found} == {
            (loss, model) for loss in cases.LOSSES for model in cases.MODELS
        }
        assert {spec.dtype for spec in found} == set(cases.DTYPES)
        for table in cases.OPTIMIZERS.values():
            wanted = TypeAdapter(Optimizer).validate_python({"kind": table} if isinstance(table, str) else table)
            models = {spec.model.kind for spec in found if spec.training.optimizer == wanted}
            assert models == set(cases.MODELS), table
        assert {(spec.training.schedule.kind, spec.model.kind) for spec in found} == {
            (schedule, model) for schedule in cases.SCHEDULES for model in cases.MODELS
        }
        nets = [spec.model for spec in found if spec.model.kind == "mlp"]
        assert {(net.activation, net.hidden) for net in nets} == {
            (activation, hidden) for activation in cases.ACTIVATIONS for hidden in ((3,), (2, 1))
        }

    def test_another_name_widens_the_checks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A new optimiser is checked as soon as its name stands in the table."""
        monkeypatch.setitem(cases.OPTIMIZERS, "descent", {"kind": "sgd"})
        wider = Scope(**{**vars(ALL), "optimizers": (*ALL.optimizers, "descent")})
        assert len(wider.cases()) == len(ALL.cases()) + len(cases.MODELS)

    def test_no_kink_is_near(self) -> None:
        """Central differences stay on one side of every kink: the shift of 1e-5 is far below each margin."""
        for case in ALL.narrowed(dtypes=("float64",)).cases():
            rows = case.data.training
            start = case.layout.flatten(case.problem().initial)
            assert Evaluation.of(case.spec).kink_margin(start, rows.x, rows.y) > 1e-3, case

    def test_the_batches(self) -> None:
        """8 of 20 rows leave 4, 19 leave 1; 1 and 5 leave none; full is a slice."""
        for batch_size, sizes in {8: {8, 4}, 19: {19, 1}, 1: {1}, 5: {5}}.items():
            case = ALL.cases(batch_size=batch_size)[0]
            assert {len(rows) for rows in case.batches(case.problem())} == sizes
        case = ALL.cases()[0]
        assert case.rows(case.problem(), "torch") == [slice(None)] * cases.STEPS


class TestSurroundings:
    """The checks leave the process as they found it."""

    def test_streams_are_put_back(self) -> None:
        """Checks that seed, and an implementation that draws, move no stream of the tests around."""
        checks = type("Checks", (ImplementationChecks,), {"implementation": mistaken.DrawsForNothing})()
        before = [bits(state) for name, state in streams().items() if name != "random"]
        python = random.getstate()
        with pytest.raises(AssertionError):
            checks.test_no_global_random_stream_is_drawn()
        checks.test_global_seeds_change_nothing()
        assert [bits(state) for name, state in streams().items() if name != "random"] == before
        assert random.getstate() == python

    def test_outputs_are_put_back(self, capfd: pytest.CaptureFixture[str]) -> None:
        """What is written inside is caught, by Python or below; what is written afterwards is not."""
        with printed() as texts:
            print("inside")
            print("wrong", file=sys.stderr)
            os.write(1, b"below\n")
        print("outside")
        assert texts["stdout"].split() in (["inside", "below"], ["below", "inside"])
        assert texts["stderr"] == "wrong\n"
        assert capfd.readouterr().out == "outside\n"


PLUGIN = '''
import harness


@harness.implementation("mine")
class Mine:
    """A line with a squared loss, from nothing of the harness; it gives its own arrays, which change in place."""

    def load(self, problem):
        self.problem = problem
        self.w, self.b = problem.initial[0].copy(), problem.initial[1].copy()

    def step(self, rows):
        x, y, rate = self.problem.x[rows], self.problem.y[rows], self.problem.learning_rate
        e = x @ self.w + self.b - y
        self.w -= rate * 2 * (x.T @ e) / len(e)
        if self.problem.model.intercept:
            self.b -= rate * 2 * e.mean()
        return e @ e / len(e)

    def parameters(self):
        return self.w, self.b


@harness.implementation("worse")
class Worse(Mine):
    def step(self, rows):
        super().step(rows)
        return super().step(rows)
'''

TESTS = """
import harness.testing
from mine import Mine, Worse


class TestMine(harness.testing.ImplementationChecks):
    implementation = Mine
    losses = ("mse",)
    models = ("linear",)
    optimizers = ("sgd",)
    schedules = ("constant",)


class TestWorse(TestMine):
    implementation = "worse"
"""


def run_in(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """A command of a plug-in's author, in the folder of the plug-in."""
    (folder / "mine.py").write_text(PLUGIN, encoding="utf-8")
    (folder / "test_mine.py").write_text(TESTS, encoding="utf-8")
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_as_a_plug_ins_author_runs_it(tmp_path: Path) -> None:
    """pytest on the file of the documentation: a check a line, the good class passes, the bad one is told why."""
    done = run_in(tmp_path, "-m", "pytest", "-p", "no:cacheprovider", "-v", "test_mine.py")
    outcome = dict(re.findall(r"^test_mine.py::(\w+::\w+) (\w+)", done.stdout, re.MULTILINE))
    assert done.returncode == 1, done.stdout
    assert {name for name, word in outcome.items() if word == "PASSED"} >= {f"TestMine::{name}" for name in CHECKS}
    failed = {name.removeprefix("TestWorse::test_") for name, word in outcome.items() if word == "FAILED"}
    assert failed == {GRADIENT, LOSS, *PATHS}
    assert "every component is 2 times the derivative" in done.stdout
    assert "def fail(" not in done.stdout


def test_without_pytest(tmp_path: Path) -> None:
    """unittest runs the same class, in a process that has imported neither pytest nor torch."""
    code = (
        "import json, sys, unittest, test_mine\n"
        "class Both(test_mine.TestMine, unittest.TestCase): pass\n"
        "result = unittest.TestResult()\n"
        "unittest.defaultTestLoader.loadTestsFromTestCase(Both).run(result)\n"
        "print(json.dumps([result.testsRun, result.wasSuccessful(), 'pytest' in sys.modules, 'torch' in sys.modules]))"
    )
    done = run_in(tmp_path, "-c", code)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [len(CHECKS), True, False, False]
