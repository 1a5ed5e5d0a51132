"""Correct digits by batch size and by learning rate, the other axes at the reference."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from harness.analysis.targets import median
from harness.frames.table import each
from harness.report import findings_accuracy, numbers, palette
from harness.report.figures import digits
from harness.report.figures.digits import Strip
from harness.report.figures.panel import WIDE, WIDTH
from harness.report.parts import Figure, Finding, table_of
from harness.report.sections.convergence_block import evenly
from harness.report.view import View, key, phrase, phrases

MOST_LEVELS = 12
_AXES = {"batch_size": "batch size", "learning_rate": "learning rate"}
# In digits: less than the width of a bar.
_COINCIDE = 0.05
_COLUMNS = ("config", "implementation", "device", "seed", "outcome", "optimum", "correct_digits")
Arm = tuple[str, str]
# Digits by seed, by level (as text) and arm.
Found = Mapping[tuple[str, Arm], Mapping[int, float]]


def figure(view: View) -> Figure | None:
    """One panel for each of the two axes that varies; None where neither does, or no optimum is known."""
    made = [(axis, _found(view, axis)) for axis in _AXES if axis in view.varied]
    made = [(axis, found) for axis, found in made if len({level for level, _ in found}) > 1]
    if not made:
        return None
    dtype = str(view.reference["dtype"])
    drawn = _drawn(view, [found for _, found in made])
    shown = {axis: _shown(view, axis, found) for axis, found in made}
    strips = [_strip(view, axis, shown[axis], found, drawn) for axis, found in made]
    width = WIDE if len(strips) == 1 else WIDTH
    panels = [digits.draw(f"digits-{place}", strip, dtype, width) for place, strip in enumerate(strips)]
    values = {_AXES[axis]: _by_level(view, axis, found) for axis, found in made}
    says = findings_accuracy.of_strips(values, dtype, digits.LIMITS[dtype])
    rows = [_row(axis, level, found) for axis, found in made for level in _present(view, axis, found)]
    head = ("Level", "Median#", "Least#", "Most#", "Cells#")
    table = table_of(f"Correct digits, all implementations: {view.reference_words}", head, rows)
    return Figure(Finding(says, _how(view, made, strips, drawn)), tuple(panels), table, id="digits")


def _present(view: View, axis: str, found: Found) -> list[Any]:
    """The levels that ran at the reference."""
    there = {level for level, _ in found}
    return [level for level in view.levels[axis] if key(level) in there]


def _shown(view: View, axis: str, found: Found) -> list[Any]:
    """Of those the levels that are drawn, the reference's among them."""
    return evenly(_present(view, axis, found), MOST_LEVELS, best=view.reference[axis])


def _found(view: View, axis: str) -> Found:
    """Of each level and each arm of the first device, the digits by seed."""
    configs = {key({**view.reference, axis: level}): key(level) for level in view.levels[axis]}
    found: dict[tuple[str, Arm], dict[int, float]] = {}
    frame = view.first_replicates
    here = frame["config"].isin(list(configs)) & (frame["status"] == "ok") & (frame["device"] == view.devices[0])
    # Few of the cells and columns: a run may have thousands of the one and dozens of the other.
    for row in each(frame.loc[here, list(_COLUMNS)]):
        level = configs[row["config"]]
        value = -math.inf if row["outcome"] == "diverged" else float(row["correct_digits"])
        if isinstance(row["optimum"], list) and not math.isnan(value):
            arm = (str(row["implementation"]), str(row["device"]))
            found.setdefault((level, arm), {})[int(row["seed"])] = value
    return found


def _drawn(view: View, found: Sequence[Found]) -> tuple[Arm, ...]:
    """The first implementation where the dots of all coincide, else all."""
    present = {arm for levels in found for _, arm in levels}
    arms = tuple(arm for arm in view.arms if arm in present)
    gaps = [
        abs(value - levels[level, arms[0]].get(seed, value))
        for levels in found
        for (level, _), seeds in levels.items()
        if (level, arms[0]) in levels
        for seed, value in seeds.items()
        if math.isfinite(value)
    ]
    return arms[:1] if max(gaps, default=0.0) <= _COINCIDE else arms


def _strip(view: View, axis: str, shown: Sequence[Any], found: Found, drawn: Sequence[Arm]) -> Strip:
    levels = tuple(
        (numbers.level(level), tuple(tuple(found.get((key(level), arm), {}).values()) for arm in drawn))
        for level in shown
    )
    names = tuple((palette.label(arm[0]), palette.of_implementation(arm[0])) for arm in drawn)
    fixed = next(other for other in _AXES if other != axis)
    beside = f" at {phrase(fixed, view.reference[fixed])}" if fixed in view.varied else ""
    return Strip(f"correct digits by {_AXES[axis]}", f"{_AXES[axis]}{beside}", names, levels)


def _by_level(view: View, axis: str, found: Found) -> dict[str, list[float]]:
    return {phrase(axis, level): _values(found, key(level)) for level in _present(view, axis, found)}


def _values(found: Found, level: str) -> list[float]:
    return [value for (here, _), seeds in found.items() if here == level for value in seeds.values()]


def _row(axis: str, level: Any, found: Found) -> tuple[str, ...]:
    values = _values(found, key(level))
    name = f"{_AXES[axis]} {numbers.level(level)}"
    return name, *(digits.words(value) for value in (median(values), min(values), max(values))), str(len(values))


def _how(view: View, made: Sequence[tuple[str, Found]], strips: Sequence[Strip], drawn: Sequence[Arm]) -> str:
    arms = {arm for _, found in made for _, arm in found}
    seeds = max(len(of_seed) for _, found in made for of_seed in found.values())
    shown = min(strip.dots for strip in strips)
    fixed = phrases({axis: level for axis, level in view.reference.items() if axis in view.varied}, _AXES)
    every = "Both" if len(arms) == 2 else f"All {len(arms)}"
    alone = f" {every} implementations coincide, so {palette.label(drawn[0][0])} alone is drawn." if len(
        arms
    ) > len(drawn) else ""  # fmt: skip
    cut = "".join(
        f" Drawn: {numbers.share(len(strip.levels), len(_present(view, axis, found)))} values of the {_AXES[axis]}."
        for (axis, found), strip in zip(made, strips, strict=True)
        if len(strip.levels) < len(_present(view, axis, found))
    )
    dots = "Dots: seeds" if seeds <= shown else f"Dots: the first {shown} of {numbers.count(seeds)} seeds"
    lost = " ×: most diverged." if _lost(strips) else ""
    below = " What is below 0 stands at 0." if _below(strips) else ""
    on = f", {view.devices[0]}" if len(view.devices) > 1 else ""
    return (
        "Correct digits are −log10 of the relative error against the exact optimum, the least over the parameters"
        f"{f'; {fixed}' if fixed else ''}{on}. {dots}; bar: median.{below}{lost}{alone}{cut}"
    )


def _lost(strips: Sequence[Strip]) -> bool:
    return any(median(values) == -math.inf for strip in strips for _, arms in strip.levels for values in arms if values)


def _below(strips: Sequence[Strip]) -> bool:
    """Whether some parameter is off by more than its own size."""
    return any(
        -math.inf < value < 0 for strip in strips for _, arms in strip.levels for cells in arms for value in cells
    )
