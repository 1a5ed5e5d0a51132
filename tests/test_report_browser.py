"""The pages in Chromium: nothing fetched, no errors, no axe violations, no sideways overflow, usable without script."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.report.write import write_report
from harness.scenario.read import read_all
from tests.builders import write_scenario
from tests.test_report_page import GRID, HOSTILE, failing, make_run

pytestmark = pytest.mark.browser
ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run", "--disable-quic",
]  # fmt: skip
TAGS = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]
# The run's page has no part that a scenario's page has not; two views of it do.
VIEWS = [
    *(
        ("line.html", scheme, width)
        for scheme, width in (("light", 1280), ("dark", 1280), ("light", 390), ("light", 320))
    ),
    ("index.html", "dark", 1280),
    ("index.html", "light", 320),
]


def absent(what: str) -> None:
    """Skip, or fail where a browser is demanded."""
    if os.environ.get("HARNESS_REQUIRE_BROWSER") == "1":
        pytest.fail(f"{what} is missing and HARNESS_REQUIRE_BROWSER is 1")
    pytest.skip(f"{what} is missing")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, started once."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        absent("Chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        absent("playwright")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with every section filled: timings, figures, failures, a missed expectation, hostile words."""
    base = tmp_path_factory.mktemp("browser")
    expect = [
        {"quantity": "weights[0]", "value": 3.0, "within": 0.5, "where": {"learning_rate": 0.05}},
        {"quantity": "loss", "at_most": 1e-9, "where": {"learning_rate": 0.05}, "source": HOSTILE},
    ]
    path = write_scenario(base, **GRID, title=HOSTILE, expect=expect)
    change = failing({1: "failed", 2: "skipped"}, HOSTILE)
    write_report(make_run(base / "run", read_all([str(path)]), change), base / "out")
    return base / "out"


@pytest.fixture
def opened(browser: Any, folder: Path) -> Iterator[Any]:
    """Opens a page and collects what it asks for and complains about."""
    contexts = []

    def open_page(name: str, scheme: str = "light", width: int = 1280, *, script: bool = True) -> tuple[Any, list[str]]:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=script
        )
        contexts.append(context)
        page, found = context.new_page(), []
        page.on("console", lambda message: found.append(message.text))
        page.on("pageerror", lambda error: found.append(str(error)))
        page.on("request", lambda request: found.append(request.url) if not local(request.url) else None)
        page.goto((folder / name).as_uri())
        return page, found

    yield open_page
    for context in contexts:
        context.close()


def local(url: str) -> bool:
    return url.startswith(("file:", "data:"))


@pytest.mark.parametrize(("name", "scheme", "width"), VIEWS)
def test_a_page_is_accessible_quiet_and_fits(opened: Any, name: str, scheme: str, width: int) -> None:
    """No request but its own file, no error, no sideways overflow, and axe finds nothing, everything unfolded."""
    from axe_playwright_python.sync_playwright import Axe

    page, found = opened(name, scheme, width)
    page.evaluate("document.querySelectorAll('details').forEach(element => { element.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    result = Axe().run(page, options={"runOnly": TAGS})
    assert [(item["id"], item["nodes"][0]["html"]) for item in result.response["violations"]] == []
    assert found == []


def test_without_script_the_first_rows_stand(opened: Any) -> None:
    """25 rows, and no control that does nothing."""
    page, _ = opened("line.html", script=False)
    assert page.locator("#cells-table tbody tr").count() == 25
    assert page.locator("button:visible, select:visible, input:visible").count() == 0


def test_figure_text_is_never_tiny(opened: Any) -> None:
    """At least 9 px on a desk, 8 px on a phone."""
    measure = """[...document.querySelectorAll('svg.figure')].map(svg =>
        Math.min(...[...svg.querySelectorAll('text')].map(text => parseFloat(getComputedStyle(text).fontSize)))
        * svg.getBoundingClientRect().width / svg.viewBox.baseVal.width)"""
    for width, least in ((1280, 9), (390, 8)):
        page, _ = opened("line.html", width=width)
        assert min(page.evaluate(measure)) >= least - 0.01


def test_the_table_sorts_filters_and_pages(opened: Any) -> None:
    """A head sorts and says so, a select filters to the known count, the pager turns."""
    page, _ = opened("line.html")
    rows, shown = page.locator("#cells-table tbody tr"), page.locator("#shown")
    total = int(shown.inner_text().rstrip(".").split()[-1])
    page.get_by_label("status").select_option("failed")
    failed = rows.count()
    assert 0 < failed < 25
    assert f"of {failed}, chosen from {total}" in shown.inner_text()
    page.get_by_label("status").select_option("all")
    head = page.locator("#cells-table th", has_text="loss").first
    head.get_by_role("button").focus()
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    assert page.locator("#cells-table [aria-sort]").count() == 1
    page.get_by_role("button", name="Next rows").click()
    assert shown.inner_text().startswith("Rows 26 to")
    page.get_by_label("search").fill("no such thing")
    assert shown.inner_text() == "No row matches."


def test_the_keyboard_finds_the_report_first(opened: Any) -> None:
    """The first Tab is the skip link."""
    page, _ = opened("line.html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"


def test_the_theme_button_turns(opened: Any) -> None:
    """Auto, light, dark; the scheme follows."""
    page, _ = opened("index.html")
    button = page.locator("#theme")
    button.click()
    button.click()
    assert button.inner_text() == "Theme: dark"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 28)"
