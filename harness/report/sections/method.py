"""What the words and numbers of the page mean."""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.report import method_words
from harness.report.parts import Section
from harness.report.view import View


@dataclass(frozen=True)
class Term:
    """A word, what it means, and its anchor."""

    id: str
    name: str
    meaning: str


@dataclass(frozen=True)
class Group:
    """Terms under one question."""

    heading: str
    terms: tuple[Term, ...]


def section(view: View) -> Section:
    """Definition lists, by what is asked."""
    groups = tuple(
        Group(heading, tuple(Term(anchor(name), name, meaning) for name, meaning in terms))
        for heading, terms in method_words.groups(view.scenario.document.target.digits)
    )
    return Section("method", "Method", "How to read the numbers", groups)


def anchor(term: str) -> str:
    """`ULP` is `term-ulp`, `possible loss reduction` is `term-possible-loss-reduction`."""
    return "term-" + re.sub(r"[^a-z0-9]+", "-", term.lower()).strip("-")
