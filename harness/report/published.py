"""Published numbers beside the measured ones: a table for terminals, and the same for machines."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Sequence
from itertools import groupby, zip_longest
from typing import Any

from harness.analysis.published import Row, no_number, off_by
from harness.analysis.result import Check

_SIGNS = {"held": "✓", "missed": "✕", "not checked": "○"}
_HEAD = ("claim", "source", "published", "measured", "verdict")
# Of a line of the table, its number columns at most, and its last column.
_WIDTH, _NUMBER, _VERDICT = 118, 20, 19
_SOURCE = 90  # characters; the page and summary.json have the rest


def table(rows: Sequence[Row]) -> list[str]:
    """A table of all published numbers, by scenario; words are wrapped, numbers stand point below point."""
    if not rows:
        return []
    groups = [list(group) for _, group in groupby(rows, key=lambda row: row.scenario)]
    texts = [_texts(group) for group in groups]
    widths = _widths([line for group in texts for line in group])
    lines = ["", f"  {len(rows)} published numbers: {_tally(rows)}", "", *_lines(" ", _HEAD, widths)]
    for group, said in zip(groups, texts, strict=True):
        head = ": ".join(filter(None, (group[0].scenario, group[0].scenario_source)))
        lines += ["", *textwrap.wrap(head, _WIDTH, initial_indent="  ", subsequent_indent="    ")]
        for row, line in zip(group, said, strict=True):
            lines += _lines(_SIGNS[row.result.status], line, widths)
    return lines


def _texts(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """The columns of one scenario's rows."""
    sources = (textwrap.shorten(row.result.expect.source, _SOURCE, placeholder=" …") for row in rows)
    columns = (_aligned(said(row) for row in rows), _aligned(measured(row) for row in rows))
    return list(zip((row.label for row in rows), sources, *columns, (row.verdict for row in rows), strict=True))


def _aligned(texts: Iterable[str]) -> list[str]:
    """Numbers moved right until their points stand below each other, where the column has room for it."""
    given = list(texts)
    before = [len(text.partition("e")[0].partition(".")[0]) if text and " " not in text else 0 for text in given]
    moved = [" " * (max(before) - size if size else 0) + text for size, text in zip(before, given, strict=True)]
    return moved if max(map(len, moved)) <= _NUMBER else given


def _widths(rows: Sequence[tuple[str, ...]]) -> tuple[int, ...]:
    """What the numbers and the verdict leave is shared by claim and source."""
    numbers = [_width([_HEAD[column], *(row[column] for row in rows)]) for column in (2, 3)]
    left = _WIDTH - sum(numbers) - _VERDICT - len("  ✓ ") - 2 * (len(_HEAD) - 1)
    return left // 2, left - left // 2, *numbers, _VERDICT


def _width(texts: Sequence[str]) -> int:
    """Of a column of numbers: a range may be wrapped, a number never."""
    return max(min(_NUMBER, max(map(len, texts))), *(len(word) for text in texts for word in text.split()))


def _lines(sign: str, texts: Sequence[str], widths: Sequence[int]) -> list[str]:
    """One row of the table, as many lines as its longest text takes."""
    columns = [
        textwrap.wrap(text, width, break_on_hyphens=False) or [""] for text, width in zip(texts, widths, strict=True)
    ]
    lines = zip_longest(*columns, fillvalue="")
    padded = ("  ".join(f"{part:<{width}}" for part, width in zip(line, widths, strict=True)) for line in lines)
    return [f"  {' ' if place else sign} {line}".rstrip() for place, line in enumerate(padded)]


def said(row: Row) -> str:
    """What was published where it agrees least, or the limits: `2.98927619`, `at least 3, at most 3.5`."""
    expect, worst = row.result.expect, row.worst
    if not row.published:
        low, high = expect.at_least, expect.at_most
        limits = [f"{word} {limit:.15g}" for word, limit in (("at least", low), ("at most", high)) if limit is not None]
        return ", ".join(limits) or f"table {expect.table}"
    if expect.equals is not None or expect.not_equals is not None:
        return f"{'not ' if expect.not_equals else ''}{' or '.join(map(str, row.published))}"
    return _exact(worst.wanted if worst is not None else row.published[0])


def measured(row: Row) -> str:
    """What came out, to two digits more than was published; in full where it is the very same number."""
    return "" if row.worst is None else shown(row, row.worst)


def shown(row: Row, check: Check) -> str:
    """What one of its comparisons found, likewise."""
    found, wanted = check.found, check.wanted
    if words := no_number(row.result.expect, found):
        return words
    if isinstance(found, tuple):
        return " to ".join(f"{end:.6g}" for end in found)
    if not isinstance(found, float) or row.verdict == "bitwise":
        return _exact(found)
    digits = len(_exact(wanted).partition("e")[0].replace(".", "").lstrip("-0")) + 2 if isinstance(wanted, float) else 0
    return f"{found:.{min(17, max(6, digits))}g}"


def _exact(value: Any) -> str:
    """The shortest text that is this number: `79300`, `2.98927619`."""
    return f"{value:.15g}" if isinstance(value, float) and float(f"{value:.15g}") == value else str(value)


def _tally(rows: Sequence[Row]) -> str:
    """`12 bitwise, 60 to 2 or more digits, 30 within the spread of the seeds, 3 hold, 1 not`."""
    words = [row.verdict.split(":")[0] for row in rows]
    digits = [int(word.split()[1]) for word in words if word.startswith("to ")]
    counted = {
        "bitwise": words.count("bitwise"),
        f"to {min(digits, default=0)} or more digits": len(digits),
        "within the spread of the seeds": sum(word.startswith("within") for word in words),
        "hold": words.count("holds"),
        "not": words.count("not"),
        "not checked": words.count("not checked"),
    }
    return ", ".join(f"{count} {word}" for word, count in counted.items() if count)


def as_content(row: Row) -> dict[str, Any]:
    """One row for machines."""
    return {
        "scenario": row.scenario,
        "scenario_source": row.scenario_source,
        "number": row.result.number,
        "claim": row.result.claim,
        "source": row.result.expect.source,
        "published": plain(row.published),
        "compared": None if row.worst is None else plain(row.worst.wanted),
        "measured": None if row.worst is None else plain(row.worst.found),
        "place": "" if row.worst is None else row.worst.place,
        "comparisons": len(row.result.checks),
        "status": row.result.status,
        "verdict": row.verdict,
        "off_by": off_by(row),
    }


def plain(value: Any) -> Any:
    """JSON has no inf and nan; they become words."""
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
