"""Assembles pages: a view or a whole run in, HTML out."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from harness.analysis.verdict import Assessment
from harness.report import marks, numbers, palette
from harness.report.parts import Section, panels_in
from harness.report.sections import (
    accuracy,
    budget,
    cells,
    changes,
    convergence,
    environment,
    expectations,
    failures,
    fit,
    method,
    overview,
    paths,
    repeatability,
    timing,
    verdict,
)
from harness.report.typeset import typeset
from harness.report.view import View

# More are not read; what the others leave is the convergence section's, which can do with fewer.
MOST_PANELS = 30
# In the order of the page; a new section is a module and a line here.
SECTIONS: tuple[Callable[[View], Section | None], ...] = (
    verdict.section,
    changes.section,
    expectations.section,
    accuracy.section,
    budget.section,
    convergence.section,
    fit.section,
    timing.section,
    paths.section,
    repeatability.section,
    failures.section,
    cells.section,
    environment.section,
    method.section,
)


@dataclass(frozen=True)
class Head:
    """
    What stands over the sections.

    Args:
        title: Of the browser's tab; starts with the verdict.
        kicker: The small line over the heading.
        heading: The page's one h1.
        facts: When, where, how much.
        home: Link to the run's page; empty on that page itself.
    """

    title: str
    kicker: str
    heading: str
    facts: tuple[str, ...]
    home: str = ""


def file_name(scenario: str) -> str:
    """The page of a scenario; one called `index` must not replace the run's page."""
    return f"{scenario}.html" if scenario.lower() != "index" else f"{scenario}-scenario.html"


def link(scenario: str) -> str:
    """A relative link to it: a name may hold spaces, `#` or a colon."""
    return quote(file_name(scenario))


def scenario_page(view: View) -> str:
    """All sections of one scenario."""
    sections = _sections(view)
    assessment = view.assessment
    head = Head(
        f"{assessment.verdict(view.name).word}: {view.name}",
        f"Scenario {view.name}",
        view.scenario.title,
        (*run_facts(assessment), *_counts(view)),
        "index.html",
    )
    return _render(head, sections)


def _sections(view: View) -> list[Section]:
    made = {make: make(view) for make in SECTIONS if make is not convergence.section}
    room = MOST_PANELS - sum(panels_in(section.data) for section in made.values() if section is not None)
    found = (convergence.section(view, room) if make is convergence.section else made[make] for make in SECTIONS)
    return [section for section in found if section is not None]


def index_page(assessment: Assessment, views: Sequence[View]) -> str:
    """The run: verdict over all scenarios, a row for each, failures, environment."""
    sections = overview.sections(assessment, views, link)
    name = assessment.run.file.name
    head = Head(
        f"{assessment.verdict().word}: {name}", "Gradient descent harness", f"Run {name}", run_facts(assessment)
    )
    return _render(head, sections)


def run_facts(assessment: Assessment) -> tuple[str, ...]:
    """When it ran, for how long, at which commit, on which machines; all from the run file."""
    meta, environment_ = assessment.run.file.meta, assessment.run.environment
    attempts = assessment.run.file.attempts
    facts = []
    if attempts:
        facts.append(time.strftime("%d %B %Y, %H:%M UTC", time.gmtime(attempts[0]["started"])).lstrip("0"))
        took = _duration(sum(attempt["finished"] - attempt["started"] for attempt in attempts))
        facts.append(f"took {took}" if len(attempts) == 1 else f"took {took} in {len(attempts)} attempts")
    hosts = list(dict.fromkeys(environment_["host"]))
    if hosts:
        facts.append(f"on {numbers.listed(map(str, hosts))}")
    commits = environment_.loc[environment_["key"] == "commit", "value"]
    facts += [f"code at {commit}" for commit in dict.fromkeys(commits)]
    if meta.get("quick"):
        facts.append("cut by --quick")
    return tuple(facts)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _counts(view: View) -> tuple[str, ...]:
    planned = view.assessment.run.counts(view.name)["planned"]
    cells_text = numbers.plural(len(view.axes_of), "cell")
    return (f"{cells_text}, {numbers.plural(planned, 'process', 'processes')}",)


def environment_of_templates() -> Environment:
    """Jinja, with everything escaped and nothing silently empty."""
    jinja = Environment(
        loader=PackageLoader("harness.report", "templates"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=False,
    )  # fmt: skip
    jinja.globals["sign"] = marks.sign
    jinja.globals["raw"] = _raw
    jinja.filters["slug"] = _slug
    jinja.filters["typeset"] = typeset
    return jinja


def _slug(heading: str) -> str:
    """An anchor: `Who gets there first?` is `who-gets-there-first`."""
    return re.sub(r"[^a-z0-9]+", "-", heading.lower()).strip("-")


def _raw(text: str) -> Markup:
    """Text that was made safe where it was made: our own style and script, and embedded JSON."""
    return Markup(text)  # noqa: S704 - see cells.safe_json


def _render(head: Head, sections: Sequence[Section]) -> str:
    jinja = environment_of_templates()
    content: dict[str, Any] = {
        "head": head,
        "sections": sections,
        "colours": palette.css(),
        "style": _source(jinja, "style.css"),
        "script": _source(jinja, "script.js"),
    }
    return jinja.get_template("page.html.jinja").render(content) + "\n"


def _source(jinja: Environment, name: str) -> str:
    assert jinja.loader is not None
    return jinja.loader.get_source(jinja, name)[0]
