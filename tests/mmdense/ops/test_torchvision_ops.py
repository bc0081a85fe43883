"""torchvision whose library does not load, and layouts of torchvision."""

import subprocess
import sys
import textwrap

import pytest
import torch

from mmdense.ops.roi_align import roi_align as reference

# A torchvision of another layout: its library is "_C_stable", as from 0.29, or a name of the
# future. Where it "loads", it defines the operators that the compiled library would.
EXTENSION = """
import torch
calls = []
def _load_library(name):
    if not {loads}:
        return False
    global library
    library = torch.library.Library("torchvision", "DEF")
    boxes = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
    size = "float spatial_scale, int pooled_height, int pooled_width"
    for schema in (
        "nms" + boxes,
        "qnms" + boxes,
        f"roi_align(Tensor input, Tensor rois, {{size}}, int sampling_ratio, bool aligned)"
        " -> Tensor",
        f"_roi_align_backward(Tensor grad, Tensor rois, {{size}}, int batch_size, int channels,"
        " int height, int width, int sampling_ratio, bool aligned) -> Tensor",
    ):
        library.define(schema)
    def kernel(name, shape):
        def call(*arguments):
            calls.append((name, arguments))
            return torch.empty(shape, device="meta")
        library.impl(name, call, "Meta")
    kernel("nms", 1)
    kernel("roi_align", (2, 3, 7, 7))
    kernel("_roi_align_backward", (1, 3, 9, 8))
    return True
_loaded = _load_library("{name}")
def _has_ops():
    return _loaded
def _assert_has_ops():
    assert _loaded, "torchvision has no operators"
"""
PACKAGE = """
import torch
from . import extension
from torchvision import ops
if not extension._has_ops():
    @torch.library.register_fake("torchvision::nms")
    def meta_nms(dets, scores, iou_threshold):
        return dets.new_empty(1, dtype=torch.long)
    @torch.library.register_fake("torchvision::qnms")
    def meta_qnms(dets, scores, iou_threshold):
        return dets.new_empty(1, dtype=torch.long)
"""
BOXES = """
import torch
from torchvision.extension import _assert_has_ops
def nms(boxes, scores, iou_threshold):
    _assert_has_ops()
    return torch.ops.torchvision.nms(boxes, scores, iou_threshold)
"""
ROI_ALIGN = """
import torch
from torchvision.extension import _assert_has_ops, _has_ops
def roi_align(input, boxes, size, spatial_scale=1.0, sampling_ratio=-1, aligned=False):
    assert _has_ops(), "the fallback that compiles for minutes"
    _assert_has_ops()
    return torch.ops.torchvision.roi_align(
        input, boxes, spatial_scale, *size, sampling_ratio, aligned)
"""


def fake_torchvision(folder, *, name: str, loads: bool) -> str:
    """Write the package; the folder is to come first on the module path."""
    package = folder / "torchvision"
    (package / "ops").mkdir(parents=True)
    (package / "__init__.py").write_text(PACKAGE)
    (package / "extension.py").write_text(EXTENSION.format(name=name, loads=loads))
    (package / "ops" / "__init__.py").write_text("from . import boxes, roi_align\n")
    (package / "ops" / "boxes.py").write_text(BOXES)
    (package / "ops" / "roi_align.py").write_text(ROI_ALIGN)
    return str(folder)


def run(script: str, path: str = "") -> None:
    code = f"import sys; sys.path[:0] = {[path] if path else []}\n" + textwrap.dedent(script)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


BOTH_WORK = """
import torch, torchvision
from torchvision.ops import boxes, roi_align
found = torch.tensor([[0., 0, 9, 9], [0, 0, 9, 8], [20, 20, 30, 30]])
assert boxes.nms(found, torch.tensor([.1, .9, .5]), .5).tolist() == [1, 2]
maps = torch.arange(16.).view(1, 1, 4, 4).requires_grad_()
# One RoI over the four pixels in the middle, one bin, one sample in its centre: the mean of
# 5, 6, 9 and 10, which each get a quarter of the gradient.
pooled = roi_align.roi_align(maps, torch.tensor([[0., 1, 1, 3, 3]]), (1, 1), 1.0, 1, True)
assert pooled.item() == 7.5
pooled.backward()
assert maps.grad.view(4, 4)[1:3, 1:3].flatten().tolist() == [.25] * 4 and maps.grad.sum() == 1
"""


@pytest.mark.parametrize("name", ["_C_stable", "_C_of_the_future"])
def test_where_the_library_does_not_load_ours_are_used(tmp_path, name):
    run("import mmdense\n" + BOTH_WORK, fake_torchvision(tmp_path, name=name, loads=False))


def test_torchvision_may_have_failed_before(tmp_path):
    path = fake_torchvision(tmp_path, name="_C", loads=False)
    run("try:\n import torchvision\nexcept RuntimeError: pass\nimport mmdense\n" + BOTH_WORK, path)


@pytest.mark.parametrize(
    ("first", "name"),
    [("mmdense", "_C_stable"), ("torchvision", "_C_of_the_future"), ("mmdense", "_C")],
)
def test_a_library_that_loads_is_left_alone_and_serves_accelerators(tmp_path, name, first):
    run(
        f"""
        import {first}
        import mmdense, torch, torchvision
        from mmdense.ops import mmcv_extension
        from torchvision.extension import calls
        boxes, maps, rois = (torch.empty(s, device="meta") for s in ((5, 4), (1, 3, 9, 8), (2, 5)))
        mmcv_extension.nms(boxes, boxes[:, 0], iou_threshold=0.5, offset=0)
        pooled = torch.empty(2, 3, 7, 7, device="meta")
        options = dict(aligned_height=7, aligned_width=7, spatial_scale=0.25, sampling_ratio=2,
                       pool_mode=1, aligned=True)
        mmcv_extension.roi_align_forward(maps, rois, pooled, None, None, **options)
        mmcv_extension.roi_align_backward(pooled, rois, None, None, maps, **options)
        assert [name for name, _ in calls] == ["nms", "roi_align", "_roi_align_backward"]
        assert calls[1][1][2:] == (0.25, 7, 7, 2, True)
        assert calls[2][1][2:] == (0.25, 7, 7, 1, 3, 9, 8, 2, True)
        # On the CPU this package's own are faster.
        box = torch.tensor([[0., 0, 1, 1]])
        assert mmcv_extension.nms(box, box[:, 2], iou_threshold=0.5, offset=0).tolist() == [0]
        assert len(calls) == 3
        """,
        fake_torchvision(tmp_path, name=name, loads=True),
    )


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
