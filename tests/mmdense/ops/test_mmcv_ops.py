"""The order of imports, and the operators that mmcv gets."""

import sys
from importlib.machinery import PathFinder

import mmcv
import pytest

from mmdense.ops import mmcv_ops
from tests.fresh_interpreter import run_script

COMPILED = PathFinder.find_spec("mmcv._ext", mmcv.__path__) is not None
without_compiled = pytest.mark.skipif(COMPILED, reason="this mmcv has compiled operators")


@without_compiled
def test_after_failed_imports_of_upstream_packages():
    run_script(
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
    mmcv_ops.install()
    mmcv_ops.install()
    finders = [f for f in sys.meta_path if isinstance(f, mmcv_ops._ExtensionFinder)]
    assert len(finders) == 1


@without_compiled
def test_upstream_packages_use_the_replacement():
    from mmcv.utils.ext_loader import check_ops_exist
    from mmengine.utils.dl_utils.misc import mmcv_full_available

    assert check_ops_exist()
    assert mmcv_full_available()


@without_compiled
def test_a_missing_operator_reports_its_name_and_how_to_get_it():
    import torch
    from mmcv.ops import roi_pool

    assert mmcv_ops.sources()["roi_pool_forward"] == "missing"
    assert mmcv_ops.sources()["nms"] == "mmdense"
    with pytest.raises(NotImplementedError, match=r"roi_pool_forward.*MMCV_WITH_OPS=1 pip"):
        roi_pool(torch.zeros(1, 1, 4, 4), torch.zeros(1, 5), 2)


def test_a_compiled_extension_does_not_change(tmp_path):
    (tmp_path / "_ext.py").write_text(
        "def nms(*args, **kwargs): return 'compiled'\ndef __getattr__(name): return print\n"
    )
    run_script(
        """
        import sys, mmcv
        mmcv.__path__.insert(0, sys.argv[1])
        import mmdense, mmcv.ops, mmcv._ext
        from mmdense.ops import mmcv_ops
        assert mmcv._ext.nms() == "compiled"
        assert mmcv_ops.sources() == {"nms": "mmcv"}
        """,
        tmp_path,
    )
