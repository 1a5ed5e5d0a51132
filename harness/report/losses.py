"""Loss curves over seeds, from the traces of the cells that a figure needs and no others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.analysis.quantities import data_of
from harness.problem.evaluation import Evaluation
from harness.record import Arrays
from harness.report import numbers
from harness.report.view import View, key

# Enough for a median with a band; a run of thousands of seeds is not read whole.
MOST_SEEDS = 20
_COMPARED_SEEDS = 3
# Less than the width of a line on any of the axes used.
_COINCIDE = 0.01
Vector = NDArray[np.float64]
Arm = tuple[str, str]


@dataclass(frozen=True)
class Curves:
    """
    The losses of one configuration.

    Args:
        rows: Its cells.
        step: The states shown, shape (s,).
        values: Shape (seeds, s); not finite where a cell diverged.
    """

    rows: pd.DataFrame
    step: Vector
    values: Vector

    def quantiles(self) -> tuple[Vector, Vector, Vector]:
        """Median, 10 % and 90 % over seeds; NaN at a state where a median would have to be guessed."""
        ordered = np.where(np.isnan(self.values), np.inf, self.values)
        with np.errstate(invalid="ignore"):
            middle, low, high = (
                np.quantile(ordered, share, axis=0, method="nearest" if share != 0.5 else "linear")
                for share in (0.5, 0.1, 0.9)
            )
        return middle, low, high


@dataclass(frozen=True)
class Source:
    """
    Where the lines of the convergence figures come from.

    Args:
        view: The scenario.
        done: Its cells that did all their steps, one row each.
        drawn: The arms (implementation, device) that are drawn: one where all coincide.
        sameness: What is said about the others.
        excess: Whether losses are shown less the optimum's.
    """

    view: View
    done: pd.DataFrame
    drawn: tuple[Arm, ...]
    sameness: str
    excess: bool

    @classmethod
    def of(cls, view: View, done: pd.DataFrame) -> Source:
        """Decide what is drawn by comparing a few seeds of every arm."""
        excess = bool(done["optimum"].map(lambda value: isinstance(value, list)).all())
        present = {(str(i), str(d)) for i, d in zip(done["implementation"], done["device"], strict=True)}
        arms = [arm for arm in view.arms if arm in present]
        bare = cls(view, done, tuple(arms), "", excess)
        drawn, sameness = _choose(bare, arms)
        return cls(view, done, drawn, sameness, excess)

    @property
    def first_step(self) -> int:
        """Where lines begin: a log axis has no place for step 0."""
        return 1

    @property
    def seeds_in_all(self) -> int:
        """Seeds of the scenario that have a finished cell."""
        return int(self.done["seed"].nunique())

    @property
    def seeds(self) -> int:
        """Seeds that are drawn."""
        return min(MOST_SEEDS, self.seeds_in_all)

    def curves(self, arm: Arm, rate: Any, batch: Any, most: int = MOST_SEEDS) -> Curves | None:
        """One configuration, its other axes at the reference; None where nothing ran."""
        config = key({**self.view.reference, "learning_rate": rate, "batch_size": batch})
        rows = self.done[
            (self.done["implementation"] == arm[0]) & (self.done["device"] == arm[1]) & (self.done["config"] == config)
        ]
        rows = rows.sort_values("seed").head(most)
        loaded = [self._loss(row) for _, row in rows.iterrows()]
        whole = [(step, loss) for step, loss in loaded if len(step) == max(len(item[0]) for item in loaded)]
        if not whole or not len(whole[0][0]):
            return None
        return Curves(rows, whole[0][0], np.stack([loss for _, loss in whole]))

    def predicted(self, rows: pd.DataFrame) -> Curves | None:
        """What theory says of the same cells; None where it says nothing of one of them."""
        loaded = [self._shown(row, _reference(self.view, row), "predicted_loss") for _, row in rows.iterrows()]
        if not loaded or not all(len(step) and len(step) == len(loaded[0][0]) for step, _ in loaded):
            return None
        return Curves(rows, loaded[0][0], np.stack([loss for _, loss in loaded]))

    def _loss(self, row: Any) -> tuple[Vector, Vector]:
        return self._shown(row, self.view.trace(row), "loss")

    def _shown(self, row: Any, arrays: Arrays, name: str) -> tuple[Vector, Vector]:
        """Steps from 1 on, and what is drawn of them; empty where there is nothing."""
        if name not in arrays:
            return np.array([]), np.array([])
        step, loss = arrays["step"].astype(np.float64), arrays[name]
        if self.excess:
            loss = _above(loss, self._least(row))
        return step[1:], loss[1:]

    def _least(self, row: Any) -> float:
        """The loss of the exact optimum, over the same rows."""
        spec = self.view.spec(str(row["cell"]))
        training = data_of(spec, self.view.inputs(spec)).training
        optimum = np.array([row["optimum"]], dtype=np.float64)
        return float(Evaluation.of(spec).loss(optimum, training.x, training.y)[0])


def _reference(view: View, row: Any) -> Arrays:
    return view.assessment.run.file.reference(view.name, str(row["reference"]))


def _above(loss: Vector, least: float) -> Vector:
    """The excess over the least loss; 0 where it is no more than rounding, which the figure does not draw."""
    with np.errstate(invalid="ignore"):
        excess = loss - least
        return np.where(excess <= 8 * np.finfo(np.float64).eps * abs(least), 0.0, excess)


def _choose(source: Source, arms: Sequence[Arm]) -> tuple[tuple[Arm, ...], str]:
    """One arm where the lines of all coincide; all of them where they part and there is one batch size."""
    view = source.view
    seeds = {arm: found for arm in arms if (found := _seeds_at_reference(source, arm))}
    first, *others = [*seeds] or arms
    elsewhere = [view.arm_name(*arm) for arm in arms if arm not in seeds]
    apart_words = f" Only at other configurations: {numbers.listed(elsewhere)}." if seeds and elsewhere else ""
    if not others or not seeds:
        return (first,), apart_words.strip()
    shared = sorted(set.intersection(*seeds.values()))[:_COMPARED_SEEDS]
    apart = _largest_gap(source, list(seeds), shared) if shared else math.inf
    names = numbers.listed(view.arm_name(*arm) for arm in seeds)
    if apart <= _COINCIDE:
        compared = numbers.plural(len(shared), "seed")
        gap = "bit for bit" if apart == 0 else f"to within {numbers.significant(max(apart, 1e-16), 2)} of the loss"
        drawn = view.arm_name(*first)
        return (first,), f"{names} coincide {gap} ({compared} compared), so {drawn} alone is drawn.{apart_words}"
    if len(view.levels["batch_size"]) == 1:
        told = "each has its line" if len(seeds) <= 7 else f"the first 7 of {len(seeds)} have a line each"
        return tuple(seeds)[:7], f"The implementations part, so {told}.{apart_words}"
    told = f"The others part from {view.arm_name(*first)}, which is drawn; see bit for bit below."
    return (first,), f"{told}{apart_words}"


def _seeds_at_reference(source: Source, arm: Arm) -> set[int]:
    done = source.done[source.done["config"] == key(source.view.reference)]
    return set(done.loc[(done["implementation"] == arm[0]) & (done["device"] == arm[1]), "seed"])


def _largest_gap(source: Source, arms: Sequence[Arm], seeds: Sequence[int]) -> float:
    """Largest relative difference of the loss from the first arm's, at the reference, seed by seed."""
    reference = source.view.reference
    rate, batch = reference["learning_rate"], reference["batch_size"]
    bare = Source(source.view, source.done[source.done["seed"].isin(seeds)], source.drawn, "", excess=False)
    curves = [bare.curves(arm, rate, batch, len(seeds)) for arm in arms]
    values = [item.values if item is not None else np.empty((0, 0)) for item in curves]
    return max(_gap(values[0], other) for other in values[1:])


def _gap(one: Vector, other: Vector) -> float:
    """Infinite where one is finite and the other is not, or they are not of the same states."""
    if one.shape != other.shape or (np.isfinite(one) != np.isfinite(other)).any():
        return math.inf
    both = np.isfinite(one)
    scale = np.where(one[both] == 0, 1.0, np.abs(one[both]))
    return float(np.max(np.abs(one[both] - other[both]) / scale, initial=0.0))
