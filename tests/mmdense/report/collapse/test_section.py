"""The section on collapse, in the report on records and alone."""

from dataclasses import replace

import pytest

from mmdense.report import page as page_module
from mmdense.report.collapse.figures import charts_of
from mmdense.report.collapse.section import collapse_section, section_of_runs
from mmdense.report.page import write_collapse_report
from mmdense.report.subjects import read_subjects
from tests.mmdense.report.collapse.made_up_runs import made_up
from tests.mmdense.report.made_up_records import pipeline, run
from tests.mmdense.report.page_reader import Page

pytestmark = pytest.mark.usefixtures("undrawn")


def test_a_part_of_a_record_has_its_verdict_and_the_main_figures_at_once(tmp_path):
    section = collapse_section(read_subjects([pipeline(tmp_path)]))
    assert section.notices == ()
    assert "<h3>pretrain</h3>" in section.html
    assert "healthy" in section.html and "All is well." in section.html
    assert "Other observations" not in section.html
    shown, folded = section.html.split("10 more figures")
    assert 'id="centre"' in shown and 'id="phase"' in folded
    assert "arxiv.org" in section.html


def test_a_collapse_is_shown_before_the_numbers(tmp_path):
    made_up(None, steps=2, verdict="complete collapse", reason="m_o is 1").write(
        pipeline(tmp_path) / "pretrain"
    )
    (notice,) = collapse_section(read_subjects([tmp_path])).notices
    assert notice == ("bad", "pretrain: complete collapse. m_o is 1")


def test_many_runs_of_records_are_a_table(tmp_path):
    folders = [run(tmp_path / str(number), f"run {number}") for number in range(5)]
    for folder in folders:
        made_up(None, steps=2).write(folder)
    html = collapse_section(read_subjects(folders)).html
    assert html.count("<tr>") == 6
    assert "</strong> 5" in html
    assert "<img" not in html


def test_a_file_that_is_cut_off_is_a_notice(tmp_path):
    (pipeline(tmp_path) / "pretrain" / "collapse.json").write_text('{"curves": ')
    section = collapse_section(read_subjects([tmp_path]))
    assert section.html == ""
    assert "collapse.json is cut off or not JSON" in section.notices[0].text
    assert str(tmp_path) not in section.notices[0].text


def test_the_collapse_report_has_every_figure_and_is_self_contained(tmp_path, monkeypatch):
    pngs = []
    monkeypatch.setattr(page_module, "write_png", lambda chart, *_: pngs.append(chart.name))
    bad = made_up("<b>bad & naive</b>", verdict="complete collapse", reason="all alike", steps=3)
    file = write_collapse_report([made_up("good"), bad], tmp_path / "new")
    assert file == tmp_path / "new" / "collapse.html"
    text = file.read_text(encoding="utf-8")
    page = Page(text)
    names = [chart.name for chart in charts_of([made_up()])]
    assert len(names) == 13 and names == pngs
    ids = [values["id"] for _, values in page.tags if "id" in values]
    assert len(ids) == len(set(ids))
    for name in names:
        assert f"#{name}" in page.references and name in ids
    others = [r for r in page.references if not r.startswith(("#", "data:"))]
    assert others == ["https://arxiv.org/abs/2203.16262"]  # a link, which loads nothing
    assert len(page.images) == 37 and all(image["alt"] for image in page.images)
    assert "<b>bad" not in text and "<b>bad & naive</b>" in page.text
    assert "complete collapse" in page.text and "All alike." in page.text


def test_a_run_without_a_verdict():
    section = section_of_runs(
        [replace(made_up("one", verdict="", reason=""), curves={}, spectra=[])], alone=True
    )
    text = Page(section.html).text
    assert "no verdict yet" in text and "There are no readings yet" in text
    assert "Last readings" not in text and "None" not in text
    assert "<details open>" in section.html  # the advice of a lone run


def test_warnings_on_comparisons():
    section = section_of_runs([made_up("a"), made_up("b", method="BYOL")], alone=True)
    assert section.notices[0].text.startswith("These runs are of different methods")
    (notice,) = section_of_runs([made_up(str(n)) for n in range(9)], alone=True).notices
    assert "More than 8 runs" in notice.text


def test_numbers_of_the_table():
    one = made_up("a")
    one.curves["uniformity"] = [(1.0, -0.0001)]
    one.curves["m_o"] = [(1.0, float("nan"))]
    del one.curves["rank"]
    html = section_of_runs([one, made_up("b")], alone=True).html
    body = html.split("<tbody>")[1].strip()
    row = Page(f"<table>{body.split('</tr>')[0]}</tr></table>").words
    assert row[:2] == ["a", "healthy"]
    assert row[2] == "not finite"  # m_o
    assert row[5] == "–"  # the rank that was not taken
    assert row[9] == "0.00"  # uniformity, without the sign of a rounded zero


def test_phases_are_facts_of_a_run():
    phased = replace(made_up("a"), phases=[(0, "simsiam"), (5, "naive")])
    assert "simsiam 0, naive 5" in section_of_runs([phased], alone=True).html
    many = replace(phased, phases=[(step, "ab"[step % 2]) for step in range(10)])
    assert "b 7, and 2 more" in section_of_runs([many], alone=True).html


def test_no_run_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="needs a run"):
        write_collapse_report([], tmp_path)
