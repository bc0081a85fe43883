import mmdense  # noqa: F401  (what follows imports only after it)

# isort: split
import pytest
import torch
from torchvision.transforms.v2 import functional as tv

from mmdense.data.resample import crop_and_resize, gaussian_blur


def images(*shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


def test_crop_and_resize_by_hand():
    # Columns 10 20 30 40 of a 1 x 4 image, cropped to the last two and halved: their mean over
    # the triangle. Step 2, centre at 1 of the crop, pixels at 0.5 and 1.5: weights 0.75 each.
    image = torch.tensor([10.0, 20.0, 30.0, 40.0]).view(1, 1, 1, 4)
    crop = torch.tensor([[0, 2, 1, 2]])
    none = torch.tensor([False])
    assert crop_and_resize(image, crop, none, size=(1, 1)).item() == pytest.approx(35)
    # At its own size a crop is a copy, mirrored if asked.
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


@pytest.mark.parametrize("radius", [0, 1, 6])
def test_blur_equals_torchvision_for_each_sample(radius):
    batch = images(3, 3, 9, 12)
    sigmas = torch.tensor([0.1, 0.9, 2.5])
    expected = [
        tv.gaussian_blur(image, 2 * radius + 1, [sigma.item()] * 2)
        for image, sigma in zip(batch, sigmas)
    ]
    torch.testing.assert_close(
        gaussian_blur(batch, sigmas, radius), torch.stack(expected), atol=1e-5, rtol=0
    )


def test_an_even_image_stays_even():
    even = torch.full((2, 3, 10, 14), 0.25)
    crops = torch.tensor([[1, 2, 5, 9], [0, 0, 10, 14]])
    cropped = crop_and_resize(even, crops, torch.tensor([True, False]), size=(6, 23))
    torch.testing.assert_close(cropped, torch.full((2, 3, 6, 23), 0.25))
    torch.testing.assert_close(gaussian_blur(even, torch.tensor([0.5, 3.0]), 5), even)
