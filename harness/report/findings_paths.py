"""The captions of the section on paths, computed."""

from __future__ import annotations

from collections.abc import Sequence

from harness.analysis.diagnosis.finding import Finding
from harness.analysis.following import Following
from harness.report import numbers


def of_paths(followings: Sequence[Following], findings: Sequence[Finding]) -> str:
    """
    How many cells follow their reference, how near, and what is wrong with the others.

    Args:
        followings: Cells that finished and have a reference.
        findings: What is wrong with some of them.
    """
    if not followings:
        return "No cell finished beside a reference in extended precision, so no path could be checked."
    wrong = {cell for item in findings for cell in item.cells}
    total = len({item.cell for item in followings})
    if wrong:
        head = f"{numbers.share(len(wrong), total)} cells leave the path, or return a loss that is not theirs"
    elif total == 1:
        head = "The one cell that finished walks the path of its reference"
    else:
        every = "Both" if total == 2 else f"All {numbers.count(total)}"
        head = f"{every} cells walk the path of their reference"
    return f"{head}{_near(followings, wrong)}."


def _near(followings: Sequence[Following], wrong: set[str]) -> str:
    """How near those come that are right."""
    right = [item for item in followings if item.cell not in wrong and item.amplified_step is None]
    said: list[str] = []
    for dtype in dict.fromkeys(item.dtype for item in right):
        worst = max(item.distance for item in right if item.dtype == dtype)
        unit = "" if said else " of the largest parameter away"
        said.append(f"{numbers.significant(worst, 2)}{unit} in {dtype}")
    return f", at most {numbers.listed(said)}" if said and not wrong else ""


def of_limits(followings: Sequence[Following]) -> str:
    """How many of them are compared up to a point only; empty where none is."""
    kinks = sum(item.kink_step is not None for item in followings)
    amplified = sum(item.amplified_step is not None for item in followings)
    parts = [
        f"{numbers.count(kinks)} up to a kink of the loss or of relu that may be taken either way" if kinks else "",
        f"{numbers.count(amplified)} as far as a training goes that amplifies rounding" if amplified else "",
    ]
    said = numbers.listed(filter(None, parts))
    return f"Compared: {said}." if said else ""
