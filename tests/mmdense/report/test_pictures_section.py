"""Pictures of a run with their captions."""

import pytest

from mmdense.report import pictures_section as module
from mmdense.report.pictures_section import pictures_section
from mmdense.report.sources import read_subjects
from tests.mmdense.report.made_up_records import picture, pipeline, run, study


def test_told_pictures_come_first_and_the_rest_by_their_names(tmp_path):
    section = pictures_section(read_subjects([pipeline(tmp_path)]))
    assert section.notices == ()
    assert section.html.index("Neighbours</strong>") < section.html.index("patch pca</strong>")
    assert 'alt="Neighbours. The nearest &lt;images&gt;."' in section.html
    assert 'width="1600"' in section.html  # of 1900
    assert "<h3>pretrain</h3>" in section.html


@pytest.mark.parametrize("text", ["{", "[1]", '{"neighbours.png": 3}', '["neighbours.png"]'])
def test_captions_that_cannot_be_read_are_a_notice(tmp_path, text):
    (pipeline(tmp_path) / "pretrain" / "pictures" / "captions.json").write_text(text)
    section = pictures_section(read_subjects([tmp_path]))
    assert section.html.count("<img ") == 2
    assert "pictures/captions.json is not an object of files" in section.notices[0].text


def test_a_budget_and_a_broken_picture(tmp_path, monkeypatch):
    folder = pipeline(tmp_path) / "pretrain" / "pictures"
    (folder / "broken.png").write_bytes(b"x")
    monkeypatch.setattr(module, "_BUDGET", 0)
    section = pictures_section(read_subjects([tmp_path]))
    assert "2 more stand in pictures/" in section.html
    assert "broken.png is no picture" in section.notices[0].text


def test_nothing_without_pictures(tmp_path):
    assert pictures_section(read_subjects([run(tmp_path)])).html == ""


def test_one_seed_of_a_variant_is_shown_and_named(tmp_path):
    made = study(tmp_path)
    for name in ("plain/seed1", "plain/seed2", "wide/seed0"):
        picture(tmp_path / name / "pictures" / "patch_pca.png")
    html = pictures_section(read_subjects([made])).html
    assert html.count("<img ") == 2
    assert "<h3>Plain (plain/seed1)</h3>" in html and "<h3>Wide (wide/seed0)</h3>" in html
    assert "Of the seeds of a variant one is shown" in html
