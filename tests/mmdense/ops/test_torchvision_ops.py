"""torchvision with and without its compiled library."""

from types import SimpleNamespace

import torch

from mmdense.ops import mmcv_extension
from mmdense.ops.roi_align import roi_align as reference
from tests.fresh_interpreter import run_script


def test_without_the_library_the_operators_are_ours():
    run_script(
        """
        import torch
        def fail(path):
            raise OSError("built for another torch")
        torch.ops.load_library = fail
        import mmdense, torchvision
        from torchvision.ops import boxes, roi_align
        found = torch.tensor([[0., 0, 9, 9], [0, 0, 9, 8], [20, 20, 30, 30]])
        assert boxes.nms(found, torch.tensor([.1, .9, .5]), .5).tolist() == [1, 2]
        maps = torch.arange(16.).view(1, 1, 4, 4).requires_grad_()
        # One RoI over the four pixels in the middle, one bin, one sample in its centre: the mean
        # of 5, 6, 9 and 10, which each get a quarter of the gradient.
        rois = torch.tensor([[0., 1, 1, 3, 3]])
        pooled = roi_align(maps, rois, (1, 1), 1.0, 1, True)
        assert pooled.item() == 7.5
        pooled.backward()
        assert maps.grad.view(4, 4)[1:3, 1:3].flatten().tolist() == [.25] * 4
        assert maps.grad.sum() == 1
        """
    )


def test_a_library_that_loads_does_not_change():
    run_script(
        """
        import sys, types, torch
        extension = types.ModuleType("torchvision.extension")
        extension._has_ops = lambda: True
        sys.modules |= {
            "torchvision": types.ModuleType("torchvision"), "torchvision.extension": extension
        }
        library = torch.library.Library("torchvision", "DEF")  # a second definition fails
        library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        from mmdense.ops import torchvision_ops
        torchvision_ops.install()
        assert torchvision_ops.library_is_loaded()
        """
    )


def test_accelerators_use_the_operators_of_torchvision(monkeypatch):
    calls = []

    def operator(name, shape):
        def call(*given, **options):
            calls.append((name, options))
            return torch.empty(shape, device="meta")

        return call

    operators = SimpleNamespace(
        nms=operator("nms", 1),
        roi_align=operator("forward", (2, 3, 7, 7)),
        _roi_align_backward=operator("backward", (1, 3, 9, 8)),
    )
    monkeypatch.setattr(torch.ops, "torchvision", operators)
    monkeypatch.setattr(mmcv_extension, "library_is_loaded", lambda: True)
    boxes, maps, rois = (torch.empty(s, device="meta") for s in ((5, 4), (1, 3, 9, 8), (2, 5)))
    mmcv_extension.nms(boxes, boxes[:, 0], iou_threshold=0.5, offset=0)
    pooled = torch.empty(2, 3, 7, 7, device="meta")
    sampling = dict(spatial_scale=0.25, sampling_ratio=2, aligned=True)
    options = dict(aligned_height=7, aligned_width=6, pool_mode=1, **sampling)
    mmcv_extension.roi_align_forward(maps, rois, pooled, None, None, **options)
    mmcv_extension.roi_align_backward(pooled, rois, None, None, maps, **options)
    bins = dict(pooled_height=7, pooled_width=6)
    shape = dict(batch_size=1, channels=3, height=9, width=8)
    assert calls == [
        ("nms", {}),
        ("forward", bins | sampling),
        ("backward", bins | shape | sampling),
    ]
    box = torch.tensor([[0.0, 0, 1, 1]])  # on the CPU, those of this package are faster
    assert mmcv_extension.nms(box, box[:, 2], iou_threshold=0.5, offset=0).tolist() == [0]
    assert len(calls) == 3


def test_installed_torchvision_pools_like_the_loop_and_compiles_as_one_graph():
    """With the torchvision of this environment, whether its library loads or not."""
    from torchvision.ops import batched_nms, roi_align

    torch.manual_seed(0)
    maps = torch.randn(2, 3, 20, 30, dtype=torch.double, requires_grad=True)
    rois = torch.tensor([[0, 1.0, 2, 20, 15], [1, 5, 5, 9, 9.5], [0, 0, 0, 59, 39]]).double()
    for ratio in (2, 0, -1):
        for aligned in (True, False):
            options = dict(spatial_scale=0.5, sampling_ratio=ratio, aligned=aligned)
            pooled = roi_align(maps, rois, (3, 2), **options)
            options["sampling_ratio"] = max(ratio, 0)
            wanted = reference(maps, rois, (3, 2), **options)
            torch.testing.assert_close(pooled, wanted, rtol=0, atol=1e-12)
            (gradient,) = torch.autograd.grad(pooled.square().sum(), maps)
            (wanted,) = torch.autograd.grad(wanted.square().sum(), maps)
            torch.testing.assert_close(gradient, wanted, rtol=0, atol=1e-12)
    graph = torch.compile(
        lambda m, r: roi_align(m, r, (3, 2), sampling_ratio=2) * 2, backend="eager", fullgraph=True
    )
    assert graph(maps, rois).shape == (3, 3, 3, 2)
    assert roi_align(maps.to("meta"), rois.to("meta"), 2).shape == (3, 3, 2, 2)
    boxes = torch.tensor([[0.0, 0, 9, 9], [0, 0, 9, 8], [20, 20, 30, 30]])
    scores, groups = torch.tensor([0.1, 0.9, 0.5]), torch.tensor([0, 1, 0])
    assert batched_nms(boxes, scores, groups, 0.5).tolist() == [1, 2, 0]


def test_mmcvs_layer_trains_on_torchvisions_roi_align():
    """As MMDetection's CrowdDet asks for it."""
    from mmcv.ops import RoIAlign

    layer = RoIAlign(7, spatial_scale=0.25, sampling_ratio=2, use_torchvision=True)
    maps = torch.randn(1, 8, 16, 16, requires_grad=True)
    layer(maps, torch.tensor([[0.0, 0, 0, 40, 40]])).sum().backward()
    assert maps.grad.isfinite().all()
    assert maps.grad.abs().sum() > 0
