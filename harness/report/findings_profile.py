"""Captions of profiles: who gets there first. Each is a pure function, and claims no more than its numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping

from harness.analysis.data_profile import DataProfile
from harness.analysis.profile import Profile
from harness.analysis.targets import median
from harness.analysis.timing import LEAST_PROCESSES
from harness.report import numbers
from harness.report.numbers import plural


def of_profile(found: Profile | None, names: Mapping[tuple[str, str], str]) -> str:
    """Who reaches the targets in the least time; a claim takes enough processes."""
    if found is None:
        return "Fewer than two arms were timed, so there is nobody to rank."
    if not found.problems:
        return "No arm's median process reached a target, so there is nobody to rank."
    count = plural(found.problems, "problem")
    if not found.resolved:
        few = plural(found.processes, "process", "processes")
        return (
            f"Who is faster is not resolved: a time rests on as few as {few}, and it takes {LEAST_PROCESSES}; "
            f"the profile of {count} is shown all the same."
        )
    wins = {arm: round(found.share(arm, 1.0) * found.problems) for arm in found.ratios}
    best = max(wins, key=lambda arm: wins[arm])
    first = [names[arm] for arm in wins if wins[arm] == wins[best]]
    short = [names[arm] for arm in found.ratios if found.solved(arm) < 1]
    tail = f"; {numbers.listed(short)} {'does' if len(short) == 1 else 'do'} not solve all of them" if short else ""
    verb = "has" if len(first) == 1 else "each have"
    return f"{numbers.listed(first)} {verb} the least median time in {wins[best]} of {count}{tail}."


def of_data_profile(found: DataProfile, names: Mapping[tuple[str, str], str]) -> str:
    """How many problems are solved, how soon, and whether the arms differ."""
    solved = {arm: found.solved(arm) for arm in found.steps}
    if not any(solved.values()):
        return f"No problem of {numbers.count(found.problems)} is solved within the steps that were done."
    if not found.same:
        most, least = max(solved.values()), min(solved.values())
        first = [names[arm] for arm in solved if solved[arm] == most]
        if most == least:
            return f"Every arm solves {_share(most, found.problems)}, in different numbers of steps."
        verb = "solves" if len(first) == 1 else "solve"
        return f"{numbers.listed(first)} {verb} most: {_share(most, found.problems)}; the fewest are {least}."
    arm = next(iter(solved))
    half = median([steps for steps in found.steps[arm] if math.isfinite(steps)])
    within = f", half of these within {plural(math.floor(half), 'step')}" if solved[arm] > 1 else ""
    count = len(found.steps)
    which = "both" if count == 2 else f"all {count}"
    together = f"; the medians of {which} arms are the same" if count > 1 else ""
    are = "is" if found.problems == 1 else "are"
    return f"{_share(solved[arm], found.problems)} {are} solved{within}{together}."


def _share(solved: int, of: int) -> str:
    return f"{numbers.share(solved, of)} {'problem' if of == 1 else 'problems'}"
