"""A scenario at a glance: implementation by device, the same numbers for the page and for the terminal."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from harness.analysis.targets import found_steps, median
from harness.analysis.timing import Interval, TimingGroup, median_interval
from harness.analysis.verdict import Assessment
from harness.frames.table import records
from harness.record import OUTCOMES
from harness.report import findings_convergence, numbers
from harness.report.view import View

Row = dict[str, Any]
_INFINITE = 1e30


@dataclass(frozen=True)
class Arm:
    """
    One implementation on one device, at the reference configuration.

    Args:
        implementation: Its name.
        device: The device.
        digits: Correct digits, the median over seeds; -inf where it diverged, NaN where there are none.
        steps: Steps to the target, or steps done, the median over seeds: inf for a miss, NaN where no cell ran.
        budget: The most steps that a cell did.
        timing: Its time per step; None where it was not timed.
        outcomes: Of all its cells, in words: `18 converged, 2 diverged`.
        reason: Why its cells were skipped, where none ran.
        digits_interval: 95 % bootstrap interval of the median over seeds; None below six.
        steps_interval: Likewise; an end that is inf is a miss.
    """

    implementation: str
    device: str
    digits: float
    steps: float
    budget: int
    timing: TimingGroup | None
    outcomes: str
    reason: str = ""
    digits_interval: Interval | None = None
    steps_interval: Interval | None = None

    @property
    def is_skipped(self) -> bool:
        """Whether none of its cells ran, each for a reason."""
        return re.fullmatch(r"[\d,]+ skipped", self.outcomes) is not None

    @property
    def digits_words(self) -> str:
        """`5.6`; `diverged` where the median cell did."""
        return "diverged" if self.digits == -math.inf else numbers.digits(self.digits)

    @property
    def steps_words(self) -> str:
        """`1,053`, or `> 800` where too few seeds got there for a median."""
        if math.isnan(self.steps) or not self.budget:
            return numbers.MISSING
        if math.isinf(self.steps):
            return f">\u00a0{numbers.count(self.budget)}"
        return f"{self.steps:,.0f}" if self.steps == round(self.steps) or self.steps >= 100 else f"{self.steps:,.1f}"


@dataclass(frozen=True)
class Glance:
    """
    All arms of a scenario.

    Args:
        arms: In file order.
        share: The tightest target that any of them reached, as what is left; None where steps are those done.
    """

    arms: tuple[Arm, ...]
    share: float | None

    @property
    def ran(self) -> list[Arm]:
        """Those of which a cell ran, or should have."""
        return [arm for arm in self.arms if not arm.is_skipped]

    @property
    def skipped(self) -> dict[tuple[str, str], list[Arm]]:
        """The others, by device and reason."""
        found: dict[tuple[str, str], list[Arm]] = {}
        for arm in self.arms:
            if arm.is_skipped:
                found.setdefault((arm.device, arm.reason), []).append(arm)
        return found

    @property
    def shared_outcomes(self) -> str:
        """The outcomes that all arms that ran have in common; empty where they differ, or there is one."""
        words = {arm.outcomes for arm in self.ran}
        return words.pop() if len(words) == 1 and len(self.ran) > 1 else ""

    @property
    def steps_head(self) -> str:
        """What the steps are: `Steps to 1e-7 left`."""
        return "Steps done" if self.share is None else f"Steps to {findings_convergence.share_words(self.share)} left"


def views_of(assessment: Assessment) -> list[View]:
    """The scenarios of a run, as sections look at them."""
    return [View(assessment, scenario) for scenario in assessment.run.file.scenarios]


def glance(view: View) -> Glance:
    """The arms of a scenario, in file order."""
    rows = _rows_by_arm(view)
    place = _tightest(view.scenario.document.target.tau, list(rows.values()))
    timings = {(g.axes["implementation"], g.axes["device"]): g for g in view.timings_at(view.reference)}
    skipped = (row for row in view.rows if row["status"] == "skipped")
    reasons = {(row["implementation"], row["device"]): str(row["reason"]) for row in skipped}
    digits = {arm: _numbers(_digits(row) for row in rows[arm] if row["status"] == "ok") for arm in view.arms}
    steps = {arm: _steps(rows[arm], place) for arm in view.arms}
    arms = (
        Arm(
            *arm,
            digits=median(digits[arm]),
            steps=median(steps[arm]),
            budget=max((int(row["steps"]) for row in rows[arm] if row["status"] == "ok"), default=0),
            timing=timings.get(arm),
            outcomes=_outcomes(view, *arm),
            reason=reasons.get(arm, ""),
            digits_interval=_interval(digits[arm]),
            steps_interval=_interval(steps[arm]),
        )
        for arm in view.arms
    )
    return Glance(tuple(arms), None if place is None else view.scenario.document.target.tau[place])


def _rows_by_arm(view: View) -> dict[tuple[str, str], list[Row]]:
    """The cells of the reference configuration, without those that were skipped."""
    found: dict[tuple[str, str], list[Row]] = {arm: [] for arm in view.arms}
    for row in records(view.at_reference):
        if row["status"] != "skipped":
            found[row["implementation"], row["device"]].append({str(key): value for key, value in row.items()})
    return found


def _tightest(shares: Sequence[float], arms: Sequence[Sequence[Row]]) -> int | None:
    """Which of the targets is the least share that the median cell of some arm reached."""
    reached = [
        place for place in range(len(shares)) if any(math.isfinite(_steps_to(rows, place)) for rows in arms if rows)
    ]
    return min(reached, key=lambda place: shares[place]) if reached else None


def _steps_to(rows: Sequence[Row], place: int) -> float:
    return median([found_steps(row, place) for row in rows])


def _steps(rows: Sequence[Row], place: int | None) -> list[float]:
    if place is not None:
        return [found_steps(row, place) for row in rows]
    return _numbers(float(row["steps"]) for row in rows if row["status"] == "ok")


def _numbers(values: Iterable[float]) -> list[float]:
    return [value for value in values if not math.isnan(value)]


def _digits(row: Row) -> float:
    """A cell that diverged has none, however near it ended."""
    known = row["outcome"] == "diverged" and not math.isnan(row["correct_digits"])
    return -math.inf if known else float(row["correct_digits"])


def _interval(values: Sequence[float]) -> Interval | None:
    """With infinite values, which are larger than any other and no numbers."""
    found = median_interval([max(-_INFINITE, min(value, _INFINITE)) for value in values])
    return found and Interval(_unbounded(found.low), _unbounded(found.high))


def _unbounded(value: float) -> float:
    return math.copysign(math.inf, value) if abs(value) > _INFINITE / 1e6 else value


def _outcomes(view: View, implementation: str, device: str) -> str:
    """Those of ok cells, then the statuses of the others."""
    cells = view.first_replicates
    mine = cells[(cells["implementation"] == implementation) & (cells["device"] == device)]
    words = [*mine["outcome"][mine["status"] == "ok"], *mine["status"][mine["status"] != "ok"]]
    order = [*OUTCOMES, *dict.fromkeys(word for word in words if word not in OUTCOMES)]
    counts = [(words.count(word), str(word).replace("_", " ")) for word in order if word in words]
    return ", ".join(f"{numbers.count(number)} {word}" for number, word in counts) or "no record"
