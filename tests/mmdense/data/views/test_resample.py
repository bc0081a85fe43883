import mmdense  # noqa: F401  (what follows imports only after it)

# isort: split
import math

import pytest
import torch
from torchvision.transforms.v2 import functional as tv

from mmdense.data.views.resample import crop_and_resize, gaussian_blur


def images(*shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


def test_crop_and_resize_hand_case():
    # A 1 x 4 image 10 20 30 40 is cropped to the last two columns and halved. Step 2, centre at 1
    # of the crop, pixels at 0.5 and 1.5: equal triangle weights of 0.75, so the result is the mean.
    image = torch.tensor([10.0, 20.0, 30.0, 40.0]).view(1, 1, 1, 4)
    crop = torch.tensor([[0, 2, 1, 2]])
    none = torch.tensor([False])
    assert crop_and_resize(image, crop, none, size=(1, 1)).item() == pytest.approx(35)
    # At its own size, a crop is a copy, optionally flipped.
    assert crop_and_resize(image, crop, none, size=(1, 2)).flatten().tolist() == [30, 40]
    assert crop_and_resize(image, crop, ~none, size=(1, 2)).flatten().tolist() == [40, 30]


@pytest.mark.parametrize("size", [(8, 8), (31, 40), (3, 17)])
def test_crop_and_resize_equals_torchvision_for_each_sample(size):
    batch = images(3, 2, 31, 40)
    crops = torch.tensor([[0, 0, 31, 40], [5, 7, 11, 3], [30, 39, 1, 1]])
    ours = crop_and_resize(batch, crops, torch.zeros(3, dtype=torch.bool), size=size)
    expected = [
        tv.resized_crop(image, *crop.tolist(), list(size), antialias=True)
        for image, crop in zip(batch, crops)
    ]
    torch.testing.assert_close(ours, torch.stack(expected), atol=1e-5, rtol=0)


def test_images_of_different_sizes_equal_torchvision():
    batch = [images(3, 31, 40), images(3, 20, 15)]
    crops, flips = torch.tensor([[3, 5, 20, 30], [0, 0, 20, 15]]), torch.tensor([True, False])
    ours = crop_and_resize(batch, crops, flips, size=(13, 17))
    for view, image, crop, mirror in zip(ours, batch, crops, flips):
        theirs = tv.resized_crop(image, *crop.tolist(), [13, 17], antialias=True)
        torch.testing.assert_close(view, theirs.flip(2) if mirror else theirs, atol=1e-5, rtol=0)


@pytest.mark.parametrize("shape", [(70, 45), (40, 33), (13, 14)])
def test_blur_equals_torchvision_for_each_sample(shape):
    batch = images(4, 3, *shape)
    sigmas = torch.tensor([0.1, 0.9, 1.0, 4.0])  # radii of 1, 3, 3 and 12 pixels
    expected = [
        tv.gaussian_blur(image, 2 * math.ceil(3 * sigma) + 1, [sigma.item()] * 2)
        for image, sigma in zip(batch, sigmas)
    ]
    torch.testing.assert_close(
        gaussian_blur(batch, sigmas), torch.stack(expected), atol=1e-5, rtol=0
    )


def test_a_blur_wider_than_the_image_hand_case():
    # 1 x 2 pixels, reflected repeatedly: ... b a b a b ...; even taps read the pixel itself.
    sigma, image = 1.0, torch.tensor([1.0, 0.0]).view(1, 1, 1, 2)
    weights = torch.exp(-0.5 * torch.arange(-3, 4) ** 2 / sigma**2)
    own = (weights[1::2].sum() / weights.sum()).item()  # taps -2, 0 and 2
    found = gaussian_blur(image, torch.tensor([sigma])).flatten().tolist()
    assert found == pytest.approx([own, 1 - own])
