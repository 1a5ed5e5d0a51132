"""What every page of a report is held to: each check gives what it finds wrong, and nothing where all is right."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import html5lib

MOST_BYTES, MOST_ELEMENTS, MOST_PAINT_MS, MOST_PDF_PAGES, MOST_FIGURE_BYTES = 1_500_000, 6_000, 1_000, 12, 40_000
MOST_PANELS = 30
TAGS = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]
# Figure text at a width of the window, in pixels as rendered.
LEAST_TEXT = {1280: 9, 390: 8}


@dataclass(frozen=True)
class Sight:
    """One way to look at a page."""

    scheme: str
    width: int
    forced: bool = False

    @property
    def name(self) -> str:
        return f"{self.scheme} {self.width}{' forced colours' if self.forced else ''}"


SIGHTS = (
    Sight("light", 1280), Sight("dark", 1280), Sight("light", 390), Sight("dark", 320), Sight("light", 1280, True),
)  # fmt: skip


def of_text(text: str) -> list[str]:
    """All that can be told without a browser."""
    bare = re.sub(r"(<(script|style)\b[^>]*>).*?(</\2>)", r"\1\3", text, flags=re.S)
    return [*_weight(text, bare), *_outside(text), *_references(bare), *_words(bare), *_form(text)]


def _weight(text: str, bare: str) -> Iterator[str]:
    size, elements = len(text.encode("utf-8", "backslashreplace")), len(re.findall(r"<[a-zA-Z]", bare))
    if size > MOST_BYTES:
        yield f"weighs {size:,} bytes"
    if elements > MOST_ELEMENTS:
        yield f"has {elements:,} elements"
    panels = re.findall(r"<svg\b[^>]*role=\"img\".*?</svg>", bare, re.S)
    if len(panels) > MOST_PANELS:
        yield f"has {len(panels)} panels"
    for figure in panels:
        if len(figure) > MOST_FIGURE_BYTES:
            yield f"a figure weighs {len(figure):,} bytes"


def _outside(text: str) -> Iterator[str]:
    found = re.findall(r"""\b(?:src|href|srcset|action|data|poster)\s*=\s*["']?\s*(?:https?:)?//[^"'\s>]*""", text)
    found += re.findall(r"""url\(\s*["']?(?:https?:)?//[^)]*|@import[^;]*""", text)
    for address in found:
        yield f"points outside: {address}"


def _references(bare: str) -> Iterator[str]:
    ids = Counter(re.findall(r'\sid="([^"]+)"', bare))
    yield from (f"two elements have the id {name}" for name, count in ids.items() if count > 1)
    used = re.findall(r'href="#([^"]+)"', bare) + re.findall(r"url\(#([^)]+)\)", bare)
    lists = re.findall(r'\s(?:aria-labelledby|aria-describedby|aria-controls|for)="([^"]+)"', bare)
    for name in dict.fromkeys([*used, *" ".join(lists).split()]):
        if name not in ids:
            yield f"no element has the id {name}"


def _words(bare: str) -> Iterator[str]:
    for figure in re.findall(r'<svg\b[^>]*role="img"[^>]*>.*?</svg>', bare, re.S):
        if not re.search(r"<title\b[^>]*>[^<]", figure) or not re.search(r"<desc\b[^>]*>[^<]", figure):
            yield f"a figure lacks its title or description: {figure[:80]}"
    for table in re.findall(r"<table\b.*?</table>", bare, re.S):
        if not re.search(r"<caption\b[^>]*>\s*[^<\s]", table):
            yield f"a table lacks its caption: {table[:80]}"
    levels = [int(level) for level in re.findall(r"<h([1-6])\b", bare)]
    if levels.count(1) != 1:
        yield f"has {levels.count(1)} headings of level 1"
    yield from (f"a heading of level {b} follows one of level {a}" for a, b in pairwise(levels) if b > a + 1)
    if not re.search(r'<html\b[^>]*\slang="[a-z]', bare):
        yield "does not say its language"


def _form(text: str) -> Iterator[str]:
    try:
        html5lib.HTMLParser(strict=True).parse(text)
    except html5lib.html5parser.ParseError as error:
        yield f"is not valid: {error}"


@contextmanager
def opened(
    browser: Any, path: Path, sight: Sight = SIGHTS[0], *, script: bool = True, at: str = ""
) -> Iterator[tuple[Any, list[str]]]:
    """The page, at an anchor of it, and what it asks for and complains about so far."""
    context = browser.new_context(
        viewport={"width": sight.width, "height": 900}, color_scheme=sight.scheme, java_script_enabled=script,
        forced_colors="active" if sight.forced else "none",
    )  # fmt: skip
    try:
        page, found = context.new_page(), list[str]()
        page.on("console", lambda message: found.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: found.append(f"error: {error}"))
        page.on("request", lambda request: found.extend([] if _local(request.url) else [f"asks for {request.url}"]))
        page.goto(path.resolve().as_uri() + (f"#{at}" if at else ""))
        yield page, found
    finally:
        context.close()


def _local(url: str) -> bool:
    return url.startswith(("file:", "data:"))


_UNFOLD = "document.querySelectorAll('details').forEach(element => { element.open = true; })"
_TEXTS = """() => [...document.querySelectorAll('svg.figure')].flatMap(svg => {
    const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
    return [...svg.querySelectorAll('text')].map(text => parseFloat(getComputedStyle(text).fontSize) * scale); })"""
_PAINT = "() => performance.getEntriesByName('first-contentful-paint').map(entry => entry.startTime)[0] ?? null"


def seen(browser: Any, path: Path, sight: Sight, *, axe: bool = True) -> list[str]:
    """Everything unfolded: requests, errors, overflow, small print, and what axe says."""
    with opened(browser, path, sight) as (page, found):
        page.evaluate(_UNFOLD)
        over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        faults = [f"is {over} px too wide"] if over > 0 else []
        elements = page.evaluate("document.querySelectorAll('*').length")
        faults += [f"has {elements:,} elements with those of its script"] if elements > MOST_ELEMENTS else []
        least = min(page.evaluate(_TEXTS), default=99)
        if least < LEAST_TEXT.get(sight.width, 0) - 0.01:
            faults.append(f"has figure text of {least:.1f} px")
        if axe:
            faults += accused(page)
        return [f"{sight.name}: {fault}" for fault in (*faults, *found)]


def accused(page: Any) -> list[str]:
    """What axe finds, of any impact."""
    from axe_playwright_python.sync_playwright import Axe

    violations = Axe().run(page, options={"runOnly": TAGS, "resultTypes": ["violations"]}).response["violations"]
    return [f"axe: {item['id']}: {node['html'][:120]}" for item in violations for node in item["nodes"][:3]]


def painted_late(browser: Any, path: Path, tries: int = 6) -> list[str]:
    """The first paint, in milliseconds, where the best of some tries is late; a busy machine has its moments."""
    times = []
    for _ in range(tries):
        with opened(browser, path) as (page, _found):
            page.wait_for_function(_PAINT)
            times.append(float(page.evaluate(_PAINT)))
        if times[-1] <= MOST_PAINT_MS:
            return []
    return [f"is painted after {min(times):.0f} ms"]


def without_script(browser: Any, path: Path) -> list[str]:
    """Controls that would do nothing."""
    with opened(browser, path, script=False) as (page, _):
        controls = page.locator("button:visible, select:visible, input:visible, textarea:visible")
        return [f"a dead control: {controls.nth(place).inner_text()}" for place in range(controls.count())]


def on_paper(browser: Any, path: Path) -> tuple[int, list[str]]:
    """Pages of its PDF, and whether they are too many."""
    with opened(browser, path) as (page, _):
        count = len(re.findall(rb"/Type\s*/Page\b(?!s)", page.pdf(format="A4", print_background=False)))
    return count, [f"prints on {count} pages"] if count > MOST_PDF_PAGES else []
