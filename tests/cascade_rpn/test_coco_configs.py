"""Every COCO config builds, takes a training step and predicts, on two small made-up images."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope
from mmengine.structures import InstanceData

import mmdense  # noqa: F401

FOLDER = Path(__file__).resolve().parents[2] / "configs" / "cascade_rpn"
CONFIGS = sorted(FOLDER.glob("*_coco.py"))
HEIGHT, WIDTH = 96, 128


def batch():
    from mmdet.structures import DetDataSample
    from mmdet.structures.mask import BitmapMasks

    samples = []
    for _ in range(2):
        boxes = torch.tensor([[10.0, 10, 60, 50], [40, 30, 120, 90]])
        truth = InstanceData(bboxes=boxes, labels=torch.tensor([0, 79]))
        masks = torch.zeros(2, HEIGHT, WIDTH, dtype=torch.uint8)
        for mask, (x1, y1, x2, y2) in zip(masks, boxes.int().tolist()):
            mask[y1:y2, x1:x2] = 1
        truth.masks = BitmapMasks(masks.numpy(), HEIGHT, WIDTH)
        shape = (HEIGHT, WIDTH)
        sample = DetDataSample(
            metainfo={"img_shape": shape, "ori_shape": shape, "scale_factor": (1.0, 1.0)}
        )
        sample.gt_instances = truth
        sample.proposals = InstanceData(bboxes=torch.cat((boxes, boxes + 5)), scores=torch.rand(4))
        samples.append(sample)
    images = torch.randint(0, 256, (2, 3, HEIGHT, WIDTH), dtype=torch.uint8)
    return {"inputs": list(images), "data_samples": samples}


def reduced(path):
    """The config without weights to download, few proposals, and its ViT for small images."""
    cfg = Config.fromfile(path)
    if proposals := cfg.model.get("train_cfg", {}).get("rpn_proposal"):
        proposals.max_per_img = 50
    if "rpn" in cfg.model.test_cfg:
        cfg.model.test_cfg.rpn.max_per_img = 5
    if "rcnn" in cfg.model.test_cfg:
        # What has learned nothing is sure of nothing.
        cfg.model.test_cfg.rcnn.update(score_thr=-1.0, max_per_img=5)
    cfg.model.backbone.init_cfg = None
    if "img_size" in cfg.model.backbone:
        cfg.model.backbone.img_size = (128, 128)
        cfg.model.data_preprocessor.pad_size_divisor = 128
    return cfg


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_trains_a_step_and_predicts(path):
    torch.manual_seed(0)
    cfg = reduced(path)
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        from mmengine.registry import MODELS

        model = MODELS.build(cfg.model)
        model.init_weights()
        before = {name: p.detach().clone() for name, p in model.named_parameters()}
        data = model.data_preprocessor(batch(), training=True)
        optim_wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
        seen = set()  # types of what the neck gives
        model.neck.register_forward_hook(lambda *given: seen.update(x.dtype for x in given[-1]))
        with optim_wrapper.optim_context(model):
            losses = model(**data, mode="loss")
        loss, losses = model.parse_losses(losses)
        optim_wrapper.update_params(loss)
        assert seen == {torch.bfloat16 if "_amp_" in path.stem else torch.float32}
        assert loss.isfinite()
        assert ("s1.loss_rpn_cls" in losses) == (not path.stem.startswith("fast_"))
        moved = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
        # The backbone is frozen in part; small proposals leave coarse levels of Fast R-CNN alone.
        still = ("backbone.", "neck.fpn_convs.") if path.stem.startswith("fast_") else "backbone."
        assert {name for name in before if not name.startswith(still)} <= moved
        model.eval()
        with torch.no_grad():
            found = model.test_step(batch())
    for one in found:
        assert len(one.pred_instances) > 0
        assert one.pred_instances.bboxes.isfinite().all()


def test_there_are_the_published_variants():
    assert {path.stem.removesuffix("_r50_caffe_fpn_1x_coco") for path in CONFIGS} >= {
        "cascade_rpn",
        "fast_rcnn",
        "faster_rcnn",
        "mask_rcnn",
        "cascade_rcnn",
        "cascade_mask_rcnn",
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
