"""The COCO configs have the figures of the published recipe."""

from pathlib import Path

import pytest
from mmengine.config import Config

import mmdense  # noqa: F401

FOLDER = Path(__file__).resolve().parents[2] / "configs" / "cascade_rpn"
CONFIGS = sorted(FOLDER.glob("*_coco.py"))


def test_there_are_the_published_variants():
    assert {path.stem.removesuffix("_r50_caffe_fpn_1x_coco") for path in CONFIGS} >= {
        "cascade_rpn",
        "fast_rcnn",
        "faster_rcnn",
        "mask_rcnn",
        "cascade_rcnn",
    }


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_nothing_of_the_published_recipe_is_lost(path):
    """Figures of the paper's code, as the notes of MMDetection 3.3's configs have them."""
    cfg = Config.fromfile(path, import_custom_modules=False)
    assert cfg.optim_wrapper.clip_grad.max_norm == 35
    if path.stem.startswith("fast_"):
        for pipeline in (cfg.train_pipeline, cfg.val_dataloader.dataset.pipeline):
            assert pipeline[1].type == "LoadProposals"
            assert pipeline[1].num_max_proposals == 300
        return
    weight = 1.0 if path.stem.startswith("cascade_rpn") else 0.7
    first, second = cfg.model.rpn_head.stages
    assert first.adapt == {"kind": "dilated", "dilation": 3}
    assert second.adapt == {"kind": "adaptive"}
    for stage in (first, second):
        assert stage.loss_bbox.loss_weight == pytest.approx(10 * weight)
    assert second.loss_cls.loss_weight == pytest.approx(weight)
    assert cfg.model.test_cfg.rpn.nms.iou_threshold == 0.8
    if weight == 0.7:
        assert cfg.model.train_cfg.rpn_proposal.nms.iou_threshold == 0.8
