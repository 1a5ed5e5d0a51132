"""The conditions that a scenario itself sets: its expected numbers, and its limits."""

from __future__ import annotations

from collections.abc import Sequence

from harness.analysis.claims import cells
from harness.analysis.gate import FAILED, NOT_CHECKED, PASSED, Gate, share
from harness.analysis.result import Check, Result
from harness.scenario.expect import Expect

# A found number is said in the fewest of these digits in which it is not the wanted one.
_DIGITS = (6, 10, 17)


def expectations_gate(results: Sequence[Result], scenario: str | None) -> Gate:
    """
    Every expectation that could be checked holds.

    Args:
        results: The expectations of the run or the scenario.
        scenario: The scenario, if it is one's; its name then need not be said.
    """
    title = "Expected numbers come out"
    missed = [result for result in results if result.status == "missed"]
    held = [result for result in results if result.status == "held"]
    checked = len(missed) + len(held)
    if not checked:
        found = f"0 of {len(results)} checked" if results else "none declared"
        note = results[0].not_checked if results else "no expectation is declared"
        return Gate("expectations", title, found, "all", NOT_CHECKED, note)
    unchecked = f", {len(results) - checked} not checked" if checked < len(results) else ""
    found = f"{len(held)} of {len(results)}{unchecked}"
    if missed:
        first = "; first" if len(missed) > 1 else ""
        where = "" if scenario else f" in {missed[0].scenario}"
        note = f"{share(len(missed), len(results), 'expectation', ('missed', 'missed'))}{unchecked}"
        note = f"{note}{first}{where}: {_named(missed[0].claim, missed[0].expect)}, found {_value(missed[0])}"
        return Gate("expectations", title, found, "all", FAILED, note)
    said = f"{share(len(held), len(results), 'expectation', ('holds', 'hold'))}{unchecked}"
    return Gate("expectations", title, found, "all", PASSED, "", said)


def limit_gate(result: Result, scenario: str | None) -> Gate:
    """A limit that the scenario itself sets, on each cell that ran."""
    whose = "" if scenario else result.scenario
    name = ".".join(filter(None, (whose, "gates", result.expect.quantity)))
    claim = _named(f"{result.claim}{cells(result.expect.where)}", result.expect)
    of, title = f" of {whose}" if whose else "", f"{whose}: {claim}" if whose else claim
    if not result.checks:
        return Gate(name, title, "no cell", "all", NOT_CHECKED, f"{title} ({result.not_checked})")
    # A cell has a check for each state named.
    ran, broken = {check.cell for check in result.checks}, {check.cell for check in result.missed}
    found = f"{len(ran) - len(broken):,} of {len(ran):,}"
    if broken:
        count = share(len(broken), len(ran), "cell", (f"{of} breaks".strip(), f"{of} break".strip()))
        # Of words none is worse than another.
        worst = "first:" if isinstance(result.missed[0].found, str) else "worst"
        note = f"{count} the limit that {claim}, {worst} {_met(result.missed[0])}"
        return Gate(name, title, found, "all", FAILED, note)
    every = {1: "the one cell", 2: "both cells"}.get(len(ran), f"all {len(ran):,} cells")
    return Gate(name, title, found, "all", PASSED, "", f"{claim} in {every}{of}")


def _named(text: str, expect: Expect) -> str:
    """A claim with its quantity and axes in words: `gradient norm at the end is at most 1e-30 for batch size 8`."""
    for name in (expect.quantity, *expect.where):
        text = text.replace(name, name.replace("_", " "))
    return text


def _value(result: Result) -> str:
    """What the comparison farthest off found, and where it is one of several states: `1.95059 at step 3`."""
    check = result.missed[0]
    several = len({item.place for item in result.checks}) > 1
    values = check.found if isinstance(check.found, (tuple, list)) else (check.found,)
    text = " to ".join(_beside(value, check.wanted) for value in values)
    return f"{text} at {_state(check)}" if several else text


def _beside(found: object, wanted: object) -> str:
    if not isinstance(found, float):
        return str(found)
    texts = [(f"{found:.{digits}g}", f"{wanted:.{digits}g}" if isinstance(wanted, float) else "") for digits in _DIGITS]
    return next((one for one, other in texts if one != other), texts[-1][0])


def _met(check: Check) -> str:
    """What was found, and where: `0.31 at the end in c1d27e6d7c07b`."""
    found = f"{check.found:.10g}" if isinstance(check.found, float) else str(check.found).replace("_", " ")
    return f"{found} at {_state(check)} in {check.cell}" if check.place else f"{found} in {check.cell}"


def _state(check: Check) -> str:
    return f"the {check.place}" if check.place in ("start", "end") else check.place
