"""Profiles: who reaches the targets in the least time and steps, over all problems."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.analysis.data_profile import DataProfile, data_profile
from harness.analysis.profile import Arm, Profile, profile
from harness.report import findings_profile as findings
from harness.report import numbers
from harness.report.figures import profile as figure
from harness.report.figures.panel import WIDE, WIDTH
from harness.report.palette import of_implementation
from harness.report.parts import Figure, Finding, Markup, Table, table_of
from harness.report.sections.convergence_block import Block
from harness.report.view import View

_MOST_ARMS = 7


def blocks(view: View, rows: Sequence[dict[str, Any]], shares: Sequence[float]) -> tuple[Block, ...]:
    """One block; none where there is one problem in one arm, which the table of targets tells."""
    wrong = {cell for item in view.assessment.findings if item.scenario == view.name for cell in item.cells}
    by_time, by_steps = profile(rows, shares, wrong), data_profile(rows, shares, wrong)
    if by_time is None and by_steps.problems * len(by_steps.steps) < 2:
        return ()
    names = {arm: view.arm_name(*arm) for arm in by_steps.steps}
    parts = [findings.of_profile(by_time, names)] if by_time else []
    parts += [findings.of_data_profile(by_steps, names)] if by_steps.problems else []
    panels = [_times(view, by_time, names)] if by_time and by_time.problems else []
    panels += [_steps(view, by_steps, names, alone=not panels)] if by_steps.problems else []
    finding = Finding(" ".join(parts), f"{_how(view, by_time, by_steps)}{_failed(view, by_time, by_steps)}")
    drawn = Figure(Finding(""), tuple(panels), _table(by_time, by_steps, names), id="profile") if panels else None
    return (Block("Who gets there first?", finding, figure=drawn),)


def _curve(view: View, arm: Arm, name: str, ratios: tuple[float, ...]) -> figure.Curve:
    return figure.Curve(name, of_implementation(arm[0]), ratios, dashed=arm[1] not in view.devices[:1])


def _times(view: View, found: Profile, names: dict[Arm, str]) -> Markup:
    curves = [_curve(view, arm, names[arm], ratios) for arm, ratios in list(found.ratios.items())[:_MOST_ARMS]]
    return figure.times("profile", "problems solved within a time", curves)


def _steps(view: View, found: DataProfile, names: dict[Arm, str], *, alone: bool) -> Markup:
    """One line where all arms take the same steps."""
    curves = [_curve(view, arm, names[arm], steps) for arm, steps in list(found.steps.items())[:_MOST_ARMS]]
    if found.same and len(curves) > 1:
        curves = [figure.Curve("both" if len(names) == 2 else f"all {len(names)}", "ink", curves[0].ratios)]
    title = "problems solved within a budget of steps"
    return figure.steps("data-profile", title, curves, found.budget, WIDE if alone else WIDTH)


def _table(times: Profile | None, steps: DataProfile, names: dict[Arm, str]) -> Table:
    """Both in numbers: a row an arm."""
    head = ["Implementation"]
    if times and times.problems:
        head += ["First#", "Within 2 times#", "Within 4 times#", "Solved by the timed#"]
    budgets = [steps.budget // 100, steps.budget // 10, steps.budget]
    head += [f"Within {numbers.plural(most, 'step')}#" for most in budgets if most] if steps.problems else []
    rows = []
    for arm, name in names.items():
        row = [name]
        if times and times.problems:
            there = arm in times.ratios
            row += [_count(times, arm, ratio) if there else numbers.MISSING for ratio in (1.0, 2.0, 4.0, 1e300)]
        row += [numbers.count(steps.solved(arm, most)) for most in budgets if most] if steps.problems else []
        rows.append(row)
    of = [f"{numbers.count(times.problems)} by the best arm's time"] if times and times.problems else []
    of += [f"{numbers.count(steps.problems)} by steps"] if steps.problems else []
    return table_of(f"Problems solved, of {' and '.join(of)}", head, rows)


def _count(found: Profile, arm: Arm, ratio: float) -> str:
    return numbers.count(round(found.share(arm, ratio) * found.problems))


def _how(view: View, times: Profile | None, steps: DataProfile) -> str:
    parts = ["A problem is a configuration and a target; a line shows the share of problems solved so far."]
    if times is not None:
        left = [
            f"{numbers.plural(times.unsolved, 'problem')} that no arm solved" if times.unsolved else "",
            f"{numbers.plural(times.unmatched, 'problem')} that not every arm ran" if times.unmatched else "",
        ]
        out = f"; left out: {numbers.listed(filter(None, left))}" if any(left) else ""
        parts.append(
            "Times are medians over processes of steps to the target times time per step, as multiples of the best "
            "arm's, infinite where the target was missed; the order behind the best may change without it"
            f"{out}."
        )
    if steps.problems:
        out = f"; {numbers.plural(steps.unmatched, 'problem')} that not every arm ran left out"
        over = "medians over seeds" if len(view.levels["seed"]) > 1 else "those of one seed"
        parts.append(f"Steps are {over}{out if steps.unmatched else ''}.")
    return " ".join(parts)


def _failed(view: View, times: Profile | None, steps: DataProfile) -> str:
    """Who has no line, and why."""
    untimed = [arm for arm in times.failed if arm not in steps.failed] if times else []
    pairs = (("Left out, for no cell of theirs is ok", steps.failed),
             ("Left out of the times, for no timed process of theirs is ok", untimed))  # fmt: skip
    named = ((why, numbers.listed(view.arm_name(*arm) for arm in arms)) for why, arms in pairs)
    return "".join(f" {why}: {names}." for why, names in named if names)
