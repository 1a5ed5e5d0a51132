"""What `harness reproduce` found, in words, tables and JSON."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence

from harness.analysis.attribution import Attribution, Counts, Difference, Keys
from harness.analysis.reproduction import Distance, Reproduction, distances

# Files of the code that the same cells rest on are told in one row from so many on.
_FILES = 3
_WIDEST = 40


def as_terminal(found: Sequence[Reproduction], attribution: Attribution) -> str:
    """Differences of environment beside those of result, how far these go, and what came out again."""
    parts = []
    if attribution.differences:
        parts.append(_table(["not as in the run", "was", "is", "cells", "same", "differ"], list(_rows(attribution))))
    if apart := distances(found):
        rows = [(d.implementation, d.dtype, "", d.cells, _or_dash(d.first_step), _ulps(d)) for d in apart]
        parts.append(_table(["cells that differ", "dtype", "", "cells", "first step", "largest distance"], rows))
    if attribution.differences or attribution.differ:
        parts.append(attribution.conclusion())
    return "".join(f"\n{part}\n" for part in parts) + "\n" * bool(parts) + f"{_summary(found)}\n"


def as_json(found: Sequence[Reproduction], attribution: Attribution, changed: Sequence[str]) -> dict[str, object]:
    """
    The same for programs.

    Returns:
        cells: Each cell: scenario, cell, replicate, axes, status then and `now`, `reason` now, `reproduced`, `not_run`,
            the fields `differing`, and its `departure` (step, quantity, then, now, ulp, largest_ulp) or null.
        counts: Of cells: `cells`, `same` (to the last bit), `ended_as_before` (no numbers then and now), `differ`,
            `not_run` (here or then).
        changed: What is not as in the run, a sentence each; also what no cell rests on.
        differences: Each difference that cells rest on: kind (`package`, `code`, `plug-in`, `machine`), name, was, is;
            `cells` that rest on it and were compared, those `same` to the last bit, those that `differ`.
        untouched: The same counts of cells that rest on none of them.
        distances: Of cells that differ, by implementation and dtype: cells, first_step, largest_ulp.
        conclusion: What follows, in words.
    """
    return {
        "cells": [_content(result) for result in found],
        "counts": _counts(found),
        "changed": list(changed),
        "differences": [
            {
                "kind": item.kind,
                "name": item.name,
                "was": item.was,
                "is": item.now,
                **vars(_of(attribution, item.cells)),
            }
            for item in attribution.differences
        ],
        "untouched": vars(_of(attribution, attribution.untouched)),
        "distances": [
            {**vars(item), "largest_ulp": None if item.largest_ulp is None else repr(item.largest_ulp)}
            for item in distances(found)
        ],
        "conclusion": attribution.conclusion(),
    }


def line(result: Reproduction) -> str:
    """One cell in a line."""
    axes = ", ".join(f"{axis}={level}" for axis, level in result.axes.items())
    sign = "✕" if result.differs else "○" if result.is_not_run else "✓"
    return f"{sign} {result.cell} {result.scenario} ({axes}): {_said(result)}"


def lines_of_those_that_differ(found: Sequence[Reproduction], most: int) -> Iterator[str]:
    """The first of the cells that differ, and how many more there are."""
    differing = [result for result in found if result.differs]
    yield from map(line, differing[:most])
    if len(differing) > most:
        yield f"… and {len(differing) - most} more that differ; --json lists them all"


def _said(result: Reproduction) -> str:
    if result.is_not_run:
        return f"not run here: {result.reason}" if result.now == "skipped" else "was skipped there, and runs here"
    if result.status != result.now:
        return f"was {result.status}, is {result.now}{': ' if result.reason else ''}{result.reason}"
    if result.reproduced:
        return "the same bits" if result.now == "ok" else f"{result.now} again: {result.reason}"
    part = result.departure
    if part is None:
        return f"differs in {', '.join(result.differing)}"
    return (
        f"differs from step {part.step} on: {part.quantity} was {part.then!r}, is {part.now!r} ({part.ulp:.3g} ULP); "
        f"in the record {', '.join(result.differing)}"
    )


def _summary(found: Sequence[Reproduction]) -> str:
    counts = _counts(found)
    again, ended = counts["same"] + counts["ended_as_before"], counts["ended_as_before"]
    compared = again + counts["differ"]
    how = f"{again - ended} to the last bit, {ended} ended as before" if ended else "to the last bit"
    sign = "✕" if counts["differ"] else "✓" if compared else "○"
    text = f"{sign} {again} of {compared} cells came out again" + (f", {how}." if again else ".")
    return " ".join([text, *_not_run(found)])


def _not_run(found: Sequence[Reproduction]) -> Iterator[str]:
    here = Counter(result.reason for result in found if result.is_not_run and result.now == "skipped")
    yield from (f"{count} not run here: {reason}." for reason, count in here.most_common())
    if there := sum(result.is_not_run and result.now != "skipped" for result in found):
        yield f"{there} skipped there, and run here: nothing to compare."


def _counts(found: Sequence[Reproduction]) -> dict[str, int]:
    return {
        "cells": len(found),
        "same": sum(result.is_same for result in found),
        "ended_as_before": sum(result.reproduced and result.now != "ok" for result in found),
        "differ": sum(result.differs for result in found),
        "not_run": sum(result.is_not_run for result in found),
    }


def _rows(attribution: Attribution) -> Iterator[tuple[object, ...]]:
    """One a difference, files that the same cells rest on together, and the cells that rest on none."""
    files: dict[Keys, list[Difference]] = {}
    for item in attribution.differences:
        if item.kind == "code":
            files.setdefault(item.cells, []).append(item)
        else:
            yield (item.name, *item.in_short, *dataclasses.astuple(_of(attribution, item.cells)))
    for cells, items in files.items():
        counts = dataclasses.astuple(_of(attribution, cells))
        if len(items) > _FILES:
            yield (f"{len(items)} files of the harness", "", f"{items[0].name}, …", *counts)
        else:
            yield from ((item.name, *item.in_short, *counts) for item in items)
    yield ("none of these", "", "", *dataclasses.astuple(_of(attribution, attribution.untouched)))


def _of(attribution: Attribution, cells: Keys) -> Counts:
    return attribution.counts(cells)


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Columns with two spaces between; the first three to the left, counts to the right."""
    table = [head, *([_cut(str(value)) for value in row] for row in rows)]
    widths = [max(len(row[at]) for row in table) for at in range(len(head))]
    lines = ("  ".join(_set(value, width, at) for at, (value, width) in enumerate(zip(row, widths, strict=True)))
             for row in table)  # fmt: skip
    return "\n".join(f"  {line.rstrip()}" for line in lines)


def _set(value: str, width: int, at: int) -> str:
    return value.ljust(width) if at < 3 else value.rjust(width)


def _cut(text: str) -> str:
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"


def _or_dash(value: object) -> object:
    return "–" if value is None else value


def _ulps(distance: Distance) -> str:
    return "–" if distance.largest_ulp is None else f"{distance.largest_ulp:.3g} ULP"


def _content(result: Reproduction) -> dict[str, object]:
    content = dataclasses.asdict(result)
    if result.departure is not None:
        # JSON has no nan and inf; they become words.
        words = {name: repr(getattr(result.departure, name)) for name in ("then", "now", "ulp", "largest_ulp")}
        content["departure"] |= words
    return {**content, "reproduced": result.reproduced, "not_run": result.is_not_run}
