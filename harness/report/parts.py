"""What sections are made of: plain values that the templates turn into HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, TypeAlias

from markupsafe import Markup

# Text is escaped by the template; Markup was made here, from escaped text.
Content: TypeAlias = str | Markup


@dataclass(frozen=True)
class Finding:
    """
    A caption.

    Args:
        says: The finding, one computed sentence.
        how: How to read it.
    """

    says: str
    how: str = ""


@dataclass(frozen=True)
class Table:
    """
    A table.

    Args:
        caption: What it holds; every table has one.
        head: The column heads; one that ends in `#` heads numbers.
        rows: The cells; the first of a row names it.
        note: What was left out, if anything.
        silent: The caption is for screen readers alone, as a heading says the same.
    """

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[Content, ...], ...]
    note: str = ""
    silent: bool = False


@dataclass(frozen=True)
class Figure:
    """
    Small multiples under one finding.

    Args:
        finding: The caption.
        panels: SVG elements.
        table: The numbers behind them, which is the text alternative too.
        key: Colour and name of what is not labelled in the panels.
        id: Its anchor on the page; none may be without.
    """

    finding: Finding
    panels: tuple[Markup, ...]
    table: Table | None = None
    key: tuple[tuple[str, str], ...] = ()
    id: str = field(kw_only=True)


@dataclass(frozen=True)
class Section:
    """
    One section of a page.

    Args:
        id: Its anchor, and the name of its template.
        nav: Its name in the navigation.
        heading: The question it answers.
        data: What its template needs.
        mark: `ok`, `fail`, `warn` or empty: the sign in the navigation.
    """

    id: str
    nav: str
    heading: str
    data: Any
    mark: str = ""


def panels_in(data: Any) -> int:
    """Panels of all figures in a section's data, however deep; what is no part of a page holds none."""
    if isinstance(data, Figure):
        return len(data.panels)
    if is_dataclass(data) and type(data).__module__.startswith("harness.report."):
        return sum(panels_in(getattr(data, part.name)) for part in fields(data))
    return sum(map(panels_in, data)) if isinstance(data, (tuple, list)) else 0


def table_of(
    caption: str, head: Sequence[str], rows: Sequence[Sequence[Content]], most: int = 60, rest: str = ""
) -> Table:
    """A table cut to `most` rows, which is said; the page must stay light."""
    note = f"The first {most:,} of {len(rows):,} rows{rest}." if len(rows) > most else ""
    return Table(caption, tuple(head), tuple(tuple(row) for row in rows[:most]), note)


__all__ = ["Content", "Figure", "Finding", "Markup", "Section", "Table", "panels_in", "table_of"]
