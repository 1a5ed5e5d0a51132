"""The points between which the error of a fitted parameter is split, as exact numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from harness.record import Arrays
from harness.scenario.cell import CellSpec

# What is not finite has no fraction and stays as it is.
Exact: TypeAlias = Fraction | float
Point: TypeAlias = Sequence[Exact]


@dataclass(frozen=True)
class Points:
    """
    Four points, a number a parameter, weights first; None for one that does not exist.

    Args:
        found: What the cell ended on.
        reference: What the same training ends on in extended precision.
        optimum: Of the loss on the training rows.
        truth: What the data were made with.
    """

    found: Point | None
    reference: Point | None
    optimum: Point | None
    truth: Point | None

    @property
    def in_turn(self) -> tuple[Point | None, ...]:
        """From what was found to what is true."""
        return self.found, self.reference, self.optimum, self.truth


@dataclass(frozen=True)
class ExactScaling:
    """
    How the model's columns were scaled, without any rounding: (x - centre) / scale.

    A model without intercept is scaled and not centred.
    """

    centre: Point
    scale: Point

    def raw(self, point: Point) -> Point:
        """Coefficients of the unscaled columns: w / s, and b less the sum of w c / s."""
        weights = [w / s for w, s in zip(point, self.scale, strict=False)]
        return [*weights, *(bias - self._moved(weights) for bias in point[len(weights) :])]

    def trained(self, point: Point) -> Point:
        """Coefficients of the scaled columns: w s, and b and the sum of w c."""
        count = len(self.scale)
        weights = [w * s for w, s in zip(point[:count], self.scale, strict=True)]
        return [*weights, *(bias + self._moved(point[:count]) for bias in point[count:])]

    def _moved(self, weights: Point) -> Exact:
        return sum((w * c for w, c in zip(weights, self.centre, strict=True)), Fraction(0))


def points(spec: CellSpec, found: Sequence[float], reference: Arrays) -> tuple[Points, Points]:
    """
    The points of a cell, as trained and in the coefficients of the unscaled columns.

    Args:
        spec: The cell.
        found: Its parameters at the end, weights first.
        reference: The arrays of its reference; empty where it has none.
    """
    path = exact(reference["parameters"][-1], reference["parameters_low"][-1]) if reference else None
    optimum = exact(reference["optimum"], reference["optimum_low"]) if "optimum" in reference else None
    truth = _truth(spec)
    if spec.model.kind != "linear" or spec.model.standardize == "none":
        same = Points(exact(found), path, optimum, truth)
        return same, same
    if not reference:
        return Points(exact(found), None, None, None), Points(None, None, None, truth)
    scaling = ExactScaling(exact(reference["centre"]), exact(reference["scale"]))
    trained = Points(exact(found), path, optimum, _mapped(truth, scaling.trained))
    raw = [_mapped(point, scaling.raw) for point in (trained.found, path, optimum)]
    return trained, Points(raw[0], raw[1], raw[2], truth)


def _truth(spec: CellSpec) -> Point | None:
    truth = spec.raw_truth()
    return None if truth is None else exact([*truth[0], *([truth[1]] if spec.model.intercept else [])])


def _mapped(point: Point | None, to: Callable[[Point], Point]) -> Point | None:
    return None if point is None else to(point)


def exact(high: Iterable[float], low: Iterable[float] | None = None) -> Point:
    """Numbers, or sums of two, as fractions."""
    pairs = zip(high, low, strict=True) if low is not None else ((value, 0.0) for value in high)
    return [_fraction(float(a), float(b)) for a, b in pairs]


def _fraction(high: float, low: float) -> Exact:
    return Fraction(high) + Fraction(low) if math.isfinite(high) else high
