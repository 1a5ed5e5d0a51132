"""Every cell beside its reference: which follow, which make much of rounding, and which are wrong, and how."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from harness.analysis.diagnosis.case import Case
from harness.analysis.diagnosis.envelope import Envelope
from harness.analysis.diagnosis.explain import explanations
from harness.analysis.diagnosis.finding import Explanation, Finding, named
from harness.analysis.diagnosis.precision import PRECISIONS
from harness.analysis.diagnosis.returned import explanation, returned
from harness.analysis.diagnosis.training import trainings
from harness.analysis.following import Following, distances_to, followings, precision_of
from harness.frames import Run
from harness.scenario.reference import HOW_AXES

# Of cells that differ in the seed alone so many are walked again, of a scenario's groups that a device, a dtype and
# an implementation share so many are explained; the others are counted with them.
_WALKED, _EXPLAINED = 3, 3
# A parameter this near to the one farthest off is named with it.
_NAMED_SHARE = 1e-3


class Diagnosis:
    """What the records of a run say of its cells, from nothing but the run file."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._training = trainings(run)
        self._envelopes: dict[tuple[str, str, str], Envelope] = {}

    @cached_property
    def followings(self) -> list[Following]:
        """Every cell that finished and has a reference; `left` where no rounding explains it, amplified or not."""
        judged = [self._judged(group) for group in _grouped(followings(self._run), _but_seed)]
        return [item for group in judged for item in group]

    @cached_property
    def findings(self) -> list[Finding]:
        """What is wrong, float64 first: paths, then losses of cells whose path is right."""
        found: list[Finding] = []
        for group in _grouped(self.followings, _alike):
            astray = [item for item in group if item.left is not None]
            found += _joined([self._of_path(item) for item in _chosen(astray)], astray)
            right = [item for item in group if item.left is None]
            found += self._of_losses(right)
        # In float64 a mistake shows clearest.
        return sorted(found, key=lambda item: item.dtype != "float64")

    def _judged(self, group: list[Following]) -> list[Following]:
        """Cells that differ in the seed alone: a few that left are walked again, and speak for the others."""
        left = [item for item in group if item.left is not None]
        beyond = {_key(item): self._beyond(item, item.left) for item in left[:_WALKED] if item.left is not None}
        astray = any(step is not None for step in beyond.values())

        def judged(item: Following) -> Following:
            if item.left is None:
                return item
            step = beyond.get(_key(item), item.left if astray else None)
            walked = item.cell if _key(item) in beyond else left[0].cell
            return replace(item, left=step, amplified_step=item.left if step is None else None, walked=walked)

        return [judged(item) for item in group]

    def _beyond(self, item: Following, left: int) -> int | None:
        """The first recorded step that is farther away than rounding takes this training."""
        trace, reference = self._arrays(item)
        distances, count = distances_to(item.dtype, trace, reference)
        first = int(np.searchsorted(trace["step"], left))
        found = self._envelope(item).beyond(distances[:count], first)
        return None if found is None else int(trace["step"][found])

    def _arrays(self, item: Following) -> tuple[Any, Any]:
        file = self._run.file
        reference = file.reference_of[item.scenario, item.cell]
        return file.trace(item.scenario, item.cell, item.replicate), file.reference(item.scenario, reference)

    def _envelope(self, item: Following) -> Envelope:
        file = self._run.file
        precision = PRECISIONS[precision_of(file.specs[item.scenario, item.cell])]
        reference = file.reference_of[item.scenario, item.cell]
        key = (item.scenario, reference, precision.name)
        if key not in self._envelopes:
            training = self._training(item.scenario, item.cell)
            self._envelopes[key] = Envelope(training, precision, file.reference(item.scenario, reference))
        return self._envelopes[key]

    def _of_path(self, item: Following) -> Finding:
        trace, reference = self._arrays(item)
        left = int(np.searchsorted(trace["step"], item.left or 0))
        case = Case(self._training(item.scenario, item.cell), trace, reference, self._envelope(item), left)
        worst, quantity = _farthest(case)
        return Finding(
            scenario=item.scenario,
            cell=item.cell,
            axes=item.axes,
            step=int(case.steps[case.first]),
            after=int(case.steps[case.before]) if case.first else -1,
            quantity=quantity,
            found=float(case.found[case.first][worst]),
            expected=float(case.path[case.first][worst]),
            ratio=case.ratio,
            along=case.along,
            explanations=explanations(case),
            cells=(item.cell,),
        )

    def _of_losses(self, right: list[Following]) -> list[Finding]:
        found: list[Finding] = []
        for group in _grouped(right, _but_seed):
            found += filter(None, (self._of_loss(item) for item in group[:_WALKED]))
        return _joined(found, [])

    def _of_loss(self, item: Following) -> Finding | None:
        training, precision = self._training(item.scenario, item.cell), self._envelope(item).precision
        trace, _ = self._arrays(item)
        wrong = [loss for loss in returned(training, trace, precision) if not loss.right]
        if not wrong:
            return None
        words, first = explanation(training, trace, precision, wrong), wrong[0]
        return Finding(
            scenario=item.scenario,
            cell=item.cell,
            axes=item.axes,
            step=first.step,
            after=first.step - 1,
            quantity="step_loss",
            found=first.found,
            expected=first.wanted,
            ratio=first.ratio if np.isfinite(first.ratio) else None,
            along=True,
            explanations=(Explanation(words, float("nan"), ""),) if words else (),
            cells=(item.cell,),
        )


def _farthest(case: Case) -> tuple[int, str]:
    """The parameter farthest off in the first bad state, and the names of all that are off."""
    with np.errstate(over="ignore", invalid="ignore"):
        away = np.abs(case.found[case.first] - case.path[case.first]).astype(np.float64)
    away = np.where(np.isnan(away), np.inf, away)
    worst = int(np.argmax(away))
    off = np.flatnonzero(away >= _NAMED_SHARE * away[worst]).tolist()
    return worst, named(case.training.layout.names, off)


def _key(item: Following) -> tuple[str, int]:
    """Replicates whose bits differ are two."""
    return item.cell, item.replicate


def _but_seed(item: Following) -> Any:
    return item.scenario, tuple((name, repr(level)) for name, level in item.axes.items() if name != "seed")


def _alike(item: Following) -> Any:
    """What an implementation's mistake would be common to."""
    return item.scenario, tuple((name, repr(level)) for name, level in item.axes.items() if name in HOW_AXES)


def _grouped(items: Iterable[Following], key: Any) -> list[list[Following]]:
    groups: dict[Any, list[Following]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return list(groups.values())


def _chosen(astray: list[Following]) -> list[Following]:
    """A few that differ in more than the seed: the first, the last, and one between."""
    first = [group[0] for group in _grouped(astray, _but_seed)]
    numbers = np.linspace(0, len(first) - 1, min(_EXPLAINED, len(first))).round().astype(int)
    return [first[number] for number in sorted({*numbers.tolist()})]


def _joined(found: list[Finding], others: list[Following]) -> list[Finding]:
    """Findings that one mistake explains are one; the cells that were not looked into are counted with the first."""
    joined: list[Finding] = []
    for item in found:
        for number, other in enumerate(joined):
            both = [same for same in other.explanations if same.words in {one.words for one in item.explanations}]
            if both or not (other.explanations or item.explanations):
                joined[number] = replace(other, explanations=tuple(both), cells=(*other.cells, *item.cells))
                break
        else:
            joined.append(item)
    known = {cell for item in joined for cell in item.cells}
    rest = [item.cell for item in others if item.cell not in known]
    return [replace(item, cells=(*item.cells, *rest)) if item is joined[0] else item for item in joined]
