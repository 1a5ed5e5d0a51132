"""Time per step by device, and where a process's time goes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.analysis.timing import LEAST_PROCESSES, TimingGroup
from harness.report import findings, numbers, palette
from harness.report.figures import times
from harness.report.figures.panel import WIDE, WIDTH
from harness.report.figures.times import Time
from harness.report.parts import Figure, Finding, Section, table_of
from harness.report.sections import timing_scaling
from harness.report.view import COMPARED, View, key, phrases

# One row on a desk: how time grows with the batch is another figure.
MOST_PANELS = 3


@dataclass(frozen=True)
class Data:
    """What the template shows: rows of figures, two abreast where each is one panel, or why there are none."""

    rows: tuple[tuple[Figure, ...], ...]
    note: str


def section(view: View) -> Section:
    """Time per step by configuration, then phases at the reference."""
    heading = "How long does it take on each device?"
    if not view.timings:
        run = view.scenario.document.run
        zero = [key for key in ("timing_repeats", "timed_seeds") if not getattr(run, key)]
        why = f"run.{zero[0]} is 0" if zero else "no timed cell finished"
        note = f"No cell was timed: {why}."
        return Section("time", "Time by device", heading, Data((), note))
    steps, phases, scaling = _steps(view), _phases(view), timing_scaling.figures(view)
    rows = [(steps, *phases)] if len(steps.panels) == 1 else [(steps,), *((figure,) for figure in phases)]
    return Section("time", "Time by device", heading, Data((*rows, *((figure,) for figure in scaling)), ""))


def _configs(view: View) -> list[list[TimingGroup]]:
    """Timing groups by configuration: the reference first, then file order."""
    configs: dict[str, list[TimingGroup]] = {key(view.reference): []}
    for group in view.timings:
        fixed = {axis: level for axis, level in group.axes.items() if axis not in COMPARED}
        configs.setdefault(key(fixed), []).append(group)
    return [groups for groups in configs.values() if groups]


def _named(view: View, groups: Sequence[TimingGroup]) -> dict[str, TimingGroup]:
    return {view.arm_name(group.axes["implementation"], group.axes["device"]): group for group in groups}


def _config_words(view: View, groups: Sequence[TimingGroup]) -> str:
    """The axes that tell configurations apart."""
    axes = groups[0].axes
    return (
        phrases({axis: level for axis, level in axes.items() if axis in view.varied}, COMPARED) or "one training step"
    )


def _steps(view: View) -> Figure:
    configs = _configs(view)
    shown = configs[:MOST_PANELS]
    ends = [end for groups in shown for group in groups for end in _ends(group)]
    limits = (min(ends) / 1.3, max(ends) * 1.3)
    width = WIDE if len(shown) == 1 else WIDTH
    panels = [
        times.dots(f"step-{number}", _config_words(view, groups), _rows(view, groups), limits, width)
        for number, groups in enumerate(shown)
    ]
    cut = f" {MOST_PANELS} of {len(configs)} configurations; more in the table." if len(configs) > MOST_PANELS else ""
    bars = (
        f"Bars, and the range below each value: 95\u202f% bootstrap intervals of the median, none below "
        f"{LEAST_PROCESSES} processes, where a difference is not resolved."
    )
    many = f"The finding is about {_config_words(view, shown[0])}. " if len(configs) > 1 else ""
    how = f"{many}Dots: median over n processes, each its own median, the fastest first. {bars}{cut}"
    says = findings.of_times(_named(view, shown[0]))
    head = ("Implementation", "Device", "Configuration", "Time per step#", "95\u202f% interval#", "Processes n#")
    rows = [_numbers(view, group) for groups in configs for group in groups]
    table = table_of("Time per step of each timing group", head, rows, rest="; all are in cells.csv")
    return Figure(Finding(says, how), tuple(panels), table, id="step-times")


def _ends(group: TimingGroup) -> list[float]:
    return [group.median, *([group.interval.low, group.interval.high] if group.interval else [])]


def _rows(view: View, groups: Sequence[TimingGroup]) -> list[Time]:
    return [
        Time(
            view.arm_name(group.axes["implementation"], group.axes["device"]),
            palette.of_implementation(group.axes["implementation"]),
            group.median,
            group.interval,
            group.processes,
            open=group.axes["device"] != view.devices[0],
        )
        for group in groups
    ]


def _numbers(view: View, group: TimingGroup) -> tuple[str, ...]:
    interval = "not resolved"
    if group.interval is not None:
        interval = f"{numbers.seconds(group.interval.low)} to {numbers.seconds(group.interval.high)}"
    return (
        palette.label(group.axes["implementation"]), group.axes["device"], _config_words(view, [group]),
        numbers.seconds(group.median), interval, str(group.processes),
    )  # fmt: skip


def _imports(view: View) -> str:
    """Where importing torch is paid, if all cells ran alike."""
    facts = view.assessment.run.environment
    isolation = set(facts.loc[facts["key"] == "isolation", "value"])
    if isolation == {"fork"}:
        return "; importing torch is paid once, in the template, and is not here"
    return ", importing torch among it" if isolation == {"spawn"} else ""


def _phases(view: View) -> list[Figure]:
    groups = _configs(view)[0]
    named = _named(view, groups)
    phases = {name: group.phase_medians for name, group in named.items()}
    if not any(math.fsum(parts.values()) > 0 for parts in phases.values()):
        return []
    rows = [
        (name, palette.of_implementation(group.axes["implementation"]), phases[name]) for name, group in named.items()
    ]
    panel = times.bars("phases", "where the time of a process goes", rows)
    head = ("Implementation", *(f"{phase}#" for phase in palette.PHASES))
    table = [
        (name, *(numbers.seconds(parts.get(phase, 0.0)) for phase in palette.PHASES)) for name, parts in phases.items()
    ]
    how = (
        f"Median over processes of each phase, at {_config_words(view, groups)}. “start and exit” is what no phase "
        f"covers{_imports(view)}."
    )
    key_entries = tuple((colour, phase) for phase, colour in palette.PHASES.items())
    caption = table_of("Seconds by phase, median over processes", head, table)
    return [Figure(Finding(findings.of_phases(phases), how), (panel,), caption, key_entries, id="phase-times")]
