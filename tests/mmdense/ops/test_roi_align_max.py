import pytest
import torch

from mmdense.ops.roi_align_max import roi_align_max, roi_align_max_backward
from tests.mmdense.ops.test_roi_align import NO_SAMPLES, ROIS, random_maps
from tests.references.roi_align_loop import roi_align_loop


@pytest.mark.parametrize("aligned", [True, False])
@pytest.mark.parametrize("sampling_ratio", [0, 2])
def test_equals_the_loop(aligned, sampling_ratio):
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


def test_no_rois():
    for result in roi_align_max(random_maps(), torch.zeros(0, 5), (7, 7)):
        assert result.shape == (0, 3, 7, 7)


def test_chunks(monkeypatch):
    rois, maps = torch.tensor(ROIS, dtype=torch.float64), random_maps()
    whole = roi_align_max(maps, rois, (3, 3), spatial_scale=0.5)
    monkeypatch.setattr("mmdense.ops.roi_align_max._MAX_SAMPLED", 50)
    for part, expected in zip(roi_align_max(maps, rois, (3, 3), spatial_scale=0.5), whole):
        torch.testing.assert_close(part, expected)
