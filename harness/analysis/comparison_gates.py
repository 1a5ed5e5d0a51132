"""The two gates against a baseline: accuracy and bits are no worse."""

from __future__ import annotations

from collections.abc import Sequence

from harness.analysis.comparison import WORSE, Change, Comparison
from harness.analysis.gates import FAILED, NOT_CHECKED, PASSED, Gate


def accuracy_gate(found: Comparison, baseline: str) -> Gate:
    """No cell is farther from the optimum, or from a small loss, than it was; one that no longer finishes is."""
    title = f"No cell is less accurate than in {baseline}"
    known = [change for change in found.changes if change.accuracy]
    if not known:
        return Gate("accuracy", title, "no cell", "all", NOT_CHECKED, _nothing(found, baseline))
    worse = [change for change in known if change.accuracy == WORSE]
    shown = f"{len(known) - len(worse):,} of {len(known):,}"
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
    return Gate("bits", title, shown, "all", PASSED, "", f"{count:,} cells have the same bits as in {baseline}")


def _cells(changes: Sequence[Change]) -> str:
    return f"{len(changes):,} cell{' is' if len(changes) == 1 else 's are'}"


def _nothing(found: Comparison, baseline: str) -> str:
    if not found.changes:
        return f"no cell left a record in {baseline} too"
    return f"no cell has numbers both here and in {baseline}"
