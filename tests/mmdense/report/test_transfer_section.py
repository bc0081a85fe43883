"""The section on transferred weights."""

import pytest

from mmdense.report.subjects import read_subjects
from mmdense.report.transfer_section import transfer_section
from tests.mmdense.report.made_up_records import pipeline, run, write_transfer


def test_statuses_are_counted_and_all_weights_folded(tmp_path):
    section = transfer_section(read_subjects([pipeline(tmp_path)]))
    assert section.notices == ()
    shown, folded = section.html.split("<details>")
    assert "ssl: ResNet" in shown and "75.0 %" in shown
    assert 'data-value="3064.0">3,064</td>' in shown  # the two that matched
    assert "conv1.weight" not in shown and "conv1.weight" in folded
    assert "not there" in folded
    assert "badge unsure" in shown  # one is missing


def test_doubts_are_notices(tmp_path):
    write_transfer(run(tmp_path), doubts={"scale": "0 to 1"}, entries=[["a", "matched", 1, ""]])
    section = transfer_section(read_subjects([tmp_path]))
    assert section.notices[0].text == "alone: scale: 0 to 1"
    assert "badge good" in section.html


@pytest.mark.parametrize(
    ("fraction", "text"), [(1.0, "100.0"), (0.9996, "99.9"), (0.85678, "85.6")]
)
def test_a_fraction_is_never_rounded_up(tmp_path, fraction, text):
    write_transfer(run(tmp_path), covered=fraction)
    assert f">{text} %<" in transfer_section(read_subjects([tmp_path])).html


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "cannot be read"),
        ("3", "cannot be read"),
        ('[{"source": "a"}]', "entry 0 lacks place, branch"),
        ('{"a": 1}', "cannot be read"),
    ],
)
def test_an_invalid_file_is_a_notice(tmp_path, text, words):
    (run(tmp_path) / "transfer.json").write_text(text)
    section = transfer_section(read_subjects([tmp_path]))
    assert section.html == ""
    assert words in section.notices[0].text


def test_weights_without_four_fields_are_a_notice(tmp_path):
    write_transfer(run(tmp_path), entries=[["a", "matched"]])
    section = transfer_section(read_subjects([tmp_path]))
    assert "name, status, numbers or note" in section.notices[0].text
