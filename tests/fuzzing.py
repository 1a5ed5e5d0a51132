"""
What the fuzz tests share: how long they run, and scenarios to damage.

`HARNESS_FUZZ=20 pytest tests -k fuzz` looks at 20 times as many examples, other ones each time.
"""

from __future__ import annotations

import contextlib
import copy
import io
import os
import re
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from harness.cli.main import main
from tests.builders import LINE, toml

_TIMES = int(os.environ.get("HARNESS_FUZZ", "1"))


def bounded(examples: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """So many examples, always the same; HARNESS_FUZZ times as many, always others, where that is set."""
    return settings(
        max_examples=examples * _TIMES,
        deadline=None,
        derandomize=_TIMES == 1,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


# Scenarios that between them have every key and every kind, so that a mutation can hit it.
FULL: dict[str, Any] = {
    **LINE,
    "source": "nowhere",
    "data": {**LINE["data"], "validation": {"fraction": 0.2, "pick": "shuffle"}, "rng": "numpy", "seed": 3},
    "model": {"kind": "linear", "powers": [1, 2], "intercept": True, "standardize": "sample"},
    "init": {**LINE["init"], "seed": 4},
    "training": {
        "loss": {"kind": "mse"}, "optimizer": {"kind": "sgd"}, "epochs": 5, "order": "shuffle", "drop_last": False,
        "schedule": "constant", "seed": 5,
    },
    "run": {
        "timed_seeds": 1, "replicates": 2, "timing_repeats": 1, "tf32": False, "deterministic": True,
        "timeout_seconds": 5, "memory_mb": 512, "threads": 1,
    },
    "target": {"tau": [0.1, 0.001], "digits": 3},
    "grid": {
        **LINE["grid"],
        "device": ["cpu"],
        "batch_size": [8, "full"],
        "seed": {"start": 0, "count": 3},
        "data.samples": [40, 50],
        "exclude": [{"seed": 1, "data.samples": 50, "why": "x"}],
    },
    "expect": [
        {"quantity": "loss", "value": 1.0, "within": 9.0, "at": {"epoch": 1}, "where": {"seed": 0}, "source": "p. 3"},
        {"quantity": "weights[0]", "at_least": -9.0, "at_most": 9.0},
        {"quantity": "outcome", "equals": ["converged", "unfinished"]},
        {"quantity": "status", "not_equals": "crashed"},
        {"quantity": "prediction", "x": [1.0, 2.0], "value": 3.0, "relative": 0.5, "at": "start"},
        {"quantity": "epoch_loss", "reduce": "mean", "at": {"epoch": [1, 2]}, "value": [1.0, 2.0], "digits": 1},
        {"quantity": "bias", "value": 0.5, "inside": "seeds", "least_seeds": 2},
        {"quantity": "step_loss", "value": 0.5, "sd": 3, "at": {"step": 4}},
        {"quantity": "loss", "table": "rows.csv", "column": "mean", "within": 1.0},
    ],
}  # fmt: skip
ROWS = b"step,mean\n0,1.0\n5,2.0\n"
DATA = b"# houses\narea;rooms;price\n" + b"".join(b"%d;%d;%d.5\n" % (3 * i % 7, i % 3, i) for i in range(12))
ORDER = b"".join(b",".join(b"%d" % ((i * step) % 10) for i in range(10)) + b"\n" for step in (1, 3, 7, 9))
FILES = {"rows.csv": ROWS, "data.csv": DATA, "order.csv": ORDER}
NET: dict[str, Any] = {
    **LINE,
    "data": {
        "samples": 30,
        "x": {"kind": "uniform", "low": -1.0, "high": 1.0, "columns": 1},
        "y": {"kind": "polynomial", "coefficients": [0.0, 1.0, 2.0]},
        "noise": {"kind": "uniform", "low": 0.0, "high": 0.1},
        "validation": {"rows": 5, "pick": "last"},
    },
    "model": {"kind": "mlp", "hidden": [2, 1], "activation": "tanh", "powers": [1], "standardize": "population"},
    "init": {"weights": {"kind": "uniform", "low": -1.0, "high": 1.0}, "bias": {"kind": "normal", "mean": 0, "sd": 1}},
    "training": {"loss": "mae", "steps": 7, "order": "sequential"},
    "grid": {**LINE["grid"], "init.weights": ["default", "zeros"]},
    "expect": [{"quantity": "validation_loss", "at_most": 99.0}],
}
WAVE: dict[str, Any] = {
    **NET,
    "data": {
        "samples": 12,
        "x": {"kind": "linspace", "start": -1.0, "stop": 1.0},
        "y": {"kind": "sin", "amplitude": 2.0, "frequency": 3.0, "phase": 0.5, "bias": 1.0},
        "noise": {"kind": "none"},
    },
    "model": {"kind": "mlp", "hidden": [1]},
    "init": {"weights": [[[0.5]], [[0.25]]], "bias": [[0.0], [1.0]]},
    "grid": {**LINE["grid"], "data.y": [{"kind": "cos"}, "sin"], "run.threads": [1, 2]},
    "expect": [],
}
STAIRS: dict[str, Any] = {
    **NET,
    "data": {"samples": 9, "x": {"kind": "arange", "start": 0.0, "step": 0.5}, "y": "cos", "rng": "numpy-legacy"},
    "model": "linear",
    "init": {"weights": [1.0], "bias": {"kind": "uniform", "low": 0.0, "high": 1.0}},
    "expect": [{"quantity": "gradient[1]", "at_least": -1e9}],
    "grid": {"learning_rate": [0.1]},
}
FILED: dict[str, Any] = {
    **NET,
    "data": {
        "csv": {
            "path": "data.csv", "x": ["area", 1], "y": "price", "header": True, "delimiter": ";", "skip_rows": 1,
            "rows": [1, 11],
        },
        "validation": {"rows": 1},
    },
    "model": {"kind": "linear", "standardize": "population"},
    "init": {},
    "training": {
        "loss": {"kind": "huber", "delta": 2.0}, "optimizer": {"kind": "adam", "betas": [0.9, 0.99], "eps": 1e-8,
        "amsgrad": True}, "steps": 8, "order": {"file": "order.csv"},
    },
    "grid": {
        "implementation": ["numpy"], "batch_size": [5], "learning_rate": [0.1], "seed": [0, 1, 2],
        "include": [
            {"implementation": "numpy", "device": "cpu", "dtype": "float64", "batch_size": 2, "learning_rate": 0.2,
             "seed": {"start": 5, "count": 2}},
            {"batch_size": "full"},
        ],
    },
    "expect": [
        {"quantity": "weights[0]", "statistic": "mean", "at_most": 1e9, "space": "raw",
         "where": {"learning_rate": 0.1}},
        {"quantity": "bias", "statistic": "start_correlation", "at_most": 9.0, "at": {"step": 5},
         "where": {"learning_rate": 0.1}},
    ],
    "gates": {
        "loss": {"at_least": 0.0, "at_most": 1e9, "where": {"seed": 0}, "at": {"epoch": 1}},
        "outcome": {"not_equals": "diverged"},
        "status": {"equals": ["ok", "failed"]},
        "prediction": {"x": [1.0, 2.0], "at_least": -1e9},
        "epoch_loss": {"reduce": "mean", "at": {"epoch": 1}, "at_least": 0},
    },
}  # fmt: skip
WRITTEN: dict[str, Any] = {
    **STAIRS,
    "data": {"inline": {"x": [[1.0], [2.0], [4.0]], "y": [300.0, 500.0, 800.0]}, "rng": "torch"},
    "init": {"bias": 1.0},
    "training": {
        "optimizer": {"kind": "sgd", "momentum": 0.9, "nesterov": True}, "steps": 3,
        "schedule": {"kind": "inverse", "t0": 1.0, "t1": 50.0}, "order": "with-replacement",
    },
    "grid": {
        "training.optimizer": [
            "sgd", {"kind": "rmsprop", "alpha": 0.9, "eps": 1e-8, "momentum": 0.5, "centered": True},
            {"kind": "adagrad", "lr_decay": 0.1, "initial_accumulator_value": 0.1, "eps": 1e-10},
        ],
    },
    "expect": [{"quantity": "loss", "of": "optimum", "at_least": 0}],
}  # fmt: skip
BASES = (FULL, NET, WAVE, STAIRS, FILED, WRITTEN)

HUGE = [2**31, 2**32, 2**63, 2**64, 10**30, -(10**30), 10**400]
NUMBERS = st.one_of(
    st.integers(-3, 300), st.sampled_from(HUGE), st.floats(allow_nan=False, allow_infinity=False), st.booleans()
)
# Written into the file as they stand, without quotes.
TOKENS = st.sampled_from(
    ["inf", "-inf", "nan", "1979-05-27T07:32:00Z", "1979-05-27", "07:32:00", "0x1F", "0b1", "1_000", "1e400", "-0.0",
     "9" * 5000, "0o7", "''", "[]", "{}", "'''a'''", '"\\u0000"', '"\\ud800"', '"\\U00110000"', "[" * 90 + "]" * 90,
     "[" * 900 + "]" * 900, "+1", "01", "1.", ".5", "1979-13-45", "[[1.0], 2.0]", "{a.b = 1}", "{a = 1, a = 2}"]
).map(lambda token: f"@@{token}@@")  # fmt: skip
UNICODE = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=6)
WORDS = st.one_of(
    st.sampled_from(
        ["", "numpy", "full", "normal", "uniform", "linspace", "linear", "polynomial", "sin", "none", "mlp", "zeros",
         "default", "mae", "shuffle", "end", "start", "loss", "weights[0]", "weights[9]", "bias", "epoch_loss", "kind",
         "weights[99999999999999999999]", "weights[٣]", "rows.csv", "..", "/", "a\0b", "\u202e", "\ufeff", "x" * 5000]
    ),
    UNICODE,
)  # fmt: skip
KEYS = st.one_of(
    st.sampled_from(
        ["kind", "mean", "sd", "low", "high", "columns", "samples", "x", "y", "noise", "weights", "bias", "epochs",
         "steps", "epoch", "step", "at", "where", "table", "value", "seed", "count", "start", "hidden", "powers",
         "data.x", "data.x.mean", "data.y.weights", "training.loss", "init.weights", "model.kind", "run.threads",
         "target.digits", "expect", "grid", "why", "run.replicates", "data..x", "data.", ".data", "model.", "k" * 5000]
    ),
    st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=4),
    UNICODE,
)  # fmt: skip
VALUES = st.recursive(
    NUMBERS | WORDS | TOKENS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)
# Pieces of a file that mean something, or nothing good.
PIECES = st.sampled_from(
    ["\ufeff", "\r\n", "\r", "\0", "\x1f", "[data]\n", "[[data]]\n", "[[grid]]\n", "[expect]\n", "[[expect]]\n",
     "data.x = 1\n", "data = 1\n", "grid.seed = [0]\n", 'grid."data.samples" = [30]\n', "[run]\n[run]\n", "[a.b.c]\n",
     "[target]\n", "schema = 1\n", "schema.x = 1\n", "\n", "=", "'", '"', '"""', "'''", "#", ",", "}", "{", "]", "[",
     "é", "\U0001f600", " ", "\u2028", "\\", ".", "\n[grid.exclude]\n", "\n[[grid.exclude]]\n", "a." * 400 + "a = 1\n"]
).map(str.encode)  # fmt: skip


def written(document: dict[str, Any]) -> str:
    """The document as TOML, its tokens without quotes."""
    return re.sub(r'"@@(.*?)@@"', lambda found: found[1].replace('\\"', '"').replace("\\\\", "\\"), toml(document))


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every key and list member in the document."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, item in inside for found in ((*path, key), *places(item, (*path, key)))]


@st.composite
def mutated(draw: st.DrawFn, bases: Sequence[dict[str, Any]] = BASES) -> dict[str, Any]:
    """One of the bases after one to three changes: a key deleted, replaced, or added."""
    document: dict[str, Any] = copy.deepcopy(draw(st.sampled_from(bases)))
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


@st.composite
def edited(draw: st.DrawFn, contents: Sequence[bytes]) -> bytes:
    """One of these byte strings after one to four edits: pieces put in, overwritten, cut out or repeated."""
    content = draw(st.sampled_from(contents))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(content)))
        end = min(len(content), at + draw(st.integers(0, 40)))
        piece = draw(PIECES | st.binary(max_size=3))
        change = draw(st.sampled_from(["insert", "overwrite", "cut", "repeat", "cut to the end"]))
        content = {
            "insert": content[:at] + piece + content[at:],
            "overwrite": content[:at] + piece + content[at + len(piece) :],
            "cut": content[:at] + content[end:],
            "repeat": content[:end] + content[at:],
            "cut to the end": content[:at],
        }[change]
    return content


SCENARIO_BYTES = st.one_of(
    mutated().map(lambda document: written(document).encode()),
    edited([written(base).encode() for base in BASES]),
    st.binary(max_size=60),
    st.text(max_size=60).map(lambda text: text.encode(errors="surrogatepass")),
)


def command(*arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of `harness ARGUMENTS…` in this process; any exception fails the test."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main(arguments)
        except SystemExit as end:
            code = int(end.code or 0)
    return code, out.getvalue(), err.getvalue()


def is_a_refusal(code: int, out: str, err: str, codes: Sequence[int] = (2,)) -> bool:
    """Whether this is one of these codes, a message on stderr, nothing on stdout, and no word of a bug."""
    clean = "Traceback" not in err and "error of the harness itself" not in err
    return code in codes and out == "" and err.strip() != "" and clean
