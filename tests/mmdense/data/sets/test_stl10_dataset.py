import json

import mmdense  # noqa: F401

# isort: split
import mmpretrain.datasets  # noqa: F401
import numpy as np
import pytest
from mmengine.registry import DefaultScope

from mmdense.data.sets.stl10_dataset import STL10


@pytest.fixture
def root(tmp_path):
    generator = np.random.default_rng(0)
    for split, size in (("train", 6), ("test", 3), ("unlabelled", 4)):
        images = generator.integers(0, 256, (size, 96, 96, 3), dtype=np.uint8)
        np.save(tmp_path / f"{split}_images.npy", images)
        if split != "unlabelled":
            np.save(tmp_path / f"{split}_labels.npy", np.arange(size) % 3)
    np.save(tmp_path / "folds.npy", np.array([[0, 2, 4], [5, 3, 1]]))
    (tmp_path / "classes.txt").write_text("bird\ncar\ncat\n")
    (tmp_path / "prepared.json").write_text(json.dumps({"encoding": "original"}))
    return str(tmp_path)


def test_the_unlabelled_split_has_images_and_says_that_it_has_no_labels(root):
    dataset = STL10(data_root=root, split="unlabelled")
    assert len(dataset) == 4
    assert dataset.metainfo["dataset_name"] == "STL-10"
    record = dataset[3]
    assert record["inputs"].shape == (3, 96, 96)
    assert "gt_label" not in record["data_samples"]
    with pytest.raises(
        ValueError, match="split='unlabelled' of STL-10 has no labels; 'train' and 'test' have them"
    ):
        dataset.get_gt_labels()


def test_the_unlabelled_split_passes_the_hosts_transforms(root):
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        pipeline = [dict(type="RandomCrop", crop_size=64), dict(type="PackInputs")]
        dataset = STL10(data_root=root, split="unlabelled", pipeline=pipeline)
    record = dataset[0]
    assert record["inputs"].shape == (3, 64, 64)
    assert "gt_label" not in record["data_samples"]


def test_a_fold_is_a_part_of_the_train_split(root):
    dataset = STL10(data_root=root, fold=1)
    assert len(dataset) == 3
    # images 5, 3 and 1; the label of image i is i % 3
    assert dataset.get_gt_labels().tolist() == [2, 0, 1]
    assert dataset[1]["data_samples"].gt_label.tolist() == [0]
    assert len(STL10(data_root=root)) == 6


@pytest.mark.parametrize("wrong", [dict(fold=2), dict(fold=-1), dict(fold=0, split="test")])
def test_a_wrong_fold_is_named(wrong, root):
    with pytest.raises(ValueError, match=r"fold=-?\d, split=.* 'train' has folds from 0 to 1"):
        STL10(data_root=root, **wrong)


def test_a_wrong_split_is_named(root):
    with pytest.raises(ValueError, match="there are 'train' and 'test' and 'unlabelled'"):
        STL10(data_root=root, split="unlabeled")
