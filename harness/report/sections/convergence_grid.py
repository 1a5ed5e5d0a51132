"""Steps to a target as a table of learning rate by batch size, shaded: a heat map that can be read aloud."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from harness.analysis.best_found import steps_to_best_found
from harness.analysis.targets import Reaching, reachings
from harness.frames.table import records
from harness.report import findings_grid, numbers
from harness.report.findings_convergence import share_words
from harness.report.findings_grid import DIVERGED, MISSED, REACHED, Square
from harness.report.parts import Finding, Table, table_of
from harness.report.sections.convergence_block import Block, Levels
from harness.report.view import View, key, phrase, phrases

MOST_RATES = 12
MOST_BATCHES = 7
Row = dict[str, Any]


def blocks(view: View) -> tuple[Block, ...]:
    """One block; none where fewer than two configurations can be told apart, or no target is known."""
    shares = view.scenario.document.target.tau
    rows = _rows(view, shares)
    ran = Levels.of(view, (view.configs[row["cell"]] for row in rows))
    if len(ran.rates) * len(ran.batches) < 2 or not any(row["target_steps"] for row in rows):
        return ()
    reached = reachings(((view.spec(row["cell"]), row) for row in rows), shares)
    squares = {share: _squares(rows, reached, place, ran) for place, share in enumerate(shares)}
    if sum(square.state != findings_grid.NOT_RUN for square in squares[shares[0]].values()) < 2:
        return ()
    share = findings_grid.useful(shares, {share: list(found.values()) for share, found in squares.items()})
    every = squares[share]
    best = findings_grid.fewest(every.values())
    at = best.axes if best is not None else view.reference
    finding = Finding(findings_grid.of_grid(list(every.values()), share), _how(view, rows))
    table = _table(every, share, ran.thinned(MOST_RATES, MOST_BATCHES, at), ran)
    return (Block("Which learning rate and batch size get there first?", finding, (table,)),)


def _rows(view: View, shares: tuple[float, ...]) -> list[Row]:
    """The cells of the first arm that ran, its other axes at the reference; of a net with targets of its own."""
    ran = view.first_replicates[view.first_replicates["status"] != "skipped"]
    present = set(zip(ran["implementation"], ran["device"], strict=True))
    arm = next((arm for arm in view.arms if arm in present), ("", ""))
    fixed = {axis: key(level) for axis, level in view.reference.items() if axis not in ("learning_rate", "batch_size")}
    mine = ran[(ran["implementation"] == arm[0]) & (ran["device"] == arm[1])]
    at = [all(key(axes[axis]) == level for axis, level in fixed.items()) for axes in mine["axes"]]
    rows = records(mine.loc[at])
    if not view.is_net:
        return rows
    best = steps_to_best_found(view.assessment.run, view.name, shares)
    return [{**row, "target_steps": best.get(row["cell"])} for row in rows]


def _squares(
    rows: Sequence[Row], reached: Sequence[Reaching], place: int, levels: Levels
) -> dict[tuple[str, str], Square]:
    found = {(key(item.axes["learning_rate"]), key(item.axes["batch_size"])): item.targets[place] for item in reached}
    lost: dict[tuple[str, str], int] = {}
    for row in rows:
        at = (key(row["axes"]["learning_rate"]), key(row["axes"]["batch_size"]))
        lost[at] = lost.get(at, 0) + (row["outcome"] == "diverged")
    return {
        (rate, batch): Square(
            numbers.level(rate_level),
            phrase("batch_size", batch_level),
            found.get((rate, batch)),
            lost.get((rate, batch), 0),
            {"learning_rate": rate_level, "batch_size": batch_level},
        )
        for rate_level, rate in ((level, key(level)) for level in levels.rates)
        for batch_level, batch in ((level, key(level)) for level in levels.batches)
    }


def _table(squares: Mapping[tuple[str, str], Square], share: float, shown: Levels, ran: Levels) -> Table:
    steps = [square.steps for square in squares.values() if square.state == REACHED]
    low, high = min(steps, default=0.0), max(steps, default=0.0)
    lines = [
        (phrase("batch_size", batch), *(_shaded(squares[key(rate), key(batch)], low, high) for rate in shown.rates))
        for batch in shown.batches
    ]
    head = ("Learning rate", *(f"{numbers.level(rate)}#" for rate in shown.rates))
    table = table_of(f"Steps until {share_words(share)} of the possible loss reduction is left", head, lines)
    cut = shown.shares(ran)
    return Table(table.caption, table.head, table.rows, f"{cut}; the finding is about all." if cut else "")


def _shaded(square: Square, low: float, high: float) -> Markup:
    if square.state == REACHED:
        step = findings_grid.strength(square.steps, low, high)
        return _cell(f"grid-{step}", findings_grid.steps_words(square.steps))
    if square.state == DIVERGED:
        return _cell("grid-diverged", "diverged")
    if square.state == MISSED and square.target is not None:
        return _cell("grid-missed", f">\u00a0{numbers.count(square.target.budget)}")
    return _cell("grid-none", numbers.MISSING)


def _cell(kind: str, words: str) -> Markup:
    return Markup('<span class="grid-cell {}">{}</span>').format(kind, words)


def _how(view: View, rows: Sequence[Row]) -> str:
    seeds = len({row["seed"] for row in rows})
    arm = view.arm_name(rows[0]["implementation"], rows[0]["device"])
    fixed = phrases({axis: view.reference[axis] for axis in view.reference if axis in view.varied},
                    ("learning_rate", "batch_size"))  # fmt: skip
    shares = view.scenario.document.target.tau
    why = " The target is the hardest that at least half of those reach that reach any." if len(shares) > 1 else ""
    over = f"Median over {numbers.plural(seeds, 'seed')}" if seeds > 1 else "One seed"
    at = f", {fixed}" if fixed else ""
    return (
        f"{over}, {arm}{at}.{why} Stronger blue is slower, in eight steps of a log scale; > a budget: not reached in "
        "so many steps; hatched: diverged in at least half of the seeds; –: not run."
    )
