"""The small trainings that the checks run: which there are, and one of them."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from harness.problem.data import Data, make_data
from harness.problem.layout import Layout
from harness.problem.orders import batches
from harness.problem.problem import Problem, make_problem
from harness.scenario.base import Table
from harness.scenario.cell import CellSpec
from harness.worker import indices

# A new loss, optimiser … is checked in every implementation by adding its name here. No option has its default: one
# that is not looked at shows. The bend of huber lies among the errors here.
LOSSES: dict[str, Any] = {
    "mse": "mse",
    "half_mse": "half_mse",
    "sse": "sse",
    "half_sse": "half_sse",
    "mae": "mae",
    "huber": {"kind": "huber", "delta": 1.5},
}
DTYPES = ("float64", "float32")
MODELS = ("linear", "mlp")
ACTIVATIONS = ("relu", "tanh", "sigmoid")
_RMSPROP = {"kind": "rmsprop", "alpha": 0.8, "eps": 0.01}
_ADAGRAD = {"kind": "adagrad", "eps": 0.01, "initial_accumulator_value": 0.1}
# Short memories: the squares average falls within a few batches, which amsgrad answers.
_ADAM = {"kind": "adam", "betas": (0.8, 0.4), "eps": 0.01}
OPTIMIZERS: dict[str, Any] = {
    "sgd": "sgd",
    "sgd-momentum": {"kind": "sgd", "momentum": 0.9},
    "sgd-nesterov": {"kind": "sgd", "momentum": 0.9, "nesterov": True},
    "rmsprop": _RMSPROP,
    "rmsprop-centered": {**_RMSPROP, "centered": True},
    "rmsprop-momentum": {**_RMSPROP, "momentum": 0.9},
    "adagrad": _ADAGRAD,
    "adagrad-lr_decay": {**_ADAGRAD, "lr_decay": 0.1},
    "adam": _ADAM,
    "adam-amsgrad": {**_ADAM, "amsgrad": True},
}
# It starts at RATE, as problem.learning_rate then says too.
SCHEDULES: dict[str, Any] = {"constant": "constant", "inverse": {"kind": "inverse", "t0": 0.012, "t1": 4.0}}

# Hidden layers: one, and two, so that a gradient is handed through; a lone unit is easily squeezed away.
_HIDDEN = ((3,), (2, 1))
_COLUMNS = (2, 1)
# Two epochs of the batches that are checked, the short last ones among them.
STEPS = 6
ROWS = 20
# Below every stable rate here, those of the sums included.
RATE = 0.003


@dataclass(frozen=True)
class Case:
    """
    One training that an implementation must be able to do.

    Args:
        spec: Its cell.
    """

    spec: CellSpec

    @cached_property
    def data(self) -> Data:
        """Its rows, in float64."""
        return make_data(self.spec)

    @cached_property
    def layout(self) -> Layout:
        """The shapes of its parameters."""
        return Layout.of(self.spec)

    def problem(self) -> Problem:
        """What `load` gets: new arrays at each call, so that nothing written into them is seen again."""
        return make_problem(self.spec, self.data)

    def batches(self, problem: Problem) -> list[Any]:
        """The rows of each update, as NumPy's index."""
        return list(batches(self.spec, problem.orders))

    def rows(self, problem: Problem, kind: str) -> list[Any]:
        """The same, as the index that the loop would hand to `step`."""
        return indices(self.batches(problem), kind, self.spec.device)

    def but(self, **values: Any) -> Case:
        """The same training with other values in its cell."""
        return Case(self.spec.model_copy(update=values))

    def __str__(self) -> str:
        spec, training = self.spec, self.spec.training
        tables: dict[str, Table] = {"loss": training.loss, "optimizer": training.optimizer, "model": spec.model}
        if training.schedule.kind != "constant":
            tables["schedule"] = training.schedule
        said = {name: _said(table.model_dump(mode="json", exclude_defaults=True)) for name, table in tables.items()}
        axes = {name: getattr(spec, name) for name in ("dtype", "batch_size", "device")}
        columns = {"columns": spec.columns, "rows": spec.training_rows}
        return ", ".join(f"{name} = {json.dumps(value)}" for name, value in {**said, **axes, **columns}.items())


def _said(table: dict[str, Any]) -> Any:
    """A table that holds only its kind is a word, as in a scenario file."""
    return table["kind"] if list(table) == ["kind"] else table


@dataclass(frozen=True)
class Scope:
    """
    What an implementation is checked on: the names of each, and the device.

    Raises:
        ValueError: If a name is none that there is.
    """

    losses: tuple[str, ...]
    models: tuple[str, ...]
    activations: tuple[str, ...]
    dtypes: tuple[str, ...]
    optimizers: tuple[str, ...]
    schedules: tuple[str, ...]
    device: str

    def __post_init__(self) -> None:
        known: dict[str, Iterable[str]] = {
            "losses": LOSSES, "models": MODELS, "activations": ACTIVATIONS,
            "dtypes": DTYPES, "optimizers": OPTIMIZERS, "schedules": SCHEDULES,
        }  # fmt: skip
        for field, names in known.items():
            strangers = [name for name in getattr(self, field) if name not in names]
            if strangers:
                raise ValueError(f"{field}: found {strangers}; allowed: {', '.join(names)}")

    def narrowed(self, **names: tuple[str, ...]) -> Scope:
        """Only these names of those that there are here, by field."""
        kept: dict[str, Any] = {
            field: tuple(n for n in getattr(self, field) if n in allowed) for field, allowed in names.items()
        }
        return dataclasses.replace(self, **kept)

    def one_loss(self) -> Scope:
        """With the first loss only, for what does not depend on it."""
        return dataclasses.replace(self, losses=self.losses[:1])

    def one_update(self) -> Scope:
        """With the first optimiser and schedule only, for what does not depend on them."""
        return dataclasses.replace(self, optimizers=self.optimizers[:1], schedules=self.schedules[:1])

    def cases(
        self,
        *,
        batch_size: int | Literal["full"] = "full",
        intercept: bool = True,
        deep: bool = True,
        wide: bool = False,
    ) -> list[Case]:
        """
        A star: every model in every dtype, and every other name with the first model of each kind.

        All combinations would be five times as many and find no more: a loss does not
        know its model, nor an optimiser its loss.

        Args:
            batch_size: Rows of one update.
            intercept: Whether the linear models have one; without, there are no nets.
            deep: Whether all models are wanted, and not only the first of each kind.
            wide: Whether every optimiser is wanted in every dtype.
        """
        models, firsts = self._models(intercept, deep=True), self._models(intercept, deep=False)
        one = [names[:1] for names in (self.losses, self.dtypes, self.optimizers, self.schedules)]
        loss, dtype, optimizer, schedule = one
        combinations = [
            *itertools.product(loss, models if deep else firsts, self.dtypes, optimizer, schedule),
            *itertools.product(self.losses[1:], firsts, dtype, optimizer, schedule),
            *itertools.product(loss, firsts, self.dtypes if wide else dtype, self.optimizers[1:], schedule),
            *itertools.product(loss, firsts, dtype, optimizer, self.schedules[1:]),
        ]
        return [Case(_spec(*names, batch_size=batch_size, device=self.device)) for names in combinations]

    def _models(self, intercept: bool, *, deep: bool) -> list[tuple[int, dict[str, Any]]]:
        """Columns of x, and the table of a model."""
        linear: list[tuple[int, dict[str, Any]]] = [
            (columns, {"kind": "linear", "intercept": intercept}) for columns in _COLUMNS
        ]
        nets: list[tuple[int, dict[str, Any]]] = [
            (_COLUMNS[0], {"kind": "mlp", "hidden": hidden, "activation": activation})
            for hidden, activation in itertools.product(_HIDDEN, self.activations)
        ]
        kinds = [linear if "linear" in self.models else [], nets if intercept and "mlp" in self.models else []]
        return [model for models in kinds for model in (models if deep else models[:1])]


def _spec(
    loss: str, model: tuple[int, dict[str, Any]], dtype: str, optimizer: str, schedule: str, **axes: Any
) -> CellSpec:
    """The cell: every parameter starts from a draw, for zeros hide mistakes."""
    columns, table = model
    start = {"kind": "uniform", "low": -0.8, "high": 0.8}
    training = {
        "loss": LOSSES[loss],
        "optimizer": OPTIMIZERS[optimizer],
        "schedule": SCHEDULES[schedule],
        "steps": STEPS,
    }
    return CellSpec.model_validate(
        {
            "data": {
                "samples": ROWS,
                "x": {"kind": "normal", "mean": 0.0, "sd": 1.0, "columns": columns},
                "y": {"kind": "linear", "weights": [3.0, -1.0][:columns], "bias": 0.5},
                "noise": {"kind": "normal", "mean": 0.0, "sd": 0.1},
            },
            "model": table,
            "init": {"weights": start, "bias": start if table.get("intercept", True) else None},
            "training": training,
            "implementation": "numpy",
            "dtype": dtype,
            "learning_rate": RATE,
            "seed": 0,
            **axes,
        }
    )
