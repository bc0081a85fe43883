"""Warnings above the results, and the check of expected scores."""

import json
import math

from mmdense.records.record import load, save
from mmdense.report.notices import expected_section, notices_of
from mmdense.report.subjects import read_subjects
from tests.mmdense.report.made_up_records import GIT, pipeline, record_of, run, stage


def texts(path):
    return [notice.text for notice in notices_of(read_subjects([path]))]


def test_a_clean_record_has_none(tmp_path):
    assert texts(pipeline(tmp_path)) == []


def test_code_that_is_in_no_commit(tmp_path):
    dirty = GIT | {"dirty": True, "dirty_files": [f"{n}.py" for n in range(6)]}
    run(tmp_path / "a", git=dirty)
    (text,) = texts(tmp_path / "a")
    assert "uncommitted changes (0.py, 1.py, 2.py, 3.py and 2 more)" in text
    run(tmp_path / "b", git=GIT | {"commit": None})
    assert "outside a git checkout" in texts(tmp_path / "b")[0]
    stages = [stage(name, "t", {}, git=GIT | {"commit": "abc"}) for name in "ab"]
    run(tmp_path / "c", stages=[*stages, stage("c", "t", {})])
    (text,) = texts(tmp_path / "c")
    assert text.startswith("alone: a, b ran at commit abc")


def test_values_that_are_not_finite(tmp_path):
    run(tmp_path, metrics={"mIoU": math.nan}, curves={"train/loss": [[1, math.inf]]})
    assert texts(tmp_path) == ["alone has values that are not finite: mIoU, alone, train/loss."]


def test_stages_that_changed_after_the_record(tmp_path):
    pipeline(tmp_path)
    (tmp_path / "pretrain" / "stage.json").write_text('{"state": "running"}')
    save(record_of("ssl", metrics={"mIoU": 9.6}), tmp_path / "ssl" / "record.json")
    changed = load(tmp_path / "random" / "record.json")
    changed.config_sha256 = "d" * 64
    save(changed, tmp_path / "random" / "record.json")
    found = texts(tmp_path)
    assert [text.split(maxsplit=1)[0] for text in found] == ["pretrain", "ssl", "random"]
    assert ["again" in text for text in found] == [False, True, True]
    (tmp_path / "ssl" / "record.json").write_text("{")
    assert "not JSON" in texts(tmp_path)[1]
    assert str(tmp_path) not in texts(tmp_path)[1]


def test_scores_within_and_outside_their_tolerance(tmp_path):
    pipeline(tmp_path)
    html = expected_section(read_subjects([tmp_path])).html
    assert "badge good" in html and "badge bad" not in html
    content = json.loads((tmp_path / "record.json").read_text())
    content["checks"][0] |= {"expected": 30.0, "verdict": "outside"}
    (tmp_path / "record.json").write_text(json.dumps(content))
    (subject,) = read_subjects([tmp_path])
    assert "badge bad" in expected_section([subject]).html
    assert texts(tmp_path) == ["whole: ssl/mIoU is 9.5, expected 30 ± 1 (a/b): outside, by -20.5."]
    assert expected_section(read_subjects([run(tmp_path / "run")])).html == ""
