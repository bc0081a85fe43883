"""Images that a probe cannot use are refused by name; what is not given is the config's."""

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


def built(cfg=CFG, train=None, test=None):
    return build_probe_loaders(cfg, train, test, where="KNNHook", seed=0)


def test_by_default_the_images_of_the_config_pass_the_pipeline_of_its_test():
    train, test = built()  # Colours takes no pipeline, so that of the training is left out
    assert (len(train.dataset), len(test.dataset)) == (24, 13)
    assert train.batch_size == test.batch_size == 5


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
def test_unlabelled_images_are_refused_by_the_key(listed, key, missing):
    images = {"type": Colours, "size": 3, "labels": [missing, 0, 1], "listed": listed}
    with pytest.raises(
        ValueError, match=f"KNNHook.{key}_dataloader.dataset has images without a label"
    ):
        built(**{key: {"dataset": images}})


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ({"type": Colours, "size": 3, "labels": [0, 1, -1]}, "has images without a label"),
        ({"type": Colours, "size": 3, "labels": [2, 2, 2]}, "only has images of class 2"),
        ({"type": Colours, "size": 0}, "has 0 images, fewer than the 1 processes"),
        ({"type": Views}, r"returns 2 views for an image, expected `inputs` \[3, H, W\]"),
        ({"type": Bare}, "returns no `inputs` for an image"),
    ],
)
def test_images_that_will_not_do(images, message):
    with pytest.raises(ValueError, match=f"KNNHook.train_dataloader.dataset {message}"):
        built(train={"dataset": images})


@pytest.mark.parametrize("key", ["train_dataloader", "test_dataloader"])
def test_images_that_nothing_names(key):
    cfg = ConfigDict({name: value for name, value in CFG.items() if name != key})
    with pytest.raises(ValueError, match=f"KNNHook.{key} is not set"):
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
def test_one_view_is_normalised_as_the_model_does(cfg):
    preprocess = build_preprocessor(ConfigDict(cfg), None, where="KNNHook")
    image = torch.tensor([13.0, 12.0, 9.0]).view(1, 3, 1, 1)  # blue, green, red
    # red (9 - 1) / 4, green (12 - 2) / 5, blue (13 - 3) / 6
    expected = torch.tensor([2.0, 2.0, 10 / 6]).view(1, 3, 1, 1)
    torch.testing.assert_close(preprocess({"inputs": image})["inputs"], expected)


def test_a_preprocessor_that_is_given_counts():
    given = dict(mean=[0, 0, 0], std=[2, 2, 2])
    preprocess = build_preprocessor(ConfigDict(data_preprocessor=OWN), given, where="KNNHook")
    assert preprocess({"inputs": torch.full((1, 3, 1, 1), 8)})["inputs"].unique().tolist() == [4.0]


def test_no_preprocessor_at_all():
    with pytest.raises(ValueError, match="KNNHook.data_preprocessor is not set"):
        build_preprocessor(ConfigDict(), None, where="KNNHook")
