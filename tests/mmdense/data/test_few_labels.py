import json
from itertools import pairwise

import mmdense  # noqa: F401

# isort: split
import mmdet.datasets  # noqa: F401
import mmpretrain.datasets  # noqa: F401
import mmseg.datasets  # noqa: F401
import numpy as np
import pytest
from mmengine.registry import DefaultScope
from PIL import Image

from mmdense.data.few_labels import few_label_indices
from mmdense.registry import DATASETS


def test_sizes_by_image():
    # 250 images: 1 % is 2.5, 5 % is 12.5, 10 % is 25; halves are rounded up.
    assert [len(few_label_indices(250, p)) for p in (1, 5, 10, 100)] == [3, 13, 25, 250]
    assert len(few_label_indices(20, 1)) == 1  # 0.2, but at least 1
    assert len(few_label_indices(1000, 0.3)) == 3
    assert len(few_label_indices(1000, 0.15)) == 2  # 1.5, slightly less as a float
    assert few_label_indices(7, 100) == list(range(7))


def test_sizes_by_class():
    labels = [0] * 100 + [1] * 30 + [2] * 4
    chosen = few_label_indices(134, 5, labels=labels)
    # 5 % of 100 is 5; of 30 is 1.5, rounded to 2; of 4 is 0.2, but at least 1.
    assert np.bincount([labels[i] for i in chosen]).tolist() == [5, 2, 1]
    assert chosen == sorted(chosen)
    assert few_label_indices(134, 100, labels=labels) == list(range(134))


@pytest.mark.parametrize("labels", [None, [i % 7 for i in range(500)]], ids=["images", "classes"])
@pytest.mark.parametrize("seed", [0, 1, 12345])
def test_the_larger_subset_contains_the_smaller(labels, seed):
    shares = [set(few_label_indices(500, p, seed=seed, labels=labels)) for p in (1, 5, 10, 100)]
    assert all(small < large for small, large in pairwise(shares))


def test_the_selection_is_fixed():
    assert few_label_indices(100, 5) == [3, 11, 13, 20, 92]
    assert few_label_indices(100, 5, seed=1) == [9, 36, 61, 75, 93]
    # 10 % of 5 is 0.5 of each class, rounded up to 1.
    assert few_label_indices(20, 10, labels=[i % 4 for i in range(20)]) == [2, 8, 11, 13]


def test_the_error_names_invalid_input():
    for percent in (0, -1, 100.5, float("nan"), True, "1"):
        with pytest.raises(ValueError, match=f"percent={percent!r} "):
            few_label_indices(10, percent)
    with pytest.raises(ValueError, match="no images"):
        few_label_indices(0, 10)
    with pytest.raises(ValueError, match="seed=-1"):
        few_label_indices(10, 10, seed=-1)
    with pytest.raises(ValueError, match=r"shape \(3,\), .*10"):
        few_label_indices(10, 10, labels=[1, 2, 3])


def write_image(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 6)).save(path)


@pytest.fixture
def root(tmp_path):
    """Return twelve images in class folders, also with boxes."""
    coco = dict(images=[], annotations=[], categories=[dict(id=1, name="cat")])
    for i in range(12):
        write_image(tmp_path / "classes" / f"c{i % 3}" / f"{i:02}.jpg")
        write_image(tmp_path / "flat" / f"{i:02}.jpg")
        coco["images"].append(dict(id=i, file_name=f"{i:02}.jpg", width=8, height=6))
        box = dict(id=i, image_id=i, category_id=1, bbox=[1, 1, 4, 4], area=16, iscrowd=0)
        coco["annotations"].append(box)
    (tmp_path / "boxes.json").write_text(json.dumps(coco))
    return tmp_path


def detection(root):
    return dict(
        type="mmdet.CocoDataset",
        ann_file=str(root / "boxes.json"),
        data_prefix=dict(img=str(root / "flat")),
        metainfo=dict(classes=("cat",)),
        pipeline=[],
    )


def classification(root, **more):
    folder = str(root / "classes")
    return dict(type="mmpretrain.CustomDataset", data_root=folder, pipeline=[], **more)


def few(dataset, percent=25, **more):
    return DATASETS.build(dict(type="mmdense.FewLabels", dataset=dataset, percent=percent, **more))


@pytest.mark.parametrize(
    ("make", "scope"),
    [(detection, "mmseg"), (classification, "mmdet")],
)
def test_an_upstream_data_set_keeps_its_metainfo(make, scope, root):
    """25 % of 12 images are 3: one of 4 in each of three classes."""
    with DefaultScope.overwrite_default_scope(scope):
        whole = DATASETS.build(make(root))
        part = few(make(root))
    assert (len(whole), len(part)) == (12, 3)
    assert type(part) is type(whole)
    assert part.metainfo == whole.metainfo
    labels = whole.get_gt_labels() if make is classification else None
    for i, index in enumerate(few_label_indices(12, 25, labels=labels)):
        assert part.get_data_info(i)["img_path"] == whole.get_data_info(index)["img_path"]
    if make is classification:
        assert sorted(part.get_gt_labels()) == [0, 1, 2]
    with DefaultScope.overwrite_default_scope(scope):
        assert len(few(make(root), percent=100)) == 12
        assert len(few(dict(make(root), lazy_init=True))) == 3


def test_the_fraction_applies_to_each_data_set_in_a_wrapper(root):
    both = dict(type="mmdet.ConcatDataset", datasets=[detection(root), detection(root)])
    dataset = few(dict(type="mmengine.RepeatDataset", times=5, dataset=both), seed=1)
    assert len(dataset) == 5 * 2 * 3
    assert dataset.get_data_info(0)["img_id"] == few_label_indices(12, 25, seed=1)[0]
    assert dataset.metainfo["classes"] == ("cat",)


class Plain:
    def __len__(self):
        return 4


def test_the_error_names_an_unsuitable_data_set(root, monkeypatch):
    monkeypatch.setitem(DATASETS.module_dict, "Plain", Plain)
    with pytest.raises(ValueError, match=r"CustomDataset .*labels"):
        few(classification(root, with_label=False))
    with pytest.raises(TypeError, match="Plain has no get_subset_"):
        few(dict(type="mmdense.Plain"))
    with pytest.raises(ValueError, match="percent=0"):
        few(detection(root), percent=0)
