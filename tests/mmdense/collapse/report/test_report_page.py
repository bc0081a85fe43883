"""The page: all figures, nothing from elsewhere, names escaped, runs side by side."""

import re
from html.parser import HTMLParser

import pytest

from mmdense.collapse.report.figures import charts_of
from mmdense.collapse.report.report_page import page_of, write_report
from tests.mmdense.collapse.report.made_up_runs import made_up

VOID = {"meta", "br", "img", "hr", "link", "input"}


class Balance(HTMLParser):
    """Counts unclosed tags and collects references."""

    def __init__(self):
        super().__init__()
        self.open, self.references, self.tags, self.words = [], [], set(), []

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)
        self.references += [v for k, v in attributes if k in ("src", "href", "xlink:href")]

    def handle_startendtag(self, tag, attributes):
        self.references += [v for k, v in attributes if k in ("src", "href", "xlink:href")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def parsed(page):
    parser = Balance()
    parser.feed(page)
    assert parser.open == []
    return parser


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    bad = made_up("<b>bad & naive</b>", verdict="complete collapse", reason="all alike", steps=3)
    page = write_report([made_up("good"), bad], folder)
    return folder, page.read_text(encoding="utf-8")


def test_it_has_every_figure_and_nothing_from_elsewhere(report):
    folder, page = report
    parser = parsed(page)
    names = [chart.name for chart in charts_of([made_up()])]
    for name in names:
        assert f'<a href="#{name}">' in page
        assert f'id="{name}"' in page
        assert (folder / f"{name}.png").is_file()
    assert all(reference.startswith("#") for reference in parser.references)
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert {reference[1:] for reference in parser.references} <= set(ids)
    assert not parser.tags & {"script", "link", "iframe", "img", "object"}
    assert "http" not in page
    assert "url(" not in re.sub(r"url\(#", "", page)
    assert "prefers-color-scheme: dark" in page
    assert page.count("</svg>") > 33


def test_names_are_escaped_and_verdicts_are_words(report):
    _, page = report
    assert "<b>bad" not in page
    assert "&lt;b&gt;bad &amp; naive&lt;/b&gt;" in page
    words = " ".join(parsed(page).words)
    assert "complete collapse" in words
    assert "All alike." in words
    assert "What to try next" in words
    assert "Last readings" in words


def test_a_single_run_is_not_compared_and_shows_its_advice():
    run = made_up("one", verdict="", reason="")
    page = page_of([run], [])
    assert "Last readings" not in page
    assert "no verdict yet" in page
    assert "<details open>" in page
    assert "There are no readings yet" in page
    assert "None" not in page


def test_runs_of_different_methods_are_warned_about():
    page = page_of([made_up("a"), made_up("b", method="BYOL")], [])
    assert '<p class="warning">These runs are of different methods' in page
    many = page_of([made_up(str(number)) for number in range(9)], [])
    assert "More than 8 runs" in many


def test_numbers_of_the_table():
    run = made_up("a")
    run.curves["uniformity"] = [(1.0, -0.0001)]
    run.curves["m_o"] = [(1.0, float("nan"))]
    del run.curves["rank"]
    page = page_of([run, made_up("b")], [])
    row = page.split('<th scope="row">')[1].split("</tr>")[0]
    cells = re.findall(r"<td>([^<]*)</td>", row)
    assert cells[0] == "not finite"  # m_o
    assert cells[3] == "–"  # the rank that was not taken
    assert cells[7] == "0.00"  # uniformity, without the sign of a rounded zero


def test_no_run_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="needs a run"):
        write_report([], tmp_path)
