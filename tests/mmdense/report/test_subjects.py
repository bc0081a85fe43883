"""Records found by file, folder and name, and their parts."""

import math

import pytest

from mmdense.records.record import RecordError
from mmdense.report.subjects import read_subjects
from tests.mmdense.report.made_up_records import pipeline, run, study


def test_a_record_is_found_by_file_folder_and_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(tmp_path / "results" / "made_up" / "2026_a")
    for path in ("results/made_up/2026_a", "results/made_up/2026_a/record.json", "made_up/2026_a"):
        (subject,) = read_subjects([path])
        assert (subject.name, subject.kind) == ("alone", "run")
        assert subject.folder.name == "2026_a"
        assert [part.name for part in subject.parts] == ["alone"]


def test_parts_of_a_pipeline_know_their_folders(tmp_path):
    (subject,) = read_subjects([pipeline(tmp_path)])
    assert subject.kind == "pipeline"
    assert [part.name for part in subject.parts] == ["pretrain", "ssl", "random"]
    assert [part.folder for part in subject.parts] == [
        tmp_path / name for name in ("pretrain", "ssl", "random")
    ]


def test_seeds_of_a_variant_are_one_line_with_its_label(tmp_path):
    (subject,) = read_subjects([study(tmp_path)])
    assert subject.kind == "study"
    assert [part.line for part in subject.parts[:3]] == ["Plain", "Wide", "Plain"]
    assert subject.parts[0].folder is None  # only the record was kept
    alike = [{"name": name, "label": "Same"} for name in ("plain", "wide")]
    (subject,) = read_subjects([study(tmp_path, variants=alike)])
    assert [part.line for part in subject.parts[:2]] == ["plain", "wide"]


def test_a_missing_value_is_nan(tmp_path):
    run(tmp_path, metrics={"mIoU": math.nan}, curves={"train/loss": [[1, math.nan], [2, 1.0]]})
    (subject,) = read_subjects([tmp_path])
    assert math.isnan(subject.parts[0].metrics["mIoU"])
    assert math.isnan(subject.parts[0].curves["train/loss"][0][1])


def test_equal_names_get_their_folders(tmp_path):
    subjects = read_subjects([run(tmp_path / "a"), run(tmp_path / "b")])
    assert [subject.name for subject in subjects] == ["alone (a)", "alone (b)"]
    subjects = read_subjects([run(tmp_path / "c" / "a"), run(tmp_path / "a")])
    assert len({subject.name for subject in subjects}) == 2


def test_parts_of_several_records_have_its_name(tmp_path):
    subjects = read_subjects([pipeline(tmp_path / "a"), study(tmp_path / "b")])
    assert subjects[0].parts[1].name == "whole: ssl"
    assert subjects[1].parts[0].line == "several: Plain"


def test_no_record_and_a_record_twice(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(RecordError, match="looked for it and .*; use a work directory"):
        read_subjects([tmp_path / "x"])
    with pytest.raises(RecordError, match="not JSON"):
        read_subjects([tmp_path / "notes.txt"])
    run(tmp_path)
    with pytest.raises(RecordError, match="was given twice"):
        read_subjects([tmp_path, tmp_path / "record.json"])
