"""The pages in Chromium: nothing fetched, no errors, no axe violations, no sideways overflow, usable without script."""

from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.report.write import write_report
from harness.scenario.read import read_all
from tests.builders import write_scenario
from tests.report_checks import (
    SIGHTS,
    Sight,
    accused,
    of_text,
    on_paper,
    opened,
    painted_late,
    seen,
    without_script,
)
from tests.test_report_page import GRID, HOSTILE, SOUND, failing, large_run, make_run

pytestmark = pytest.mark.browser
ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run", "--disable-quic",
]  # fmt: skip
LIGHT, NARROW = SIGHTS[0], SIGHTS[3]
EXAMPLE = Path(__file__).parents[1] / "reports" / "example"
# Seeds to how their cells end.
ENDS = {1: "failed", 2: "skipped", 3: "timed_out", 4: "crashed", 5: "out_of_memory"}


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
    """A report with every section filled: timings, figures, all kinds of failure, a missed claim, hostile words."""
    base = tmp_path_factory.mktemp("browser")
    expect = [
        {"quantity": "weights[0]", "value": 3.0, "within": 0.5, "where": {"learning_rate": 0.05}},
        {"quantity": "loss", "at_most": 1e-9, "where": {"learning_rate": 0.05}, "source": HOSTILE},
    ]
    grid: dict[str, Any] = {**GRID, "grid__seed": [0, *ENDS]}
    path = write_scenario(base, **grid, title=HOSTILE, expect=expect)
    write_report(make_run(base / "run", read_all([str(path)]), failing(ENDS, HOSTILE)), base / "out")
    return base / "out"


@pytest.mark.parametrize(
    ("name", "sight"),
    [*(("line.html", sight) for sight in SIGHTS), ("index.html", NARROW)],
    ids=lambda item: item.name if isinstance(item, Sight) else item,
)
def test_a_page_is_accessible_quiet_and_fits(browser: Any, folder: Path, name: str, sight: Sight) -> None:
    """No request but its own file, no error, no overflow, no tiny text, and axe finds nothing, all unfolded."""
    assert seen(browser, folder / name, sight) == []


def test_a_page_is_light_on_paper_and_soon_there(browser: Any, folder: Path) -> None:
    """First paint within a second; at most 12 printed pages, none of it cut off at the side."""
    page = folder / "line.html"
    assert painted_late(browser, page) == []
    assert on_paper(browser, page)[1] == []
    with opened(browser, page, Sight("light", 720)) as (paper, _):
        paper.emulate_media(media="print")
        assert paper.evaluate("document.documentElement.scrollWidth") <= 720
        assert paper.locator(":not(th) > button:visible, select:visible, input:visible, nav:visible").count() == 0


def test_without_script_the_first_rows_stand(browser: Any, folder: Path) -> None:
    """25 rows, the figures, and no control that does nothing."""
    assert without_script(browser, folder / "line.html") == []
    with opened(browser, folder / "line.html", script=False) as (page, _):
        assert page.locator("#cells-table tbody tr").count() == 25
        assert page.locator("svg.figure:visible").count() > 5


@pytest.mark.timeout(300)
def test_ten_thousand_cells_stay_light(browser: Any, tmp_path: Path) -> None:
    """Weight, elements and first paint within the budget, and axe finds nothing."""
    page = large_run(tmp_path, 10_000)
    assert of_text(page.read_text(encoding="utf-8")) == []
    assert painted_late(browser, page) == []
    assert seen(browser, page, LIGHT) == []


def test_the_committed_example_passes(browser: Any) -> None:
    """The pages that the repository shows are held to the same."""
    pages = sorted(EXAMPLE.glob("*.html"))
    if not pages:
        pytest.skip("reports/example is not there")
    for page in pages:
        assert of_text(page.read_text(encoding="utf-8")) == [], page.name
        assert painted_late(browser, page) == []
        assert without_script(browser, page) == []
        assert [*seen(browser, page, LIGHT), *seen(browser, page, NARROW, axe=False)] == [], page.name


def test_the_table_sorts_filters_and_pages(browser: Any, folder: Path) -> None:
    """A head sorts and says so, a select filters to the known count, the pager turns."""
    with (folder / "cells.csv").open(encoding="utf-8") as file:
        statuses = [row["status"] for row in csv.DictReader(file)]
    with opened(browser, folder / "line.html") as (page, _):
        rows, shown = page.locator("#cells-table tbody tr"), page.locator("#shown")
        page.get_by_label("status").select_option("failed")
        assert rows.count() == statuses.count("failed") > 0
        assert f"of {statuses.count('failed')}, chosen from {len(statuses)}" in shown.inner_text()
        page.get_by_label("status").select_option("all")
        head = page.locator("#cells-table th", has_text="loss").first
        head.get_by_role("button").focus()
        page.keyboard.press("Enter")
        assert head.get_attribute("aria-sort") == "ascending"
        assert page.locator("#said[role=status]").text_content() == "Sorted by loss, ascending"
        page.keyboard.press("Enter")
        assert head.get_attribute("aria-sort") == "descending"
        assert page.locator("#cells-table [aria-sort]").count() == 1
        page.get_by_role("button", name="Next rows").click()
        assert shown.inner_text().startswith("Rows 26 to")
        page.get_by_label("search").fill("no such thing")
        assert shown.inner_text() == "No row matches."


def test_the_address_of_a_cell_shows_that_cell(browser: Any, folder: Path) -> None:
    """It stands alone in the table, with the command that runs it again; so does one whose link is followed."""
    with (folder / "cells.csv").open(encoding="utf-8") as file:
        cells = [row["cell"] for row in csv.DictReader(file)]
    wanted, other = cells[-1], cells[0]
    with opened(browser, folder / "line.html", at=wanted) as (page, _):
        rows, command = page.locator("#cells-table tbody tr"), page.locator("#cells-repeat")
        assert rows.count() == cells.count(wanted)
        assert set(rows.locator("td:last-child").all_inner_texts()) == {wanted}
        assert command.inner_text().endswith(f"--cell {wanted}")
        assert page.locator("#cells").bounding_box()["y"] < 100
        page.get_by_label("search").fill("")
        assert command.inner_text().endswith("--cell CELL")
        page.get_by_label("search").fill(other)
        rows.first.get_by_role("link").click()
        assert page.evaluate("location.hash") == f"#{other}"
        assert command.inner_text().endswith(f"--cell {other}")


def test_every_section_and_figure_has_an_address(browser: Any, folder: Path) -> None:
    """The link beside each heading and caption leads to where it stands, and the keyboard reaches it."""
    with opened(browser, folder / "line.html") as (page, _):
        links = page.locator("a.here")
        addresses = [str(link.get_attribute("href")) for link in links.all()]
        assert page.locator("figure").count() > 4
        assert page.locator("figure:not([id]), main > section:not([id]), .headed > h3:not([id])").count() == 0
        assert {str(figure.get_attribute("id")) for figure in page.locator("figure").all()} <= {
            a[1:] for a in addresses
        }
        assert {f"#{name}" for name in ("verdict", "loss", "step-times", "time")} - {*addresses} == {"#verdict"}
        assert len(addresses) == len(set(addresses))
        for address in addresses:
            assert page.locator(address).count() == 1
        links.first.focus()
        assert links.first.evaluate("(link) => getComputedStyle(link).opacity") == "1"


def test_the_keyboard_finds_the_report_first(browser: Any, folder: Path) -> None:
    """The first Tab is the skip link, and Enter goes on to the report."""
    with opened(browser, folder / "line.html") as (page, _):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"


def test_the_theme_button_turns(browser: Any, folder: Path) -> None:
    """Auto, light, dark; the scheme follows."""
    with opened(browser, folder / "index.html") as (page, _):
        button = page.locator("#theme")
        button.click()
        button.click()
        assert button.inner_text() == "Theme: dark"
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 28)"


BROKEN = {
    "axe: color-contrast": '<p style="color:#aaa;background:#999">grey on grey</p>',
    "axe: image-alt": '<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">',
    "light 1280: asks for https": '<p><img alt="" src="https://example.invalid/a.png"></p>',
    "light 1280: is 1": '<p style="width:3000px">wide</p>',
    "light 1280: error: ": "<script>throw new Error('broken')</script>",
    "light 1280: console: ": "<script>console.log('noisy')</script>",
    "light 1280: has figure text of 4.0 px": '<svg class="figure" width="50" viewBox="0 0 100 9" role="img">'
    '<title>t</title><desc>d</desc><text y="8" font-size="8">x</text></svg>',
    "a dead control": '<button type="button">Nothing</button>',
}


@pytest.mark.parametrize("fault", BROKEN)
def test_the_checks_can_fail(browser: Any, tmp_path: Path, fault: str) -> None:
    """A page broken on purpose is found faulty in just that way; the page that it was made from is not."""
    page = tmp_path / "page.html"
    page.write_text(SOUND.replace("</main>", f"{BROKEN[fault]}</main>"), encoding="utf-8")
    if fault.startswith("axe"):
        with opened(browser, page) as (broken, _):
            found = accused(broken)
    else:
        found = [*seen(browser, page, LIGHT, axe=False), *without_script(browser, page)]
    assert any(item.startswith(fault) for item in found), found


def test_a_sound_page_passes(browser: Any, tmp_path: Path) -> None:
    """What the broken pages are made from has no fault."""
    page = tmp_path / "page.html"
    page.write_text(SOUND, encoding="utf-8")
    assert [*seen(browser, page, LIGHT), *without_script(browser, page), *painted_late(browser, page)] == []
