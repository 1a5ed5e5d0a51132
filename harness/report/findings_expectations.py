"""Captions of the expected numbers. Each is a pure function, and claims no more than its numbers."""

from __future__ import annotations

from collections.abc import Sequence

from harness.analysis.expectations import Result
from harness.report import numbers
from harness.report.numbers import plural
from harness.report.typeset import typeset


def of_expectations(results: Sequence[Result], verdicts: Sequence[str] = ()) -> str:
    """
    How many of the scenario's claims held, and how well.

    Args:
        results: The expectations after the run.
        verdicts: How far the numbers agree, in words: `bitwise`, `to 8 digits`, `holds`.
    """
    if not results:
        return "The scenario declares no expectation, so no number was checked against a published one."
    held, missed = ([result for result in results if result.status == word] for word in ("held", "missed"))
    unchecked = len(results) - len(held) - len(missed)
    tail = f"; {plural(unchecked, 'was', 'were')} not checked" if unchecked else ""
    if missed:
        subject = f"{numbers.share(len(missed), len(results))} expectations" if len(results) > 1 else "The expectation"
        first = ", first" if len(missed) > 1 else ""
        is_ = "is" if len(missed) == 1 else "are"
        return f"{subject} {is_} missed{first}: {typeset(missed[0].claim)}{tail}."
    if not held:
        return "The expectation could not be checked." if len(results) == 1 else _none(len(results))
    well = _how_well(verdicts)
    if not tail:
        return f"{_all(len(results))}{well}."
    return f"{numbers.share(len(held), len(results))} expectations hold{well}{tail}."


def _none(count: int) -> str:
    return f"None of the {count} expectations could be checked."


def _all(count: int) -> str:
    return "The expectation holds" if count == 1 else "Both expectations hold" if count == 2 else (
        f"All {count} expectations hold"
    )  # fmt: skip


def _how_well(verdicts: Sequence[str]) -> str:
    """`; 2 come out bitwise and 5 agree to 6 digits or more`; what merely holds is not told."""
    digits = [int(words.split()[1]) for words in verdicts if words.startswith("to ")]
    bitwise, spread = (sum(words.startswith(start) for words in verdicts) for start in ("bitwise", "within"))
    more = " or more" if len(set(digits)) > 1 else ""
    told = [
        f"{bitwise} {'comes' if bitwise == 1 else 'come'} out bitwise" if bitwise else "",
        f"{len(digits)} {'agrees' if len(digits) == 1 else 'agree'} to {plural(min(digits), 'digit')}{more}"
        if digits
        else "",
        f"{spread} {'lies' if spread == 1 else 'lie'} within the spread of the seeds" if spread else "",
    ]
    said = numbers.listed(filter(None, told))
    return f"; {said}" if said else ""


def of_bands(held: int, count: int, configurations: int) -> str:
    """
    How many of a row of published values lie inside the seeds' range.

    Args:
        held: Comparisons that do.
        count: Comparisons.
        configurations: Over so many configurations, each with the same published values.
    """
    inside = "inside the range of the seeds"
    if held == count and count:
        where = f" in each of {configurations} configurations" if configurations > 1 else ""
        each = count // configurations
        values = {1: "The published value lies", 2: "Both published values lie"}.get(
            each, f"All {each} published values lie"
        )
        return f"{values} {inside}{where}."
    over = f", over {configurations} configurations" if configurations > 1 else ""
    return f"{numbers.share(held, count)} comparisons with published values lie {inside}{over}."
