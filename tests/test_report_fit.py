"""The replay of one training: its caption, its frames, its surface, and that they are on the page."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from pathlib import Path
from typing import Any

import html5lib
import numpy as np
import pytest

from harness.analysis.verdict import Assessment
from harness.frames import load
from harness.report import findings_fit as findings
from harness.report.figures.contours import levels
from harness.report.figures.labels import Box, Label, placed
from harness.report.figures.replay import Curve
from harness.report.findings_fit import Journey
from harness.report.page import environment_of_templates
from harness.report.sections import fit, fit_cell
from harness.report.sections.fit_cell import MOST_FRAMES, Shown, spaced
from harness.report.sections.fit_data import truth_of
from harness.report.sections.fit_plane import Plane, steepest
from harness.report.view import View
from harness.scenario.read import read_all
from tests.builders import write_scenario
from tests.report_checks import TAGS
from tests.test_report_browser import browser  # noqa: F401 - a fixture
from tests.test_report_page import failing, make_run, one_scenario

GLIDES = Journey(20, 5.0, 1.25, 1.0, [2.0**-n for n in range(21)], 1e-9)
ZIGZAGS = dataclasses.replace(GLIDES, along=[(-0.5) ** n for n in range(21)])
NET = Journey(100, 0.5, 0.25)


@pytest.mark.parametrize(
    ("journey", "says"),
    [
        (GLIDES, "20 steps bring the loss from 5.00 down to 1.25, 0.250 above its least; the path glides."),
        (ZIGZAGS, "20 steps bring the loss from 5.00 down to 1.25, 0.250 above its least; the path zigzags."),
        (NET, "100 steps bring the loss from 0.500 down to 0.250."),
        (Journey(1, 5.0, 2.0, 1.0, [1.0, -0.5], 0.0),
         "1 step brings the loss from 5.00 down to 2.00, 1.00 above its least."),
        (Journey(9, 2.0, 1.0, 1.0), "9 steps bring the loss from 2.00 down to 1.00, its least within rounding."),
        (Journey(9, 2.0, 2.0), "9 steps leave the loss at 2.00."),
        (Journey(3, 1.0, 8.0, 0.5, [1.0, -2.0, 4.0, -8.0], 0.0),
         "3 steps take the loss from 1.00 up to 8.00, 7.50 above its least; the path zigzags ever farther out."),
        (Journey(3, 1.0, 8.0, 0.5, [1.0, 2.0, 4.0, 8.0], 0.0),
         "3 steps take the loss from 1.00 up to 8.00, 7.50 above its least; the path moves away."),
        (Journey(4, 1.0, math.nan, 0.5, [1.0, math.nan], 0.0),
         "The loss starts at 1.00, and within 4 steps it is no finite number any more."),
        (Journey(4, math.inf, math.nan), "The loss is no finite number from the start."),
        (dataclasses.replace(GLIDES, along=[3.0, 1.0, -1.0, 2.0, 1.0]),
         "20 steps bring the loss from 5.00 down to 1.25, 0.250 above its least; the path wanders."),
        (dataclasses.replace(GLIDES, along=[0.0] * 21),
         "20 steps bring the loss from 5.00 down to 1.25, 0.250 above its least."),
    ],
    ids=["glides", "zigzags", "net", "one step", "arrived", "no move", "farther", "away", "nan", "inf", "wanders",
         "on it"],
)  # fmt: skip
def test_the_caption_says_what_the_numbers_say(journey: Journey, says: str) -> None:
    """From where to where, and the kind of path only where signs along the steepest direction tell it."""
    assert findings.of_fit(journey) == says


def test_the_other_path_is_compared() -> None:
    """By its kind, `too` where that is the same; by its end where it has no kind."""
    own = findings.of_fit(GLIDES)
    assert findings.of_fit(GLIDES, "rate 2", ZIGZAGS) == f"{own} At rate 2 it zigzags."
    assert findings.of_fit(GLIDES, "rate 2", GLIDES) == f"{own} At rate 2 it glides too."
    assert findings.of_fit(GLIDES, "rate 2", NET) == f"{own} At rate 2 it ends at 0.250."
    lost = dataclasses.replace(NET, last=math.inf)
    assert findings.of_fit(GLIDES, "rate 2", lost) == f"{own} At rate 2 it ends at no finite number."


def test_the_counts_stand_behind_the_words() -> None:
    """Moves that change sides, of those that rounding leaves; nothing where there are too few."""
    text = "Along the steepest direction none of 20 moves crosses to the optimum's other side"
    assert findings.of_sides(GLIDES) == f"{text}."
    assert findings.of_sides(GLIDES, "rate 2", ZIGZAGS) == f"{text}; at rate 2, 20 of 20 do."
    assert findings.of_sides(GLIDES, "rate 2", NET) == f"{text}."
    assert findings.of_sides(NET, "rate 2", ZIGZAGS).startswith("At rate 2, 20 of 20 moves cross to")
    assert findings.of_sides(NET) == ""
    rounded = dataclasses.replace(ZIGZAGS, floor=2.0**-6)
    assert "5 of 5 moves cross " in findings.of_sides(rounded)


@pytest.mark.parametrize("steps", [1, 2, 5, 48, 49, 60, 200, 5000])
def test_frames_are_few_and_keep_both_ends(steps: int) -> None:
    """At most 48 of the states, ascending, the first and the last among them; all where they are few."""
    step = np.arange(steps)
    places = spaced(step)
    assert places[0] == 0
    assert places[-1] == steps - 1
    assert min(steps, MOST_FRAMES - 8) <= len(places) <= min(steps, MOST_FRAMES)
    assert (np.diff(places) > 0).all()


def test_levels_are_round_and_few() -> None:
    """1 and 3 of each power of ten; powers alone where they would be many; none of nothing."""
    assert levels(0.02, 15.0) == pytest.approx((0.03, 0.1, 0.3, 1.0, 3.0, 10.0))
    assert len(levels(1e-9, 1e9)) <= 8
    assert levels(1e-9, 1e9)[-1] == 1e9
    assert levels(0.0, 1.0) == levels(1.0, math.inf) == levels(math.nan, 1.0) == ()


def test_labels_keep_apart() -> None:
    """Three labels at one point lie in the room and on none of the others; one too long for it is left out."""
    room, at = Box(100, 50, 200, 100), np.array([[100.0, 50.0]])
    found = placed([Label(word, "ink", at) for word in ("optimum", "truth", "rate 0.1")], [at], room)
    boxes = [Box(x, y, 20, 11) for x, y in (place for place in found if place is not None)]
    assert len(boxes) == 3
    assert not any(one.overlaps(other) for one in boxes for other in boxes if one is not other)
    assert placed([Label("x" * 99, "ink", at)], [], room) == [None]


X: dict[str, Any] = {"kind": "uniform", "low": -1.0, "high": 1.0}
LINE: dict[str, Any] = {
    "data__x": {"kind": "uniform", "low": 0.0, "high": 2.0},
    "data__y": {"kind": "linear", "weights": [2.0], "bias": 1.0},
    "init": {"weights": [-0.4], "bias": 0.9}, "grid__batch_size": ["full"], "training": {"steps": 60},
}  # fmt: skip
NETS: dict[str, Any] = {"model": {"kind": "mlp", "hidden": [4], "activation": "tanh"}, "init": {"weights": "default"}}
ONE: dict[str, Any] = {"data__x": X, "data__y": {"kind": "linear", "weights": [3.0]}, "init": {"weights": "zeros"}}
CUBIC: dict[str, Any] = {
    "data__x": X, "data__samples": 400, "data__y": {"kind": "polynomial", "coefficients": [0.5, -1.0, 0.0, 2.0]},
    "model": {"kind": "linear", "powers": [1, 2, 3], "standardize": "population"}, "training": {"epochs": 2},
}  # fmt: skip
# What each shape of scenario must say, and how many panels it has.
SHAPES: dict[str, tuple[dict[str, Any], str, int]] = {
    "line": ({**LINE, "grid__learning_rate": [0.1, 0.4, 0.9]}, "zigzags. At learning rate 0.1 it glides.", 3),
    "diverges": ({**LINE, "grid__learning_rate": [0.1, 0.9]}, "Rate 0.9 leaves the panel.", 3),
    "overflows": ({**LINE, "grid__learning_rate": [1e9]}, "no finite number any more", 3),
    "columns": ({"training": {"steps": 30}}, "x has 2 columns", 3),
    "cubic": (CUBIC, "250 of 400 training rows are drawn", 3),
    "net": ({**NETS, "data__x": X, "data__y": {"kind": "sin"}}, "A net&#39;s loss over 13 parameters", 2),
    "net of columns": ({**NETS, "data__samples": 300}, "100 of 300 training rows", 2),
    "one parameter": ({**ONE, "model": {"kind": "linear", "intercept": False}}, "One parameter has no surface.", 2),
    "one step": ({**LINE, "training": {"steps": 1}}, "1 step brings", 3),
    "at the optimum": ({**LINE, "init": {"weights": [2.0], "bias": 1.0}, "data__noise": {"kind": "none"}},
                       "its least within rounding", 3),
    "mae": ({**LINE, "training": {"loss": "mae", "steps": 40}}, "above its least", 3),
    "huber": ({"training": {"loss": {"kind": "huber", "delta": 0.5}, "steps": 20}},
              "the squared loss&#39;s two steepest", 3),
    "no optimum": ({"data": {"inline": {"x": [[1.0], [1.0], [1.0]], "y": [1.0, 2.0, 3.0]}}, "training": {"steps": 9},
                    "grid__batch_size": ["full"]}, "All 3 training rows", 3),
}  # fmt: skip


@pytest.fixture(scope="module")
def views(tmp_path_factory: pytest.TempPathFactory) -> dict[str, View]:
    """One run over all shapes."""
    folder = tmp_path_factory.mktemp("fit")
    names = {shape: shape.replace(" ", "-") for shape in SHAPES}
    paths = [str(write_scenario(folder, names[shape], **values)) for shape, (values, _, _) in SHAPES.items()]
    assessment = make_run(folder / "run", read_all(paths))
    by_name = {scenario.name: View(assessment, scenario) for scenario in assessment.run.file.scenarios}
    return {shape: by_name[name] for shape, name in names.items()}


def rendered(view: View) -> str:
    """The section alone, as its template has it."""
    section = fit.section(view)
    text = environment_of_templates().get_template("sections/fit.html.jinja").render(section=section, data=section.data)
    html5lib.HTMLParser(strict=True).parseFragment(text)
    return text


def frames_of(text: str) -> dict[str, Any]:
    found = re.findall(r'id="fit-frames">(.*?)</script>', text, re.S)
    return dict(json.loads(found[0]))


def shown_in(view: View) -> Shown:
    row = fit_cell.chosen(view)
    assert row is not None
    return Shown.of(view, row)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_has_its_section(shape: str, views: dict[str, View]) -> None:
    """The words and panels it must have, valid and light, with its controls hidden and no number that is none."""
    _, says, panels = SHAPES[shape]
    text = rendered(views[shape])
    assert says in text
    assert text.count('<svg class="figure"') == panels
    assert len(text.encode()) <= 60_000
    assert len(re.findall(r"<[a-z]", text)) <= 400
    assert re.search(r'id="fit-player" hidden>', text)
    assert not re.search(r"\b(nan|inf|None)\b", re.sub(r"<t[dh].*?</t[dh]>", "", text))
    ids = re.findall(r'\sid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r"url\(#([^)]+)\)", text)) <= set(ids)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_page_stands_at_the_last_frame(shape: str, views: dict[str, View]) -> None:
    """What is embedded moves elements that exist, one value a frame, and the last one is what is drawn."""
    text = rendered(views[shape])
    content = frames_of(text)
    count = len(content["said"])
    assert 1 < count <= MOST_FRAMES
    assert f'max="{count - 1}" value="{count - 1}" aria-valuetext="{content["said"][-1]}"' in text
    for name, attribute, values in content["moves"]:
        assert len(values) == count
        (tag,) = re.findall(f'<[a-z]+ id="{name}"[^>]*>', text)
        assert f' {attribute}="{values[-1]:g}"' in tag
    curve = Curve(**content["curve"])
    assert len(curve.y) == count
    assert f'<path id="fit-data-curve" d="{curve.path(-1)}"' in text


def test_the_same_run_gives_the_same_bytes(views: dict[str, View]) -> None:
    """Read and drawn again, the section is the same text."""
    view = views["cubic"]
    again = View(Assessment(load(view.assessment.run.file.path.parent)), view.scenario)
    assert rendered(again) == rendered(view)


def test_the_other_cell_is_the_highest_stable_one(views: dict[str, View]) -> None:
    """Of the rates other than its own; where none is stable, the nearest; none where there is one rate."""
    for shape, own, wanted in (("line", 0.4, 0.1), ("diverges", 0.1, 0.9)):
        row = fit_cell.chosen(views[shape])
        assert row is not None
        assert row["learning_rate"] == own
        other = fit_cell.beside(views[shape], row)
        assert other is not None
        assert other["learning_rate"] == wanted
        assert other["optimum"] == row["optimum"]
    row = fit_cell.chosen(views["columns"])
    assert row is not None
    assert fit_cell.beside(views["columns"], row) is None


@pytest.mark.parametrize("shape", ["line", "columns", "cubic"])
def test_the_plane_has_the_loss_of_its_points(shape: str, views: dict[str, View]) -> None:
    """The parabola in the plane is the loss, evaluated over the rows, less the optimum's."""
    shown = shown_in(views[shape])
    plane = Plane.of(shown)
    assert plane is not None
    assert plane.bend is not None
    points = plane.centre + np.random.default_rng(0).normal(size=(20, 2))
    rows = shown.data.training
    loss = shown.evaluation.loss(plane.origin + points @ plane.basis.T, rows.x, rows.y)
    assert shown.least is not None
    np.testing.assert_allclose(plane.excess(points), loss - shown.least, rtol=1e-8)
    assert plane.basis.T @ plane.basis == pytest.approx(np.eye(2), abs=1e-12)


def test_along_the_steepest_direction_a_step_is_a_factor(views: dict[str, View]) -> None:
    """Full batches multiply the distance by 1 - rate times the largest eigenvalue: 2 / the stable rate."""
    shown = shown_in(views["line"])
    along = steepest(shown)
    assert along is not None
    factor = 1 - shown.row["learning_rate"] * 2 / shown.row["stable_learning_rate"]
    assert along[1:20] / along[:19] == pytest.approx(np.full(19, factor), rel=1e-6)


def test_the_truth_is_the_formula_with_the_noise_in_the_mean(views: dict[str, View]) -> None:
    """0.5 - x + 2 x³ at even places; rows that are written out have none."""
    x = np.linspace(-1.0, 1.0, 9)
    truth = truth_of(shown_in(views["cubic"]).evaluation.spec, x)
    assert truth == pytest.approx(0.5 - x + 2 * x**3)
    assert truth_of(shown_in(views["no optimum"]).evaluation.spec, x) is None


def test_nothing_finished_is_said(tmp_path: Path) -> None:
    """No figure, no control, one sentence."""
    assessment = make_run(tmp_path / "run", one_scenario(tmp_path), failing({0: "crashed"}, "no"))
    text = rendered(View(assessment, assessment.run.file.scenarios[0]))
    assert "No cell of the reference configuration finished" in text
    assert "<figure" not in text
    assert "fit-player" not in text


SLIDER = "#fit-step"


@pytest.fixture(scope="module")
def page_file(views: dict[str, View], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with this section alone."""
    from harness.report.page import Head, _render

    path = tmp_path_factory.mktemp("page") / "line.html"
    path.write_text(_render(Head("t", "k", "h", ()), [fit.section(views["line"])]), encoding="utf-8")
    return path


@pytest.mark.browser
def test_the_slider_moves_the_fit(browser: Any, page_file: Path) -> None:  # noqa: F811
    """Arrow keys move curve, dots and words; what is there at first is what the script draws for the last frame."""
    page = browser.new_page()
    page.goto(page_file.as_uri())
    state = """[['fit-data-curve', 'd'], ['fit-plane-dot', 'cx'], ['fit-loss-dot', 'cy']].map(
        ([id, name]) => document.getElementById(id).getAttribute(name))"""
    last = page.evaluate(state)
    content = frames_of(page_file.read_text(encoding="utf-8"))
    assert last[0] == Curve(**content["curve"]).path(-1)
    page.locator(SLIDER).focus()
    page.keyboard.press("Home")
    assert page.locator(SLIDER).get_attribute("aria-valuetext") == content["said"][0]
    assert page.locator("#fit-said").inner_text() == content["said"][0]
    first = page.evaluate(state)
    assert all(before != after for before, after in zip(last, first, strict=True))
    assert first[0] == Curve(**content["curve"]).path(0)
    page.keyboard.press("End")
    assert page.evaluate(state) == last
    page.close()


@pytest.mark.browser
def test_play_starts_when_asked_and_stops(browser: Any, page_file: Path) -> None:  # noqa: F811
    """Nothing moves by itself; Play begins at the start, Pause holds; no button for whoever wants less motion."""
    page = browser.new_page()
    page.goto(page_file.as_uri())
    last = page.locator(SLIDER).input_value()
    page.wait_for_timeout(300)
    assert page.locator(SLIDER).input_value() == last
    button = page.locator("#fit-play")
    button.click()
    assert button.inner_text() == "Pause"
    for _ in range(50):
        if page.locator(SLIDER).input_value() > "0":
            break
        page.wait_for_timeout(100)
    button.click()
    held = page.locator(SLIDER).input_value()
    page.wait_for_timeout(300)
    assert page.locator(SLIDER).input_value() == held
    assert held not in ("0", last)
    page.emulate_media(reduced_motion="reduce")
    page.reload()
    assert not button.is_visible()
    assert page.locator(SLIDER).is_visible()
    page.emulate_media(media="print")
    assert not page.locator(SLIDER).is_visible()
    page.close()


@pytest.mark.browser
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 390), ("light", 320)])
def test_the_section_is_accessible_and_fits(browser: Any, page_file: Path, scheme: str, width: int) -> None:  # noqa: F811
    """axe finds nothing, everything unfolded, and nothing overflows sideways."""
    from axe_playwright_python.sync_playwright import Axe

    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.goto(page_file.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(element => { element.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    result = Axe().run(page, options={"runOnly": TAGS})
    assert [(item["id"], item["nodes"][0]["html"]) for item in result.response["violations"]] == []
    page.close()


@pytest.mark.browser
def test_without_script_the_last_frame_stands(browser: Any, page_file: Path) -> None:  # noqa: F811
    """The fit is drawn, and no control is seen."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(page_file.as_uri())
    assert page.locator("#fit-data-curve").count() == 1
    assert page.locator("#fit button:visible, #fit input:visible").count() == 0
    context.close()
