"""Import order and borrowed operators; each case needs a fresh interpreter."""

import subprocess
import sys
import textwrap
from importlib.machinery import PathFinder

import mmcv
import pytest

from mmdense.ops import host_ops

COMPILED = PathFinder.find_spec("mmcv._ext", mmcv.__path__) is not None
without_compiled = pytest.mark.skipif(COMPILED, reason="this mmcv has compiled operators")


def run(script: str, *arguments: str) -> None:
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(script), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr


@without_compiled
def test_after_failed_imports_of_the_host():
    run(
        """
        import importlib, torch
        for name in ("torchvision", "mmcv.ops", "mmseg.models.losses.focal_loss",
                     "mmdet.models.dense_heads.rpn_head", "mmdet.models"):
            try:
                importlib.import_module(name)
            except (ImportError, RuntimeError):
                pass
        import sys
        rpn_head = sys.modules.get("mmdet.models.dense_heads.rpn_head")
        import mmdense
        import mmcv.ops, mmdet.models, mmseg.models, mmpretrain.models, torchvision
        from mmseg.models.losses import focal_loss
        assert rpn_head is not None and rpn_head.batched_nms is mmcv.ops.batched_nms
        assert focal_loss._sigmoid_focal_loss is mmcv.ops.sigmoid_focal_loss
        assert "MultiScaleDeformableAttention" in vars(mmcv.cnn.bricks.transformer)
        boxes = torch.tensor([[0., 0, 9, 9], [0, 0, 9, 9]])
        assert mmcv.ops.nms(boxes, torch.tensor([.1, .2]), .5)[1].tolist() == [1]
        """
    )


@without_compiled
def test_install_twice_adds_one_finder():
    host_ops.install()
    host_ops.install()
    finders = [f for f in sys.meta_path if isinstance(f, host_ops._ExtensionFinder)]
    assert len(finders) == 1


@without_compiled
def test_the_host_believes_in_the_stand_in():
    from mmcv.utils.ext_loader import check_ops_exist
    from mmengine.utils.dl_utils.misc import mmcv_full_available

    assert check_ops_exist()
    assert mmcv_full_available()


@without_compiled
def test_a_missing_operator_says_its_name_and_the_way_to_get_it():
    import torch
    from mmcv.ops import roi_pool

    assert host_ops.sources()["roi_pool_forward"] == "missing"
    assert host_ops.sources()["nms"] == "mmdense"
    with pytest.raises(NotImplementedError, match=r"'roi_pool_forward'.*MMCV_WITH_OPS=1 pip"):
        roi_pool(torch.zeros(1, 1, 4, 4), torch.zeros(1, 5), 2)


def test_a_compiled_extension_is_left_alone(tmp_path):
    (tmp_path / "_ext.py").write_text(
        "def nms(*args, **kwargs): return 'compiled'\ndef __getattr__(name): return print\n"
    )
    run(
        """
        import sys, mmcv
        mmcv.__path__.insert(0, sys.argv[1])
        import mmdense, mmcv.ops, mmcv._ext
        from mmdense.ops import host_ops
        assert mmcv._ext.nms() == "compiled"
        assert host_ops.sources() == {"nms": "mmcv"}
        """,
        str(tmp_path),
    )


# Stands for torchvision's library: the same schemas on the "meta" device, and kernels that leave a
# trace.
TORCHVISION = """
import torch
calls = []
library = torch.library.Library("torchvision", "DEF")
def define(schema, kernel):
    library.define(schema)
    library.impl(schema.split("(")[0], kernel, "Meta")
def kernel(name, shape):
    def call(*arguments):
        calls.append((name, arguments))
        return torch.empty(shape, device="meta")
    return call
size = "float spatial_scale, int pooled_height, int pooled_width"
define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor", kernel("nms", 1))
define(f"roi_align(Tensor input, Tensor rois, {size}, int sampling_ratio, bool aligned)"
       " -> Tensor", kernel("forward", (2, 3, 7, 7)))
define(f"_roi_align_backward(Tensor grad, Tensor rois, {size}, int batch_size,"
       " int channels, int height, int width, int sampling_ratio, bool aligned) -> Tensor",
       kernel("backward", (1, 3, 9, 8)))
from mmdense.ops import host_ops, mmcv_extension
host_ops.install()
boxes, maps, rois = (torch.empty(s, device="meta") for s in ((5, 4), (1, 3, 9, 8), (2, 5)))
mmcv_extension.nms(boxes, boxes[:, 0], iou_threshold=0.5, offset=0)
pooled = torch.empty(2, 3, 7, 7, device="meta")
options = dict(aligned_height=7, aligned_width=7, spatial_scale=0.25, sampling_ratio=2,
               pool_mode=1, aligned=True)
mmcv_extension.roi_align_forward(maps, rois, pooled, None, None, **options)
mmcv_extension.roi_align_backward(pooled, rois, None, None, maps, **options)
assert [name for name, _ in calls] == ["nms", "forward", "backward"]
assert calls[1][1][2:] == (0.25, 7, 7, 2, True)
assert calls[2][1][2:] == (0.25, 7, 7, 1, 3, 9, 8, 2, True)
# On the CPU this package's own are faster.
box = torch.tensor([[0., 0, 1, 1]])
assert mmcv_extension.nms(box, box[:, 2], iou_threshold=0.5, offset=0).tolist() == [0]
assert len(calls) == 3
"""


def test_torchvision_serves_accelerators_where_it_has_operators():
    run(TORCHVISION)
