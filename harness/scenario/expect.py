"""The tables `[[expect]]`: numbers that must come out, and the rule by which they are checked."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag, model_validator

from harness.scenario.base import Float, NotNegative, Table, Text, Whole
from harness.scenario.faults import nearest, one_of

# Quantities that are words, and the words; all others are numbers.
VOCABULARY = {
    "outcome": ("diverged", "converged", "stalled", "unfinished"),
    "status": ("ok", "skipped", "failed", "crashed", "timed_out", "out_of_memory"),
}
WORDS = tuple(VOCABULARY)
# One number for the whole cell, the same at every state.
CONSTANTS = ("condition_number", "stable_learning_rate", *WORDS)
NUMBERS = (
    "loss",
    "validation_loss",
    "step_loss",
    "epoch_loss",
    "weights",
    "bias",
    "gradient",
    "gradient_norm",
    "prediction",
    "r2",
    "validation_r2",
    "correct_digits",
)
INDEXED = ("weights", "gradient")
# What a state has, and so the optimum too.
_OF_A_STATE = (
    "loss", "validation_loss", "weights", "bias", "gradient", "gradient_norm", "prediction", "r2", "validation_r2",
)  # fmt: skip
Statistic: TypeAlias = Literal["mean", "sd", "min", "max", "median", "start_correlation"]
_WITH_A_START = (*_OF_A_STATE, "correct_digits")
# The fewest seeds that a statistic says something of.
LEAST_SEEDS = {"sd": 2, "start_correlation": 3}
LINEAR_ONLY = ("weights", "bias", "gradient", "correct_digits", "condition_number", "stable_learning_rate")
_QUANTITY = re.compile(r"([a-z0-9_]+)(?:\[(\d+)\])?")


def _kind_of_value(value: Any) -> str:
    return "numbers" if isinstance(value, (list, tuple)) else "number"


States: TypeAlias = Annotated[
    Annotated[Whole, Tag("number")] | Annotated[tuple[Whole, ...], Field(min_length=1), Tag("numbers")],
    Discriminator(_kind_of_value),
]


class AtEpoch(Table):
    """The state after so many epochs."""

    epoch: States | None = None
    """After so many epochs: a number, or a list. `epoch = 50`"""


class AtStep(Table):
    """The state after so many updates."""

    step: States | None = None
    """After so many updates: a number, or a list. `step = [0, 100]`"""


def _kind_of_place(value: Any) -> str | None:
    if isinstance(value, str):
        return "word"
    if not isinstance(value, (dict, AtEpoch, AtStep)):
        return None
    keys = value if isinstance(value, dict) else value.model_fields_set
    return "AtEpoch" if "epoch" in keys else "AtStep"


Place: TypeAlias = Annotated[
    Annotated[Literal["start", "end"], Tag("word")]
    | Annotated[AtEpoch, Tag("AtEpoch")]
    | Annotated[AtStep, Tag("AtStep")],
    Discriminator(_kind_of_place),
]


def _kind_of_words(value: Any) -> str:
    return "words" if isinstance(value, (list, tuple)) else "word"


Number: TypeAlias = Annotated[
    Annotated[Float, Tag("number")] | Annotated[tuple[Float, ...], Tag("numbers")], Discriminator(_kind_of_value)
]
Words: TypeAlias = Annotated[
    Annotated[Text, Tag("word")] | Annotated[tuple[Text, ...], Field(min_length=1), Tag("words")],
    Discriminator(_kind_of_words),
]


class Expect(Table):
    """One expectation: a quantity, the cells and states it is about, and one rule."""

    quantity: Text
    """What must come out; see the quantities below. `quantity = "weights[0]"`"""
    where: dict[str, Any] = {}
    """
    Cells it is about: equality on axes, dotted ones in quotes, a list for any of its values; left out, all.
    `where = { dtype = "float64" }`
    """
    at: Place = "end"
    """The state it is about, or several; see the states below. `at = { epoch = 50 }`"""
    table: Text | None = None
    """
    A csv file below the scenario's folder with a column `step` or `epoch` and one of values, instead of `at`
    and `value`. `table = "data/printed.csv"`
    """
    column: Text | None = None
    """The table's column of values, where it is not named like the quantity. `column = "printed"`"""
    x: tuple[Float, ...] | None = None
    """The raw row of a prediction. `x = [1650.0, 3.0]`"""
    reduce: Literal["sum", "mean", "last"] = "sum"
    """How the step losses of an epoch make its epoch_loss. `reduce = "mean"`"""
    of: Literal["optimum"] | None = None
    """The exact optimum on the training rows, instead of what the cell reached. `of = "optimum"`"""
    space: Literal["trained", "raw"] = "trained"
    """Weights and bias of the columns as trained, or of the raw, unscaled columns. `space = "raw"`"""
    statistic: Statistic | None = None
    """
    Over the seeds, for each combination of the other axes, instead of each cell; `sd` with n − 1;
    `start_correlation` is Pearson's, with the same quantity at the start. `statistic = "mean"`
    """
    value: Number | None = None
    """The number expected; a list where `at` is one. `value = 8.0994`"""
    within: NotNegative | None = None
    """Rule: at most so far from `value`. `within = 0.02`"""
    relative: NotNegative | None = None
    """Rule: at most so far from `value`, as a share of it. `relative = 0.01`"""
    digits: NotNegative | None = None
    """Rule: so many digits right; relative 10^-digits. `digits = 6`"""
    inside: Literal["seeds"] | None = None
    """Rule: `value` lies between the least and the greatest over the seeds. `inside = "seeds"`"""
    sd: Annotated[float, Field(strict=True, gt=0)] | None = None
    """Rule: `value` lies within so many standard deviations of the seeds' mean. `sd = 3.0`"""
    least_seeds: Annotated[int, Field(strict=True, ge=2)] = 50
    """With `inside`: fewer seeds than this check nothing. `least_seeds = 20`"""
    at_least: Float | None = None
    """Rule: this or more. `at_least = 0.5`"""
    at_most: Float | None = None
    """Rule: this or less; may go with `at_least`. `at_most = 1e-3`"""
    equals: Words | None = None
    """Rule for words: this one, or one of these. `equals = "converged"`"""
    not_equals: Words | None = None
    """Rule for words: not this one, or none of these. `not_equals = ["diverged", "stalled"]`"""
    source: Text = ""
    """Where the number was published, for the page. `source = "printed after 50 epochs"`"""

    @property
    def name(self) -> str:
        """The quantity without its index: `weights` of `weights[0]`."""
        return self.quantity.partition("[")[0]

    @property
    def index(self) -> int | None:
        """The index of the quantity: 0 of `weights[0]`."""
        match = _QUANTITY.fullmatch(self.quantity)
        return int(match[2]) if match and match[2] is not None else None

    @property
    def over_seeds(self) -> bool:
        """Whether the rule looks at all seeds together instead of at each cell."""
        return self.inside is not None or self.sd is not None or self.statistic is not None

    @model_validator(mode="after")
    def _is_one_rule(self) -> Expect:
        problems = [*_quantity_problems(self), *_rule_problems(self), *_place_problems(self), *_seed_problems(self)]
        if problems:
            raise ValueError("; ".join(problems))
        return self


def _quantity_problems(expect: Expect) -> list[str]:
    known = (*NUMBERS, *CONSTANTS)
    if not _QUANTITY.fullmatch(expect.quantity) or expect.name not in known:
        return [f"quantity: found {expect.quantity!r}; allowed: {one_of(known)}{nearest(expect.name, known)}"]
    if (expect.name in INDEXED) != (expect.index is not None):
        wants = f"needs an index, as in {expect.name}[0]" if expect.name in INDEXED else "takes no index"
        return [f"quantity: {expect.quantity!r} {wants}"]
    problems = []
    if (expect.name == "prediction") != (expect.x is not None):
        problems.append('x: goes with quantity = "prediction", as the raw row to predict, and only there')
    if "reduce" in expect.model_fields_set and expect.name != "epoch_loss":
        problems.append('reduce: goes with quantity = "epoch_loss" only')
    if expect.space == "raw" and expect.name not in ("weights", "bias"):
        problems.append("space: raw goes with weights and bias only; all else is the same in both")
    if expect.of is not None and expect.name not in _OF_A_STATE:
        problems.append(f"of: the optimum has no {expect.name}; it has {one_of(_OF_A_STATE)}")
    return problems


def _seed_problems(expect: Expect) -> list[str]:
    """Of what looks at all seeds together."""
    problems = []
    if "least_seeds" in expect.model_fields_set and expect.inside is None:
        problems.append('least_seeds: goes with inside = "seeds" only')
    if expect.statistic is None:
        return problems
    if expect.name in WORDS:
        problems.append(f"statistic: {expect.name} is a word and has none")
    if expect.inside is not None or expect.sd is not None:
        rule = "inside" if expect.inside is not None else "sd"
        problems.append(f"{rule}: looks at all seeds itself; leave it or statistic out")
    has_start = expect.of is None and not _names_the_start(expect) and expect.name in _WITH_A_START
    if expect.statistic == "start_correlation" and not has_start:
        names = one_of(_WITH_A_START)
        problems.append(f"statistic: start_correlation is of a state later than the start; it goes with {names}")
    return problems


def _names_the_start(expect: Expect) -> bool:
    if isinstance(expect.at, str):
        return expect.at == "start"
    places = expect.at.epoch if isinstance(expect.at, AtEpoch) else expect.at.step
    return 0 in (places if isinstance(places, tuple) else (places,))


def _rule_problems(expect: Expect) -> list[str]:
    given = [
        name
        for name in ("value", "table", "at_least", "at_most", "equals", "not_equals")
        if getattr(expect, name) is not None
    ]
    if given == ["at_least", "at_most"]:
        given = ["at_least"]
    if len(given) != 1:
        found = " and ".join(given) or "none"
        return [
            f"needs one rule, found {found}; allowed: value (or table) with within, relative, digits, inside or sd; "
            "at_least and/or at_most; equals; not_equals"
        ]
    wordy = given[0] in ("equals", "not_equals")
    if wordy != (expect.name in WORDS):
        return [f"{given[0]}: does not fit {expect.name}; words take equals or not_equals, numbers the other rules"]
    if wordy:
        return _word_problems(expect, given[0])
    if expect.at_least is not None and expect.at_most is not None and expect.at_least > expect.at_most:
        return [f"at_most: found {expect.at_most:g}; allowed: at_least ({expect.at_least:g}) or more"]
    tolerances = [
        name for name in ("within", "relative", "digits", "inside", "sd") if getattr(expect, name) is not None
    ]
    if given[0] in ("value", "table") and len(tolerances) != 1:
        return [f"{given[0]}: needs one of within, relative, digits, inside, sd; found {len(tolerances)}"]
    if given[0] not in ("value", "table") and tolerances:
        return [f"{tolerances[0]}: goes with value or table, not with {given[0]}"]
    return []


def _word_problems(expect: Expect, rule: str) -> list[str]:
    words, known = getattr(expect, rule), VOCABULARY[expect.name]
    return [
        f"{rule}: found {word!r}; allowed: {one_of(known)}{nearest(word, known)}"
        for word in (words if isinstance(words, tuple) else (words,))
        if word not in known
    ]


def _place_problems(expect: Expect) -> list[str]:
    problems = []
    if expect.name in CONSTANTS and "at" in expect.model_fields_set:
        problems.append(f"at: {expect.name} is one for the whole cell; leave it out")
    if expect.of is not None and ("at" in expect.model_fields_set or expect.table is not None):
        problems.append("of: the optimum is no state of the training; leave at and table out")
    if expect.table is not None:
        if "at" in expect.model_fields_set:
            problems.append("at: the table's column step or epoch says where; leave it out")
        return problems
    if expect.column is not None:
        problems.append("column: goes with table only")
    if expect.name == "step_loss" and ("at" not in expect.model_fields_set or expect.at == "end"):
        problems.append("at: step_loss is what the update leaving a state returned; name the state, never the end")
    if expect.name == "epoch_loss" and not (isinstance(expect.at, AtEpoch) and expect.at.epoch):
        problems.append("at: epoch_loss needs { epoch = e } with e from 1")
    places = getattr(expect.at, "epoch", None) if isinstance(expect.at, AtEpoch) else getattr(expect.at, "step", None)
    values = expect.value
    if isinstance(places, tuple) != isinstance(values, tuple) and values is not None:
        problems.append("value: a list of states takes a list of values, one state one value")
    elif isinstance(places, tuple) and isinstance(values, tuple) and len(places) != len(values):
        problems.append(f"value: {len(values)} values for {len(places)} states")
    if not isinstance(expect.at, str) and places is None:
        problems.append("at: needs epoch or step")
    return problems
