"""The report as a whole: self-contained, names escaped, headings in order."""

import re
from itertools import pairwise

import pytest

from mmdense.report.page import page_of, write_report
from mmdense.report.subjects import read_subjects
from tests.mmdense.report.made_up_records import GIT, pipeline, run, stage
from tests.mmdense.report.page_reader import Page

pytestmark = pytest.mark.usefixtures("undrawn")


@pytest.fixture
def page(tmp_path, undrawn):
    return page_of(read_subjects([pipeline(tmp_path, "<b>whole</b>")]))


def test_it_is_self_contained(page):
    references = [r for r in Page(page).references if not r.startswith(("#", "data:"))]
    assert references == ["https://arxiv.org/abs/2203.16262"]  # a link, which loads nothing
    assert "url(" not in page
    assert "@import" not in page
    assert page.count("<script>") == 1


def test_anchors_exist_and_ids_are_unique(page):
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    targets = {reference[1:] for reference in Page(page).references if reference.startswith("#")}
    assert targets <= set(ids)
    sections = re.findall(r'<section id="(\w+)"', page)
    assert sections == [
        *("results", "expected", "collapse", "predictions", "images", "curves", "transfer"),
        "facts",
    ]


def test_headings_skip_no_level(page):
    levels = [int(level) for level in re.findall(r"<h(\d)", page)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_names_are_escaped(page):
    assert "<b>whole" not in page
    assert "&lt;b&gt;whole&lt;/b&gt;" in page


def test_notices_are_above_the_results_errors_first(tmp_path):
    git = GIT | {"dirty": True, "dirty_files": ["a.py"]}
    path = run(tmp_path, git=git, stages=[stage("a", "t", {}, git=GIT | {"commit": "b"})])
    text = page_of(read_subjects([path]))
    places = [text.index(words) for words in ('class="notices"', "uncommitted", "ran at commit b")]
    assert places == sorted(places)
    assert places[-1] < text.index('id="results"')


def test_where_it_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    one, other = run(tmp_path / "a"), run(tmp_path / "b")
    assert write_report([one]) == one / "report.html"
    assert write_report([one, other]).resolve() == tmp_path / "report.html"
    assert write_report([one], tmp_path / "new" / "x.html").is_file()
    assert "alone (a), alone (b)" in (tmp_path / "report.html").read_text()
    with pytest.raises(ValueError, match="needs a record"):
        write_report([])
    assert not list(tmp_path.rglob("*.part"))


def test_many_notices_are_folded(tmp_path):
    stages = [stage(f"s{n}", "t", {}, git=GIT | {"commit": str(n)}) for n in range(9)]
    text = page_of(read_subjects([run(tmp_path, stages=stages)]))
    notices = text.split('<section class="notices"')[1].split("</section>")[0]
    shown, _, folded = notices.partition("<details><summary>3 more</summary>")
    assert shown.count("<li") == 6 and folded.count("<li") == 3
