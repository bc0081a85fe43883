import json

import mmdense  # noqa: F401

# isort: split
import mmpretrain.datasets  # noqa: F401
import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from mmdense.data.sets.prepared_images import CIFAR10, CIFAR100, STL10


@pytest.fixture
def root(tmp_path):
    generator = np.random.default_rng(0)
    for split, size in (("train", 12), ("test", 5)):
        images = generator.integers(0, 256, (size, 32, 32, 3), dtype=np.uint8)
        np.save(tmp_path / f"{split}_images.npy", images)
        np.save(tmp_path / f"{split}_labels.npy", np.arange(size) % 3)
    (tmp_path / "classes.txt").write_text("cat\ndog\nfrog\n")
    (tmp_path / "prepared.json").write_text(json.dumps({"encoding": "JPEG"}))
    return tmp_path


def test_records_for_batched_views(root):
    dataset = CIFAR10(data_root=str(root))
    assert len(dataset) == 12
    assert len(CIFAR10(data_root=str(root), split="test")) == 5
    assert dataset.metainfo == {
        "dataset_name": "CIFAR-10 (JPEG)",
        "classes": ("cat", "dog", "frog"),
    }
    record = dataset[4]
    expected = np.load(root / "train_images.npy")[4].transpose(2, 0, 1)
    assert record["inputs"].equal(torch.from_numpy(expected.copy()))
    assert record["data_samples"].gt_label.tolist() == [1]
    record["inputs"].zero_()  # a copy, so the file is unchanged
    assert dataset[4]["inputs"].any()


def test_records_for_the_transforms_of_mmpretrain(root):
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        pipeline = [dict(type="RandomCrop", crop_size=32, padding=4), dict(type="PackInputs")]
        dataset = CIFAR10(data_root=str(root), pipeline=pipeline)
    record = dataset[2]
    assert record["inputs"].shape == (3, 32, 32)
    assert record["data_samples"].gt_label.tolist() == [2]
    assert record["data_samples"].sample_idx == 2


def test_labels_and_a_subset(root):
    dataset = CIFAR10(data_root=str(root))
    assert dataset.get_gt_labels().tolist() == [0, 1, 2] * 4
    dataset.get_subset_([7, 2, 5])
    dataset.get_subset_([0, 2])  # of these three: images 7 and 5 of the file
    assert len(dataset) == 2
    assert dataset.get_gt_labels().tolist() == [1, 2]
    images = np.load(root / "train_images.npy")
    for record, place in zip((dataset[0], dataset[1]), (7, 5)):
        assert record["inputs"].numpy().transpose(1, 2, 0).tolist() == images[place].tolist()
        assert record["data_samples"].gt_label.tolist() == [place % 3]


def test_the_data_loader_stacks_a_batch(root):
    loader = Runner.build_dataloader(
        dict(
            batch_size=4,
            num_workers=2,
            sampler=dict(type="DefaultSampler", shuffle=True),
            collate_fn=dict(type="default_collate"),
            dataset=dict(type="mmdense.CIFAR10", data_root=str(root)),
        ),
        seed=0,
    )
    batches = list(loader)
    assert [batch["inputs"].shape for batch in batches] == [(4, 3, 32, 32)] * 3
    labels = [int(sample.gt_label) for batch in batches for sample in batch["data_samples"]]
    assert sorted(labels) == sorted(np.load(root / "train_labels.npy").tolist())


def test_errors_name_an_unknown_split_and_a_missing_set(root, tmp_path):
    with pytest.raises(ValueError, match="split='val' of CIFAR-10 .*'train', 'test'"):
        CIFAR10(data_root=str(root), split="val")
    (root / "prepared.json").write_text(json.dumps({"encoding": "original"}))
    assert CIFAR100(data_root=str(root)).metainfo["dataset_name"] == "CIFAR-100"
    with pytest.raises(FileNotFoundError, match=r"prepare_data cifar100 --source"):
        CIFAR100(data_root=str(tmp_path / "nothing"))


@pytest.fixture
def stl10(root):
    images = np.random.default_rng(0).integers(0, 256, (4, 96, 96, 3), dtype=np.uint8)
    np.save(root / "unlabelled_images.npy", images)
    np.save(root / "folds.npy", np.array([[0, 2, 4], [5, 3, 1]]))
    return str(root)


def test_the_unlabelled_split_has_images_and_no_labels(stl10):
    dataset = STL10(data_root=stl10, split="unlabelled")
    assert len(dataset) == 4
    assert dataset[3]["inputs"].shape == (3, 96, 96)
    assert "gt_label" not in dataset[3]["data_samples"]
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        pipeline = [dict(type="RandomCrop", crop_size=64), dict(type="PackInputs")]
        cropped = STL10(data_root=stl10, split="unlabelled", pipeline=pipeline)
    assert cropped[0]["inputs"].shape == (3, 64, 64)
    assert "gt_label" not in cropped[0]["data_samples"]
    with pytest.raises(ValueError, match="split='unlabelled' of STL-10 .*'train', 'test'"):
        dataset.get_gt_labels()


def test_a_fold_is_a_subset_of_the_train_split(stl10):
    dataset = STL10(data_root=stl10, fold=1)
    # Images 5, 3 and 1; the label of image i is i % 3.
    assert dataset.get_gt_labels().tolist() == [2, 0, 1]
    assert dataset[1]["data_samples"].gt_label.tolist() == [0]
    for wrong in (dict(fold=2), dict(fold=-1), dict(fold=0, split="test")):
        with pytest.raises(ValueError, match=r"fold=-?\d, split=.* 'train' .*0 to 1"):
            STL10(data_root=stl10, **wrong)
