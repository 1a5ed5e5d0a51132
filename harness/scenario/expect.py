"""The tables `[[expect]]`: numbers that must come out, and the rule by which they are checked."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag, model_validator

from harness.scenario.base import Float, NotNegative, Table, Text, Whole

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


class AtStep(Table):
    """The state after so many updates."""

    step: States | None = None


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
    Annotated[Text, Tag("word")] | Annotated[tuple[Text, ...], Tag("words")], Discriminator(_kind_of_words)
]


class Expect(Table):
    """One expectation: a quantity, the cells and states it is about, and one rule."""

    quantity: Text
    where: dict[str, Any] = {}
    at: Place = "end"
    table: Text | None = None
    column: Text | None = None
    x: tuple[Float, ...] | None = None
    reduce: Literal["sum", "mean", "last"] = "sum"
    value: Number | None = None
    within: NotNegative | None = None
    relative: NotNegative | None = None
    digits: NotNegative | None = None
    inside: Literal["seeds"] | None = None
    sd: Annotated[float, Field(strict=True, gt=0)] | None = None
    least_seeds: Annotated[int, Field(strict=True, ge=2)] = 50
    at_least: Float | None = None
    at_most: Float | None = None
    equals: Words | None = None
    not_equals: Words | None = None
    source: Text = ""

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
        return self.inside is not None or self.sd is not None

    @model_validator(mode="after")
    def _is_one_rule(self) -> Expect:
        problems = [*_quantity_problems(self), *_rule_problems(self), *_place_problems(self)]
        if problems:
            raise ValueError("; ".join(problems))
        return self


def _quantity_problems(expect: Expect) -> list[str]:
    from harness.scenario.faults import nearest, one_of

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
    return problems


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
    from harness.scenario.faults import nearest, one_of

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
