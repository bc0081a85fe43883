"""The collapse report as a person has it before them: in Chromium, wide, narrow, light, dark."""

import pytest

from mmdense.collapse.report.report_page import write_report
from tests.mmdense.collapse.report.made_up_runs import made_up

PHONE, DESK = {"width": 390, "height": 844}, {"width": 1300, "height": 900}


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """Two runs, one with a name that is hard to break."""
    reason = "all images point one way"
    bad = made_up("a_" + "very_" * 20 + "long_name", verdict="complete collapse", reason=reason)
    return write_report([made_up("good"), bad], tmp_path_factory.mktemp("page"))


@pytest.fixture
def open_unfolded(open_page):
    """As ``open_page``, with every folded part open."""

    def open_it(viewport, scheme="light"):
        page = open_page(viewport, scheme)
        page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
        return page

    return open_it


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [PHONE, DESK], ids=["phone", "desk"])
def test_no_complaint_no_request_and_no_sideways_scroll(open_unfolded, file, viewport, scheme):
    page = open_unfolded(viewport, scheme)
    width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width[0] <= width[1]
    assert page.said == []
    assert [url for url in page.asked if not url.startswith("data:")] == [file.as_uri()]


def test_the_verdicts_are_read_first(open_unfolded):
    page = open_unfolded(PHONE)
    cards = page.locator(".run")
    assert [cards.nth(place).locator(".badge").inner_text() for place in (0, 1)] == [
        "✓ healthy",
        "✗ complete collapse",
    ]
    assert cards.nth(1).locator(".reason").inner_text() == "All images point one way."
    assert cards.nth(1).bounding_box()["y"] < page.locator(".chart").first.bounding_box()["y"]


def test_every_figure_is_drawn_and_has_words(open_unfolded):
    page = open_unfolded(PHONE)
    panels = page.evaluate(
        """[...document.querySelectorAll(".panel")].map(panel => [
            panel.ariaLabel, panel.querySelector("svg").getBoundingClientRect(),
            panel.querySelectorAll("path").length])"""
    )
    assert len(panels) > 20
    for label, box, paths in panels:
        assert label
        assert box["width"] > 250 and box["height"] > 150 and box["right"] <= 390
        assert paths > 10


def test_the_picture_files_beside_the_page_load(open_unfolded, file, chromium):
    pictures = sorted(file.parent.glob("*.png"))
    charts = open_unfolded(DESK).locator(".chart").count()
    assert len(pictures) == charts
    page = chromium.new_page()
    for picture in pictures:
        page.goto(picture.as_uri())
        assert page.evaluate("document.images[0].naturalWidth") > 500
    page.close()


def test_the_table_of_readings_scrolls_within_itself_and_wastes_no_room(open_unfolded):
    page = open_unfolded(PHONE)
    box = page.locator(".scroll")
    assert box.evaluate("box => box.scrollWidth > box.clientWidth")
    assert box.bounding_box()["x"] + box.bounding_box()["width"] <= 390
    assert box.locator("thead").bounding_box()["height"] < 90
    assert box.locator("tbody th").first.bounding_box()["width"] < 200
