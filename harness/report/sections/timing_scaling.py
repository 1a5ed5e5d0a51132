"""How time per step grows with the batch, the other axes at the reference."""

from __future__ import annotations

from harness.analysis.timing import TimingGroup
from harness.report import findings_timing, numbers, palette
from harness.report.figures import scaling
from harness.report.findings_timing import Scaling
from harness.report.parts import Figure, Finding, table_of
from harness.report.sections.convergence_block import evenly
from harness.report.view import COMPARED, View, key, phrases

MOST_BATCHES = 12
Arm = tuple[str, str]


def figures(view: View) -> list[Figure]:
    """One figure, a panel a device; none where fewer than two batch sizes were timed."""
    arms = _arms(view)
    levels = {rows: _label(view, rows) for points in arms.values() for rows, _ in points}
    if len(levels) < 2:
        return []
    order = sorted(levels.items())
    panels = []
    for device in dict.fromkeys(arm[1] for arm in arms):
        lines, behind = (
            [_line(arm, arms[arm]) for arm in arms if (arm[1] == device) == here] for here in (True, False)
        )
        panels.append(scaling.draw(f"scaling-{device}", f"{device}: time per step", lines, behind, order))
    named = {view.arm_name(*arm): points for arm, points in arms.items()}
    finding = Finding(f"{findings_timing.of_scaling(named)}{_crossovers(arms)}", _how(view, arms))
    head = ("Implementation", "Device", "Rows in a batch#", "Time per step#", "95\u202f% interval#", "Processes n#")
    rows = [_row(arm, count, group) for arm, points in arms.items() for count, group in points]
    return [
        Figure(
            finding, tuple(panels), table_of(f"Time per step by batch size: {_fixed(view)}", head, rows), id="scaling"
        )
    ]


def _arms(view: View) -> dict[Arm, Scaling]:
    """Timing groups by arm and rows in a batch; a full batch has all training rows."""
    shown = {key(level) for level in evenly(view.levels["batch_size"], MOST_BATCHES)}
    fixed = {axis: key(level) for axis, level in view.reference.items() if axis != "batch_size"}
    found: dict[Arm, dict[int, TimingGroup]] = {}
    for group in view.timings:
        axes = group.axes
        if key(axes["batch_size"]) in shown and all(key(axes[axis]) == level for axis, level in fixed.items()):
            rows = _full(view) if axes["batch_size"] == "full" else int(axes["batch_size"])
            # The full batch beside one of as many rows: the same work, shown once.
            found.setdefault((str(axes["implementation"]), str(axes["device"])), {}).setdefault(rows, group)
    return {arm: sorted(points.items()) for arm, points in found.items()}


def _full(view: View) -> int:
    """Training rows of a cell of the reference configuration."""
    return view.spec(str(view.at_reference.iloc[0]["cell"])).training_rows


def _label(view: View, rows: int) -> str:
    full = "full" in view.levels["batch_size"] and rows == _full(view)
    return f"full, {numbers.count(rows)}" if full else numbers.count(rows)


def _line(arm: Arm, points: Scaling) -> scaling.Line:
    return scaling.Line(
        palette.label(arm[0]),
        palette.of_implementation(arm[0]),
        tuple(rows for rows, _ in points),
        tuple(group.median for _, group in points),
        tuple(group.interval for _, group in points),
    )


def _crossovers(arms: dict[Arm, Scaling]) -> str:
    """Of each implementation on the first two devices that it ran on."""
    said: dict[str, list[str]] = {}
    for implementation in dict.fromkeys(arm[0] for arm in arms):
        devices = [arm[1] for arm in arms if arm[0] == implementation]
        if len(devices) > 1:
            one, other = ((implementation, device) for device in devices[:2])
            words = findings_timing.of_crossover(one[1], other[1], arms[one], arms[other])
            said.setdefault(words, []).append(palette.label(implementation))
    parts = [f"{numbers.listed(names)}: {words}" for words, names in said.items() if words]
    return f" {numbers.upper('; '.join(parts))}." if parts else ""


def _fixed(view: View) -> str:
    return phrases({axis: level for axis, level in view.reference.items() if axis != "batch_size"})


def _how(view: View, arms: dict[Arm, Scaling]) -> str:
    varied = {axis: level for axis, level in view.reference.items() if axis in view.varied}
    fixed = phrases(varied, ("batch_size", *COMPARED))
    at = f"At {fixed}. " if fixed else ""
    count = len(view.levels["batch_size"])
    cut = f" {numbers.share(MOST_BATCHES, count)} batch sizes." if count > MOST_BATCHES else ""
    bars = (
        " Bars: 95\u202f% intervals." if any(group.interval for points in arms.values() for _, group in points) else ""
    )
    return f"{at}Dots: median over processes.{bars} A horizontal line is a step whose rows cost nothing.{cut}"


def _row(arm: Arm, rows: int, group: TimingGroup) -> tuple[str, ...]:
    interval = "not resolved"
    if group.interval is not None:
        interval = f"{numbers.seconds(group.interval.low)} to {numbers.seconds(group.interval.high)}"
    return (
        palette.label(arm[0]), arm[1], numbers.count(rows), numbers.seconds(group.median), interval,
        str(group.processes),
    )  # fmt: skip
