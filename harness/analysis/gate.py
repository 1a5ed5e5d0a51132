"""One condition of a verdict, and the words that several of them share."""

from __future__ import annotations

from dataclasses import dataclass

PASSED, FAILED, NOT_CHECKED = "passed", "failed", "not checked"


@dataclass(frozen=True)
class Gate:
    """
    One condition of the verdict.

    Args:
        name: A word for machines: `cells`, `expectations`, `repeatability`, `agreement`, and `gates.loss` for a
            limit that a scenario sets; of a whole run behind the scenario's name, `line.gates.loss`.
        title: What must be true, for people.
        found: What was found.
        limit: What is allowed.
        status: `passed`, `failed` or `not checked`.
        note: Why it failed or was not checked, one phrase; empty where it passed.
        held: What its passing says, one phrase; empty where it did not.
    """

    name: str
    title: str
    found: str
    limit: str
    status: str
    note: str = ""
    held: str = ""


def plural(number: int, one: str, many: str = "") -> str:
    """`1 cell`, `2,000 cells`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def share(part: int, whole: int, noun: str, verb: tuple[str, str]) -> str:
    """`1 of 1 cell breaks`, `2 of 3 cells break`."""
    return f"{part:,} of {plural(whole, noun)} {verb[0] if whole == 1 else verb[1]}"
