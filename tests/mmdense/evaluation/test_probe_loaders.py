"""Loaders of probes: every image once and in order, and errors for unsuitable images."""

import pytest
import torch
from mmengine.config import ConfigDict
from torch.utils.data import Dataset

from mmdense.evaluation.probe_loaders import build_preprocessor, build_probe_loaders
from tests.mmdense.evaluation.tiny_siamese import Colours, loader


class Views(Colours):
    def __getitem__(self, index):
        sample = super().__getitem__(index)
        return {**sample, "inputs": [sample["inputs"]] * 2}


class Bare(Dataset):
    def __len__(self):
        return 3

    def __getitem__(self, index):
        return torch.zeros(3, 4, 4), index


CFG = ConfigDict(
    train_dataloader=loader({"type": Colours, "pipeline": "views"}),
    test_dataloader=loader({"type": Colours, "size": 13, "seed": 1}, batch_size=5, num_workers=0),
)


def built(cfg=CFG, train=None, test=None, **more):
    return build_probe_loaders(cfg, train, test, where="KNNHook", seed=0, **more)


def labels_of(data_loader):
    return [int(sample.gt_label) for batch in data_loader for sample in batch["data_samples"]]


def test_images_of_the_config_in_order_with_the_pipeline_of_the_test():
    # Colours takes no pipeline, so that of the training is left out.
    endless = {"sampler": {"type": "InfiniteSampler"}, "batch_sampler": {"type": "not built"}}
    cfg = {**CFG, "test_dataloader": {**CFG.test_dataloader, **endless, "drop_last": True}}
    train, test = built(ConfigDict(cfg))
    assert labels_of(train) == [index % 3 for index in range(24)]
    assert labels_of(test) == [index % 3 for index in range(13)]
    assert train.batch_size == test.batch_size == 5


@pytest.mark.parametrize("key", ["train_dataloader", "test_dataloader"])
def test_the_pipeline_of_a_wrapper_cannot_be_replaced(key):
    wrapper = {"dataset": {"type": "ConcatDataset", "datasets": []}}
    with pytest.raises(ValueError, match=f"KNNHook: {key}.dataset is the wrapper Concat"):
        built(ConfigDict({**CFG, key: wrapper}))


def test_different_classes_and_too_few_images():
    class Others(Colours):
        def __init__(self):
            super().__init__()
            self.metainfo = {"classes": ("cat", "dog")}

    with pytest.raises(ValueError, match=r"KNNHook: .* different classes, \('red'.*\('cat'"):
        built(test={"dataset": {"type": Others}})
    with pytest.raises(ValueError, match="KNNHook: k=25 is more than the 24 images"):
        built(neighbours=25)


def test_a_data_set_is_enough():
    train, test = built(
        train={"dataset": {"type": Colours, "size": 9}},
        test={"dataset": {"type": Colours, "size": 6}, "batch_size": 2, "num_workers": 10_000},
    )
    assert (train.batch_size, test.batch_size) == (256, 2)
    assert 1 <= test.num_workers < 10_000  # as many as there are cores
    assert not test.persistent_workers
    assert next(iter(train))["inputs"].shape == (9, 3, 16, 16)


@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize("key", ["train", "test"])
@pytest.mark.parametrize("missing", [-1, -2])  # unlabelled by number, and without any label
def test_unlabelled_images(listed, key, missing):
    images = {"type": Colours, "size": 3, "labels": [missing, 0, 1], "listed": listed}
    with pytest.raises(
        ValueError, match=f"KNNHook: {key}_dataloader.dataset has images without a label"
    ):
        built(**{key: {"dataset": images}})


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ({"type": Colours, "size": 3, "labels": [2, 2, 2]}, "only has images of class 2"),
        ({"type": Colours, "size": 0}, "has 0 images, fewer than the 1 processes"),
        ({"type": Views}, r"returns 2 views for an image, expected `inputs` \[3, H, W\]"),
        ({"type": Bare}, "returns no `inputs` for an image"),
    ],
)
def test_unsuitable_images(images, message):
    with pytest.raises(ValueError, match=f"KNNHook: train_dataloader.dataset {message}"):
        built(train={"dataset": images})


@pytest.mark.parametrize("key", ["train_dataloader", "test_dataloader"])
def test_missing_images(key):
    cfg = ConfigDict({name: value for name, value in CFG.items() if name != key})
    with pytest.raises(ValueError, match=f"KNNHook: {key} is not set"):
        built(cfg)


OWN = dict(type="A", mean=[1, 2, 3], std=[4, 5, 6], to_rgb=True, size=32)


@pytest.mark.parametrize(
    "cfg",
    [
        dict(data_preprocessor=OWN),
        dict(model=dict(data_preprocessor=OWN), data_preprocessor=dict(mean=[0] * 3)),
        dict(data_preprocessor=dict(mean=[1, 2, 3], std=[4, 5, 6], bgr_to_rgb=True)),
    ],
)
def test_one_view_is_normalised_like_those_of_the_model(cfg):
    preprocess = build_preprocessor(ConfigDict(cfg), None, where="KNNHook")
    image = torch.tensor([13.0, 12.0, 9.0]).view(1, 3, 1, 1)  # blue, green, red
    # red (9 - 1) / 4, green (12 - 2) / 5, blue (13 - 3) / 6
    expected = torch.tensor([2.0, 2.0, 10 / 6]).view(1, 3, 1, 1)
    torch.testing.assert_close(preprocess({"inputs": image})["inputs"], expected)


def test_a_given_preprocessor_and_none():
    given = dict(mean=[0, 0, 0], std=[2, 2, 2])
    preprocess = build_preprocessor(ConfigDict(data_preprocessor=OWN), given, where="KNNHook")
    assert preprocess({"inputs": torch.full((1, 3, 1, 1), 8)})["inputs"].unique().tolist() == [4.0]
    with pytest.raises(ValueError, match="KNNHook: data_preprocessor is not set"):
        build_preprocessor(ConfigDict(), None, where="KNNHook")
