"""The two gates against a baseline: accuracy and bits are no worse."""

from __future__ import annotations

from collections.abc import Sequence

from harness.analysis.comparison import WORSE, Change, Comparison
from harness.analysis.gate import FAILED, NOT_CHECKED, PASSED, Gate, plural


def accuracy_gate(found: Comparison, baseline: str) -> Gate:
    """
    No cell is farther from the optimum, or from a small loss, than it was; one that no longer finishes is.

    Cells without numbers in both runs, and cells of one run alone, are said and not counted.
    """
    title = f"No cell is less accurate than in {baseline}"
    known = [change for change in found.changes if change.accuracy and (change.was.ok or change.now.ok)]
    alike = sum(bool(change.accuracy) for change in found.changes) - len(known)
    if not known:
        return Gate("accuracy", title, "no cell", "all", NOT_CHECKED, _nothing(found, baseline))
    worse = [change for change in known if change.accuracy == WORSE]
    rest = [
        f"{alike:,} without numbers in both" if alike else "",
        f"{len(found.gone):,} of {baseline} not here" if found.gone else "",
    ]
    shown = ", ".join(filter(None, (f"{len(known) - len(worse):,} of {len(known):,}", *rest)))
    if worse:
        what = "" if worse[0].now.ok else f" ({worse[0].now.status.replace('_', ' ')})"
        note = f"{_cells(worse)} less accurate than in {baseline}, first {worse[0].now.cell}{what}"
        return Gate("accuracy", title, shown, "all", FAILED, note)
    return Gate("accuracy", title, shown, "all", PASSED, "", f"no cell is less accurate than in {baseline}")


def bits_gate(found: Comparison, baseline: str) -> Gate:
    """Every cell that has numbers in both left the same digest."""
    title = f"The same bits as in {baseline}"
    if not found.compared:
        return Gate("bits", title, "no cell", "all", NOT_CHECKED, _nothing(found, baseline))
    differing, count = found.differing, len(found.compared)
    shown = f"{count - len(differing):,} of {count:,}"
    if differing:
        note = f"{_cells(differing)} not the same bits as in {baseline}, first {differing[0].now.cell}"
        return Gate("bits", title, shown, "all", FAILED, note)
    verb = "has" if count == 1 else "have"
    return Gate(
        "bits", title, shown, "all", PASSED, "", f"{plural(count, 'cell')} {verb} the same bits as in {baseline}"
    )


def _cells(changes: Sequence[Change]) -> str:
    return f"{plural(len(changes), 'cell')} {'is' if len(changes) == 1 else 'are'}"


def _nothing(found: Comparison, baseline: str) -> str:
    if not found.changes:
        return f"no cell left a record in {baseline} too"
    return f"no cell has numbers both here and in {baseline}"
