"""What changed since a baseline: what the runs were made with first, then bits, accuracy, outcomes and times."""

from __future__ import annotations

from dataclasses import dataclass

from harness.analysis.compared import Compared
from harness.analysis.comparison import BETTER, SAME, WORSE, Change, Comparison
from harness.analysis.comparison_ended import Ended
from harness.report import changes as words
from harness.report import marks, numbers, palette
from harness.report.parts import Content, Finding, Markup, Section, Table, table_of
from harness.report.sections import changes_speed
from harness.report.view import View, phrases

_KINDS = {WORSE: "failed", BETTER: "passed", SAME: "passed"}
_TEXTS = {WORSE: "worse", BETTER: "better", SAME: "same"}


@dataclass(frozen=True)
class Data:
    """What the template shows; None and empty where there is nothing of it."""

    baseline: str
    finding: Finding
    made_with: Table | None
    conclusion: str
    groups: Table | None
    changed: Table | None
    parted: Table | None
    alone: tuple[str, ...]
    speed: Finding
    speeds: Table | None


def section(view: View) -> Section | None:
    """Of one scenario; None without a baseline."""
    assessment = view.assessment
    if not isinstance(assessment, Compared):
        return None
    found, unlike = assessment.comparison.of(view.name), assessment.unlike(view.name)
    timed = [] if unlike else assessment.speeds(view.name)
    attribution = assessment.attribution(view.name)
    data = Data(
        assessment.name,
        Finding(words.of_cells(found, assessment.name), _HOW),
        made_with(assessment),
        attribution.conclusion() if found.compared else "",
        _groups(view, found),
        _changed(view, found),
        _parted(view, assessment),
        tuple(_alone(found, assessment.name)),
        Finding(words.of_speed(timed, unlike, assessment.name), words.SPEED_HOW if timed else ""),
        changes_speed.table(view, timed),
    )
    failed = found.differing or found.count(WORSE)
    mark = "fail" if failed else "ok" if found.compared else ""
    return Section("changes", "Changes", f"What changed since {assessment.name}?", data, mark)


_HOW = (
    "Cells of the same id: all that decides their numbers is the same, but for code, packages and machine. Less "
    "accurate: the relative error against the optimum (the loss, where there is none) grew by more than rounding "
    "leaves."
)


def made_with(assessment: Compared) -> Table | None:
    """What the two runs were made with, where it differs; None where nothing is known to."""
    rows: list[tuple[Content, ...]] = [
        (item.name, *words.of_difference(item), numbers.MISSING) for item in assessment.said
    ]
    rows += [(name, was, now, numbers.count(cells)) for name, was, now, cells in words.grouped(assessment.differences)]
    head = ("What differs", assessment.name, assessment.run.file.name, "Cells#")
    return (
        table_of("What the two runs were made with, where it differs, and how many cells rest on it", head, rows)
        if rows
        else None
    )


def _groups(view: View, found: Comparison) -> Table | None:
    """By implementation, device and dtype."""
    groups: dict[tuple[str, str, str], list[Change]] = {}
    for change in found.changes:
        axes = change.now.axes
        key = (str(axes["implementation"]), str(axes["device"]), str(axes["dtype"]))
        groups.setdefault(key, []).append(change)
    found_of = {key: Comparison(tuple(changes), (), ()) for key, changes in groups.items()}
    shown = [_group(key, of) for key, of in found_of.items() if of.compared or of.changed]
    head = ("Implementation", "Device", "dtype", "Same bits", "Accuracy", "Other outcome#")
    caption = f"Cells in both runs, by implementation, device and dtype ({view.name})"
    idle = sum(len(of.changes) for of in found_of.values() if not (of.compared or of.changed))
    table = table_of(caption, head, shown)
    note = f"{numbers.plural(idle, 'cell')} without numbers ended the same way in both." if idle else ""
    return Table(table.caption, table.head, table.rows, " ".join(filter(None, (table.note, note)))) if shown else None


def _group(key: tuple[str, str, str], found: Comparison) -> tuple[Content, ...]:
    name, device, dtype = key
    same, count = len(found.compared) - len(found.differing), len(found.compared)
    bits: Content = marks.status("passed" if same == count else "failed", numbers.share(same, count)) if count else "–"
    changed = sum(change.was.word != change.now.word for change in found.changes)
    label = marks.named(palette.label(name), palette.of_implementation(name))
    return label, device, dtype, bits, _accuracy(found), numbers.count(changed)


def _accuracy(found: Comparison) -> Content:
    counts = [(found.count(word), word) for word in (WORSE, BETTER, SAME)]
    parts = [f"{numbers.count(count)} {_TEXTS[word]}" for count, word in counts if count]
    if not parts:
        return numbers.MISSING
    return marks.status("failed" if found.count(WORSE) else "passed", ", ".join(parts))


def _changed(view: View, found: Comparison) -> Table | None:
    rows = [_row(view, change) for change in found.changed]
    head = ("Cell", "Outcome", "Bits", "Correct digits#", "Loss at the end#", "Accuracy")
    rest = "; summary.json has more"
    return table_of("Cells that changed, the less accurate first", head, rows, rest=rest) if rows else None


def _row(view: View, change: Change) -> tuple[Content, ...]:
    was, now = change.was, change.now
    name = Markup('{}<br><code class="note">{}</code>').format(words.where(change, view.varied), now.cell)
    bits = ("same" if change.same_bits else "differ") if change.compared else numbers.MISSING
    accuracy: Content = numbers.MISSING
    if change.accuracy:
        accuracy = marks.status(_KINDS[change.accuracy], _TEXTS[change.accuracy])
    return (
        name,
        _arrow(was.word.replace("_", " "), now.word.replace("_", " ")),
        bits,
        _arrow(numbers.digits(was.digits), numbers.digits(now.digits)),
        _arrow(numbers.significant(was.loss, 6), numbers.significant(now.loss, 6)),
        accuracy,
    )


def _arrow(was: str, now: str) -> Content:
    """`3.1 → 2.8`; once, where it is the same."""
    return now if was == now else Markup('<span class="changes-was">{}</span> → {}').format(was, now)


def _parted(view: View, assessment: Compared) -> Table | None:
    rows = []
    for item in assessment.parted(view.name):
        first = numbers.MISSING if item.first is None else numbers.count(item.first)
        rows.append((words.where(item.change, view.varied), first, words.ulps(item)))
    head = ("Cell", "First at step#", "Farthest apart#")
    return (
        table_of("The first recorded step at which the paths of some of them differ, and how far they part", head, rows)
        if rows
        else None
    )


def _alone(found: Comparison, baseline: str) -> list[str]:
    """Cells that only one of the runs has, in words."""
    return [
        f"{numbers.plural(len(cells), 'cell')} left a record {where} alone, as {_first(cells)}."
        for cells, where in ((found.gone, f"in {baseline}"), (found.new, "in this run"))
        if cells
    ]


def _first(cells: tuple[Ended, ...]) -> str:
    return f"{cells[0].cell} ({phrases(cells[0].axes)})"
