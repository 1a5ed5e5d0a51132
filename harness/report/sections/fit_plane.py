"""The plane through parameter space in which the loss surface is drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.problem.design import columns_of
from harness.problem.evaluation import loss_scale
from harness.report.sections.fit_cell import Matrix, Shown, Vector
from harness.scenario.training import SquaredLoss

# Predictions of one block of grid points at once.
_BLOCK = 2**21


@dataclass(frozen=True)
class Plane:
    """
    A point and two directions, and the loss above its least there.

    Args:
        shown: The cell.
        origin: Coordinates (0, 0), shape (p,).
        basis: The directions, shape (p, 2).
        names: Of the horizontal and the vertical axis.
        bend: The Hessian in the plane, shape (2, 2); None for a loss made of pieces.
        centre: The least point of such a parabola in the plane, shape (2,).
    """

    shown: Shown
    origin: Vector
    basis: Matrix
    names: tuple[str, str]
    bend: Matrix | None
    centre: Vector

    @staticmethod
    def of(shown: Shown) -> Plane | None:
        """
        The parameters themselves where there are two, else the two leading eigen-directions of the Hessian.

        None for a net, for a single parameter, and where nothing finite was reached. The directions of a loss
        without a Hessian are those of the squared one.
        """
        layout = shown.evaluation.layout
        anchor = anchor_of(shown)
        if layout.layered or layout.size < 2 or anchor is None:
            return None
        hessian = hessian_of(shown)
        if layout.size == 2:
            origin, basis, names = np.zeros(2), np.eye(2), (layout.names[0], layout.names[1])
        else:
            _, directions = np.linalg.eigh(hessian)
            # The second-steepest across, the steepest up; signs are free, so the largest part is positive.
            basis = np.stack([_signed(directions[:, place]) for place in (-2, -1)], axis=1)
            origin, names = anchor, ("second-steepest direction", "steepest direction")
        if not is_squared(shown):
            return Plane(shown, origin, basis, names, None, np.zeros(2))
        bend = basis.T @ hessian @ basis
        rows = shown.data.training
        slope = basis.T @ shown.evaluation.gradient(anchor, rows.x, rows.y)
        values = np.linalg.eigvalsh(bend)
        if not values[0] > 1e-12 * values[-1]:
            return Plane(shown, origin, basis, names, None, np.zeros(2))
        centre = (anchor - origin) @ basis - np.linalg.solve(bend, slope)
        return Plane(shown, origin, basis, names, bend, centre)

    def at(self, states: Matrix) -> Matrix:
        """Coordinates, shape (k, 2), of states (k, p): where they lie, or their shadow on the plane."""
        with np.errstate(over="ignore", invalid="ignore"):
            return np.asarray((states - self.origin) @ self.basis)

    def excess(self, points: Matrix) -> Vector:
        """The loss of points (k, 2) above the least that is known, or that they have."""
        if self.bend is not None:
            apart = points - self.centre
            return np.asarray(((apart @ self.bend) * apart).sum(axis=1) / 2)
        rows = self.shown.data.training
        states = self.origin + points @ self.basis.T
        size = max(1, _BLOCK // len(rows.y))
        blocks = [states[start : start + size] for start in range(0, len(states), size)]
        loss = np.concatenate([self.shown.evaluation.loss(block, rows.x, rows.y) for block in blocks])
        least = self.shown.least
        return np.maximum(loss - (float(loss.min()) if least is None else least), 0.0)


def anchor_of(shown: Shown) -> Vector | None:
    """The optimum, or where the training ended; None where that is not finite."""
    if shown.optimum is not None:
        return shown.optimum
    return shown.states[-1] if shown.finite == len(shown.step) else None


def is_squared(shown: Shown) -> bool:
    """Whether the loss is a parabola in the parameters of a linear model."""
    return isinstance(shown.evaluation.spec.training.loss, SquaredLoss)


def hessian_of(shown: Shown) -> Matrix:
    """Of the squared loss of a linear model, shape (p, p); for other losses of their mean squared error."""
    spec = shown.evaluation.spec
    columns = columns_of(shown.data.training, intercept=spec.model.intercept)
    scale = loss_scale(spec.training.loss, len(columns)) if is_squared(shown) else 1 / len(columns)
    return np.asarray(2 * scale * (columns.T @ columns))


def steepest(shown: Shown) -> Vector | None:
    """
    Signed distances from the optimum along the steepest direction, of the states from 0 on without a gap.

    None where there is no such direction: a net, another loss, no optimum.
    """
    if shown.optimum is None or not is_squared(shown):
        return None
    _, directions = np.linalg.eigh(hessian_of(shown))
    gaps = np.flatnonzero(np.diff(shown.step) > 1)
    count = int(gaps[0]) + 1 if gaps.size else len(shown.step)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray((shown.states[:count] - shown.optimum) @ _signed(directions[:, -1]))


def _signed(direction: Vector) -> Vector:
    return direction if direction[np.argmax(np.abs(direction))] > 0 else -direction
