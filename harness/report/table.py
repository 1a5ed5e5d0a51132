"""The scenarios of a run at a glance, as plain text for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from harness.report import numbers, palette
from harness.report.glance import Arm, Glance, glance
from harness.report.view import View

WIDTH = 100
MOST_SCENARIOS = 12
MOST_ARMS = 16
# A name of a plug-in may be of any length; a column of outcomes takes what is left.
_NAME = 24
_LEAST = 16


def blocks(views: Sequence[View]) -> list[str]:
    """A block of lines a scenario; those beyond the most are counted."""
    lines = [line for view in views[:MOST_SCENARIOS] for line in ["", *block(view)]]
    left = len(views) - MOST_SCENARIOS
    return [*lines, "", f"  and {numbers.plural(left, 'more scenario')}: in the page"] if left > 0 else lines


def block(view: View) -> list[str]:
    """One scenario: its name and reference configuration, then a line for each implementation and device."""
    found = glance(view)
    head = f"{view.name}: {view.reference_words}" if view.reference_words else view.name
    lines = textwrap.wrap(head, WIDTH, initial_indent="  ", subsequent_indent="    ", max_lines=2, placeholder=" …")
    ran = found.ran
    return [*lines, *_table(found, ran[:MOST_ARMS]), *_left(len(ran) - MOST_ARMS), *_below(found)]


def _left(count: int) -> list[str]:
    return [f"    and {numbers.plural(count, 'more line')}: in the page"] if count > 0 else []


def _below(found: Glance) -> list[str]:
    """What is the same in all lines, and the devices on which nothing ran."""
    lines = [f"outcomes of each: {found.shared_outcomes}"] if found.shared_outcomes else []
    for (device, _), arms in found.skipped.items():
        lines.append(f"skipped on {device}: {', '.join(palette.label(arm.implementation) for arm in arms)}")
    return [_cut(f"    {line}", WIDTH) for line in lines]


def _table(found: Glance, arms: Sequence[Arm]) -> list[str]:
    """Names to the left, numbers to the right, outcomes on as many lines as they take."""
    if not arms:
        return []
    steps = found.steps_head.removesuffix(" left").lower()
    rows = [("implementation", "device", "digits", steps, "time per step", "outcomes"), *map(_row, arms)]
    if found.shared_outcomes:
        rows = [(*row[:-1], "") for row in rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    rest = max(_LEAST, WIDTH - 4 - sum(widths) - 2 * len(widths))
    return [line for row in rows for line in _lines(row, widths, rest)]


def _row(arm: Arm) -> tuple[str, ...]:
    name = _cut(palette.label(arm.implementation), _NAME)
    return name, arm.device, arm.digits_words, arm.steps_words, time(arm), arm.outcomes


def time(arm: Arm) -> str:
    """`2.31 µs (2.1 to 2.5, n = 6)`; below six processes `2.31 µs, not resolved (n = 4)`."""
    if arm.timing is None:
        return "not timed"
    group, unit = arm.timing, numbers.unit_for([arm.timing.median])
    median = numbers.seconds(group.median, unit)
    if group.interval is None:
        return f"{median}, not resolved (n = {group.processes})"
    low, high = (numbers.seconds(end, unit).partition("\u00a0")[0] for end in (group.interval.low, group.interval.high))
    return f"{median} ({low} to {high}, n = {group.processes})"


def _lines(row: Sequence[str], widths: Sequence[int], rest: int) -> list[str]:
    name, device, digits, steps, seconds, outcomes = row
    ends = f"{digits:>{widths[2]}}  {steps:>{widths[3]}}  {seconds:<{widths[4]}}"
    first, *others = textwrap.wrap(outcomes, rest) or [""]
    line = f"    {name:<{widths[0]}}  {device:<{widths[1]}}  {ends}  "
    return [f"{line}{first}".rstrip(), *(" " * len(line) + other for other in others)]


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
