"""Steps and seconds to each target."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from harness.analysis.best_found import steps_to_best_found
from harness.analysis.targets import Reaching, Target, median, reachings
from harness.frames.table import records
from harness.report import findings_convergence as findings
from harness.report import numbers
from harness.report.parts import Content, Finding, Table, table_of
from harness.report.sections import convergence_profile
from harness.report.sections.convergence_block import Block, Levels
from harness.report.view import View, key, phrase, phrases

MOST_RATES = 12
MOST_BATCHES = 7


def blocks(view: View) -> tuple[Block, ...]:
    """Steps to each target by learning rate and batch, seconds by arm, and the profile over all problems."""
    shares = view.scenario.document.target.tau
    best = steps_to_best_found(view.assessment.run, view.name, shares) if view.is_net else None
    rows = view.rows
    if best is not None:
        rows = [{**row, "target_steps": best.get(row["cell"])} for row in rows]
    if not any(row["target_steps"] for row in rows):
        return ()
    return (_steps(view, rows, shares), *convergence_profile.blocks(view, rows, shares))


def _steps(view: View, rows: Sequence[dict[str, Any]], shares: Sequence[float]) -> Block:
    arm = _arm(view, rows)
    mine = [row for row in rows if (row["implementation"], row["device"]) == arm and row["status"] != "skipped"]
    ran = Levels.of(view, (row["config"] for row in mine))
    configs = _configs(view, ran)
    found = {_named(view, item): item for item in _reachings(view, mine, shares, configs)}
    named = {name: item.targets for name, item in found.items()}
    best = findings.fewest(named)
    shown = ran.thinned(MOST_RATES, MOST_BATCHES, found[best].axes if best is not None else view.reference)
    within, predicted = _configs(view, shown), _predicted(view)
    table = table_of(
        f"Updates until so much of the possible loss reduction is left: {view.arm_name(*arm)}{_fixed(view)}",
        ("Configuration", *(f"{findings.share_words(share)} left#" for share in shares)),
        [_row(view, item, predicted) for item in found.values() if _config(view, item) in within],
        MOST_RATES * MOST_BATCHES,
    )
    seconds = _seconds(view, [row for row in rows if row["phase"] == "timed"], shares)
    seeds = max((item.targets[0].count for item in found.values()), default=0)
    cut = f"{part} in the table; the finding is about all." if (part := shown.shares(ran)) else ""
    how = " ".join(filter(None, (_what(view, seeds), _apart(view, rows, configs), cut)))
    tables = (table, seconds) if seconds else (table,)
    return Block("How many steps does a target take?", Finding(findings.of_targets(named), how), tables)


def _configs(view: View, levels: Levels) -> set[str]:
    """The other axes at the reference."""
    pairs = itertools.product(levels.rates, levels.batches)
    return {key({**view.reference, "learning_rate": rate, "batch_size": batch}) for rate, batch in pairs}


def _config(view: View, item: Reaching) -> str:
    return key({axis: level for axis, level in item.axes.items() if axis in view.reference})


def _what(view: View, seeds: int) -> str:
    least = (
        "The least loss of a net is not known: the least found by any cell of the same data stands in, so "
        "the cell that found it reaches every target; steps are those of recorded states."
        if view.is_net
        else "The least possible loss is that of the exact optimum."
    )
    if seeds < 2:
        return f"{least} The targets were fixed before the run. One seed; a miss is > its budget."
    return (
        f"{least} The targets were fixed before the run. Median over seeds, a miss being infinite (> its budget); "
        "below it how many seeds got there, and ERT, the expected running time: the steps of all seeds, misses with "
        "their whole budget, for each success."
    )


def _reachings(
    view: View, rows: Sequence[dict[str, Any]], shares: Sequence[float], configs: set[str]
) -> list[Reaching]:
    """The configurations named, in all arms; of replicates the first that is ok, with the median of their times."""
    members: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if row["config"] in configs and row["status"] != "skipped":
            members.setdefault(row["cell"], []).append(row)
    specs = view.assessment.run.file.specs
    cells = []
    for cell, replicates in members.items():
        first = next((row for row in replicates if row["status"] == "ok"), replicates[0])
        timed = [row["step_seconds"] for row in replicates if not math.isnan(row["step_seconds"])]
        cells.append((specs[view.name, cell], {**first, "step_seconds": median(timed)}))
    return reachings(cells, shares)


def _arm_of(item: Reaching) -> tuple[str, str]:
    return str(item.axes["implementation"]), str(item.axes["device"])


def _arm(view: View, rows: Sequence[dict[str, Any]]) -> tuple[str, str]:
    """The first that ran."""
    ran = {(row["implementation"], row["device"]) for row in rows if row["status"] != "skipped"}
    return next(arm for arm in view.arms if arm in ran)


def _named(view: View, item: Reaching) -> str:
    varied = ("learning_rate", *(["batch_size"] if len(view.levels["batch_size"]) > 1 else []))
    return ", ".join(phrase(axis, item.axes[axis]) for axis in varied)


def _fixed(view: View) -> str:
    fixed = phrases({axis: view.reference[axis] for axis in view.reference if axis in view.varied},
                    ("learning_rate", "batch_size"))  # fmt: skip
    return f", {fixed}" if fixed else ""


def _predicted(view: View) -> dict[str, list[list[float | None]]]:
    """What theory says, by configuration: a list a seed."""
    frame = view.assessment.run.reference
    known = {row["reference"]: row["predicted_steps"] for row in records(frame[frame["scenario"] == view.name])}
    found: dict[str, dict[str, list[float | None]]] = {}
    for config, reference in zip(view.cells["config"], view.cells["reference"], strict=True):
        if isinstance(known.get(reference), list):
            found.setdefault(config, {})[reference] = known[reference]
    return {config: list(lists.values()) for config, lists in found.items()}


def _row(view: View, item: Reaching, predicted: dict[str, list[list[float | None]]]) -> tuple[Content, ...]:
    lists = predicted.get(_config(view, item), [])
    cells = [_cell(target, [by_share[place] for by_share in lists]) for place, target in enumerate(item.targets)]
    return (_named(view, item), *cells)


def _cell(target: Target, predicted: Sequence[float | None]) -> Markup:
    """The median, and below it how many seeds, the expected running time, and what theory says."""
    tried = numbers.share(target.reached, target.count)
    if target.count > 1 and target.reached:
        tried = f"{tried}, ERT {_whole(target.expected_steps)}"
    notes = [tried]
    known = [steps for steps in predicted if steps is not None]
    if known and len(known) == len(predicted):
        middle = median(known)
        notes += [f"theory {_whole(middle)}"] if math.isfinite(middle) else ["theory: never"]
    lines = Markup("").join(Markup('<span class="targets-note">{}</span>').format(note) for note in notes)
    return Markup("{} {}").format(_words(target), lines)


def _words(target: Target) -> str:
    """`1,053`, or `> 1,000` where too few seeds got there for a median."""
    return _whole(target.steps) if math.isfinite(target.steps) else f">\u00a0{numbers.count(target.budget)}"


def _whole(steps: float) -> str:
    return f"{steps:,.0f}" if steps == round(steps) or steps >= 100 else f"{steps:,.1f}"


def _apart(view: View, rows: Sequence[dict[str, Any]], configs: set[str]) -> str:
    """Whether all implementations take the same steps; they compute the same training."""
    by_training: dict[tuple[Any, ...], dict[tuple[str, str], Any]] = {}
    for row in rows:
        if row["config"] in configs and row["status"] == "ok" and row["target_steps"]:
            arm = (row["implementation"], row["device"])
            by_training.setdefault((row["config"], row["seed"]), {})[arm] = row["target_steps"]
    finished = len({arm for found in by_training.values() for arm in found})
    trainings = [list(found.values()) for found in by_training.values() if len(found) > 1]
    return findings.of_sameness(trainings, finished if finished < len(view.arms) else 0)


def _seconds(view: View, rows: Sequence[dict[str, Any]], shares: Sequence[float]) -> Table | None:
    """Seconds by arm over the timed seeds, at the reference configuration; None where nothing was timed."""
    found = _reachings(view, rows, shares, {key(view.reference)})
    lines = [_arm_row(view, item) for item in found]
    if not any(math.isfinite(target.seconds) for item in found for target in item.targets):
        return None
    head = ("Implementation", "Seeds#", *(f"{findings.share_words(share)} left#" for share in shares))
    over = ", median over the timed seeds" if any(item.targets[0].count > 1 for item in found) else ""
    caption = f"Seconds to each target, steps times the time per step{over}: {view.reference_words}"
    return table_of(caption, head, lines)


def _arm_row(view: View, item: Reaching) -> tuple[Content, ...]:
    seeds = max(target.count for target in item.targets)
    return (view.arm_name(*_arm_of(item)), numbers.count(seeds), *map(_seconds_words, item.targets))


def _seconds_words(target: Target) -> str:
    if math.isnan(target.seconds):
        return "not timed"
    return numbers.seconds(target.seconds) if math.isfinite(target.seconds) else "not reached"
