"""The report in Chromium: wide and narrow, light and dark."""

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
GREY = (0.2126, 0.7152, 0.0722)  # luminance of red, green and blue


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
    """Return the text of a column of the table of the study, row by row."""
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
def test_no_message_no_request_and_no_horizontal_scrolling(
    open_page, request, which, viewport, scheme
):
    file = request.getfixturevalue(which)
    page = open_page(viewport, scheme, file)
    unfold(page)
    width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width[0] <= width[1]
    assert page.messages == []
    others = [url for url in page.requests if not url.startswith("data:")]
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


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_charts_have_contrast(open_page, scheme):
    page = open_page(DESK, scheme)
    sign = 1 if scheme == "light" else -1
    colours = page.evaluate(
        "['color', 'backgroundColor'].map(name => getComputedStyle(document.body)[name])"
    )
    ink, paper = (np.dot([int(v) for v in c[4:-1].split(",")], GREY) for c in colours)
    assert sign * (paper - ink) > 150
    shot = page.locator(".panel").first.screenshot()
    grey = np.asarray(Image.open(io.BytesIO(shot)).convert("L")).astype(int)
    card = int(np.median(grey))  # most of a chart is empty
    assert (card > 240) is (scheme == "light")
    assert max(sign * (card - grey.min()), sign * (card - grey.max())) > 150


@pytest.mark.parametrize("key", [None, "Enter", "Space"])
def test_a_click_or_a_key_sorts_numbers_as_numbers(open_page, key):
    page = open_page(DESK)
    heads = page.locator("table[aria-label^=several] th")
    head = heads.filter(has_text="mIoU")
    assert head.get_attribute("aria-sort") is None
    head.locator("button").focus()

    def sort():
        page.keyboard.press(key) if key else head.locator("button").click()

    sort()
    assert head.get_attribute("aria-sort") == "ascending"
    assert column(page, 1) == ["31.0 ± 1.0", "34.2 ± 1.0"]
    sort()
    assert head.get_attribute("aria-sort") == "descending"
    assert column(page, 0) == ["Wide", "Plain"]
    heads.filter(has_text="Variant").locator("button").click()
    assert column(page, 0) == ["Plain", "Wide"]
    assert page.locator("table[aria-label^=several] th[aria-sort]").count() == 1


def test_missing_numbers_are_last_in_both_orders(open_page):
    page = open_page(DESK)
    unfold(page)
    cells = """([table, place]) => [...document.querySelectorAll(table + " tbody tr")].map(
        row => [...row.cells].at(place).textContent)"""
    weights = "table[aria-label='All weights']"
    page.locator(f"{weights} th button").filter(has_text="Numbers").click()
    assert page.evaluate(cells, [weights, 2]) == ["64", "1,000", "3,000"]
    scores = "#results table[aria-label^='Scores from']"
    for _ in range(2):
        page.locator(f"{scores} th button").filter(has_text="Difference").click()
        assert page.evaluate(cells, [scores, -1]) == ["-1.0", "–"]


def test_the_first_tab_skips_to_the_content(open_page):
    page = open_page(DESK)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator(".skip").bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


def test_every_image_loads_and_has_alt_text(open_page):
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
