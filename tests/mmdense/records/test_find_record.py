"""A record is found by what a person types for it; what is none says where it was looked for."""

import pytest

from mmdense.records.find_record import find_record
from mmdense.records.record import Record, RecordError, save


def test_a_record_is_found_by_file_folder_or_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    record = Record.begin("toy", "run", config={}, seed=0)
    file = save(record, tmp_path / "results" / "toy" / "2026-01-01_run" / "record.json")
    for place in (file, file.parent, "toy/2026-01-01_run"):
        assert find_record(place).name == "run"


def test_what_is_no_record_is_refused_with_what_to_give(tmp_path):
    with pytest.raises(RecordError, match="nothing: no record found.*give a work directory"):
        find_record("nothing")
    save(Record.begin("toy", "run", config={}, seed=0), tmp_path / "part" / "record.json")
    with pytest.raises(RecordError, match=r"its parts have records \(.*part\): give those"):
        find_record(tmp_path)
