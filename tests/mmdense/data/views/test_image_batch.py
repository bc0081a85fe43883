import numpy as np
import pytest
import torch
from mmengine.registry import FUNCTIONS, TRANSFORMS

import mmdense  # noqa: F401
from mmdense.data.views.image_batch import collate_images, split_images
from mmdense.data.views.multi_view_preprocessor import MultiViewPreprocessor


@pytest.fixture
def pictures():
    draw = np.random.default_rng(0)
    return [draw.integers(0, 256, (20 + i, 40 - i, 3), dtype=np.uint8) for i in range(5)]


def packed(pictures):
    pack = TRANSFORMS.build(dict(type="mmdense.PackImage"))
    return [
        pack(dict(img=picture, img_path=f"{i}.jpg", sample_idx=i))
        for i, picture in enumerate(pictures)
    ]


def test_images_are_collated_to_one_tensor_in_rgb(pictures):
    batch = FUNCTIONS.get("mmdense.collate_images")(packed(pictures))
    assert batch["inputs"]["pixels"].shape == (sum(picture.size for picture in pictures),)
    for image, picture in zip(split_images(**batch["inputs"]), pictures, strict=True):
        np.testing.assert_array_equal(image.permute(1, 2, 0), picture[..., ::-1])
        assert image.stride(0) == 1  # channels last in memory
    assert [sample.img_path for sample in batch["data_samples"]] == [f"{i}.jpg" for i in range(5)]


def test_views_equal_those_of_a_list_of_planes(pictures):
    setting = dict(views=[dict(num=2, size=70)], mean=(120, 110, 100), std=(50, 60, 70))
    torch.manual_seed(0)
    batch = collate_images(packed(pictures))
    views = MultiViewPreprocessor(**setting, to_rgb=False)(batch, training=True)["inputs"]
    torch.manual_seed(0)
    planes = [torch.from_numpy(picture.transpose(2, 0, 1).copy()) for picture in pictures]
    same = MultiViewPreprocessor(**setting, to_rgb=True)(dict(inputs=planes), training=True)[
        "inputs"
    ]
    for ours, theirs in zip(views, same, strict=True):
        assert ours.equal(theirs)
