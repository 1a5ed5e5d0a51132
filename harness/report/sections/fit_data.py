"""The panel of the data: a curve through one column, or predicted against observed y of several."""

from __future__ import annotations

import numpy as np

from harness.problem.data import make_data
from harness.problem.features import features
from harness.report import numbers
from harness.report.figures.fit import Fit
from harness.report.sections.fit_cell import Matrix, Places, Shown, Vector
from harness.scenario.cell import CellSpec, noise_mean
from harness.scenario.data import Generated, Linspace, NoNoise

MOST_POINTS = 250
# Each of these has a place in every frame.
_MOST_MOVING = 100
_CURVE_POINTS = 41


def fit_of(shown: Shown) -> tuple[Fit, str]:
    """What to draw, and what is to be said of it."""
    return _of_one_column(shown) if shown.evaluation.spec.columns == 1 else _of_several(shown)


def _of_one_column(shown: Shown) -> tuple[Fit, str]:
    rows = shown.data.training
    kept = sample(len(rows.y), MOST_POINTS)
    x = _places(rows.raw[:, 0], straight=_straight(shown))
    with np.errstate(over="ignore", invalid="ignore"):
        columns = shown.data.scaling.apply(features(x[:, None], shown.evaluation.spec.model.powers))
    y = shown.evaluation.predict(shown.states[shown.frames], columns)
    truth = truth_of(shown.evaluation.spec, x)
    dashed = None if truth is None else (np.column_stack([x, truth]), "truth", "truth")
    points = np.column_stack([rows.raw[kept, 0], rows.y[kept]])
    drawn = _drawn(len(kept), len(rows.y))
    says = f"{drawn}, and the fit{' beside the truth, dashed' if dashed else ''}; the fit {_ends(y)}."
    return Fit("data and fit", "x", points, dashed, x, y, False, says), f"{drawn}."


def _of_several(shown: Shown) -> tuple[Fit, str]:
    rows = shown.data.training
    kept = sample(len(rows.y), _MOST_MOVING)
    y = shown.evaluation.predict(shown.states[shown.frames], rows.x[kept])
    observed = rows.y[kept]
    ends = np.array([observed.min(), observed.max()])
    drawn = _drawn(len(kept), len(rows.y))
    says = f"{drawn}: predicted y over observed y, and the line on which both are equal."
    fit = Fit("predicted y (up) by observed y", "observed y", np.empty((0, 2)),
              (np.column_stack([ends, ends]), "equal", "muted"), observed, y, True, says)  # fmt: skip
    columns = shown.evaluation.spec.columns
    return fit, f"x has {columns} columns, so predicted y is drawn over observed y. {drawn}."


def sample(count: int, most: int) -> Places:
    """Positions of so many rows, drawn with a fixed seed, in their order; all where they are few."""
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(0).choice(count, most, replace=False))


def _drawn(kept: int, count: int) -> str:
    if kept == count:
        return f"All {numbers.plural(count, 'training row')} are drawn"
    return f"{numbers.share(kept, count)} training rows are drawn, chosen by lot"


def _straight(shown: Shown) -> bool:
    """Whether model and truth are lines, of which two points say all."""
    spec = shown.evaluation.spec
    made = not isinstance(spec.data, Generated) or spec.data.y.kind == "linear"
    return made and not shown.evaluation.layout.layered and spec.model.powers == (1,)


def _places(raw: Vector, *, straight: bool) -> Vector:
    return np.linspace(raw.min(), raw.max(), 2 if straight else _CURVE_POINTS)


def truth_of(spec: CellSpec, x: Vector) -> Vector | None:
    """The data's formula at these evenly spaced x, the noise's mean in it; None for rows that nobody made by one."""
    made = spec.data
    if not isinstance(made, Generated) or not x[0] < x[-1]:
        return None
    even = Linspace(kind="linspace", start=float(x[0]), stop=float(x[-1]))
    plain = {"samples": len(x), "x": even, "noise": NoNoise(kind="none"), "rng": "numpy", "validation": None}
    model = spec.model.model_copy(update={"standardize": "none"})
    y = make_data(spec.model_copy(update={"data": made.model_copy(update=plain), "model": model})).training.y
    return np.asarray(y + noise_mean(made))


def _ends(y: Matrix) -> str:
    """Where the last frame's curve ends, in words."""
    left, right = (numbers.significant(float(value)) for value in (y[-1, 0], y[-1, -1]))
    return f"goes from {left} at the left to {right} at the right"
