"""What the two gates of repeatability rest on: replicates of a cell, and implementations in float64."""

from __future__ import annotations

from collections.abc import Sequence

from harness.analysis.agreement import Agreement
from harness.analysis.repeatability import Repeated
from harness.report import marks, numbers, palette
from harness.report.parts import Content, Table, table_of
from harness.report.view import View, phrases


def of_repeats(view: View, repeated: Sequence[Repeated]) -> Table | None:
    """Cells that left the same bits, by implementation and device; None where none ran twice."""
    if not repeated:
        return None
    rows: list[tuple[Content, ...]] = []
    for implementation, device in view.arms:
        axes = (implementation, device)
        mine = [i for i in repeated if (view.axes_of[i.cell]["implementation"], view.axes_of[i.cell]["device"]) == axes]
        if mine:
            templates = sum(len(item.templates) > 1 for item in mine)
            among_templates = [item for item in mine if len(item.templates) > 1]
            rows.append(
                (
                    marks.named(palette.label(implementation), palette.of_implementation(implementation)),
                    device,
                    _k_of_n(mine),
                    _k_of_n(among_templates) if templates else "not run",
                    numbers.count(sum(item.processes for item in mine)),
                )
            )
    head = ("Implementation", "Device", "Same bits in another process", "And in another template", "Processes#")
    return table_of("Cells that left the same bits each time they ran", head, rows)


def _k_of_n(items: Sequence[Repeated]) -> Content:
    same = sum(item.bitwise for item in items)
    return marks.status("passed" if same == len(items) else "failed", numbers.share(same, len(items)))


def of_agreement(view: View, pairs: Sequence[Agreement]) -> Table | None:
    """Distances of implementations, by pair and dtype; None where there is no pair."""
    groups: dict[tuple[str, tuple[str, str]], list[Agreement]] = {}
    for pair in pairs:
        groups.setdefault((str(pair.axes.get("dtype")), pair.pair), []).append(pair)
    rows = [_line(view, dtype, names, group) for (dtype, names), group in groups.items()]
    head = ("Pair", "dtype", "Within 10⁻¹²", "Largest distance#", "At step#", "Where", "Kinks")
    return table_of("Distance between the paths of two implementations", head, rows) if rows else None


def _line(view: View, dtype: str, names: tuple[str, str], group: Sequence[Agreement]) -> tuple[Content, ...]:
    worst = max(group, key=lambda pair: pair.distance)
    agree = sum(pair.agrees for pair in group)
    share = numbers.share(agree, len(group))
    # Only float64 is gated: in float32 the distance is rounding, and shown.
    gated: Content = marks.status("passed" if agree == len(group) else "failed", share) if dtype == "float64" else share
    axes = {axis: level for axis, level in worst.axes.items() if axis in view.varied and axis != "dtype"}
    kinks = [pair.kink_step for pair in group if pair.kink_step is not None]
    distance = "0, bit for bit" if worst.distance == 0 else numbers.significant(worst.distance, 2)
    return (
        numbers.listed(palette.label(name) for name in names),
        dtype,
        gated,
        distance,
        numbers.count(worst.step) if worst.distance else numbers.MISSING,
        phrases(axes) or "the only cell",
        f"{numbers.plural(len(kinks), 'pair')} from step {min(kinks):,} on" if kinks else "none",
    )
