import json

from mmdense.doctor import overview
from mmdense.ops import mmcv_ops


def test_each_group_is_there_with_lines():
    groups = dict(overview.overview())
    assert list(groups) == ["Versions", "Operators for mmcv.ops", "Devices", "Data sets"]
    assert all(groups.values())
    versions = " ".join(text for _, text in groups["Versions"])
    assert "torch 2." in versions
    assert "mmcv " in versions


def test_operators_are_counted_by_supplier(monkeypatch):
    found = {"nms": "mmdense", "roi_align_forward": "torchvision", "softnms": "mmdense"}
    monkeypatch.setattr(mmcv_ops, "sources", lambda device: found)
    lines = dict(overview.operators())
    assert lines["cpu"] == "1 from torchvision, 2 from mmdense"


def test_a_group_that_fails_says_so_in_its_line(monkeypatch):
    def fail(device):
        raise ImportError("undefined symbol\nand more")

    monkeypatch.setattr(mmcv_ops, "sources", fail)
    groups = dict(overview.overview())
    assert groups["Operators for mmcv.ops"] == [("unknown", "ImportError: undefined symbol")]
    assert groups["Versions"]


def test_data_sets_with_their_images(tmp_path):
    assert next(overview.data_sets(tmp_path))[0] == "none"
    (tmp_path / "bccd").mkdir()
    counts = {"counts": {"train": 205, "val": 87}}
    (tmp_path / "bccd" / "prepared.json").write_text(json.dumps(counts))
    (tmp_path / "photos").mkdir()
    (tmp_path / ".hidden").mkdir()
    assert list(overview.data_sets(tmp_path)) == [
        ("bccd", "train 205, val 87"),
        ("other", "photos"),
    ]
