"""Which images are taken, and that they come as the model gets them."""

import cv2
import mmpretrain.datasets  # noqa: F401
import numpy as np
import pytest
import torch
from mmengine.config import Config

from mmdense.visual.chosen_images import evenly_spaced, network_input, open_images
from tests.mmdense.visual.tiny_images import Preprocess, TinyImages, source

LOAD, PACK = dict(type="LoadImageFromFile"), dict(type="mmpretrain.PackInputs")


@pytest.fixture
def folder(tmp_path):
    """Two classes of two images: b/1.png is grey, a/0.png is pure red."""
    for number in range(4):
        path = tmp_path / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        pixels = np.zeros((20, 30, 3), np.uint8)
        pixels[..., 2] = 200  # BGR
        cv2.imwrite(str(path), pixels[..., 2] if number == 1 else pixels)
    return tmp_path


def loader(folder, *steps, **more):
    return dict(
        dataset=dict(type="CustomDataset", data_root=str(folder), pipeline=list(steps), **more)
    )


def opened(**loaders):
    return open_images(Config(dict(default_scope="mmpretrain", **loaders)))


def test_numbers_are_spread_from_the_first_to_the_last():
    assert evenly_spaced(9, 3) == [0, 4, 8]
    assert evenly_spaced(1000, 4) == [0, 333, 666, 999]
    assert evenly_spaced(2, 5) == [0, 1]
    assert evenly_spaced(1, 5) == [0]


def test_images_of_the_validation_set(folder):
    resize = dict(type="mmpretrain.Resize", scale=16)
    images = opened(val_dataloader=loader(folder, LOAD, resize, PACK), train_dataloader={})
    assert (images.split, len(images), images.classes) == ("val", 4, ("a", "b"))
    red, grey = images[0], images[2]
    assert (red.name, red.label, grey.name, grey.label) == ("0.png", 0, "1.png", 1)
    assert red.pixels.shape == (3, 16, 16)
    assert (red.image == (200, 0, 0)).all()  # RGB
    assert (grey.image == 200).all()
    assert images.class_name(1) == "b"
    assert images.class_name(7) == "class 7"
    assert images.describe(4) == "all 4 images of the validation set"
    assert images.describe(3) == "3 evenly spaced images of the 4 in the validation set"


def test_a_training_set_is_whole_and_without_random_transforms(folder):
    random = [
        dict(type="mmpretrain.RandomResizedCrop", scale=8),
        dict(type="mmpretrain.RandomFlip", prob=0.5),
    ]
    train = loader(folder, LOAD, *random, PACK, with_label=False)
    images = opened(train_dataloader=train)
    assert (images.split, images[0].label) == ("train", None)
    assert images[0].image.shape == (20, 30, 3)
    views = dict(type="mmpretrain.MultiView", num_views=[2], transforms=[random])
    wrapped = dict(
        type="RepeatDataset", times=2, dataset=loader(folder, LOAD, views, PACK)["dataset"]
    )
    images = opened(train_dataloader=dict(dataset=wrapped))
    assert len(images) == 8
    assert (images[0].image == (200, 0, 0)).all()
    without_pack = loader(folder, LOAD, dict(type="mmpretrain.ResizeEdge", scale=10))
    assert opened(train_dataloader=without_pack)[0].image.shape == (10, 15, 3)


def test_large_training_images_are_shrunk(folder):
    cv2.imwrite(str(folder / "a" / "0.png"), np.full((300, 600, 3), 77, np.uint8))
    image = opened(train_dataloader=loader(folder, LOAD, PACK))[0]
    assert image.pixels.shape == (3, 256, 512)
    assert image.pixels.dtype == torch.uint8
    assert (image.image == 77).all()


def test_what_packs_rgb_is_not_reversed(folder):
    pack = dict(type="mmdense.PackImage")
    assert (opened(val_dataloader=loader(folder, LOAD, pack))[0].image == (200, 0, 0)).all()


def test_one_grey_channel_becomes_three():
    image = source(channels=1)[0]
    assert image.pixels.shape == (1, 24, 32)
    assert image.image.shape == (24, 32, 3)
    assert (image.image[..., 0] == image.image[..., 2]).all()


def test_network_input_is_what_the_preprocessor_gives():
    images = source()
    inputs = network_input([images[0], images[1]], Preprocess())
    expected = torch.stack([TinyImages()[number]["inputs"] for number in (0, 1)]) / 128 - 1
    assert torch.equal(inputs, expected)


def test_bad_sets_are_named(folder):
    with pytest.raises(ValueError, match="looked for val_dataloader.dataset, test"):
        opened()
    with pytest.raises(ValueError, match=r"image 0 of val_dataloader\.dataset has no tensor"):
        opened(val_dataloader=loader(folder, LOAD))[0]
