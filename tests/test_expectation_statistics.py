"""Rules of expectations at their borders, and statistics over the seeds, each by hand."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.analysis.claims import claim
from harness.analysis.expectations import Result, check_all
from harness.analysis.rules import distance, spread
from harness.analysis.statistic import statistic
from harness.analysis.verdict import Assessment
from harness.errors import ScenarioError
from harness.executors.base import Finished, Task
from harness.executors.inline import InlineExecutor
from harness.frames import Run, load
from harness.plan import Cuts, Planned
from harness.record import Record, pack_arrays
from harness.scenario.expect import Expect, Statistic
from harness.scenario.read import Scenario, parse
from tests.builders import document, scenario, toml
from tests.faulty import finished_run

Vector = NDArray[np.float64]
UNTIMED: dict[str, Any] = {"run": {"timing_repeats": 0}}
ANY: dict[str, Any] = {"at_least": -1e300}
LARGEST = float(np.finfo(float).max)


# The rules, without a run.


def off(found: float, wanted: float = 0.0, **rule: Any) -> float:
    """The distance of a rule."""
    value = {} if "at_least" in rule or "at_most" in rule else {"value": wanted}
    return distance(Expect(quantity="loss", **value, **rule), found, wanted)


@pytest.mark.parametrize(
    ("wanted", "rule", "last", "beyond"),
    [
        (3.0, {"within": 0.5}, 3.5, math.nextafter(3.5, 9)),
        (3.0, {"within": 0.5}, 2.5, math.nextafter(2.5, 0)),
        (-4.0, {"relative": 0.25}, -5.0, math.nextafter(-5.0, -9)),
        (-4.0, {"relative": 0.25}, -3.0, math.nextafter(-3.0, 0)),
        (1.0, {"within": 0.0}, 1.0, math.nextafter(1.0, 2)),
        (8.0, {"digits": 0.0}, 16.0, math.nextafter(16.0, 99)),
        (8.0, {"digits": 0.0}, 0.0, -(2.0**-49)),
        (0.0, {"digits": 3.0}, 0.0, 5e-324),
        (0.0, {"relative": 1.0}, -0.0, -5e-324),
        (0.0, {"at_least": 2.0}, 2.0, math.nextafter(2.0, 0)),
        (0.0, {"at_most": 2.0}, 2.0, math.nextafter(2.0, 9)),
        (0.0, {"at_least": 2.0, "at_most": 2.0}, 2.0, math.nextafter(2.0, 9)),
    ],
)
def test_the_border_is_inside(wanted: float, rule: dict[str, Any], last: float, beyond: float) -> None:
    """The last number allowed holds and the next one of float64 does not; these borders are exact in binary."""
    assert off(last, wanted, **rule) <= 1
    assert off(beyond, wanted, **rule) > 1


@pytest.mark.parametrize("found", [math.inf, -math.inf, math.nan])
@pytest.mark.parametrize(
    "rule", [{"within": LARGEST}, {"relative": LARGEST}, {"digits": 0.0}, {"within": 0.0}], ids=str
)
def test_what_is_not_finite_is_near_no_value(found: float, rule: dict[str, Any]) -> None:
    """No tolerance, however large, takes inf or nan for a number."""
    assert off(found, LARGEST, **rule) == math.inf


def test_limits_and_what_is_not_finite() -> None:
    """inf is above every lower limit and minus infinity below every upper one; nan keeps none."""
    assert off(math.inf, at_least=3.0) == 0
    assert off(-math.inf, at_most=3.0) == 0
    assert off(math.inf, at_most=LARGEST) == math.inf
    assert off(math.inf, at_least=3.0, at_most=LARGEST) == math.inf
    assert off(math.nan, at_least=-LARGEST) == off(math.nan, at_most=LARGEST) == math.inf


def test_a_distance_counts_what_is_allowed() -> None:
    """The distance is in units of the tolerance: 0.5 off with 0.25 allowed is 2."""
    assert off(2.5, 2.0, within=0.25) == 2.0
    assert off(2.5, 2.0, relative=0.25) == 1.0
    assert off(2.02, 2.0, digits=2) == pytest.approx(1.0)


def between(wanted: float, found: list[float], **rule: Any) -> float:
    return spread(Expect(quantity="loss", value=wanted, **rule), found, wanted)[1]


def test_the_borders_of_the_seeds_are_inside() -> None:
    """The least and the largest of the seeds are inside their range, the next numbers of float64 are not."""
    found = [0.1, 0.3, 0.7]
    assert [between(value, found, inside="seeds") <= 1 for value in (0.1, 0.7, 0.3)] == [True] * 3
    assert between(math.nextafter(0.1, 0), found, inside="seeds") > 1
    assert between(math.nextafter(0.7, 1), found, inside="seeds") > 1


def test_standard_deviations_at_their_border() -> None:
    """The sd of 1 2 3 is 1 and their mean 2: 4 is 2 of them away, and 0 too."""
    found = [1.0, 2.0, 3.0]
    assert between(4.0, found, sd=2.0) == between(0.0, found, sd=2.0) == 1
    assert between(math.nextafter(4.0, 5), found, sd=2.0) > 1
    # Equal seeds have themselves as mean, and no spread: only that number is at no distance.
    assert between(0.1, [0.1] * 3, sd=3.0) == 0
    assert between(math.nextafter(0.1, 1), [0.1] * 3, sd=3.0) == math.inf


# The statistics, without a run.

VALUES, STARTS = [3.0, 1.0, 4.0, 1.0, 5.0], [2.0, 7.0, 1.0, 8.0, 2.0]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("mean", 14 / 5),
        ("sd", math.sqrt((52 - 14**2 / 5) / 4)),  # n - 1
        ("min", 1.0),
        ("max", 5.0),
        ("median", 3.0),
        # (35 - 14 * 20 / 5) / sqrt((52 - 196 / 5) (122 - 80)); 6 + 7 + 4 + 8 + 10 = 35
        ("start_correlation", (35 - 56) / math.sqrt((52 - 196 / 5) * (122 - 80))),
    ],
)
def test_a_statistic_by_hand(name: Statistic, wanted: float) -> None:
    """Each statistic of 3 1 4 1 5, with starts 2 7 1 8 2, by its sums."""
    assert statistic(name, VALUES, STARTS) == pytest.approx(wanted, rel=1e-15)
    assert statistic(name, VALUES[::-1], STARTS[::-1]) == pytest.approx(wanted, rel=1e-15)


def test_the_median_of_an_even_number() -> None:
    """It is the mean of the two in the middle, also where their sum is no number of float64."""
    assert statistic("median", [4.0, 1.0, 2.0, 100.0]) == 3.0
    assert statistic("median", [LARGEST, LARGEST]) == LARGEST


NAMES: tuple[Statistic, ...] = ("mean", "sd", "min", "max", "median", "start_correlation")


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("place", [0, 2, 4])
def test_one_seed_that_is_not_finite_leaves_no_statistic(name: Statistic, place: int, bad: float) -> None:
    """Wherever it stands, the statistic is nan, which no rule takes."""
    found = [*VALUES]
    found[place] = bad
    assert math.isnan(statistic(name, found, STARTS))


def test_a_correlation_needs_two_spreads() -> None:
    """Equal values or equal starts have none, and a start that is not finite neither."""
    assert math.isnan(statistic("start_correlation", [0.1] * 3, [1.0, 2.0, 3.0]))
    assert math.isnan(statistic("start_correlation", [1.0, 2.0, 3.0], [0.1] * 3))
    assert math.isnan(statistic("start_correlation", [1.0, 2.0, 3.0], [0.1, math.inf, 3.0]))


@pytest.mark.parametrize("scale", [1.0, 1e-200, 1e200, -1e-310])
@pytest.mark.parametrize("offset", [0.0, 1e15, 0.1])
def test_a_correlation_of_any_size(scale: float, offset: float) -> None:
    """A straight line correlates with 1 or -1 and never beyond, however small, large or far from zero it is."""
    starts = [offset + step for step in (1.0, 2.0, 4.0, 8.0)]
    found = [scale * step for step in (1.0, 2.0, 4.0, 8.0)]
    value = statistic("start_correlation", found, starts)
    assert -1 <= value <= 1
    assert value == pytest.approx(math.copysign(1.0, scale), abs=1e-9)


def test_statistics_of_huge_values() -> None:
    """Sums beyond float64 are no mistake: the mean is right, and a deviation beyond it is inf."""
    assert statistic("mean", [LARGEST, LARGEST, LARGEST]) == LARGEST
    assert statistic("sd", [LARGEST, LARGEST]) == 0
    assert statistic("sd", [LARGEST, -LARGEST]) == math.inf
    assert statistic("start_correlation", [LARGEST, -LARGEST, 0.0], [-LARGEST, LARGEST, 0.0]) == -1


def test_equal_seeds_are_their_own_mean() -> None:
    """0.1 three times has a mean of 0.1 to the bit, which adding and dividing in float64 need not give."""
    assert all(statistic("mean", [value] * n) == value for value in (0.1, 0.7, 1 / 3) for n in range(1, 12))


# Over the seeds of a run.

SEEDS = 5


def training(*expect: dict[str, Any], **values: Any) -> Scenario:
    grid = {"grid__seed": list(range(SEEDS)), "grid__batch_size": [8, "full"]}
    return scenario(**{**UNTIMED, **grid, **values, "expect": list(expect)})


def results(folder: Path, *expect: dict[str, Any], **values: Any) -> list[Result]:
    return check_all(finished_run(folder / "run", training(*expect, **values)))


def states(run: Run, batch: Any, step: int) -> Vector:
    """Weights and bias of every seed at a step, shape (seeds, 3), as the traces have them."""
    rows = run.cells[run.cells["batch_size"] == batch].sort_values("seed").to_dict("records")
    traces = [run.file.trace("line", row["cell"], row["replicate"]) for row in rows]
    return np.array([trace["parameters"][trace["step"].tolist().index(step)] for trace in traces])


BY_NUMPY: dict[str, Callable[[Vector], float]] = {
    "mean": lambda values: float(np.mean(values)),
    "sd": lambda values: float(np.std(values, ddof=1)),
    "min": lambda values: float(np.min(values)),
    "max": lambda values: float(np.max(values)),
    "median": lambda values: float(np.median(values)),
}


def test_a_statistic_of_each_combination_of_the_other_axes(tmp_path: Path) -> None:
    """Of two batch sizes there are two statistics, each over its own five seeds, as NumPy has them."""
    expect = [{"quantity": "weights[1]", "statistic": name, "at": {"epoch": 3}, **ANY} for name in BY_NUMPY]
    run = finished_run(tmp_path / "run", training(*expect))
    for result, by_numpy in zip(check_all(run), BY_NUMPY.values(), strict=True):
        assert [check.axes["batch_size"] for check in result.checks] == [8, "full"]
        assert all("seed" not in check.axes for check in result.checks)
        wanted = [by_numpy(states(run, 8, 15)[:, 1]), by_numpy(states(run, "full", 3)[:, 1])]
        assert [check.found for check in result.checks] == pytest.approx(wanted, rel=1e-12)


def test_the_correlation_with_the_start(tmp_path: Path) -> None:
    """Pearson's over the seeds, of a weight after three steps with the same weight before the first."""
    expect = {"quantity": "weights[0]", "statistic": "start_correlation", "at": {"step": 3}, **ANY}
    run = finished_run(tmp_path / "run", training(expect, data__seed=3, grid__batch_size=["full"]))
    wanted = np.corrcoef(states(run, "full", 3)[:, 0], states(run, "full", 0)[:, 0])[0, 1]
    assert check_all(run)[0].checks[0].found == pytest.approx(float(wanted), rel=1e-9)
    assert abs(wanted) > 0.1


def test_statistics_of_several_states(tmp_path: Path) -> None:
    """A list of states, or a table of them, is one statistic a state."""
    listed = {"quantity": "bias", "statistic": "mean", "at": {"epoch": [0, 1, 5]}, "value": [0.0] * 3, "within": 9.0}
    table = {"quantity": "bias", "statistic": "sd", "table": "rows.csv", "column": "sd", "within": 9.0}
    made = document(**UNTIMED, grid__seed=list(range(SEEDS)), expect=[listed, table])
    read = parse(toml(made), Path("line.toml"), {}, {"rows.csv": b"sd,step\n0,25\n0,5\n"})
    run = finished_run(tmp_path / "run", read)
    first, second = check_all(run)
    assert [check.place for check in first.checks] == ["epoch 0", "epoch 1", "epoch 5"]
    means = [states(run, 8, step)[:, 2].mean() for step in (0, 5, 25)]
    assert [check.found for check in first.checks] == pytest.approx(means, rel=1e-12)
    assert [check.place for check in second.checks] == ["step 25", "step 5"]
    deviations = [states(run, 8, step)[:, 2].std(ddof=1) for step in (25, 5)]
    assert [check.found for check in second.checks] == pytest.approx(deviations, rel=1e-9)


def test_statistics_of_constants_and_of_the_optimum(tmp_path: Path) -> None:
    """What every state has in common, and the optimum, have statistics over the seeds' data sets too."""
    expect = [
        {"quantity": "condition_number", "statistic": "max", **ANY},
        {"quantity": "weights[0]", "of": "optimum", "statistic": "mean", **ANY},
        {"quantity": "epoch_loss", "at": {"epoch": 2}, "reduce": "mean", "statistic": "median", **ANY},
    ]
    conditions, optima, losses = [], [], []
    for seed in range(SEEDS):
        draw = np.random.default_rng(seed)
        x = draw.normal(0.0, 1.0, (40, 2))
        y = x @ np.array([3.0, -1.0]) + 0.5 + draw.normal(0.0, 0.1, 40)
        design = np.column_stack([x, np.ones(40)])
        conditions.append(np.linalg.cond(design) ** 2)
        optima.append(np.linalg.lstsq(design, y, rcond=None)[0][0])
    run = finished_run(tmp_path / "run", training(*expect, grid__batch_size=[8]))
    for row in run.cells.to_dict("records"):
        losses.append(run.file.trace("line", row["cell"], 0)["step_loss"][5:10].mean())
    found = [result.checks[0].found for result in check_all(run)]
    assert found == pytest.approx([max(conditions), np.mean(optima), np.median(losses)], rel=1e-10)


def test_a_chosen_seed_is_all_the_seeds_there_are(tmp_path: Path) -> None:
    """`where` chooses the seeds: a statistic of two of five is of those two."""
    expect = {"quantity": "bias", "statistic": "max", "where": {"seed": [1, 3], "batch_size": 8}, **ANY}
    run = finished_run(tmp_path / "run", training(expect))
    (check,) = check_all(run)[0].checks
    assert check.found == states(run, 8, 25)[[1, 3], 2].max()


def test_replicates_count_once(tmp_path: Path) -> None:
    """The first seeds run twice, timed, the others once; each is one value of the statistic."""
    expect = {"quantity": "weights[0]", "statistic": "mean", **ANY}
    limits = {"timing_repeats": 1, "timed_seeds": 2, "replicates": 2}
    run = finished_run(tmp_path / "run", training(expect, run=limits, grid__batch_size=[8]))
    assert len(run.cells) == SEEDS + 2
    ends = run.cells.drop_duplicates("cell")["weights"]
    (check,) = check_all(run)[0].checks
    assert check.found == pytest.approx(np.mean([weights[0] for weights in ends]), rel=1e-14)


class Spoilt(InlineExecutor):
    """
    One process of a cell comes back with another status.

    Args:
        cell: The cell's id.
        status: What it comes back with.
        replicate: The process.
    """

    def __init__(self, cell: str, status: str, replicate: int) -> None:
        super().__init__()
        self.hit, self.status = (cell, replicate), status

    def run(self, tasks: Iterable[Task], jobs: int) -> Iterator[Finished]:
        for finished in super().run(tasks, jobs):
            key = finished.key
            if isinstance(key, Planned) and (key.cell, key.replicate) == self.hit:
                finished = replace(finished, record=Record(self.status, "a reason"), trace=b"")
            yield finished


def spoilt(folder: Path, read: Scenario, status: str, replicate: int = 0) -> Run:
    """A run in which seed 2 with batches of 8 ends so."""
    (cell,) = (cell.id for cell in read.cells if (cell.spec.seed, cell.spec.batch_size) == (2, 8))
    return finished_run(folder / "run", read, executor=Spoilt(cell, status, replicate))


@pytest.mark.parametrize("status", ["failed", "crashed", "timed_out", "out_of_memory"])
def test_a_seed_that_failed_misses(tmp_path: Path, status: str) -> None:
    """The statistic of its combination is missed and shows how the seed ended; the other combination stands."""
    expect = {"quantity": "weights[0]", "statistic": "mean", **ANY}
    (result,) = check_all(spoilt(tmp_path, training(expect), status))
    assert [(check.axes["batch_size"], check.held) for check in result.checks] == [(8, False), ("full", True)]
    assert result.checks[0].found == status


@pytest.mark.parametrize("rule", [{"statistic": "mean", **ANY}, {"inside": "seeds", "least_seeds": 2, "value": 3.0}])
def test_a_replicate_that_failed_misses_as_its_cell_does(tmp_path: Path, rule: dict[str, Any]) -> None:
    """A seed whose second process failed is no value to be counted on, whatever the first one found."""
    expect = [{"quantity": "weights[0]", **ANY}, {"quantity": "weights[0]", **rule}]
    read = training(*expect, run={"timing_repeats": 1, "replicates": 2}, grid__batch_size=[8])
    each, over = check_all(spoilt(tmp_path, read, "failed", replicate=1))
    assert [check.held for check in each.checks].count(False) == 1
    assert [(check.held, check.found) for check in over.checks] == [(False, "failed")]


def test_a_skipped_seed_leaves_its_statistic_unchecked(tmp_path: Path) -> None:
    """Where a seed was skipped there is no statistic, with the reason; other combinations are checked."""
    mean = {"quantity": "weights[0]", "statistic": "mean"}
    never = {**mean, "where": {"batch_size": 8}, "value": 1e9, "within": 0.0}
    run = spoilt(tmp_path, training(never, {**mean, **ANY}), "skipped")
    first, second = check_all(run)
    assert (first.status, first.not_checked) == ("not checked", "skipped: a reason")
    assert [check.axes["batch_size"] for check in second.checks] == ["full"]
    assert Assessment(run).verdict().passed


@pytest.mark.parametrize(
    ("cuts", "left"), [(Cuts(quick=True), 2), (Cuts(only=(("seed", (0, 1, 4)),)), 3)], ids=["--quick", "--only"]
)
def test_seeds_left_out_leave_their_statistic_unchecked(tmp_path: Path, cuts: Cuts, left: int) -> None:
    """A statistic of some of its seeds is none; it says how many are not there, and nothing fails."""
    never = {"quantity": "weights[0]", "statistic": "mean", "value": 1e9, "within": 0.0}
    run = finished_run(tmp_path / "run", training(never), cuts=cuts)
    (result,) = check_all(run)
    assert result.status == "not checked"
    assert result.not_checked == f"{SEEDS - left} of its {SEEDS} seeds are not in this run"
    assert Assessment(run).verdict().passed


def test_a_set_leaves_a_statistic_unchecked(tmp_path: Path) -> None:
    """Cells of another length are not those that the file speaks of."""
    never = {"quantity": "weights[0]", "statistic": "mean", "value": 1e9, "within": 0.0}
    settings = {"training.epochs": 3}
    read = parse(toml(document(**UNTIMED, grid__seed=[0, 1], expect=[never])), Path("line.toml"), settings)
    (result,) = check_all(finished_run(tmp_path / "run", read, settings=settings))
    assert (result.status, result.not_checked) == ("not checked", "2 of its 2 seeds are not in this run")


def test_a_seed_that_diverged_misses(tmp_path: Path) -> None:
    """One seed with an infinite weight makes every statistic nan, and every rule of it missed."""
    expect = [
        {"quantity": "weights[0]", "statistic": name, **rule}
        for name in NAMES
        for rule in (ANY, {"at_most": 1e300}, {"value": 0.0, "within": 1e300})
    ]
    run = finished_run(tmp_path / "run", training(*expect, grid__batch_size=[8]))
    assert {result.status for result in check_all(run)} == {"held"}
    cell = run.cells["cell"][3]
    trace = {name: array.copy() for name, array in run.file.trace("line", cell, 0).items()}
    trace["parameters"][-1, 0] = math.inf
    with closing(sqlite3.connect(run.file.path)) as db, db:
        db.execute("UPDATE trace SET data = ? WHERE cell = ?", (pack_arrays(trace), cell))
    again = check_all(load(run.file.path))
    assert {result.status for result in again} == {"missed"}
    assert all(math.isnan(result.checks[0].found) for result in again)


def faults_of(expect: dict[str, Any], **values: Any) -> list[str]:
    try:
        training(expect, **values)
    except ScenarioError as error:
        return [f"{fault.path}: {fault.problem}" for fault in error.faults]
    return []


CORRELATION = {"quantity": "weights[0]", "statistic": "start_correlation", **ANY}


@pytest.mark.parametrize(
    ("expect", "words"),
    [
        ({"quantity": "outcome", "statistic": "max", "equals": "converged"}, "outcome is a word and has none"),
        ({"quantity": "status", "statistic": "min", "not_equals": "ok"}, "status is a word and has none"),
        ({"quantity": "loss", "statistic": "mean", "value": 1.0, "inside": "seeds"}, "inside: looks at all seeds"),
        ({"quantity": "loss", "statistic": "mean", "value": 1.0, "sd": 3.0}, "sd: looks at all seeds itself"),
        ({"quantity": "loss", "statistic": "mean", "least_seeds": 5, **ANY}, 'goes with inside = "seeds" only'),
        ({"quantity": "loss", "value": 1.0, "sd": 3.0, "least_seeds": 5}, 'goes with inside = "seeds" only'),
        ({**CORRELATION, "at": "start"}, "later than the start"),
        ({**CORRELATION, "at": {"epoch": 0}}, "later than the start"),
        ({**CORRELATION, "at": {"step": [3, 0]}}, "later than the start"),
        ({**CORRELATION, "quantity": "condition_number"}, "later than the start"),
        ({**CORRELATION, "quantity": "epoch_loss", "at": {"epoch": 1}}, "later than the start"),
    ],
)
def test_a_statistic_that_cannot_be(expect: dict[str, Any], words: str) -> None:
    """Words, a second rule over the seeds and a start compared with itself are refused before anything runs."""
    assert any(words in fault for fault in faults_of(expect))


@pytest.mark.parametrize(
    ("name", "seeds", "refused"),
    [("sd", 1, True), ("sd", 2, False), ("start_correlation", 2, True), ("start_correlation", 3, False),
     ("mean", 1, False), ("median", 1, False)],
)  # fmt: skip
def test_too_few_seeds(name: str, seeds: int, refused: bool) -> None:
    """A deviation takes two seeds and a correlation three, in every combination that the expectation is about."""
    found = faults_of({"quantity": "loss", "statistic": name, **ANY}, grid__seed=list(range(seeds)))
    assert bool(found) == refused
    assert all(fault.startswith("expect[0].statistic: ") and f"found {seeds}" in fault for fault in found)


def test_too_few_seeds_in_one_combination() -> None:
    """Where an include gives one combination a single seed, its deviation is refused; `where` can leave it out."""
    grid = {**document()["grid"], "seed": [0, 1], "include": [{"batch_size": 4, "seed": 0}]}
    expect = {"quantity": "loss", "statistic": "sd", **ANY}
    assert faults_of(expect, grid=grid, grid__seed=[0, 1], grid__batch_size=[8])
    assert not faults_of({**expect, "where": {"batch_size": 8}}, grid=grid, grid__seed=[0, 1], grid__batch_size=[8])


def test_two_limits_are_both_wanted(tmp_path: Path) -> None:
    """What is wanted of at_least with at_most is both, whichever was broken."""
    (result,) = results(tmp_path, {"quantity": "loss", "statistic": "mean", "at_least": -2.0, "at_most": -1.0})
    assert [check.wanted for check in result.checks] == [(-2.0, -1.0)] * 2
    assert result.status == "missed"


def test_the_farthest_beyond_a_limit_comes_first(tmp_path: Path) -> None:
    """A limit allows no distance, but what is farthest beyond it is named; where it holds, what is nearest to it."""
    broken = {"quantity": "weights[0]", "at": {"epoch": [0, 5]}, "at_most": -9.0}
    kept = {"quantity": "weights[0]", "at": {"epoch": [0, 5]}, "at_most": 9.0}
    read = training(broken, kept, {**broken, "statistic": "max"}, grid__batch_size=[8])
    run = finished_run(tmp_path / "run", read)
    most = max(weights[0] for weights in run.cells["weights"])
    for result in check_all(run):
        assert result.closest_call is not None
        assert result.closest_call.found == most
        assert (result.closest_call.place, result.closest_call.held) == ("epoch 5", result.status == "held")
        assert result.missed == sorted(result.missed, key=lambda check: -float(check.found))


def test_what_has_no_state_names_none(tmp_path: Path) -> None:
    """A comparison of the optimum, or of a constant of the cell, is at no state."""
    expect = [{"quantity": "condition_number", **ANY}, {"quantity": "loss", "of": "optimum", **ANY}]
    assert {check.place for result in results(tmp_path, *expect) for check in result.checks} == {""}


# In words.


@pytest.mark.parametrize(
    ("expect", "words"),
    [
        ({"quantity": "weights[0]", "value": 2.98927619, "digits": 8},
         "weights[0] at the end is 2.98927619 to 8 digits"),
        ({"quantity": "weights[0]", "statistic": "mean", "value": 0.99, "within": 0.02},
         "the seeds' mean of weights[0] at the end is 0.99 within 0.02"),
        ({"quantity": "loss", "statistic": "sd", "at": {"epoch": 3}, "at_most": 0.5},
         "the seeds' standard deviation of loss at epoch 3 is at most 0.5"),
        ({"quantity": "bias", "statistic": "start_correlation", "at_least": 0.5},
         "the seeds' correlation of bias at the end with its start is at least 0.5"),
        ({"quantity": "epoch_loss", "at": {"epoch": 1}, "statistic": "max", "at_most": 3.0},
         "the seeds' maximum of the sum of the step losses of epoch 1 is at most 3"),
        ({"quantity": "epoch_loss", "at": {"epoch": [1, 2]}, "reduce": "last", "value": [2.0, 1.0], "relative": 0.07},
         "the last of the step losses of epochs 1 and 2 is 2.0 and 1.0 within 7\u202f%"),
        ({"quantity": "loss", "of": "optimum", "value": 0.1, "relative": 0.5},
         "loss at the exact optimum is 0.1 within 50\u202f%"),
        ({"quantity": "weights[1]", "space": "raw", "value": 2.0, "digits": 1},
         "weights[1] of the unscaled columns at the end is 2.0 to 1 digit"),
        ({"quantity": "prediction", "x": [1650.0, 3.0], "at": "start", "at_least": 0.0, "at_most": 1.23456789},
         "prediction at (1650, 3) at the start is at least 0 and at most 1.23456789"),
        ({"quantity": "loss", "value": 0.5, "inside": "seeds"}, "0.5 lies within the seeds' range of loss at the end"),
        ({"quantity": "loss", "value": 0.5, "sd": 3.0},
         "0.5 lies within 3 standard deviations of the seeds' mean of loss at the end"),
        ({"quantity": "loss", "table": "rows.csv", "inside": "seeds"},
         "the table's value lies within the seeds' range of loss at every row of rows.csv"),
        ({"quantity": "loss", "table": "rows.csv", "digits": 6},
         "loss at every row of rows.csv is the table's value to 6 digits"),
        ({"quantity": "loss", "at": {"step": [*range(9)]}, "value": [0.5] * 9, "within": 0.1},
         "loss at 9 steps from 0 to 8 is the value listed within 0.1"),
        ({"quantity": "condition_number", "at_most": 9e9}, "condition_number is at most 9e+09"),
        ({"quantity": "outcome", "equals": ["converged", "stalled"]}, "outcome is converged or stalled"),
        ({"quantity": "outcome", "not_equals": ["diverged", "stalled"]}, "outcome is neither diverged nor stalled"),
        ({"quantity": "status", "not_equals": "timed_out"}, "status is not timed_out"),
    ],
    ids=lambda item: "" if isinstance(item, str) else str(item["quantity"]),
)  # fmt: skip
def test_a_claim_in_words(expect: dict[str, Any], words: str) -> None:
    """Each kind of expectation reads as a sentence, with every number as the file has it."""
    assert claim(Expect.model_validate(expect)) == words


def test_fractions_agree() -> None:
    """The mean is the exact one rounded once: of 0.1, 0.2 and 0.3 the float nearest to the third of their sum."""
    found = [0.1, 0.2, 0.3]
    assert statistic("mean", found) == float(sum(map(Fraction, found)) / 3)
