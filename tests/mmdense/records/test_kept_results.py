"""What is kept is read oldest first, whatever its folders are called."""

from mmdense.records.kept_results import read_results
from mmdense.records.record import Record, keep


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


def test_a_missing_results_folder_is_an_empty_one(tmp_path):
    assert read_results(tmp_path) == ([], [])
