import mmdense  # noqa: F401  (what follows imports only after it)

# isort: split
import pytest
import torch

from mmdense.data.views import random_view as views
from mmdense.data.views.parameters import ViewDistribution, sample_parameters
from tests.references.views_loop import view_loop

EVERYTHING = dict(
    jitter_prob=0.7, gray_prob=0.3, blur_prob=0.6, solarize_prob=0.0, hue=0.5, crop_scale=(0.05, 1)
)


def images(batch, height, width, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (batch, 3, height, width), generator=generator).to(torch.uint8)


def smooth(height, width, seed):
    """Return smooth images like photos, since the hue of dark noise is meaningless."""
    generator = torch.Generator().manual_seed(seed)
    coarse = 60 + 180 * torch.rand(1, 3, 5, 6, generator=generator)
    fine = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic")
    return fine[0].clamp(0, 255).to(torch.uint8)


@pytest.mark.parametrize(
    ("source", "size"), [((32, 32), (32, 32)), ((41, 67), (24, 19)), ((17, 9), (33, 40))]
)
def test_equals_one_sample_after_the_other(source, size):
    distribution = ViewDistribution(size=size, **EVERYTHING)
    batch = images(23, *source)
    generator = torch.Generator().manual_seed(1)
    sizes = torch.tensor([source] * 23)
    parameters = sample_parameters(sizes, distribution, generator=generator)
    ours = views.apply_parameters(batch, parameters, distribution)
    torch.testing.assert_close(ours, view_loop(batch, parameters, distribution), atol=2e-5, rtol=0)


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
def test_large_views_equal_one_sample_after_the_other_except_for_rounding(memory):
    distribution = ViewDistribution(size=(70, 81), **{**EVERYTHING, "crop_scale": (0.3, 1)})
    batch = [smooth(90 + 3 * i, 160 - 2 * i, seed=i) for i in range(21)]
    batch = [image[None].contiguous(memory_format=memory)[0] for image in batch]
    sizes = torch.tensor([image.shape[1:] for image in batch])
    parameters = sample_parameters(sizes, distribution, generator=torch.Generator().manual_seed(1))
    ours = views.apply_parameters(batch, parameters, distribution)
    distance = (ours - view_loop(batch, parameters, distribution)).abs() * 255
    assert distance.max() < 8  # hue of dark pixels
    assert distance.mean() < 0.6


@pytest.mark.parametrize("size", [(1, 1), (1, 90), (90, 1), (80, 80)])
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (2, 2)])
def test_images_and_views_of_single_pixels(shape, size):
    distribution = ViewDistribution(
        size=size, flip_prob=0.5, jitter_prob=0, gray_prob=0, blur_prob=0
    )
    batch = [torch.full((3, *shape), 51, dtype=torch.uint8) for _ in range(6)]
    view = views.random_view(batch, distribution, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(view, torch.full((6, 3, *size), 0.2))


def test_parts_of_a_batch_make_the_same_views(monkeypatch):
    distribution = ViewDistribution(size=(20, 24), **{**EVERYTHING, "solarize_prob": 0.5})
    batch = images(11, 30, 30)
    whole = views.random_view(batch, distribution, generator=torch.Generator().manual_seed(3))
    monkeypatch.setattr(views, "PIXELS_AT_ONCE", 3 * 20 * 24)
    parts = views.random_view(batch, distribution, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(parts, whole, atol=2e-6, rtol=0)
    assert batch.equal(images(11, 30, 30))  # the input is unchanged


def test_samples_differ_and_depend_on_the_generator(monkeypatch):
    batch = images(1, 24, 24).repeat(8, 1, 1, 1)
    distribution = ViewDistribution(size=(24, 24))
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    set_to = []
    monkeypatch.setattr(torch, "set_num_threads", set_to.append)
    first = views.random_view(batch, distribution, generator=torch.Generator().manual_seed(5))
    assert set_to == [1, 3]  # restored at the end
    again = views.random_view(batch, distribution, generator=torch.Generator().manual_seed(5))
    other = views.random_view(batch, distribution, generator=torch.Generator().manual_seed(6))
    assert first.equal(again)
    assert not first.equal(other)
    assert len({tuple(view.flatten().tolist()) for view in first}) == 8
    assert first.min() >= 0
    assert first.max() <= 1


@pytest.mark.parametrize("blur", [0.0, 1.0])
def test_all_samples_gray(blur):
    distribution = ViewDistribution(size=(9, 9), gray_prob=1.0, blur_prob=blur)
    view = views.random_view(images(6, 12, 12), distribution)
    # On some processors, OpenCV's blur rounds the channels of a pixel differently, by 1.2e-7.
    for channel in (1, 2):
        torch.testing.assert_close(view[:, channel], view[:, 0], rtol=0, atol=5e-7 * blur)


def test_an_invalid_batch_is_an_error():
    distribution = ViewDistribution(size=(8, 8))
    parameters = sample_parameters(torch.tensor([[8, 8]] * 2), distribution)
    with pytest.raises(ValueError, match="2 parameters for 3"):
        views.apply_parameters(images(3, 8, 8), parameters, distribution)
    with pytest.raises(ValueError, match=r"\(1, 8, 8\).* uint8"):
        views.apply_parameters(torch.zeros(2, 1, 8, 8), parameters, distribution)
