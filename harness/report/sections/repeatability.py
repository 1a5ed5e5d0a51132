"""The same bits again: at which levels, how far apart where not, and why two implementations part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.analysis.agreement import Agreement
from harness.analysis.levels import BITWISE, DIFFERS, NOT_RUN, Level, levels
from harness.analysis.pairs import Pair, pairs
from harness.analysis.repeatability import Repeated
from harness.report import findings, findings_levels, marks, numbers, where
from harness.report.parts import Content, Figure, Finding, Markup, Section, Table, table_of
from harness.report.sections import gate_tables, repeatability_partings, repeatability_steps
from harness.report.sections.repeatability_partings import Partings
from harness.report.view import View, phrase, phrases

_OTHER_RUN = "other run"


@dataclass(frozen=True)
class Data:
    """
    What the template shows.

    Args:
        levels: What the levels say, in a sentence.
        level_table: A row for each that was run; None where none was.
        notes: What a reader must know of some of them.
        not_run: The others, with their reasons.
        again: The command that runs the whole run again and compares.
        places: Which pairs are farthest apart and part first; folded, with what counts as rounding.
        steps: How distances grow.
        partings: Why two implementations part; None where no two were compared.
        folded: What the gates rest on, with summary, finding and table.
    """

    levels: Finding
    level_table: Table | None
    notes: tuple[str, ...]
    not_run: str
    again: str
    places: Table | None
    limits: str
    steps: Figure | None
    partings: Partings | None
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
    ran = [row for row in rows if row.verdict != NOT_RUN]
    left = [row for row in rows if row.verdict == NOT_RUN and row.name != _OTHER_RUN]
    data = Data(
        levels=Finding(findings_levels.of_levels(rows), findings_levels.how_of_levels(ran) if ran else ""),
        level_table=_levels(ran),
        notes=tuple(note for row in ran for note in _notes(row)),
        not_run=findings_levels.of_not_run(left),
        again=where.reproduce(view),
        places=_places(view, ran),
        limits=findings_levels.LIMITS,
        steps=repeatability_steps.figure(view, found),
        partings=repeatability_partings.partings(view, [pair for pair in found if pair.axis == "implementation"]),
        folded=_folded(view, repeated, agreed),
    )
    return Section("repeatability", "Bit for bit", "Can the run be repeated bit for bit?", data, mark)


def _levels(ran: Sequence[Level]) -> Table | None:
    head = ("Level", "Verdict", "Same bits#", "Farthest apart#", "At step#", "First apart at step#")
    return table_of("What is the same to the last bit, level by level", head, list(map(_level, ran))) if ran else None


def _level(row: Level) -> tuple[Content, ...]:
    parted, far = row.earliest, row.farthest
    known = row.verdict == BITWISE or row.pairs
    return (
        _name(row),
        _status(row),
        f"{numbers.share(row.same, row.of)} {findings_levels.UNITS[row.unit]}",
        findings_levels.ulps(far.ulp) if far else "0" if known else "not known",
        numbers.count(far.step) if far else numbers.MISSING,
        numbers.count(parted.first or 0) if parted else numbers.MISSING,
    )


def _name(row: Level) -> str:
    return f"{row.name} in {row.dtype}" if row.dtype and row.name != "dtypes" else row.name


def _status(row: Level) -> Markup:
    """Sign and word. A fault only where the same bits are required; far apart elsewhere is a warning."""
    if row.required and row.verdict != BITWISE:
        return marks.status("failed", row.verdict)
    if row.verdict == DIFFERS:
        return Markup('<span class="status is-warn"><span aria-hidden="true">{}</span> {}</span>').format(
            marks.sign("warn"), row.verdict
        )
    return marks.status("ok", row.verdict)


def _notes(row: Level) -> list[str]:
    """What cannot be told, and how it came to be far apart."""
    said = filter(None, (row.reason, findings_levels.of_beyond(row.beyond)))
    return [f"{numbers.upper(_name(row))}: {text}." for text in said]


def _places(view: View, ran: Sequence[Level]) -> Table | None:
    """The pairs behind the numbers; None where none is apart."""
    rows = [
        (_name(row), _place(view, row.farthest), _place(view, row.earliest))
        for row in ran
        if row.farthest or row.earliest
    ]
    head = ("Level", "Farthest apart", "First apart")
    return table_of("The pairs that are farthest apart, and those that part first", head, rows) if rows else None


def _place(view: View, pair: Pair | None) -> str:
    """The two values that are compared, and the axes that vary and that both share."""
    if pair is None:
        return numbers.MISSING
    if pair.axis == "replicate":
        two = f"replicates {pair.levels[0]} and {pair.levels[1]}"
    else:
        two = numbers.listed(phrase(pair.axis, level) for level in pair.levels)
    left_out = {pair.axis, *(() if pair.axis == "replicate" else ("dtype",))}
    if len(view.devices) < 2:
        left_out.add("device")
    axes = {axis: level for axis, level in pair.axes.items() if axis in view.varied and axis not in left_out}
    return ", ".join(filter(None, (two, phrases(axes))))


def _folded(
    view: View, repeated: Sequence[Repeated], agreed: Sequence[Agreement]
) -> tuple[tuple[str, Finding, Table], ...]:
    """What the gates rest on, for whoever wants to see it."""
    # What ran again in one process is none that ran in another.
    apart = [item for item in repeated if not item.inline]
    repeats, agreement = gate_tables.of_repeats(view, apart), gate_tables.of_agreement(view, agreed)
    shown = []
    if repeats:
        words = Finding(findings.of_repeats(apart), "Every state and every step's loss goes into the bits compared.")
        shown.append(("Cells that ran again, by implementation and device", words, repeats))
    if agreement:
        how = "Largest difference of a parameter at a recorded state, as a share of the largest parameter so far."
        shown.append(
            ("What the gate on implementations compares", Finding(findings.of_agreement(agreed), how), agreement)
        )
    return tuple(shown)
