"""The conditions of a verdict."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from harness.analysis.agreement import TOLERANCE, Agreement
from harness.analysis.diagnosis import summary
from harness.analysis.diagnosis.finding import Finding
from harness.analysis.following import Following
from harness.analysis.gate import FAILED, NOT_CHECKED, PASSED, Gate, plural, share
from harness.analysis.gates_expected import expectations_gate, limit_gate
from harness.analysis.repeatability import INLINE, TWICE, Repeated
from harness.record import BAD_STATUSES

__all__ = [
    "FAILED", "NOT_CHECKED", "PASSED", "Gate", "agreement_gate", "cells_gate", "expectations_gate", "limit_gate",
    "repeatability_gate",
]  # fmt: skip
_FOLLOW = ("follows its reference", "follow their reference")
# Why a planned process may have no record, where the run file does not tell which.
_CUT = "the run was cut by its budget, interrupted, or is still going on"


def cells_gate(counts: dict[str, int], failures: Sequence[dict[str, Any]], retried: int = 0, cut: str = _CUT) -> Gate:
    """
    Every planned cell has its record, and none failed.

    Args:
        counts: Planned processes by status, with `planned` and `missing`.
        failures: Rows that failed and that no expectation of `status` names.
        retried: Records that gave way to one of a later attempt.
        cut: Why some have no record.
    """
    by_status = {status: sum(row["status"] == status for row in failures) for status in BAD_STATUSES}
    parts = [f"{number:,} {status.replace('_', ' ')}" for status, number in by_status.items() if number]
    if counts["missing"]:
        parts.append(f"{counts['missing']:,} without a record")
    planned = counts["planned"]
    skipped = f", {counts['skipped']:,} skipped" if counts["skipped"] else ""
    again = f", {retried:,} after a retry" if retried else ""
    found = f"{planned - counts['missing'] - len(failures):,} of {planned:,}{skipped}{again}"
    why = f" ({cut})" if counts["missing"] else ""
    note = f"{', '.join(parts)} of {plural(planned, 'process', 'processes')}{why}" if parts else ""
    every = {1: "the one process left its", 2: "both processes left their"}.get(
        planned, f"all {planned:,} processes left their"
    )
    held = "" if parts else f"{every} record and none failed"
    return Gate(
        "cells", "Every cell left its record, and none failed", found, "all", FAILED if parts else PASSED, note, held
    )


def repeatability_gate(repeated: Sequence[Repeated]) -> Gate:
    """Replicates of a cell equal each other bit for bit."""
    title = "The same cell gives the same bits in another process"
    differing = [cell for cell in repeated if not cell.bitwise]
    # In one process again, the same bits say nothing of another; other bits do.
    compared = [cell for cell in repeated if not (cell.inline and cell.bitwise)]
    if not compared:
        note = INLINE if repeated else TWICE
        return Gate("repeatability", title, "no other process" if repeated else note, "all", NOT_CHECKED, note)
    found = f"{len(compared) - len(differing):,} of {len(compared):,}"
    if differing:
        verb = "differs" if len(differing) == 1 else "differ"
        where = "in one process" if all(cell.inline for cell in differing) else "between processes"
        note = f"{plural(len(differing), 'cell')} {verb} {where}, first {differing[0].cell}"
        return Gate("repeatability", title, found, "all", FAILED, note)
    verb = "repeats" if len(compared) == 1 else "repeat"
    return Gate("repeatability", title, found, "all", PASSED, "", f"{plural(len(compared), 'cell')} {verb} bit for bit")


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
    agreeing = f"{agree:,} of {plural(len(double), 'pair')}" if double else ""
    following = share(len(followed - wrong), len(followed), "cell", _FOLLOW) if followed else ""
    bent = sum(pair.kink_step is not None for pair in double)
    kinks = f"{plural(bent, 'pair')} up to a kink" if bent else ""
    noted = [*summary.noted(followings, findings), *summary.alone(followed, finished)]
    amplified = f"{plural(grown, 'pair')} as far as their training amplifies rounding" if grown else ""
    found = ", ".join(filter(None, (agreeing, following, kinks, amplified, *noted)))
    if apart or wrong:
        note = "; ".join([*summary.failing(findings), *_of_pairs(apart)])
        return Gate("agreement", title, found, limit, FAILED, note)
    pairs_of = "pair of implementations agrees", "pairs of implementations agree"
    held = [f"{plural(agree, *pairs_of)} in float64"] if agree else []
    # Those that are no failure and yet not followed to the end are not claimed.
    but = f" ({', '.join(noted)})" if noted else ""
    held += [f"{plural(len(followed), 'cell')} {_FOLLOW[len(followed) > 1]}{but}"] if followed else []
    return Gate("agreement", title, found, limit, PASSED, "", " and ".join(held))


def _of_pairs(apart: Sequence[Agreement]) -> Iterator[str]:
    if apart:
        worst = max(apart, key=lambda pair: pair.distance)
        where = f"at step {worst.step} in {worst.scenario}"
        by = f"differ by {worst.distance:.2g}" if math.isfinite(worst.distance) else "part for no number"
        yield f"{' and '.join(worst.pair)} {by} {where}"
