"""Whatever comes of the cells, the counts add up: in the frames, the verdict, the JSON and the page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.verdict import Assessment
from harness.executors.base import Finished
from harness.executors.inline import InlineExecutor
from harness.frames import Run
from harness.plan import Cuts, make_plan
from harness.record import STATUSES, Record
from harness.report.summary import as_json, as_terminal
from harness.runner import Canary, Reference
from harness.scenario.read import Scenario
from tests.builders import LINE, scenario
from tests.faulty import finished_run
from tests.fuzzing import bounded

BAD = st.sampled_from([None, None, *STATUSES[1:], "missing"])


class Fated(InlineExecutor):
    """Gives cells other ends than they had, one fate after the other; a missing one never comes back."""

    def __init__(self, fates: Sequence[str | None]) -> None:
        self.fates = fates
        self.number = 0

    def run(self, *arguments: Any, **options: Any) -> Iterator[Finished]:
        for finished in super().run(*arguments, **options):
            fate = None
            if not isinstance(finished.key, (Canary, Reference)):
                fate = self.fates[self.number % len(self.fates)]
                self.number += 1
            if fate is None:
                yield finished
            elif fate != "missing":
                yield Finished(finished.key, Record(fate, "so it was decided"), b"", "numpy-0.0", 1.0, 2.0)


SCENARIOS = st.fixed_dictionaries(
    {
        "data__samples": st.integers(2, 9),
        "training": st.fixed_dictionaries({"steps": st.integers(1, 4)}),
        "grid": st.fixed_dictionaries(
            {
                "implementation": st.just(["numpy"]),
                "device": st.sampled_from([["cpu"], ["cpu", "cuda"]]),
                "dtype": st.sampled_from([["float64"], ["float32", "float64"]]),
                "learning_rate": st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=2, unique=True),
                "seed": st.lists(st.integers(0, 99), min_size=1, max_size=3, unique=True),
            }
        ),
        "run": st.fixed_dictionaries(
            {"timed_seeds": st.integers(0, 2), "timing_repeats": st.integers(0, 1), "replicates": st.integers(1, 2)}
        ),
    }
)


def added_up(run: Run, planned: set[tuple[str, str, int]]) -> None:
    """Each planned process is one row of the plan, and one record or missing; every report of counts agrees."""
    keys = list(run.plan[["scenario", "cell", "replicate"]].itertuples(index=False, name=None))
    done = list(run.cells[["scenario", "cell", "replicate"]].itertuples(index=False, name=None))
    absent = list(run.missing[["scenario", "cell", "replicate"]].itertuples(index=False, name=None))
    assert sorted(keys) == sorted(planned) == sorted([*done, *absent])
    counts = run.counts()
    assert counts["planned"] == len(planned) == sum(counts[status] for status in STATUSES) + counts["missing"]
    assert counts == {"planned": len(planned), **run.cells["status"].value_counts().reindex(STATUSES, fill_value=0),
                      "missing": len(absent)}  # fmt: skip
    said = json.loads(as_json(Assessment(run)))
    assert said["counts"] == counts
    assert list(said["scenarios"]) == [one.name for one in run.file.scenarios]
    assert counts == {name: sum(one["counts"][name] for one in said["scenarios"].values()) for name in counts}


@bounded(20)
@given(values=SCENARIOS, fates=st.lists(BAD, min_size=1, max_size=5))
def test_counts_add_up(tmp_path_factory: Any, values: dict[str, Any], fates: list[str | None]) -> None:
    """Planned is ok, skipped, each kind of failure and missing together; each key once; JSON says the same."""
    one = scenario(**values)
    other = named(scenario(training={"steps": 1}, run__timing_repeats=0), "other")
    planned = {
        (item.scenario, item.cell, item.replicate) for item in make_plan([one, other], Cuts(), shuffle_seed=7).processes
    }
    run = finished_run(tmp_path_factory.mktemp("run") / "run", one, other, executor=Fated(fates))
    added_up(run, planned)


def named(one: Scenario, name: str) -> Scenario:
    """The scenario under another name."""
    return Scenario(
        name, f"{name}.toml", one.text, one.document, one.cells, one.expectations, one.inputs, one.file_cells
    )


@bounded(8)
@given(fates=st.lists(BAD, min_size=1, max_size=5))
def test_the_verdict_says_the_counts(tmp_path_factory: Any, fates: list[str | None]) -> None:
    """The first gate and the terminal name as many processes as were planned, and pass only if none failed."""
    values: dict[str, Any] = {"grid": {**LINE["grid"], "seed": [0, 1, 2]}, "training__epochs": 1}
    run = finished_run(tmp_path_factory.mktemp("run") / "run", scenario(**values), executor=Fated(fates))
    counts, assessment = run.counts(), Assessment(run)
    bad = counts["planned"] - counts["ok"] - counts["skipped"]
    (gate,) = [gate for gate in assessment.verdict().gates if gate.name == "cells"]
    assert gate.found.startswith(f"{counts['planned'] - bad:,} of {counts['planned']:,}")
    assert (gate.status == "passed") == (bad == 0)
    assert gate.found in as_terminal(assessment, Path("page"))
