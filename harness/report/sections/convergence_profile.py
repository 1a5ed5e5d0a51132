"""The performance profile: who reaches the targets in the least time, over all problems."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.analysis.profile import Arm, Profile, profile
from harness.report import findings_convergence as findings
from harness.report import numbers
from harness.report.figures import profile as figure
from harness.report.palette import of_implementation
from harness.report.parts import Figure, Finding, table_of
from harness.report.sections.convergence_block import Block
from harness.report.view import View

_MOST_ARMS = 7


def blocks(view: View, rows: Sequence[dict[str, Any]], shares: Sequence[float]) -> tuple[Block, ...]:
    """One block; none where nothing was timed in two arms."""
    wrong = {cell for item in view.assessment.findings if item.scenario == view.name for cell in item.cells}
    found = profile(rows, shares, wrong)
    if found is None:
        return ()
    names = {arm: view.arm_name(*arm) for arm in found.ratios}
    finding = Finding(findings.of_profile(found, names), _how(found))
    heading = "Who gets there in the least time?"
    if not found.problems:
        return (Block(heading, finding),)
    return (Block(heading, finding, figure=_figure(view, found, names)),)


def _figure(view: View, found: Profile, names: dict[Arm, str]) -> Figure:
    curves = [
        figure.Curve(names[arm], of_implementation(arm[0]), ratios, dashed=arm[1] != view.devices[0])
        for arm, ratios in list(found.ratios.items())[:_MOST_ARMS]
    ]
    panel = figure.draw("profile", "problems solved within a time", curves)
    head = ("Implementation", "First#", "Within 2 times#", "Within 4 times#", "Solved#")
    rows = [(names[arm], *(_count(found, arm, ratio) for ratio in (1.0, 2.0, 4.0, 1e300))) for arm in found.ratios]
    caption = f"Problems by the best arm's time, of {numbers.count(found.problems)}"
    return Figure(Finding(""), (panel,), table_of(caption, head, rows))


def _count(found: Profile, arm: Arm, ratio: float) -> str:
    return numbers.count(round(found.share(arm, ratio) * found.problems))


def _how(found: Profile) -> str:
    left = [
        f"{numbers.plural(found.unsolved, 'problem')} that no arm solved" if found.unsolved else "",
        f"{numbers.plural(found.unmatched, 'problem')} that not every arm ran" if found.unmatched else "",
    ]
    out = f" Left out: {numbers.listed(filter(None, left))}." if any(left) else ""
    return (
        "A problem is a configuration and a target; its time is the median over processes of steps to the target times "
        "time per step, infinite where it was missed, failed, diverged or left its path. A line shows the share of "
        "problems solved within so many times the best arm's time: at 1 the wins, at the right end all that were "
        f"solved. The order behind the best may change without it.{out}"
    )
