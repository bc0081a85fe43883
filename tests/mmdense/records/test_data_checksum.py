"""Equal data has an equal checksum wherever it lies; another name or annotation changes it."""

import json

import numpy as np
import pytest

from mmdense.records.data_checksum import data_checksum


class Listed:
    def __init__(self, entries):
        self.entries = entries

    def __len__(self):
        return len(self.entries)

    def get_data_info(self, index):
        return self.entries[index]


def listed(root="/data", name="a.jpg", box=(0.0, 1.0, 2.0, 3.0), **more):
    instances = [{"bbox": np.array(box, dtype=np.float32), "mask": {"counts": b"x"}, "label": 1}]
    return Listed([{"img_path": f"{root}/train/{name}", "instances": instances, **more}])


def test_the_place_does_not_count():
    assert data_checksum(listed("/data")) == data_checksum(listed("/mnt/other/place"))


@pytest.mark.parametrize(
    "change", [{"name": "b.jpg"}, {"box": (0.0, 1.0, 2.0, 4.0)}, {"gt_label": np.int64(3)}]
)
def test_names_and_annotations_count(change):
    assert data_checksum(listed()) != data_checksum(listed(**change))


def test_the_images_of_a_prepared_set_count(tmp_path):
    sums = {data_checksum(listed(tmp_path / "bccd"))}
    (tmp_path / "bccd").mkdir()
    for fingerprint in ("one", "two"):
        note = json.dumps({"fingerprint": fingerprint})
        (tmp_path / "bccd" / "prepared.json").write_text(note)
        sums.add(data_checksum(listed(tmp_path / "bccd")))
    assert len(sums) == 3


def test_a_stream_has_none():
    assert data_checksum(iter([1, 2])) is None
