import pytest
import torch

from mmdense.ops.roi_align import (
    roi_align,
    roi_align_backward,
    roi_align_max,
    roi_align_max_backward,
)
from tests.references.roi_align_loop import roi_align_loop

H, W = 9, 13
# Image, x1, y1, x2, y2 at scale 1/2: inside, whole image, beyond each border, thinner than a pixel,
# a point, outside, far outside.
ROIS = [
    [0, 3.2, 4.1, 17.7, 12.9],
    [1, 0, 0, 2 * W, 2 * H],
    [1, -5.5, -3.5, 9.1, 30.3],
    [0, 20.2, 11.1, 40.4, 15.5],
    [0, 6.0, 2.0, 6.3, 16.0],
    [1, 8.0, 8.0, 8.0, 8.0],
    [0, -90.0, -90.0, -70.0, -70.0],
    [0, 60.0, 60.0, 70.0, 90.0],
]
NO_SAMPLES = [[0, 9.0, 9.0, 4.0, 12.0], [0, float("nan"), 1, 5, 5], [1, 0, 0, float("inf"), 5]]


def random_maps(dtype=torch.float64):
    return torch.randn(2, 3, H, W, generator=torch.Generator().manual_seed(0), dtype=dtype)


@pytest.mark.parametrize("aligned", [True, False])
@pytest.mark.parametrize("sampling_ratio", [0, 1, 2, 3])
@pytest.mark.parametrize("output_size", [(3, 3), (2, 5)])
def test_equals_the_loop(aligned, sampling_ratio, output_size):
    options = dict(spatial_scale=0.5, sampling_ratio=sampling_ratio, aligned=aligned)
    rois = torch.tensor(ROIS + NO_SAMPLES, dtype=torch.float64)
    maps = random_maps()
    pooled = roi_align(maps, rois, output_size, **options)
    expected = roi_align_loop(maps, rois, output_size, pool="avg", **options)
    torch.testing.assert_close(pooled, expected)


@pytest.mark.parametrize("sampling_ratio", [0, 2])
def test_gradients(sampling_ratio):
    rois = torch.tensor(ROIS, dtype=torch.float64)
    maps = random_maps().requires_grad_()
    options = dict(spatial_scale=0.5, sampling_ratio=sampling_ratio)
    assert torch.autograd.gradcheck(
        lambda m: roi_align(m, rois, (2, 2), **options), maps, fast_mode=True
    )
    pooled = roi_align(maps, rois, (2, 2), **options)
    grad = torch.randn_like(pooled)
    expected = torch.autograd.grad(pooled, maps, grad)[0]
    torch.testing.assert_close(roi_align_backward(grad, rois, maps.shape, **options), expected)


def test_hand_case():
    # Map y * 10 + x; RoI (1, 1, 3, 3) aligned, one bin, two samples a side: from 0.5 to 2.5,
    # samples at 1 and 2, mean (1.5, 1.5): 15 + 1.5 = 16.5. Not aligned it is one half more on
    # each axis: (2, 2): 22.
    maps = (torch.arange(5)[:, None] * 10.0 + torch.arange(5))[None, None]
    rois = torch.tensor([[0.0, 1, 1, 3, 3]])
    assert roi_align(maps, rois, (1, 1), aligned=True).item() == pytest.approx(16.5)
    assert roi_align(maps, rois, (1, 1), aligned=False).item() == pytest.approx(22)


def test_the_border_is_clamped_within_one_pixel():
    # Constant map: a sample up to one pixel outside still reads the border, farther ones zero.
    maps = torch.ones(1, 1, 4, 4)
    rois = torch.tensor([[0.0, -0.9, 1, -0.9, 3], [0, -1.1, 1, -1.1, 3], [0, 4, 1, 4, 3]])
    pooled = roi_align(maps, rois, (1, 1), sampling_ratio=1, aligned=True)
    # x = -0.9 - 0.5 = -1.4 is too far, and so is -1.6; x = 3.5 is within the map.
    assert pooled.flatten().tolist() == [0, 0, 1]
    rois[:, 1::2] += 0.5
    pooled = roi_align(maps, rois, (1, 1), sampling_ratio=1, aligned=True)
    assert pooled.flatten().tolist() == [1, 0, 1]  # x = -0.9, -1.1, 4.0


def test_no_rois():
    maps = random_maps().requires_grad_()
    pooled = roi_align(maps, torch.zeros(0, 5), (7, 7))
    assert pooled.shape == (0, 3, 7, 7)
    pooled.sum().backward()
    assert torch.equal(maps.grad, torch.zeros_like(maps))


def test_a_roi_far_larger_than_the_map_needs_no_more_memory():
    maps = random_maps()
    far = [[0, -1e6, -1e6, 1e6, 1e6], [0, 0, 0, 1e9, 1e9], [0, -60.0, -75, 60, 75]]
    options = dict(spatial_scale=1.0, sampling_ratio=0, aligned=True)
    pooled = roi_align(maps, torch.tensor(far, dtype=torch.float64), (1, 2), **options)
    assert torch.isfinite(pooled).all()
    last = torch.tensor(far[2:], dtype=torch.float64)
    torch.testing.assert_close(
        pooled[2:], roi_align_loop(maps, last, (1, 2), pool="avg", **options)
    )


def test_many_rois_in_chunks_equal_one_by_one(monkeypatch):
    monkeypatch.setattr("mmdense.ops.roi_align._MAX_TAPS", 50)
    maps, rois = random_maps().requires_grad_(), torch.tensor(ROIS, dtype=torch.float64)
    pooled = roi_align(maps, rois, (3, 3), spatial_scale=0.5)
    single = [roi_align(maps, roi[None], (3, 3), spatial_scale=0.5) for roi in rois]
    torch.testing.assert_close(pooled, torch.cat(single))
    grad = torch.randn_like(pooled)
    torch.testing.assert_close(
        roi_align_backward(grad, rois, maps.shape, spatial_scale=0.5),
        torch.autograd.grad(pooled, maps, grad)[0],
    )


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_rounds_once(dtype):
    maps = random_maps().to(dtype)
    rois = torch.tensor(ROIS)
    exact = roi_align(maps.double(), rois, (3, 3), spatial_scale=0.5)
    pooled = roi_align(maps, rois, (3, 3), spatial_scale=0.5)
    assert pooled.dtype == dtype
    tolerance = torch.finfo(dtype).eps
    torch.testing.assert_close(pooled.double(), exact, atol=1e-6, rtol=tolerance)


@pytest.mark.parametrize(
    ("rois", "message"),
    [
        (torch.zeros(3, 4), r"\[R, 5\]"),
        (torch.tensor([[2.0, 0, 0, 1, 1]]), "from 2 to 2, but the batch has 2 images"),
        (torch.tensor([[-1.0, 0, 0, 1, 1]]), "from -1 to -1"),
    ],
)
def test_bad_rois(rois, message):
    with pytest.raises(ValueError, match=message):
        roi_align(random_maps(), rois, (7, 7))


@pytest.mark.parametrize("aligned", [True, False])
@pytest.mark.parametrize("sampling_ratio", [0, 2])
def test_the_maximum_equals_the_loop(aligned, sampling_ratio):
    options = dict(spatial_scale=0.5, sampling_ratio=sampling_ratio, aligned=aligned)
    rois = torch.tensor(ROIS + NO_SAMPLES, dtype=torch.float64)
    maps = random_maps().requires_grad_()
    pooled, y, x = roi_align_max(maps, rois, (3, 2), **options)
    expected = roi_align_loop(maps, rois, (3, 2), pool="max", **options)
    torch.testing.assert_close(pooled, expected)
    grad = torch.randn_like(pooled)
    by_place = roi_align_max_backward(grad, rois, y, x, maps.shape)
    by_loop, by_graph = (torch.autograd.grad(p, maps, grad)[0] for p in (expected, pooled))
    torch.testing.assert_close(by_graph, by_loop)
    torch.testing.assert_close(by_place, by_loop)


def test_position_of_the_largest_sample():
    # One bin from 0 to 3 on each axis (RoI 0.5 to 3.5, aligned): samples at 0.5, 1.5, 2.5. The map
    # grows to the right and shrinks downwards, so the top right sample wins: y = 0.5, x = 2.5.
    maps = (torch.arange(5.0) - torch.arange(5.0)[:, None])[None, None]
    pooled, y, x = roi_align_max(maps, torch.tensor([[0, 0.5, 0.5, 3.5, 3.5]]), (1, 1))
    assert (pooled.item(), y.item(), x.item()) == (2.0, 0.5, 2.5)


def test_the_maximum_of_no_rois():
    for result in roi_align_max(random_maps(), torch.zeros(0, 5), (7, 7)):
        assert result.shape == (0, 3, 7, 7)


def test_the_maximum_in_chunks(monkeypatch):
    rois, maps = torch.tensor(ROIS, dtype=torch.float64), random_maps()
    whole = roi_align_max(maps, rois, (3, 3), spatial_scale=0.5)
    monkeypatch.setattr("mmdense.ops.roi_align._MAX_SAMPLED", 50)
    for part, expected in zip(roi_align_max(maps, rois, (3, 3), spatial_scale=0.5), whole):
        torch.testing.assert_close(part, expected)
