"""The checks as one class of tests: subclass it and name the implementation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar
from unittest import SkipTest

import harness.testing.arithmetic as arithmetic
import harness.testing.cases as cases
import harness.testing.conduct as conduct
import harness.testing.form as form
from harness import devices, implementations
from harness.testing.cases import Case, Scope
from harness.testing.failure import told
from harness.testing.walk import walk

# 20 rows: 1 and 5 divide them; 8 leaves 4 for the last batch, 19 leaves one.
_WHOLE_BATCHES = (1, 5)
_SHORT_BATCHES = (8, 19)


class ImplementationChecks:
    """
    What every implementation must pass; each method is one claim.

    Attributes:
        implementation: The class, or its registered name.
        losses: By the names in `harness.testing.cases`; all of them unless narrowed, as for the following.
        models: `linear`, `mlp`.
        activations: Of the mlp.
        dtypes: `float32`, `float64`.
        optimizers: By the names in `harness.testing.cases`; ("sgd",) is plain descent.
        schedules: By the names in `harness.testing.cases`; ("constant",) is the grid's rate.
    """

    implementation: ClassVar[type[Any] | str] = ""
    losses: ClassVar[tuple[str, ...]] = tuple(cases.LOSSES)
    models: ClassVar[tuple[str, ...]] = cases.MODELS
    activations: ClassVar[tuple[str, ...]] = cases.ACTIVATIONS
    dtypes: ClassVar[tuple[str, ...]] = cases.DTYPES
    optimizers: ClassVar[tuple[str, ...]] = tuple(cases.OPTIMIZERS)
    schedules: ClassVar[tuple[str, ...]] = tuple(cases.SCHEDULES)

    def test_it_is_registered(self) -> None:
        """Its name leads to it."""
        form.is_registered(self._class())

    def test_rows_names_an_index(self) -> None:
        """`rows` is "numpy" or "torch"."""
        form.says_its_rows(self._class())

    def test_load_starts_where_told(self) -> None:
        """After load the parameters are `problem.initial`, bit for bit."""
        self._each(form.starts_where_told, self._scope().one_loss().one_update().cases())

    def test_parameters_have_the_models_shapes(self) -> None:
        """(weights, bias) of the shapes (p,) and (), for a net lists of (units, inputs) and (units,)."""
        self._each(form.has_the_shapes, self._scope().one_loss().one_update().cases())

    def test_parameters_have_the_cells_dtype(self) -> None:
        """Every parameter has the cell's dtype, at the start and after every step."""
        self._each(form.has_the_dtype, self._scope().one_loss().cases(wide=True))

    def test_reading_parameters_changes_nothing(self) -> None:
        """parameters() may be called after every step or only at the end; it may give its own arrays, uncopied."""
        self._each(form.reading_changes_nothing, self._scope().one_loss().cases(deep=False))

    def test_step_returns_a_number(self) -> None:
        """A step returns a scalar that holds no graph."""
        self._each(form.returns_a_number, self._scope().one_update().cases(deep=False))

    def test_a_returned_loss_stays(self) -> None:
        """What a step returned is not changed by later steps."""
        self._each(form.losses_stay, self._scope().one_update().cases(deep=False))

    def test_loss_is_of_the_state_before_the_step(self) -> None:
        """A step returns the loss of its rows before its update."""
        for batch_size in ("full", 5):
            self._each(arithmetic.returns_the_loss_before, self._scope().one_update().cases(batch_size=batch_size))

    def test_gradient_is_the_derivative_of_the_loss(self) -> None:
        """The step of plain sgd moves every parameter by minus the rate times the derivative of the returned loss."""
        plain = self._scope().narrowed(optimizers=("sgd",), schedules=("constant",), dtypes=("float64",))
        self._each(arithmetic.follows_its_loss, plain.cases())

    def test_path_agrees_with_numpy(self) -> None:
        """Six full batches lead where `numpy` goes: in float64 to 1e-12 of the largest parameter, up to a kink."""
        self._each(arithmetic.agrees_with_numpy, self._scope().cases())

    def test_mini_batches(self) -> None:
        """An update uses the rows it is given, be they one or several."""
        cause = (
            "step() uses all rows, or another number of rows than it was given (problem.batch_size, squeeze() of one)"
        )
        for batch_size in _WHOLE_BATCHES:
            self._each(_agrees(cause), self._scope().cases(batch_size=batch_size))

    def test_a_short_last_batch(self) -> None:
        """The last batch of an epoch may be short; it is used, and averaged over its own rows."""
        cause = "a short batch is left out, or its mean is taken over problem.batch_size and not over its own rows"
        for batch_size in _SHORT_BATCHES:
            self._each(_agrees(cause), self._scope().one_update().cases(batch_size=batch_size, deep=False))

    def test_without_intercept_the_bias_stays_zero(self) -> None:
        """A linear model without intercept keeps the bias 0, a scalar, and trains its weights as `numpy` does."""
        self._each(_without_intercept, self._scope().cases(intercept=False))

    def test_load_resets_everything(self) -> None:
        """Trained, loaded again and trained, it gives the same bits."""
        self._each(conduct.resets, self._scope().one_loss().cases(batch_size=8, deep=False))

    def test_load_takes_another_problem(self) -> None:
        """With other data, and another model, loaded in between, each training is that of a new instance."""
        conduct.takes_others(self._class(), self._some(self._scope().one_loss().cases(batch_size=8, deep=False)))

    def test_two_instances_give_the_same_bits(self) -> None:
        """The same problem twice, in two instances, gives the same bits."""
        self._each(conduct.repeats, self._scope().cases(batch_size=8, deep=False))

    def test_no_global_random_stream_is_drawn(self) -> None:
        """The global states of random, numpy.random and torch are left as they were."""
        self._each(conduct.draws_nothing, self._scope().one_loss().one_update().cases(batch_size=8, deep=False))

    def test_global_seeds_change_nothing(self) -> None:
        """Other global seeds, the same bits."""
        self._each(conduct.ignores_seeds, self._scope().one_loss().one_update().cases(batch_size=8, deep=False))

    def test_the_problem_is_left_as_it_was(self) -> None:
        """Nothing is written into x, y, initial or orders."""
        for batch_size in ("full", 8):
            self._each(conduct.leaves_the_problem, self._scope().one_loss().cases(batch_size=batch_size, deep=False))

    def test_nothing_is_printed(self) -> None:
        """load, step and parameters write nothing to stdout and stderr."""
        self._each(conduct.is_silent, self._scope().one_loss().cases(batch_size=8, deep=False))

    def _each(self, check: Callable[[type[Any], Case], Any], found: list[Case]) -> None:
        __tracebackhide__ = True
        cls = self._class()
        for case in self._some(found):
            told(case, check, cls, case)

    @staticmethod
    def _some(found: list[Case]) -> list[Case]:
        if not found:
            raise SkipTest("nothing is left to check: the names in this class leave out all cells of this check")
        return found

    def _class(self) -> type[Any]:
        wanted = self.implementation
        if not isinstance(wanted, str):
            return wanted
        if not wanted:
            raise AssertionError(f"{type(self).__name__} names no implementation; set implementation = YourClass")
        try:
            return implementations.get(wanted)
        except KeyError:
            raise AssertionError(
                f"no implementation is registered as {wanted!r}; import the file that registers it, or name the class"
            ) from None

    def _scope(self) -> Scope:
        return Scope(
            self.losses, self.models, self.activations, self.dtypes, self.optimizers, self.schedules, self._device()
        )

    def _device(self) -> str:
        """The processor if it can, else the first device that is here."""
        names = [str(name) for name in getattr(self._class(), "devices", ("cpu",))]
        missing = {name: devices.get(name).missing() for name in sorted(names, key=lambda name: name != "cpu")}
        for name, reason in missing.items():
            if reason is None:
                return name
        raise SkipTest("; ".join(f"{name}: {reason}" for name, reason in missing.items()))


def _agrees(cause: str) -> Callable[[type[Any], Case], Any]:
    return lambda cls, case: arithmetic.agrees_with_numpy(cls, case, cause)


def _without_intercept(cls: type[Any], case: Case) -> None:
    form.leaves_the_bias(case, walk(cls(), case))
    arithmetic.agrees_with_numpy(cls, case)
