"""The verdicts of a page."""

from mmdense.report.collapse_section import collapse_section
from mmdense.report.sources import read_subjects
from tests.mmdense.collapse.report.made_up_runs import made_up
from tests.mmdense.report.made_up_records import pipeline, run


def test_a_verdict_with_its_reason_and_the_main_curves(tmp_path):
    section = collapse_section(read_subjects([pipeline(tmp_path)]))
    assert section.notices == ()
    assert "<h3>pretrain</h3>" in section.html
    assert "healthy" in section.html and "All is well." in section.html
    assert "<h4>" not in section.html.split("<details>")[0]  # nothing else was seen
    assert section.html.count("</svg>") == 8  # the panels of the three main figures
    assert "arxiv.org" in section.html


def test_a_collapse_is_told_before_the_numbers(tmp_path):
    made_up(None, steps=2, verdict="complete collapse", reason="m_o is 1").write(
        pipeline(tmp_path) / "pretrain"
    )
    (notice,) = collapse_section(read_subjects([tmp_path])).notices
    assert notice == ("bad", "pretrain: complete collapse. m_o is 1")


def test_many_runs_stand_in_a_table(tmp_path):
    folders = [run(tmp_path / str(number), f"run {number}") for number in range(5)]
    for folder in folders:
        made_up(None, steps=2).write(folder)
    html = collapse_section(read_subjects(folders)).html
    assert html.count("<tr>") == 6
    assert "</strong> 5" in html
    assert "<svg" not in html


def test_a_file_that_is_cut_off_is_a_notice(tmp_path):
    (pipeline(tmp_path) / "pretrain" / "collapse.json").write_text('{"curves": ')
    section = collapse_section(read_subjects([tmp_path]))
    assert section.html == ""
    assert "collapse.json is cut off or not JSON" in section.notices[0].text
    assert str(tmp_path) not in section.notices[0].text
