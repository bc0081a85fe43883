"""The report as a person has it before them: in Chromium, wide and narrow, light and dark."""

import io

import numpy as np
import pytest
from PIL import Image

from mmdense.report import page as report_page
from mmdense.report.collapse import section as collapse_section
from mmdense.report.collapse.figures import charts_of
from mmdense.report.page import write_collapse_report, write_report
from tests.mmdense.report.collapse.made_up_runs import made_up
from tests.mmdense.report.made_up_records import GIT, pipeline, run, study

PHONE, DESK = {"width": 390, "height": 844}, {"width": 1200, "height": 900}


@pytest.fixture(scope="module")
def few_figures():
    """The first four figures on collapse: tests beside these draw all."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (report_page, collapse_section):
            patch.setattr(module, "charts_of", lambda runs: charts_of(runs)[:4])
        yield


@pytest.fixture(scope="module")
def file(tmp_path_factory, few_figures):
    """A page with every section, and with words that are hard to break."""
    folder = tmp_path_factory.mktemp("page")
    dirty = GIT | {"dirty": True, "dirty_files": ["a_" + "very_" * 30 + "long_name.py"]}
    records = [
        pipeline(folder / "whole", git=dirty),
        study(folder / "several"),
        run(folder / "alone", "alone_" + "and_long_" * 12),
    ]
    return write_report(records, folder / "report.html", baseline="plain")


@pytest.fixture(scope="module")
def collapse_file(tmp_path_factory, few_figures):
    """Two runs of the collapse report, one with a name that is hard to break."""
    reason = "all images point one way"
    bad = made_up("a_" + "very_" * 20 + "long_name", verdict="complete collapse", reason=reason)
    return write_collapse_report([made_up("good"), bad], tmp_path_factory.mktemp("page"))


def column(page, place):
    """What stands in a column of the table of the study, row by row."""
    return page.evaluate(
        """place => [...document.querySelectorAll("table[aria-label^=several] tbody tr")].map(
            row => row.cells[place].innerHTML.replace(/<small.*/, "").replace(/<[^>]*>/g, ""))""",
        place,
    )


def unfold(page):
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [PHONE, DESK], ids=["phone", "desk"])
@pytest.mark.parametrize("which", ["file", "collapse_file"])
def test_no_complaint_no_request_and_no_sideways_scroll(
    open_page, request, which, viewport, scheme
):
    file = request.getfixturevalue(which)
    page = open_page(viewport, scheme, file)
    unfold(page)
    width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width[0] <= width[1]
    assert page.said == []
    others = [url for url in page.asked if not url.startswith("data:")]
    assert others == [file.as_uri()]


def test_verdicts_come_first_and_figures_fit_the_screen(open_page, collapse_file):
    page = open_page(PHONE, file=collapse_file)
    badges = page.locator(".run .badge")
    assert [badges.nth(place).inner_text() for place in (0, 1)] == [
        "✓ healthy",
        "✗ complete collapse",
    ]
    assert badges.nth(1).bounding_box()["y"] < page.locator(".chart").first.bounding_box()["y"]
    boxes = page.evaluate(
        "[...document.querySelectorAll('.panel')].map(panel => panel.getBoundingClientRect())"
    )
    assert len(boxes) == 7
    assert all(b["width"] > 250 and b["height"] > 150 and b["right"] <= 390 for b in boxes)


def test_charts_are_dark_on_light_and_light_on_dark(open_page):
    """The axes of a chart against the card behind it, as the screen has them."""
    for scheme, darker in (("light", True), ("dark", False)):
        page = open_page(DESK, scheme)
        shot = page.locator(".panel").first.screenshot()
        grey = np.asarray(Image.open(io.BytesIO(shot)).convert("L")).astype(int)
        card = int(np.median(grey))  # most of a chart is empty
        assert (card > 240) is darker
        contrast = card - grey.min() if darker else grey.max() - card
        assert contrast > 150


def test_light_and_dark_differ_and_both_have_contrast(open_page):
    colours = "['color', 'backgroundColor'].map(name => getComputedStyle(document.body)[name])"
    light, dark = (open_page(DESK, scheme).evaluate(colours) for scheme in ("light", "dark"))
    assert luminance(light[1]) - luminance(light[0]) > 0.6
    assert luminance(dark[0]) - luminance(dark[1]) > 0.6


def luminance(colour):
    red, green, blue = (int(part) / 255 for part in colour[4:-1].split(","))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_a_click_sorts_numbers_as_numbers(open_page):
    page = open_page(DESK)
    head = page.locator("table[aria-label^=several] th").filter(has_text="mIoU")
    assert head.get_attribute("aria-sort") is None
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert column(page, 1) == ["31.0 ± 1.0", "34.2 ± 1.0"]
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    assert column(page, 1)[0] == "34.2 ± 1.0"
    assert column(page, 0) == ["Wide", "Plain"]


def test_numbers_stand_in_the_order_of_numbers_and_gaps_last(open_page):
    page = open_page(DESK)
    unfold(page)
    head = page.locator("table[aria-label='All weights'] th button").filter(has_text="Numbers")
    head.click()
    read = """[...document.querySelectorAll("table[aria-label='All weights'] tbody tr")].map(
        row => row.cells[2].textContent)"""
    assert page.evaluate(read) == ["64", "1,000", "3,000"]
    whole = page.locator("#results table").first.locator("th button")
    whole.filter(has_text="Difference").click()
    read = """[...document.querySelector("#results table").tBodies[0].rows].map(
        row => row.cells[row.cells.length - 1].textContent)"""
    for _ in range(2):  # whichever way
        assert page.evaluate(read) == ["-1.0", "–"]
        whole.filter(has_text="Difference").click()


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_a_key_sorts_too(open_page, key):
    page = open_page(DESK)
    button = page.locator("table[aria-label^=several] th button").filter(has_text="Variant")
    button.focus()
    page.keyboard.press(key)
    assert column(page, 0) == ["Plain", "Wide"]
    page.keyboard.press(key)
    assert column(page, 0) == ["Wide", "Plain"]
    others = page.locator("table[aria-label^=several] th[aria-sort]")
    assert others.count() == 1


def test_the_first_tab_skips_to_the_content(open_page):
    page = open_page(DESK)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator(".skip").bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


def test_every_image_loads_and_has_words(open_page):
    page = open_page(PHONE)
    unfold(page)
    loaded = page.evaluate(
        """async () => {
            const images = [...document.images].filter(image => image.className !== "panel");
            await Promise.all(images.map(image => image.decode()));
            return images.map(image => [image.naturalWidth > 0, image.alt.length > 0]);
        }"""
    )
    assert len(loaded) == 12
    assert all(all(pair) for pair in loaded)


def test_a_wide_table_scrolls_within_itself(open_page):
    page = open_page(PHONE)
    sizes = page.evaluate(
        """[...document.querySelectorAll(".scroll")].filter(box => box.clientWidth > 0).map(
            box => [box.getBoundingClientRect().right, box.scrollWidth > box.clientWidth])"""
    )
    assert all(right <= 390 for right, _ in sizes)
    assert any(scrolls for _, scrolls in sizes)


def test_it_prints_without_its_navigation(open_page):
    page = open_page(DESK)
    page.emulate_media(media="print")
    assert not page.locator("nav").is_visible()
    assert page.locator("#results table").first.is_visible()


def test_pictures_that_nobody_scrolled_to_are_there_to_be_printed(open_page):
    page = open_page(PHONE)
    widths = page.evaluate(
        "[...document.querySelectorAll('figure img')].map(image => image.naturalWidth)"
    )
    assert len(widths) == 12
    assert min(widths) > 0
