"""The same bits again: at which levels, how far apart where not, and why two implementations part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.analysis.agreement import Agreement
from harness.analysis.levels import BITWISE, DIFFERS, NOT_RUN, Level, by, levels
from harness.analysis.pairs import Pair, pairs
from harness.analysis.parting import Why, why
from harness.analysis.repeatability import Repeated
from harness.report import findings, findings_levels, marks, numbers, palette
from harness.report.parts import Content, Figure, Finding, Markup, Section, Table, table_of
from harness.report.sections import gate_tables, repeatability_steps
from harness.report.view import View, phrase, phrases

# Of each two implementations in a dtype, spread over the cells: one takes about 10 ms.
_LOOKED_AT = 12
_UNITS = {"process": "processes", "cell": "cells", "pair": "pairs"}


@dataclass(frozen=True)
class Data:
    """What the template shows; tables with their findings are folded."""

    levels: Finding
    level_table: Table
    steps: Figure | None
    partings: Finding | None
    parting_table: Table | None
    folded: tuple[tuple[str, Finding, Table], ...]


def section(view: View) -> Section:
    """The levels, then pairs of implementations, then what the gates rest on."""
    repeated = [item for item in view.assessment.repeated if item.scenario == view.name]
    agreed = [pair for pair in view.assessment.agreements if pair.scenario == view.name]
    gates = {gate.name: gate.status for gate in view.assessment.verdict(view.name).gates}
    states = {gates["repeatability"], gates["agreement"]}
    mark = "fail" if "failed" in states else "ok" if "passed" in states else ""
    found = list(pairs(view.assessment.run, view.scenario))
    rows = levels(view.assessment.run, view.scenario, repeated, found)
    finding, table = _partings(view, [pair for pair in found if pair.axis == "implementation"])
    data = Data(
        Finding(findings_levels.of_levels(rows), findings_levels.LIMITS),
        _levels(view, rows),
        repeatability_steps.figure(view, found),
        finding,
        table,
        _folded(view, repeated, agreed),
    )
    return Section("repeatability", "Bit for bit", "Can the run be repeated bit for bit?", data, mark)


def _levels(view: View, rows: Sequence[Level]) -> Table:
    head = ("Level", "Verdict", "Same bits#", "Farthest apart#", "First apart at step#")
    return table_of("What is the same to the last bit, level by level", head, [_level(view, row) for row in rows])


def _level(view: View, row: Level) -> tuple[Content, ...]:
    name = f"{row.name}, {row.dtype}" if row.dtype and row.name != "dtypes" else row.name
    if row.verdict == NOT_RUN:
        reason = Markup("<code>{}</code>").format(row.reason) if row.name == "other run" else row.reason
        return _noted(name, [reason]), _status(row), *(numbers.MISSING,) * 3
    parted, far = row.earliest, row.farthest
    known = row.verdict == BITWISE or row.pairs
    return (
        _noted(name, _words(view, row)),
        _status(row),
        f"{numbers.share(row.same, row.of)} {_UNITS[row.unit]}",
        findings_levels.ulps(far.ulp) if far else "0" if known else "not known",
        numbers.count(parted.first or 0) if parted else numbers.MISSING,
    )


def _noted(name: str, texts: Sequence[Content]) -> Content:
    """A row's name with notes below it: on a phone there is no room for a column of words."""
    notes = [Markup('<span class="note">{}</span>').format(text) for text in texts]
    return Markup("<br>").join([name, *notes])


def _status(row: Level) -> Markup:
    """Sign and word. A fault only where the same bits are required; far apart elsewhere is a warning."""
    if row.verdict == NOT_RUN:
        return marks.status("skipped", row.verdict)
    if row.required and row.verdict != BITWISE:
        return marks.status("failed", row.verdict)
    if row.verdict == DIFFERS:
        return Markup('<span class="status is-warn"><span aria-hidden="true">{}</span> {}</span>').format(
            marks.sign("warn"), row.verdict
        )
    return marks.status("ok", row.verdict)


def _words(view: View, row: Level) -> list[str]:
    far, parted = row.farthest, row.earliest
    words = [row.reason] if row.reason else []
    if far:
        words.append(f"farthest: {_place(view, far)}, at step {numbers.count(far.step)}")
    if parted and parted is not far:
        words.append(f"first: {_place(view, parted)}")
    if row.kinks:
        words.append(f"{numbers.plural(row.kinks, 'pair')} compared up to a kink that the two may take differently")
    words.append(findings_levels.of_beyond(row.beyond))
    return [text for text in words if text]


def _place(view: View, pair: Pair) -> str:
    """The two values that are compared, and the axes that vary and that both share."""
    if pair.axis == "replicate":
        two = f"replicates {pair.levels[0]} and {pair.levels[1]}"
    else:
        two = numbers.listed(phrase(pair.axis, level) for level in pair.levels)
    left_out = {pair.axis, *(() if pair.axis == "replicate" else ("dtype",))}
    if len(view.devices) < 2:
        left_out.add("device")
    axes = {axis: level for axis, level in pair.axes.items() if axis in view.varied and axis not in left_out}
    return ", ".join(filter(None, (two, phrases(axes))))


def _partings(view: View, found: Sequence[Pair]) -> tuple[Finding | None, Table | None]:
    """Why two implementations part: what their last common state tells."""
    if not found:
        return None, None
    rows: list[tuple[Content, ...]] = []
    everything: list[tuple[tuple[str, str], Why]] = []
    for (names, dtype), group in by(found, lambda pair: (pair.levels, pair.dtype)).items():
        parted = [pair for pair in group if not pair.same]
        whys = [_why(view, pair) for pair in _spread(parted)]
        everything += [(names, found) for found in whys]
        first = min((pair.first or 0 for pair in parted), default=None)
        looked = [f"looked at: {numbers.share(len(whys), len(parted))} that part"] if len(whys) < len(parted) else []
        two = numbers.listed(palette.label(name) for name in names)
        rows.append(
            (
                _noted(f"{two}, {dtype}", [*findings_levels.of_pair(names, whys), *looked]),
                numbers.share(len(group) - len(parted), len(group)),
                findings_levels.ulps(max(pair.ulp for pair in group)) if parted else "0",
                numbers.MISSING if first is None else numbers.count(first),
            )
        )
    head = ("Pair, and in how many cells what parts them", "Same bits#", "Farthest apart#", "First apart at step#")
    how = (
        "Told at the last state that both share, in exact arithmetic, over every gradient that rounding allows there, "
        "in whatever order its sums are added. An update rounded once is a fused multiply-add; rounded twice, the rate "
        "times the gradient is rounded before it is taken off."
    )
    return Finding(findings_levels.of_partings(everything), how), table_of("Where two implementations part", head, rows)


def _spread(parted: Sequence[Pair]) -> list[Pair]:
    """At most so many, evenly spread."""
    stride = max(1, -(-len(parted) // _LOOKED_AT))
    return list(parted[::stride])


def _why(view: View, pair: Pair) -> Why:
    run = view.assessment.run
    one, other = (
        run.file.trace(view.name, cell, number) for cell, number in zip(pair.cells, pair.replicates, strict=True)
    )
    return why(run, view.name, view.spec(pair.cells[0]), one, other, pair.first or 0)


def _folded(
    view: View, repeated: Sequence[Repeated], agreed: Sequence[Agreement]
) -> tuple[tuple[str, Finding, Table], ...]:
    """What the gates rest on, for whoever wants to see it."""
    repeats, agreement = gate_tables.of_repeats(view, repeated), gate_tables.of_agreement(view, agreed)
    shown = []
    if repeats:
        words = Finding(findings.of_repeats(repeated), "Every state and every step's loss goes into the bits compared.")
        shown.append(("By implementation and device: cells that ran again", words, repeats))
    if agreement:
        how = "Largest difference of a parameter at a recorded state, as a share of the largest parameter so far."
        shown.append(
            ("What the gate on implementations compares", Finding(findings.of_agreement(agreed), how), agreement)
        )
    return tuple(shown)
