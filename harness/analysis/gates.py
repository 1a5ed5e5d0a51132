"""The conditions of a verdict."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from harness.analysis.agreement import TOLERANCE, Agreement
from harness.analysis.claims import cells
from harness.analysis.diagnosis import summary
from harness.analysis.diagnosis.finding import Finding
from harness.analysis.following import Following
from harness.analysis.repeatability import Repeated
from harness.analysis.result import Check, Result
from harness.record import BAD_STATUSES

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


def cells_gate(counts: dict[str, int], failures: Sequence[dict[str, Any]], retried: int = 0) -> Gate:
    """
    Every planned cell has its record, and none failed.

    Args:
        counts: Planned processes by status, with `planned` and `missing`.
        failures: Rows that failed and that no expectation of `status` names.
        retried: Records that gave way to one of a later attempt.
    """
    by_status = {status: sum(row["status"] == status for row in failures) for status in BAD_STATUSES}
    parts = [f"{number:,} {status.replace('_', ' ')}" for status, number in by_status.items() if number]
    if counts["missing"]:
        parts.append(f"{counts['missing']:,} without a record")
    planned = counts["planned"]
    skipped = f", {counts['skipped']:,} skipped" if counts["skipped"] else ""
    again = f", {retried:,} after a retry" if retried else ""
    found = f"{planned - counts['missing'] - len(failures):,} of {planned:,}{skipped}{again}"
    note = f"{', '.join(parts)} of {planned:,} processes" if parts else ""
    held = "" if parts else f"all {planned:,} processes left their record and none failed"
    return Gate(
        "cells", "Every cell left its record, and none failed", found, "all", FAILED if parts else PASSED, note, held
    )


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
    found = f"{len(held)} of {checked}{unchecked}"
    if missed:
        note = f"{len(missed)} of {checked} expectations missed, first {_where(missed[0], scenario)}"
        return Gate("expectations", title, found, "all", FAILED, note)
    return Gate("expectations", title, found, "all", PASSED, "", f"{len(held)} of {checked} expectations hold")


def limit_gate(result: Result, scenario: str | None) -> Gate:
    """A limit that the scenario itself sets, on each cell that ran."""
    whose = "" if scenario else result.scenario
    name = ".".join(filter(None, (whose, "gates", result.expect.quantity)))
    claim, of = f"{result.claim}{cells(result.expect.where)}", f" of {whose}" if whose else ""
    title = f"{whose}: {claim}" if whose else claim
    if not result.checks:
        return Gate(name, title, "no cell", "all", NOT_CHECKED, f"{title} ({result.not_checked})")
    # A cell has a check for each state named.
    ran, broken = {check.cell for check in result.checks}, {check.cell for check in result.missed}
    found = f"{len(ran) - len(broken):,} of {len(ran):,}"
    if broken:
        verb = "cell{} breaks" if len(ran) == 1 else "cells{} break"
        note = (
            f"{len(broken):,} of {len(ran):,} {verb.format(of)} the limit that {claim}, worst {_met(result.missed[0])}"
        )
        return Gate(name, title, found, "all", FAILED, note)
    held = f"{claim} in {'the one cell' if len(ran) == 1 else f'all {len(ran):,} cells'}{of}"
    return Gate(name, title, found, "all", PASSED, "", held)


def _met(check: Check) -> str:
    """What was found, and where: `0.31 at the end in c1d27e6d7c07b`."""
    found = f"{check.found:.10g}" if isinstance(check.found, float) else str(check.found)
    place = f"the {check.place}" if check.place in ("start", "end") else check.place
    return f"{found} at {place} in {check.cell}" if place else f"{found} in {check.cell}"


def _where(result: Result, scenario: str | None) -> str:
    name = "" if scenario else f"{result.scenario} "
    return f"{name}expect[{result.number}]: {result.claim}"


def repeatability_gate(repeated: Sequence[Repeated]) -> Gate:
    """Replicates of a cell equal each other bit for bit."""
    title = "The same cell gives the same bits in another process"
    if not repeated:
        return Gate("repeatability", title, "no cell ran twice", "all", NOT_CHECKED, "no cell ran twice")
    differing = [cell for cell in repeated if not cell.bitwise]
    found = f"{len(repeated) - len(differing):,} of {len(repeated):,}"
    if differing:
        note = f"{len(differing):,} cells differ between processes, first {differing[0].cell}"
        return Gate("repeatability", title, found, "all", FAILED, note)
    return Gate("repeatability", title, found, "all", PASSED, "", f"{len(repeated):,} cells repeat bit for bit")


def agreement_gate(
    pairs: Sequence[Agreement],
    followings: Sequence[Following] = (),
    findings: Sequence[Finding] = (),
    finished: Collection[tuple[str, str]] = (),
) -> Gate:
    """
    In float64 the implementations' paths agree, up to a kink that they take differently, and no cell is wrong.

    Args:
        pairs: Implementations beside each other.
        followings: Cells beside their reference.
        findings: What is wrong with some of them.
        finished: Every cell that did all its steps, by scenario and id: some may have no reference.
    """
    title = "Implementations walk the same path in float64"
    limit = f"≤ {TOLERANCE:g} of the largest parameter"
    double = [pair for pair in pairs if pair.axes.get("dtype") == "float64"]
    followed, wrong = {(item.scenario, item.cell) for item in followings}, summary.wrong(findings)
    if not double and not followed:
        reason = "no float64 cell ran in two implementations, and none beside a reference"
        return Gate("agreement", title, "no pair", limit, NOT_CHECKED, reason)
    parted = [pair for pair in double if not pair.agrees]
    apart = summary.unexplained(parted, followings)
    agree, grown = len(double) - len(parted), len(parted) - len(apart)
    agreeing = f"{agree:,} of {len(double):,} pairs" if double else ""
    following = f"{len(followed - wrong):,} of {len(followed):,} cells follow their reference" if followed else ""
    bent = sum(pair.kink_step is not None for pair in double)
    kinks = f"{bent:,} pairs up to a kink" if bent else ""
    noted = [*summary.noted(followings, findings), *summary.alone(followed, finished)]
    amplified = f"{grown:,} pairs as far as their training amplifies rounding" if grown else ""
    found = ", ".join(filter(None, (agreeing, following, kinks, amplified, *noted)))
    if apart or wrong:
        note = "; ".join([*summary.failing(findings), *_of_pairs(apart)])
        return Gate("agreement", title, found, limit, FAILED, note)
    held = [f"{agree:,} pairs of implementations agree in float64"] if agree else []
    # Those that are no failure and yet not followed to the end are not claimed.
    but = f" ({', '.join(noted)})" if noted else ""
    held += [f"{len(followed):,} cells follow their reference{but}"] if followed else []
    return Gate("agreement", title, found, limit, PASSED, "", " and ".join(held))


def _of_pairs(apart: Sequence[Agreement]) -> Iterator[str]:
    if apart:
        worst = max(apart, key=lambda pair: pair.distance)
        where = f"at step {worst.step} in {worst.scenario}"
        by = f"differ by {worst.distance:.2g}" if math.isfinite(worst.distance) else "part for no number"
        yield f"{' and '.join(worst.pair)} {by} {where}"
