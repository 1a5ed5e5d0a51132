"""Does every cell walk the path of its reference? And where one does not, why."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.analysis.diagnosis.finding import Finding as Wrong
from harness.analysis.following import Following, tolerance
from harness.report import marks, numbers, palette, where
from harness.report.findings_paths import of_limits, of_paths
from harness.report.parts import Content, Finding, Markup, Section, Table, table_of
from harness.report.view import View, phrases

_MOST_WRONG = 12


@dataclass(frozen=True)
class Said:
    """One finding in full."""

    sentence: str
    where: str
    rows: tuple[tuple[str, str], ...]
    command: str


@dataclass(frozen=True)
class Data:
    """What the template shows."""

    finding: Finding
    table: Table | None
    wrong: tuple[Said, ...]
    more: int


def section(view: View) -> Section:
    """Distances by implementation and dtype, then each finding with the command that repeats its cell."""
    followings = [item for item in view.assessment.followings if item.scenario == view.name]
    wrong = [item for item in view.assessment.findings if item.scenario == view.name]
    data = Data(
        Finding(of_paths(followings, wrong), _how(followings)),
        _table(view, followings, {cell for item in wrong for cell in item.cells}),
        tuple(_said(view, item) for item in wrong[:_MOST_WRONG]),
        max(0, len(wrong) - _MOST_WRONG),
    )
    mark = "" if not followings else "fail" if any(item.fails for item in wrong) else "warn" if wrong else "ok"
    return Section("paths", "Paths", "Does every cell walk the path that extended precision predicts?", data, mark)


def _how(followings: Sequence[Following]) -> str:
    if not followings:
        return ""
    how = (
        "The reference is the same training in extended precision, from the same data, start and order. Distances are "
        "the largest difference of a parameter at a recorded state, as a share of the largest parameter so far; what "
        "rounding, amplified or not, explains is no fault."
    )
    return " ".join(filter(None, (of_limits(followings), how)))


def _table(view: View, followings: Sequence[Following], wrong: set[str]) -> Table | None:
    groups: dict[tuple[str, str, str], list[Following]] = {}
    for item in followings:
        groups.setdefault((str(item.axes["implementation"]), str(item.axes["device"]), item.dtype), []).append(item)
    rows = [_row(view, *names, group, wrong) for names, group in groups.items()]
    head = ("Implementation", "dtype", "On the path", "Largest distance#", "Of what is allowed#", "At step#", "Where")
    return table_of("Cells beside their references", head, rows) if rows else None


def _row(
    view: View, implementation: str, device: str, dtype: str, group: Sequence[Following], wrong: set[str]
) -> tuple[Content, ...]:
    cells = {item.cell for item in group}
    right = len(cells - wrong)
    # How far an amplified one is away says nothing of what is allowed; all of the row may be amplified.
    amplified = [item for item in group if item.amplified_step is not None]
    worst = max((item for item in group if item.amplified_step is None), key=lambda item: item.distance, default=None)
    name = marks.named(view.arm_name(implementation, device), palette.of_implementation(implementation))
    status = marks.status("passed" if right == len(cells) else "failed", numbers.share(right, len(cells)))
    if worst is None:
        return name, dtype, status, *[numbers.MISSING] * 3, _amplified(amplified)
    allowed = float(tolerance(dtype, np.array([worst.step]))[0])
    axes = {axis: level for axis, level in worst.axes.items() if axis in view.varied and axis != "dtype"}
    at = phrases({axis: level for axis, level in axes.items() if axis not in ("implementation", "device")})
    return (
        name,
        dtype,
        status,
        "0, bit for bit" if worst.distance == 0 else numbers.significant(worst.distance, 2),
        _of_allowed(worst, allowed),
        numbers.count(worst.step) if worst.distance else numbers.MISSING,
        Markup("{}{}<br>{}").format(at or "the only cell", _bent(worst), _amplified(amplified))
        if amplified
        else f"{at or 'the only cell'}{_bent(worst)}",
    )


def _of_allowed(item: Following, allowed: float) -> str:
    """The distance in shares of the tolerance at that step."""
    share = item.distance / allowed
    if not share > 1:
        return f"{numbers.significant(100 * share, 2)}\u202f%"
    return "not finite" if math.isinf(share) else f"{numbers.significant(share, 2)} times"


def _bent(item: Following) -> str:
    return "" if item.kink_step is None else f"; up to the kink at step {numbers.count(item.kink_step)}"


def _amplified(items: Sequence[Following]) -> Markup:
    """`2 not compared from step 4 on, where their training amplifies rounding`."""
    steps = sorted({item.amplified_step or 0 for item in items})
    first = f"step {numbers.count(steps[0])}" if len(steps) == 1 else (
        f"steps {numbers.count(steps[0])} to {numbers.count(steps[-1])}"
    )  # fmt: skip
    whose = "its" if len(items) == 1 else "their"
    text = f"{numbers.count(len(items))} not compared from {first} on, where {whose} training amplifies rounding"
    return Markup('<span class="note">{}</span>').format(text)


def _said(view: View, item: Wrong) -> Said:
    axes = {axis: level for axis, level in item.axes.items() if axis in view.varied}
    shown = tuple((name, value) for name, value in item.rows if value and name not in ("reproduce", "cells"))
    return Said(item.sentence, phrases(axes), shown, where.reproduce(view, item.cell))
