import numpy as np
import pytest
import torch
from mmengine.registry import FUNCTIONS, TRANSFORMS

import mmdense  # noqa: F401
from mmdense.data.views.image_batch import collate_images, split_images
from mmdense.data.views.multi_view_preprocessor import MultiViewPreprocessor


@pytest.fixture
def images():
    draw = np.random.default_rng(0)
    return [draw.integers(0, 256, (20 + i, 40 - i, 3), dtype=np.uint8) for i in range(5)]


def packed(images):
    pack = TRANSFORMS.build(dict(type="mmdense.PackImage"))
    return [
        pack(dict(img=image, img_path=f"{i}.jpg", sample_idx=i)) for i, image in enumerate(images)
    ]


def test_images_are_collated_to_one_tensor_in_rgb(images):
    batch = FUNCTIONS.get("mmdense.collate_images")(packed(images))
    assert batch["inputs"]["pixels"].shape == (sum(image.size for image in images),)
    for view, image in zip(split_images(**batch["inputs"]), images, strict=True):
        np.testing.assert_array_equal(view.permute(1, 2, 0), image[..., ::-1])
        assert view.stride(0) == 1  # channels last in memory
    assert [sample.img_path for sample in batch["data_samples"]] == [f"{i}.jpg" for i in range(5)]


def test_views_equal_those_of_a_list_of_planes(images):
    setting = dict(views=[dict(num=2, size=70)], mean=(120, 110, 100), std=(50, 60, 70))
    torch.manual_seed(0)
    batch = collate_images(packed(images))
    views = MultiViewPreprocessor(**setting, to_rgb=False)(batch, training=True)["inputs"]
    torch.manual_seed(0)
    planes = [torch.from_numpy(image.transpose(2, 0, 1).copy()) for image in images]
    same = MultiViewPreprocessor(**setting, to_rgb=True)(dict(inputs=planes), training=True)[
        "inputs"
    ]
    for ours, theirs in zip(views, same, strict=True):
        assert ours.equal(theirs)
