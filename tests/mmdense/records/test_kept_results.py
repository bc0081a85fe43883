"""Records and benchmarks in the results folder."""

import json

import pytest

from mmdense.records.kept_results import benchmark_rows, find_file, read_results
from mmdense.records.record import Record, RecordError, keep, load, save


def record(name, date, metric):
    made = Record.begin("toy", name, config={}, seed=0)
    made.date, made.metrics = date, {"AP": metric}
    made.git = {"commit": "0" * 40, "dirty": False, "dirty_files": []}
    return made


def test_the_newest_of_each_name_counts(tmp_path):
    kept = tmp_path / "results"
    keep(record("b", "2030-01-01T00:00:00+00:00", 2.0), "a", root=kept)
    keep(record("b", "2029-01-01T00:00:00+00:00", 1.0), "z", root=kept)
    keep(record("a", "2028-01-01T00:00:00+00:00", 0.0), "x", root=kept)
    results = read_results(tmp_path)
    assert [found.date[:4] for _, found in results.records] == ["2028", "2029", "2030"]
    newest = results.newest("toy")
    assert list(newest) == ["a", "b"]
    folder, found = newest["b"]
    assert (folder, found.metrics) == ("results/toy/2030-01-01_a", {"AP": 2.0})
    assert results.newest("other") == {}
    assert read_results(tmp_path / "missing") == ([], [])


OPERATOR = {
    "name": "nms",
    "setting": "2,000 boxes",
    "ours_s": 0.01,
    "other": "greedy loop",
    "other_s": 0.05,
    "ratio": 5.0,
}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", "not a JSON object with 'results'"),
        ("{", "not a JSON object with 'results'"),
        (json.dumps({"results": [{"name": "a"}]}), r"results\[0\] lacks setting, other"),
        (
            json.dumps({"results": [{**OPERATOR, "ratio": 0.2}]}),
            r"ratio is 0.2.*other_s / ours_s is 5",
        ),
    ],
)
def test_a_broken_benchmark_names_its_file(tmp_path, content, message):
    file = tmp_path / "benchmark.json"
    file.write_text(content)
    with pytest.raises(RecordError, match=message) as caught:
        benchmark_rows(file)
    assert str(file) in str(caught.value)


def test_a_record_is_found_by_file_folder_or_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    record = Record.begin("toy", "run", config={}, seed=0)
    file = save(record, tmp_path / "results" / "toy" / "2026-01-01_run" / "record.json")
    for place in (file, file.parent, "toy/2026-01-01_run"):
        assert load(find_file(place)).name == "run"
    with pytest.raises(RecordError, match="nothing: no record found.*use a work directory"):
        find_file("nothing")
    save(record, tmp_path / "part" / "record.json")
    with pytest.raises(RecordError, match=r"there are records of stages \(.*part\)"):
        find_file(tmp_path)
