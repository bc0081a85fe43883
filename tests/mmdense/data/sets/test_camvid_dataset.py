import mmdense  # noqa: F401

# isort: split
import mmseg.datasets  # noqa: F401
import numpy as np
import pytest
from mmengine.registry import DefaultScope
from PIL import Image

from mmdense.data.sets.camvid_dataset import CamVid

LABELS = np.array([[0, 10, 255], [3, 3, 5]], dtype=np.uint8)


@pytest.fixture(params=[".jpg", ".png"])
def root(request, tmp_path):
    for kind in ("images", "annotations"):
        (tmp_path / kind / "train").mkdir(parents=True)
    for stem in ("0006R0_f00930", "0001TP_006690"):
        image = Image.new("RGB", (3, 2), (10, 20, 30))
        image.save(tmp_path / "images" / "train" / (stem + request.param))
        Image.fromarray(LABELS).save(tmp_path / "annotations" / "train" / f"{stem}.png")
    return tmp_path


def test_records_with_either_suffix(root):
    with DefaultScope.overwrite_default_scope("mmseg"):
        dataset = CamVid(
            data_root=str(root),
            pipeline=[
                dict(type="LoadImageFromFile"),
                dict(type="LoadAnnotations"),
                dict(type="PackSegInputs"),
            ],
        )
    assert len(dataset) == 2
    assert len(dataset.metainfo["classes"]) == len(dataset.metainfo["palette"]) == 11
    record = dataset[0]
    assert "0001TP_006690" in record["data_samples"].img_path
    assert record["inputs"].shape == (3, 2, 3)
    assert record["data_samples"].gt_sem_seg.data[0].tolist() == LABELS.tolist()
    assert len(CamVid(data_root=str(root), indices=1)) == 1


def test_the_error_names_a_missing_split(root):
    with pytest.raises(FileNotFoundError, match=r"split='val'.*prepare_data camvid"):
        CamVid(data_root=str(root), split="val")
