"""The section with the details of a run."""

import pytest

from mmdense.report.facts_section import facts_section, machine_text, time_text
from mmdense.report.subjects import read_subjects
from tests.mmdense.report.made_up_records import HARDWARE, record_of, run, study


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, ""), (0.2, "0 s"), (59.6, "1 min 0 s"), (372, "6 min 12 s"), (3600, "1 h 0 min"),
        (11_100, "3 h 5 min"),
    ],
)  # fmt: skip
def test_times(seconds, text):
    assert time_text(seconds) == text


def test_machines():
    assert machine_text(record_of("a")) == "A processor, 1 core, 8 GiB"
    hardware = HARDWARE | {"cores": 16, "ram_gib": None, "gpus": ["X", "X"]}
    assert machine_text(record_of("a", hardware=hardware)) == "A processor, 16 cores, X, X"


def test_details_of_a_run(tmp_path):
    known = {"cost": {"cpu_hours": 1.5}, "data": {"train": "a1b2"}, "notes": ["resumed"]}
    html = facts_section(read_subjects([run(tmp_path, **known)])).html
    for words in (
        "2 January 2026, 03:04 UTC",
        "6 min 12 s",
        "0123456789abcdef",
        "python tools/train.py &#39;configs/a b.py&#39;",
        "not installed",
        "<dt>CPU hours</dt><dd>1.5</dd>",
        "<dt>train</dt><dd>a1b2</dd>",
        "<li>resumed</li>",
        "<dt>verified</dt><dd>no</dd>",
    ):
        assert words in html, words
    assert "<dt>seed</dt><dd>0</dd>" in html
    assert "None" not in html


def test_seeds_of_a_study_and_commands_of_its_stages(tmp_path):
    html = facts_section(read_subjects([study(tmp_path)])).html
    assert "<dt>seeds</dt><dd>0, 1, 2</dd>" in html
    assert html.count("<pre ") == 7  # itself and two variants of three seeds
