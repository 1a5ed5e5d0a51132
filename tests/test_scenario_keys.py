"""Every key of a scenario file: a value is accepted and lands, left out it has its default, wrong ones are refused."""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.errors import ScenarioError
from harness.scenario.grid import SeedRange
from harness.scenario.read import Scenario, parse
from harness.scenario.scenario import Document
from tests.builders import LINE, document
from tests.fuzzing import written

FILES = {
    "d.csv": b"a,b,c\n1,2,3\n4,5,6\n7,8,0\n2,9,1\n",
    "semicolons.csv": b"a;b;c\n1;2;3\n4;5;6\n",
    "notes.csv": b"notes\na,b,c\n1,2,3\n4,5,6\n",
    "long.csv": b"1,2\n4,5\n7,8\n",
    "order.csv": (",".join(map(str, range(40))) + "\n").encode() * 5,
    "rows.csv": b"epoch,loss,mean\n1,2.0,3.0\n",
}


@dataclass(frozen=True)
class Refused:
    """What is told where a key is left out that has no default: at which key, in which words."""

    words: str = "is missing; it is required here"
    path: str = ""


@dataclass(frozen=True)
class Key:
    """
    One key.

    Args:
        good: Values that are accepted; a pair is what is written and what it becomes.
        default: What it is where it is left out, or how that is refused.
        wrong: Values with the words of their refusal, and where they are told: behind the key (`[0]`), or elsewhere.
        base: Keys of the document around it, where its table's do not fit.
        bare: The same, for the key left out.
    """

    good: tuple[Any, ...]
    default: Any
    wrong: tuple[tuple[Any, ...], ...]
    base: dict[str, Any] | None = None
    bare: dict[str, Any] | None = None


def each(words: str, *values: Any) -> tuple[tuple[Any, str], ...]:
    return tuple((value, words) for value in values)


def members(wrong: tuple[tuple[Any, ...], ...]) -> tuple[tuple[Any, ...], ...]:
    """What is wrong as the only member of a list."""
    return tuple(([value], words, "[0]") for value, words in wrong)


NUMBERS = each("a number", "3", True, [1.0], {"a": 1})
INFINITE = each("a finite number", math.nan, math.inf, -math.inf)
FLOAT = (*NUMBERS, *INFINITE)
POSITIVE = (*FLOAT, *each("more than 0", 0, 0.0, -1))
NOT_NEGATIVE = (*FLOAT, *each("0 or more", -1, -1e-300))
DECAY = (*NOT_NEGATIVE, *each("less than 1", 1, 1.5))
WHOLE = (*each("a whole number", "3", True, 2.0, 1.5, [1], {"a": 1}), (-1, "0 or more"), (2**63, "less than"))
COUNT = (*WHOLE[:-2], (0, "1 or more"), (-1, "1 or more"), (2**63, "less than"))
SEED = (*WHOLE[:-1], (2**32, "less than 4294967296"))
BOOL = each("true or false", 1, 0, 1.0, "true", [True])
TEXT = each("a text", 3, True, 1.5, ["a"], {"a": 1})
LIST = each("a list", 3, "a", True, {"a": 1})
FLOATS = (*LIST, ([], "at least 1 value"), *members(FLOAT))
TABLE = each("a table", 3, True, [1])
NORMAL, UNIFORM = {"kind": "normal", "mean": 0.5, "sd": 2.0}, {"kind": "uniform", "low": -1.0, "high": 1.0}


def one_of(*words: str) -> tuple[tuple[Any, str], ...]:
    """Wrong for a key of words: others, and one letter too many with its hint."""
    return (*each(words[-1], 3, True, ["a"], "quux"), (words[0] + "s", f'Did you mean "{words[0]}"?'))


def kinds(*words: str) -> tuple[tuple[Any, str], ...]:
    return (({"kind": words[0] + "s"}, f'Did you mean "{words[0]}"?'), ({"kind": 5}, words[-1]), ({"a": 1}, words[-1]))


REQUIRED = Refused()
NO_KIND = Refused('without a "kind"')
RANGE = {
    "low": Key((-3, 0.5, 1.0), REQUIRED, (*FLOAT, (2.0, "found 1; allowed: low (2)", "high"))),
    "high": Key((-1, 0.0, 7.5), REQUIRED, (*FLOAT, (-2, "found -2; allowed: low (-1)"))),
}
NORMAL_KEYS = {"mean": Key((-3, 1.5), REQUIRED, FLOAT), "sd": Key((0, 2.5), REQUIRED, NOT_NEGATIVE)}
COLUMNS = {"columns": Key((1,), 1, COUNT)}
# A source's keys are those of every kind of data.
SOURCE = {
    "rng": Key(("numpy-legacy", "torch", "numpy"), "numpy", one_of("numpy", "torch")),
    "seed": Key((0, 2**32 - 1), None, SEED),
    "validation": Key(
        ({"rows": 1, "pick": "shuffle"},), None,
        (*TABLE, ({}, "exactly one of fraction and rows"), ({"rows": 99}, "takes all of the")),
    ),
}  # fmt: skip
SHAPE = {
    "powers": Key(([2], [1, 3]), [1], (*LIST, ([], "at least 1 value"), *members(COUNT), ([2, 1, 2], "holds 2 twice"))),
    "standardize": Key(("population", "sample", "none"), "none", one_of("sample", "population")),
}
CSV = {"path": "d.csv", "x": ["a"], "y": "b"}
POINTS = {"x": [[1.0], [2.0], [4.0]], "y": [1.0, 2.0, 3.0]}
AT = (
    ({"epoch": 1}, {"epoch": 1}), ({"step": 3}, {"step": 3}), "start", "end",
)  # fmt: skip
WRONG_AT = (
    *each("start, end", 3, True, [1]),
    ("strt", 'Did you mean "start"?'),
    ({"epoch": 99}, "found epoch 99; allowed: 0 to 5"),
    ({"step": 26}, "found step 26; allowed: 0 to 25"),
    ({"epoch": 1.0}, "a whole number", ".epoch"),
    ({"step": -1}, "0 or more", ".step"),
)
WHERE = (
    *TABLE,
    ({"sead": 0}, 'learning_rate, seed. Did you mean "seed"?', ".sead"),
    ({"seed": 7}, "matches no cell: seed is never 7; it is 0"),
)  # fmt: skip


def expect(**keys: Any) -> dict[str, Any]:
    """The base of a document with one expectation of these keys."""
    return {"expect": [keys]}


LOSS = expect(quantity="loss", value=1.0, within=1e9)
BARE = expect(quantity="loss", at_least=0.0)
NO_RULE = Refused("needs one rule, found none", "expect[0]")
NO_TOLERANCE = Refused("value: needs one of within, relative, digits, inside, sd; found 0", "expect[0]")


def limit(quantity: str = "loss", **keys: Any) -> dict[str, Any]:
    return {"gates": {quantity: keys}}


@dataclass(frozen=True)
class Place:
    """Where a table stands, in which document, and its keys."""

    path: str
    base: dict[str, Any]
    keys: dict[str, Key]


def kind_only(path: str, *words: str) -> Place:
    """A table that has nothing but its kind."""
    return Place(path, {path.replace(".", "__"): {"kind": words[0]}}, {"kind": Key(words, NO_KIND, ())})


SEEDS = Key(
    ([3, 1], ({"start": 5, "count": 2}, [5, 6])), [0],
    (*each("a list", 3, "a", True), ([], "at least 1 value"), *members(SEED), ([1, 1], "seed holds 1 twice", "grid")),
)  # fmt: skip
TABLES: dict[str, Place] = {
    "Document": Place("", {}, {
        "schema": Key((1,), REQUIRED, each("allowed: 1", 0, 2, True, 1.0, "1", [1])),
        "title": Key(("", "Größe"), "", TEXT),
        "source": Key(("p. 3",), "", TEXT),
        "data": Key((LINE["data"] | {"rng": "torch"},), REQUIRED, TABLE),
        "model": Key((("linear", {"kind": "linear"}), ({"powers": [2]}, {"kind": "linear", "powers": [2]})),
                     {"kind": "linear", "powers": [1], "intercept": True, "standardize": "none"},
                     (*each("mlp", 3, "linar"), *kinds("linear", "mlp")[:2])),
        "init": Key(({"bias": 0.5},), {"weights": {"kind": "zeros"}, "bias": None, "seed": None}, TABLE),
        "training": Key(({"epochs": 5},), REQUIRED, (*TABLE, ({}, "exactly one of epochs and steps"))),
        "run": Key(({"threads": 2},), {"timed_seeds": 5, "replicates": 2, "timing_repeats": 3, "tf32": False,
                    "deterministic": False, "timeout_seconds": 120.0, "memory_mb": 4096, "threads": 1}, TABLE),
        "target": Key(({"digits": 2},), {"tau": [1e-1, 1e-3, 1e-5, 1e-7], "digits": 3.0}, TABLE),
        "grid": Key((LINE["grid"] | {"seed": [1]},), REQUIRED, TABLE),
        "expect": Key(([{"quantity": "loss", "at_least": 0}], []), [], each("a list", 3, {"quantity": "loss"})),
        "gates": Key(({"loss": {"at_least": 0}}, {}), {},
                     (*TABLE, ({"los": {"at_least": 0}}, 'Did you mean "loss"?', ".los"),
                      ({"weights[2]": {"at_least": 0}}, "found index 2", '."weights[2]"'),
                      ({"loss": 3}, "a table", ".loss"), ({"loss": {}}, "needs ", ".loss"))),
    }),
    # data
    "Generated": Place("data", {}, {
        **SOURCE,
        "samples": Key((2, 1000), REQUIRED, (*COUNT[:-3], *each("2 or more", 1, 0, -1), (2**63, "less than"))),
        "x": Key(({"kind": "normal", "mean": 1.0, "sd": 0.0, "columns": 2},), REQUIRED,
                 (*each("normal, uniform, linspace, arange", 3, [1.0], "norml"), *kinds("linspace", "arange"))),
        "y": Key((("sin", {"kind": "sin"}), {"kind": "linear", "weights": [1.0, 2.0]}), REQUIRED,
                 (*each("linear, polynomial, sin, cos", 3, [1.0], "lin"), *kinds("linear", "cos"),
                  ({"kind": "linear", "weights": [1.0]}, "found 1 numbers; x has 2 columns", ".weights"))),
        "noise": Key((("none", {"kind": "none"}), NORMAL, UNIFORM), {"kind": "none"},
                     (*each("none, normal, uniform", 3, [1.0], "nonne"), *kinds("none", "uniform"))),
    }),
    "NormalColumns": Place("data.x", {"data__y": "sin"}, {
        **NORMAL_KEYS, "columns": Key((1, 2, 7), 1, COUNT), "kind": Key(("normal",), NO_KIND, ()),
    }),
    "UniformColumns": Place("data.x", {"data__x": UNIFORM, "data__y": "sin"}, {
        **RANGE, **COLUMNS, "kind": Key(("uniform",), NO_KIND, ()),
    }),
    "Linspace": Place("data.x", {"data__x": {"kind": "linspace", "start": 0.0, "stop": 1.0}, "data__y": "sin"}, {
        "start": Key((-1, 0.5), REQUIRED, FLOAT), "stop": Key((-1, 0.5), REQUIRED, FLOAT),
        "kind": Key(("linspace",), NO_KIND, ()),
    }),
    "Arange": Place("data.x", {"data__x": {"kind": "arange", "start": 0.0, "step": 1.0}, "data__y": "sin"}, {
        "start": Key((-1, 0.5), REQUIRED, FLOAT), "step": Key((-1, 0, 0.5), REQUIRED, FLOAT),
        "kind": Key(("arange",), NO_KIND, ()),
    }),
    "LinearTarget": Place("data.y", {}, {
        "weights": Key(([1, 2.5],), REQUIRED, (*FLOATS, ([1.0] * 3, "found 3 numbers; x has 2 columns"))),
        "bias": Key((-3, 1.5), 0.0, FLOAT), "kind": Key(("linear",), NO_KIND, ()),
    }),
    "PolynomialTarget": Place("data.y", {"data__y": {"kind": "polynomial", "coefficients": [1.0]}}, {
        "coefficients": Key(([2], [2, 0, 3.5]), REQUIRED, FLOATS), "kind": Key(("polynomial",), NO_KIND, ()),
    }),
    "WaveTarget": Place("data.y", {"data__y": {"kind": "cos"}}, {
        "amplitude": Key((-2, 0.5), 1.0, FLOAT), "frequency": Key((-2, 0.5), 1.0, FLOAT),
        "phase": Key((-2, 0.5), 0.0, FLOAT), "bias": Key((-2, 0.5), 0.0, FLOAT),
        "kind": Key(("sin", "cos"), NO_KIND, ()),
    }),
    "NoNoise": kind_only("data.noise", "none"),
    "NormalNoise": Place("data.noise", {}, {**NORMAL_KEYS, "kind": Key(("normal",), NO_KIND, ())}),
    "UniformNoise": Place("data.noise", {"data__noise": UNIFORM}, {**RANGE, "kind": Key(("uniform",), NO_KIND, ())}),
    "Validation": Place("data.validation", {"data__validation": {"rows": 8}}, {
        "fraction": Key((0.2, 0.5), None, (*FLOAT, (0, "more than 0"), (1, "less than 1"),
                        (0.001, "takes none of the 40 rows", "data.validation"),
                        (0.999, "takes all of the 40 rows", "data.validation")),
                        {"data__validation": {"fraction": 0.5}}, {"data__validation": {"rows": 8}}),
        "rows": Key((1, 39), None, (*COUNT, (40, "takes all of the 40 rows", "data.validation")),
                    bare={"data__validation": {"fraction": 0.5}}),
        "pick": Key(("first", "last", "shuffle"), "shuffle", one_of("first", "shuffle")),
    }),
    "FromCsv": Place("data", {"data": {"csv": CSV}, "init": {}}, {
        **SOURCE, "csv": Key((CSV,), Refused(path="data.samples"), TABLE, bare={"data": {"csv": CSV}}),
    }),
    "Csv": Place("data.csv", {"data": {"csv": CSV}, "init": {}}, {
        "path": Key(("d.csv",), REQUIRED, (*TEXT, ("no.csv", "not among the files"))),
        "x": Key((["a"], ["c", 0], [2]), REQUIRED,
                 (*LIST, ([], "at least 1 value"), *members(each("a whole number", True, 1.5, [1])),
                  ([-1], "0 or more", "[0]"), (["d"], 'the header has "a", "b", "c"', "[0]"),
                  ([3], "allowed: 0 to 2", "[0]"), (["a", "a"], "holds 'a' twice"), (["b"], "or as y too"),
                  (["a", 0], "the same column as x[0]", "[1]"))),
        "y": Key(("c", 2), REQUIRED, (*each("a whole number", True, 1.5, [1]), (-1, "0 or more"),
                 (3, "allowed: 0 to 2"), ("bb", 'Did you mean "b"?'), (0, "the same column as x[0]"))),
        "header": Key((True, False), True, (*BOOL, ("no", "true or false")),
                      {"data": {"csv": {"path": "long.csv", "x": [0], "y": 1}}, "init": {}},
                      {"data": {"csv": CSV}, "init": {}}),
        "delimiter": Key((";",), ",", (*TEXT, *each("one character", "", ";;", '"', "\n", "\r", "white")),
                         {"data": {"csv": {**CSV, "path": "semicolons.csv"}}, "init": {}},
                         {"data": {"csv": CSV}, "init": {}}),
        "skip_rows": Key((1,), 0, WHOLE, {"data": {"csv": {**CSV, "path": "notes.csv"}}, "init": {}},
                         {"data": {"csv": CSV}, "init": {}}),
        "rows": Key(([1, 2], [3, 4]), None,
                    (*LIST, ([1], "is missing", "[1]"), ([1, 2, 3], "at most 2 values"), ([0, 2], "1 or more", "[0]"),
                     ([1, 2.0], "a whole number", "[1]"), ([3, 2], "last not before first"),
                     ([2, 5], "the file has 4 data rows"), ([2, 2], "1 data row; allowed: 2 or more"))),
    }),
    "Inline": Place("data", {"data": {"inline": POINTS}, "init": {}}, {
        **SOURCE, "inline": Key((POINTS,), Refused(path="data.samples"), TABLE, bare={"data": {"inline": POINTS}}),
    }),
    "Given": Place("data.inline", {"data": {"inline": POINTS}, "init": {}}, {
        "x": Key(([[1], [2.5], [3]], [[1, 2], [3, 4], [5, 6]]), REQUIRED,
                 (*LIST, ([], "at least 1 value"), ([1.0, 2.0], "a list", "[0]"),
                  ([[1.0], ["2"]], "a number", "[1][0]"),
                  ([[1.0], [math.nan]], "a finite number", "[1][0]"), ([[1.0], []], "at least 1 value", "[1]"),
                  ([[1.0], [2.0, 3.0]], "rows of 1 and 2 numbers; all must be equally long"),
                  ([[1.0], [2.0]], "found 3 numbers; x has 2 rows", "data.inline.y"))),
        "y": Key(([1, 2, 2.5],), REQUIRED, (*FLOATS, ([1.0, 2.0], "found 2 numbers; x has 3 rows"))),
    }),
    # model and init
    "Linear": Place("model", {"model": {"kind": "linear"}, "init": {}}, {
        **SHAPE, "intercept": Key((False, True), True, BOOL), "kind": Key(("linear",), "linear", ()),
    }),
    "Mlp": Place("model", {"model": {"kind": "mlp", "hidden": [2]}, "init": {}}, {
        **SHAPE,
        "hidden": Key(([1], [3, 2]), REQUIRED, (*LIST, ([], "at least 1 value"), *members(COUNT))),
        "activation": Key(("relu", "tanh", "sigmoid"), "relu", one_of("tanh", "sigmoid")),
        "kind": Key(("mlp",), Refused("unknown key", "model.hidden"), ()),
    }),
    "Init": Place("init", {"init": {"weights": "zeros"}}, {
        "weights": Key((("zeros", {"kind": "zeros"}), ("default", {"kind": "default"}), NORMAL, UNIFORM, [1, 2.5]),
                       {"kind": "zeros"},
                       (*each("zeros, normal, uniform, default, a list", 3, True, "zeroes"), *kinds("zeros", "default"),
                        ([], "at least 1 value"), ([1.0, "2"], "a number", "[1]"), ([math.inf, 1.0], "finite", "[0]"),
                        ([1.0], "found 1 numbers; the model has 2 columns"))),
        "bias": Key((2, -0.5, NORMAL, UNIFORM, (0, None)), None,
                    ((True, "a number"), *each("a number, normal, uniform, a list", "zero", {"a": 1}),
                     ("normall", 'Did you mean "normal"?'), *INFINITE, ([1.0], "a linear model takes one number"))),
        "seed": Key((0, 7), None, SEED),
    }),
    "Zeros": kind_only("init.weights", "zeros"),
    "DefaultStart": kind_only("init.weights", "default"),
    "NormalStart": Place("init.weights", {}, {**NORMAL_KEYS, "kind": Key(("normal",), NO_KIND, ())}),
    "UniformStart": Place("init.weights", {"init__weights": UNIFORM}, {
        **RANGE, "kind": Key(("uniform",), NO_KIND, ()),
    }),
    # training
    "Training": Place("training", {"training": {"epochs": 5}}, {
        "loss": Key((*((word, {"kind": word}) for word in ("mse", "half_mse", "sse", "half_sse", "mae")),
                     ("huber", {"kind": "huber", "delta": 1.0})), {"kind": "mse"},
                    (*each("mse, half_mse, sse, half_sse, mae, huber", 3, ["mse"], "msee"), *kinds("huber", "mae"))),
        "optimizer": Key((*((word, {"kind": word}) for word in ("sgd", "rmsprop", "adagrad", "adam")),),
                         {"kind": "sgd", "momentum": 0.0, "nesterov": False},
                         (*each("sgd, rmsprop, adagrad, adam", 3, "adm"), *kinds("rmsprop", "adam"))),
        "epochs": Key((1, 50), None, COUNT, bare={"training": {"steps": 3}}),
        "steps": Key((1, 50), None, (*COUNT,), {"training": {"steps": 3}}, {"training": {"epochs": 5}}),
        "order": Key(("shuffle", "sequential", "with-replacement", {"file": "order.csv"}), "shuffle",
                     (*each("shuffle, sequential, with-replacement, { file", 3, True, ["a"]),
                      ("with_replacement", 'Did you mean "with-replacement"?'))),
        "drop_last": Key((True, False), False, BOOL),
        "schedule": Key((("constant", {"kind": "constant"}), {"kind": "inverse", "t0": 1.0, "t1": 2.0}),
                        {"kind": "constant"}, (*each("constant, inverse", 3, "invers"), *kinds("inverse", "constant"))),
        "seed": Key((0, 7), None, SEED),
    }),
    "SquaredLoss": kind_only("training.loss", "mse", "half_mse", "sse", "half_sse"),
    "AbsoluteLoss": kind_only("training.loss", "mae"),
    "HuberLoss": Place("training.loss", {"training__loss": {"kind": "huber"}}, {
        "delta": Key((2, 0.5), 1.0, POSITIVE), "kind": Key(("huber",), NO_KIND, ()),
    }),
    "Sgd": Place("training.optimizer", {"training__optimizer": {"kind": "sgd"}}, {
        "momentum": Key((0, 0.9), 0.0, DECAY),
        "nesterov": Key((False, True), False, BOOL, {"training__optimizer": {"kind": "sgd", "momentum": 0.5}}),
        "kind": Key(("sgd",), NO_KIND, ()),
    }),
    "Rmsprop": Place("training.optimizer", {"training__optimizer": {"kind": "rmsprop"}}, {
        "alpha": Key((0, 0.9), 0.99, DECAY), "eps": Key((1, 1e-6), 1e-8, POSITIVE),
        "momentum": Key((0, 0.9), 0.0, DECAY), "centered": Key((True, False), False, BOOL),
        "kind": Key(("rmsprop",), NO_KIND, ()),
    }),
    "Adagrad": Place("training.optimizer", {"training__optimizer": {"kind": "adagrad"}}, {
        "lr_decay": Key((0, 0.1), 0.0, NOT_NEGATIVE), "initial_accumulator_value": Key((0, 0.1), 0.0, NOT_NEGATIVE),
        "eps": Key((1, 1e-6), 1e-10, POSITIVE), "kind": Key(("adagrad",), NO_KIND, ()),
    }),
    "Adam": Place("training.optimizer", {"training__optimizer": {"kind": "adam"}}, {
        "betas": Key(([0, 0.5],), [0.9, 0.999],
                     (*LIST, ([0.9], "is missing", "[1]"), ([0.1, 0.2, 0.3], "at most 2 values"),
                      ([0.9, 1.0], "less than 1", "[1]"), ([-0.1, 0.9], "0 or more", "[0]"),
                      ([0.9, math.nan], "a finite number", "[1]"))),
        "eps": Key((1, 1e-6), 1e-8, POSITIVE), "amsgrad": Key((True, False), False, BOOL),
        "kind": Key(("adam",), NO_KIND, ()),
    }),
    "Constant": kind_only("training.schedule", "constant"),
    "Inverse": Place("training.schedule", {"training__schedule": {"kind": "inverse", "t0": 1.0, "t1": 2.0}}, {
        "t0": Key((3, 0.5), REQUIRED, POSITIVE),
        "t1": Key((3, 0.5), REQUIRED, (*POSITIVE, (1e-320, "the first rate, t0 / t1, would be inf"))),
        "kind": Key(("inverse",), NO_KIND, ()),
    }),
    "OrderFile": Place("training.order", {"training__order": {"file": "order.csv"}}, {
        "file": Key(("order.csv",), REQUIRED, (*TEXT, ("no.csv", "not among the files"))),
    }),
    # grid
    "Grid": Place("grid", {}, {
        "implementation": Key((["optim", "numpy"],), ["numpy", "autograd", "optim", "module"],
                              (*LIST, ([], "at least 1 value"), *members(TEXT), (["optin"], '"optim"', "[0]"),
                               (["numpy", "numpy"], "implementation holds 'numpy' twice", "grid"))),
        "device": Key((["cpu", "cuda"],), ["cpu"],
                      (*LIST, ([], "at least 1 value"), *members(TEXT), (["gpu"], "cpu, cuda", "[0]"))),
        "dtype": Key((["float64", "float32"],), ["float32"],
                     (*LIST, ([], "at least 1 value"), *members(one_of("float64", "float32")))),
        "batch_size": Key(([1, "full", 40],), ["full"],
                          (*LIST, ([], "at least 1 value"), *members(COUNT[1:]), (["3"], "full", "[0]"))),
        "learning_rate": Key(([1, 0.5],), REQUIRED, (*LIST, ([], "at least 1 value"), *members(POSITIVE))),
        "seed": SEEDS,
        "exclude": Key(([{"seed": 5, "why": "x"}],), [], each("a list", 3, {"seed": 0, "why": "x"}),
                       {"grid__seed": [0, 5]}),
        "include": Key(([{"seed": [5]}],), [], (*each("a list", 3, {"seed": 0}), ([{}], "names no axis", "[0]"))),
    }),
    "SeedRange": Place("grid.seed", {"grid__seed": {"start": 2, "count": 3}}, {
        "start": Key((0, 7), 0, SEED), "count": Key((1, 100), REQUIRED, (*COUNT[:-1], (100_001, "100000 or less"))),
    }),
    "Exclude": Place("grid.exclude[0]", {"grid__exclude": [{"seed": 5, "why": "x"}], "grid__seed": [0, 5]}, {
        "why": Key(("because",), REQUIRED, TEXT),
    }),
    "Include": Place("grid.include[0]", {"grid__include": [{"seed": 9}]}, {
        "implementation": Key(("optim",), None, (*TEXT, ("optin", 'Did you mean "optim"?'))),
        "device": Key(("cuda",), None, (*TEXT, ("gpu", "cpu, cuda"))),
        "dtype": Key(("float32",), None, one_of("float64", "float32")),
        "batch_size": Key((1, "full"), None, (*COUNT[1:], ("3", "full"))),
        "learning_rate": Key((1, 0.5), None, POSITIVE),
        "seed": Key(((7, [7]), [1, 2], ({"start": 3, "count": 2}, [3, 4])), None,
                    (*each("a list", "a", 1.5), (True, "a whole number", "[0]"), (-1, "0 or more", "[0]"),
                     ([], "at least 1 value"), ([-1], "0 or more", "[0]"), ({"count": 0}, "1 or more", ".count")),
                    {"grid__include": [{"dtype": "float32"}]}, {"grid__include": [{"dtype": "float32"}]}),
    }),
    # run and target
    "Run": Place("run", {"run": {}}, {
        "timed_seeds": Key((0, 7), 5, WHOLE),
        "replicates": Key((1, 7), 2, (*COUNT[:-1], (100_001, "100000 or less"))),
        "timing_repeats": Key((0, 7), 3, WHOLE),
        "tf32": Key((True, False), False, BOOL),
        "deterministic": Key((True, False), False, BOOL),
        "timeout_seconds": Key((1, 0.5), 120.0, POSITIVE),
        "memory_mb": Key((1, 8192), 4096, (*COUNT[:-1], (2**41, "or less"))),
        "threads": Key((1, 2), 1, COUNT),
    }),
    "Target": Place("target", {"target": {}}, {
        "tau": Key(([0.5], [1e-3, 1e-9]), [1e-1, 1e-3, 1e-5, 1e-7],
                   (*LIST, ([], "at least 1 value"), *members(FLOAT), ([0.0], "more than 0", "[0]"),
                    ([1.0], "less than 1", "[0]"))),
        "digits": Key((6, 0.5), 3.0, POSITIVE),
    }),
    # gates and expectations
    "Limit": Place("gates.loss", limit(at_least=0.0), {
        "at_least": Key((-3, 0.5), None, (*FLOAT,), limit(at_most=9.0), limit(at_most=9.0)),
        "at_most": Key((3, 0.5), None, (*FLOAT, (-1.0, "at_most: found -1", "gates.loss"))),
        "equals": Key((), None, (*each("a text", 3, True), ("ok", "needs one rule", "gates.loss")),
                      bare=limit(at_least=0.0)),
        "not_equals": Key((), None, (*each("a text", 3, True), ("ok", "needs one rule", "gates.loss"))),
        "where": Key(({"seed": 0},), {}, WHERE),
        "at": Key(AT, "end", WRONG_AT),
        "x": Key((), None, (*LIST, *members(FLOAT), ([1.0], "x: goes with quantity", "gates.loss"))),
        "reduce": Key((), "sum", (*one_of("mean", "last"), ("mean", "reduce: goes with quantity", "gates.loss"))),
    }),
    "Expect": Place("expect[0]", LOSS, {
        "quantity": Key(("loss", "weights[1]", "gradient[2]", "bias", "r2", "condition_number"), REQUIRED,
                        (*TEXT, *((name, "quantity: ", "expect[0]") for name in
                                  ("los", "weights", "loss[0]", "weights[-1]", "", "Loss")),
                         ("weights[2]", "found index 2; the model's last is 1"),
                         ("gradient[3]", "found index 3; the model's last is 2"),
                         ("validation_loss", "there are no validation rows"))),
        "where": Key(({"seed": 0}, {"seed": [0, 1]}, {"learning_rate": 0.05, "dtype": "float64"}), {}, WHERE),
        "at": Key(AT, "end", WRONG_AT),
        "table": Key(("rows.csv",), None, (*TEXT, ("no.csv", "not among the files"), ("order.csv", "needs a column")),
                     expect(quantity="loss", within=1.0), BARE),
        "column": Key(("mean",), None, (*TEXT, ("men", 'has no column "men"', "expect[0].table")),
                      expect(quantity="loss", within=1.0, table="rows.csv"), BARE),
        "x": Key(([1, 2.5],), None, (*LIST, *members(FLOAT), ([1.0], "found 1 numbers; the data have 2 columns")),
                 expect(quantity="prediction", at_least=-9.0), BARE),
        "reduce": Key(("sum", "mean", "last"), "sum", one_of("mean", "last"),
                      expect(quantity="epoch_loss", at={"epoch": 1}, at_least=0.0)),
        "of": Key(("optimum",), None, one_of("optimum")),
        "space": Key(("raw", "trained"), "trained", one_of("trained", "raw"), expect(quantity="bias", at_least=-9.0)),
        "statistic": Key(("mean", "min", "max", "median", "sd", "start_correlation"), None,
                         one_of("median", "start_correlation"), LOSS | {"grid__seed": [0, 1, 2]}),
        "value": Key((-3, 0.5), NO_RULE, (*NUMBERS[:2], *INFINITE)),
        "within": Key((0, 2.5), NO_TOLERANCE, NOT_NEGATIVE),
        "relative": Key((0, 2.5), NO_TOLERANCE, NOT_NEGATIVE, expect(quantity="loss", value=1.0)),
        "digits": Key((0, 2.5), NO_TOLERANCE, NOT_NEGATIVE, expect(quantity="loss", value=1.0)),
        "inside": Key(("seeds",), NO_TOLERANCE, one_of("seeds"), expect(quantity="loss", value=1.0)),
        "sd": Key((3, 0.5), NO_TOLERANCE, POSITIVE, expect(quantity="loss", value=1.0)),
        "least_seeds": Key((2, 20), 50, (*each("a whole number", "3", True, 2.0, [2]), (1, "2 or more")),
                           expect(quantity="loss", value=1.0, inside="seeds")),
        "at_least": Key((-3, 0.5), NO_RULE, FLOAT, expect(quantity="loss")),
        "at_most": Key((3, 0.5), NO_RULE, FLOAT, expect(quantity="loss")),
        "equals": Key(("converged", ["stalled", "unfinished"]), NO_RULE,
                      (*each("a text", 3, True), ([3], "a text", "[0]"),
                       ("convergd", 'Did you mean "converged"?', "expect[0]")), expect(quantity="outcome")),
        "not_equals": Key(("ok", ["failed", "crashed"]), NO_RULE,
                          (*each("a text", 3, True), (["ok", "fail"], "found 'fail'", "expect[0]")),
                          expect(quantity="status")),
        "source": Key(("p. 3",), "", TEXT),
    }),
    "AtEpoch": Place("expect[0].at", LOSS | {"expect": [{**LOSS["expect"][0], "at": {"epoch": 1}}]}, {
        "epoch": Key((0, 5), Refused("at: needs epoch or step", "expect[0]"),
                     (*WHOLE[:4], (-1, "0 or more"), (6, "found epoch 6; allowed: 0 to 5", "expect[0].at"),
                      ([], "at least 1 value"), ([1, 2], "a list of values", "expect[0]"))),
    }),
    "AtStep": Place("expect[0].at", LOSS | {"expect": [{**LOSS["expect"][0], "at": {"step": 1}}]}, {
        "step": Key((0, 25), Refused("at: needs epoch or step", "expect[0]"),
                    (*WHOLE[:4], (-1, "0 or more"), (26, "found step 26; allowed: 0 to 25", "expect[0].at"))),
    }),
}  # fmt: skip

KEYS = [(table, name) for table, place in TABLES.items() for name in place.keys]


def steps_of(path: str) -> list[str | int]:
    """`grid.exclude[0].why` as the way to walk."""
    return [int(word[1:-1]) if word[0] == "[" else word for word in re.findall(r"[^.\[\]]+|\[\d+\]", path)]


def at_path(value: Any, path: str) -> Any:
    for step in steps_of(path):
        value = value[step]
    return value


def joined(path: str, name: str) -> str:
    """The path of a table's key."""
    return f"{path}.{name}" if path else name


def spelled(value: Any) -> Any:
    """nan and inf as the tokens that TOML has for them."""
    if isinstance(value, list):
        return [spelled(item) for item in value]
    return f"@@{value}@@" if isinstance(value, float) and not math.isfinite(value) else value


class Written:
    """A document with one key as its table's base has it, set, or left out."""

    def __init__(self, table: str, name: str, *, bare: bool = False) -> None:
        place = TABLES[table]
        key = place.keys[name]
        base = (key.bare if bare else None) or key.base or place.base
        self.content = document(**copy.deepcopy(base))
        self.path, self.name = place.path, name

    @property
    def table(self) -> Any:
        """The key's own table, made where it is not there."""
        here: Any = self.content
        for step in steps_of(self.path):
            here = here[step] if isinstance(step, int) else here.setdefault(step, {})
        return here

    def with_value(self, value: Any, *, beside: str | None = None) -> str:
        """The file with this value of the key, or of another beside it."""
        self.table[beside or self.name] = spelled(value)
        return written(self.content)

    def without(self) -> str:
        """The file with the key left out."""
        self.table.pop(self.name, None)
        return written(self.content)


def accepted(text: str) -> Scenario:
    return parse(text, Path("line.toml"), {}, FILES)


def told(text: str) -> dict[str, str]:
    """The faults of a file by path; none where it is valid."""
    try:
        accepted(text)
    except ScenarioError as error:
        return {fault.path: fault.problem for fault in error.faults}
    return {}


# What a cell calls what its scenario calls otherwise.
_OF_CELL = {"run.threads": "threads", "run.tf32": "tf32", "run.deterministic": "deterministic"}


def landings(scenario: Scenario, path: str) -> Iterator[Any]:
    """What the key is in the document, and in the cell where it decides numbers."""
    yield at_path(scenario.document.model_dump(mode="json", by_alias=True), path)
    name = _OF_CELL.get(path, path)
    if name != path or path.startswith(("data", "model", "init", "training")):
        yield at_path(scenario.cells[0].spec.model_dump(mode="json"), name)


def good_values() -> Iterator[Any]:
    for table, name in KEYS:
        for good in TABLES[table].keys[name].good:
            value, becomes = good if isinstance(good, tuple) else (good, good)
            yield pytest.param(table, name, value, becomes, id=f"{table}.{name}={value}"[:60])


def same(found: Any, wanted: Any) -> bool:
    """Equal; a table may have more keys than are asked for, which then have their defaults."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return all(key in found and same(found[key], value) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(found, list):
        return len(found) == len(wanted) and all(map(same, found, wanted))
    return bool(found == wanted) and isinstance(found, bool) == isinstance(wanted, bool)


@pytest.mark.parametrize(("table", "name", "value", "becomes"), [*good_values()])
def test_a_good_value_lands(table: str, name: str, value: Any, becomes: Any) -> None:
    """A value is accepted, and stands in the document and, where it decides numbers, in the cell."""
    path = joined(TABLES[table].path, name)
    if table == "SeedRange":
        seeds = accepted(Written(table, name).with_value(value)).document.grid.seed
        assert (seeds[0] if name == "start" else len(seeds)) == value
        return
    for found in landings(accepted(Written(table, name).with_value(value)), path):
        assert same(found, becomes), found


@pytest.mark.parametrize(("table", "name"), KEYS, ids=str)
def test_left_out(table: str, name: str) -> None:
    """A key left out has its default, in the document and in the cell; what has none is told as missing."""
    key, path = TABLES[table].keys[name], joined(TABLES[table].path, name)
    text = Written(table, name, bare=True).without()
    if isinstance(key.default, Refused):
        found = told(text)
        where = key.default.path or (TABLES[table].path if key.default is NO_KIND else path)
        assert key.default.words in found.get(where, ""), found
    elif table == "SeedRange":
        assert accepted(text).document.grid.seed[0] == key.default
    else:
        for value in landings(accepted(text), path):
            assert value == key.default


def wrong_values() -> Iterator[Any]:
    for table, name in KEYS:
        for value, words, *where in TABLES[table].keys[name].wrong:
            path = joined(TABLES[table].path, name)
            for place in where:
                path = f"{path}{place}" if place[0] in "[." else place
            if path == "high":
                path = joined(TABLES[table].path, path)
            yield pytest.param(table, name, value, path, words, id=f"{table}.{name}={str(value)[:30]!r}")


@pytest.mark.parametrize(("table", "name", "value", "path", "words"), [*wrong_values()])
def test_a_wrong_value_is_refused(table: str, name: str, value: Any, path: str, words: str) -> None:
    """Another type, kind or word, a value out of range, nan and inf are told at the key, with what is allowed."""
    found = told(Written(table, name).with_value(value))
    assert words in found.get(path, ""), found


@pytest.mark.parametrize(("table", "name"), KEYS, ids=str)
def test_a_slip_of_the_pen_is_told_with_the_nearest_name(table: str, name: str) -> None:
    """A key with one letter too many is unknown beside the others, and its own name is what is offered."""
    slip = name + name[-1]
    found = told(Written(table, name).with_value(1, beside=slip))
    path = joined(TABLES[table].path, slip)
    assert path in found, found
    if table in ("Exclude", "Include"):
        assert "no such axis" in found[path]
    else:
        assert f'Did you mean "{name}"?' in found[path]


def keys_of(schema: dict[str, Any], title: str) -> set[str]:
    """Every key of a JSON Schema and its definitions, as `Table.key`."""
    inside = {key for name, definition in schema.get("$defs", {}).items() for key in keys_of(definition, name)}
    return inside | {f"{title}.{name}" for name in schema.get("properties", {})}


def test_the_table_is_complete() -> None:
    """Every key that the schema has stands in the table above, and no other."""
    known = keys_of(Document.model_json_schema(), "Document") | keys_of(SeedRange.model_json_schema(), "SeedRange")
    assert {f"{table}.{name}" for table, name in KEYS} == known


def test_every_kind_is_accepted_by_its_word_or_told_what_it_lacks() -> None:
    """Each kind of each union that the schema has may be a plain word; one with parameters says which are missing."""
    schema = Document.model_json_schema()
    for table, place in TABLES.items():
        definition = schema["$defs"].get(table, {})
        for kind in ("kind" in place.keys and place.keys["kind"].good) or ():
            content = Written(table, "kind").content
            parent: Any = content
            *parents, last = steps_of(place.path)
            for step in parents:
                parent = parent[step]
            parent[last] = kind
            needed = {joined(place.path, name) for name in definition["required"] if name != "kind"}
            assert {path for path, words in told(written(content)).items() if "is missing" in words} == needed
