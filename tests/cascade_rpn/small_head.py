"""A small head, its features and its images, for the tests."""

from pathlib import Path

import torch
from mmdet.structures import DetDataSample
from mmengine.config import Config, ConfigDict
from mmengine.structures import InstanceData

import projects.cascade_rpn  # noqa: F401  (registers the head)
from mmdense.registry import MODELS

ROOT = Path(__file__).resolve().parents[2]
STRIDES = (4, 8, 16)
CHANNELS = 12  # can be cut for two and three anchors
REGION = {"assigner": {"type": "mmdense.RegionAssigner"}}
IOU = {
    "assigner": {
        "type": "mmdet.MaxIoUAssigner",
        "pos_iou_thr": 0.7,
        "neg_iou_thr": 0.7,
        "min_pos_iou": 0.3,
        "ignore_iof_thr": 0.5,
    },
    "sampler": {
        "type": "mmdet.RandomSampler",
        "num": 64,
        "pos_fraction": 0.5,
        "neg_pos_ub": -1,
        "add_gt_as_proposals": False,
    },
}
TEST = {
    "nms_pre": 100,
    "max_per_img": 50,
    "nms": {"type": "nms", "iou_threshold": 0.8},
    "min_bbox_size": 0,
}


def stage(kind="adaptive", with_cls=True, **changes):
    """Config of a stage."""
    made = {
        "adapt": {"kind": kind},
        "with_cls": with_cls,
        "bridged": False,
        "bbox_coder": {"type": "mmdet.DeltaXYWHBBoxCoder", "target_stds": (0.1, 0.1, 0.5, 0.5)},
        "loss_bbox": {"type": "mmdet.IoULoss", "linear": True, "loss_weight": 10.0},
    }
    if with_cls:
        made["loss_cls"] = {"type": "mmdet.CrossEntropyLoss", "use_sigmoid": True}
    return made | changes


def head_config(stages=None, train_cfg=None, ratios=(1.0,), strides=STRIDES, **changes):
    """Config of a head of two stages, or of those that are given."""
    stages = stages or [
        stage("dilated", False, bridged=True, normalizer="anchors"),
        stage("adaptive"),
    ]
    made = {
        "type": "mmdense.CascadeRPNHead",
        "in_channels": CHANNELS,
        "feat_channels": CHANNELS,
        "anchor_generator": {
            "type": "mmdet.AnchorGenerator",
            "scales": [8],
            "ratios": list(ratios),
            "strides": list(strides),
        },
        "stages": stages,
        "train_cfg": train_cfg or [REGION] + [IOU] * (len(stages) - 1),
        "test_cfg": TEST,
    }
    return ConfigDict(made | changes)


def detector_config(model, **head):
    """A Faster R-CNN or RPN with this head on a ResNet-18 of an eighth of the usual width."""
    cfg = Config.fromfile(ROOT / f"configs/_base_/models/{model}_r18_w32_fpn64.py").model
    cfg.backbone.update(stem_channels=8, base_channels=8)
    cfg.neck.update(in_channels=[8, 16, 32, 64], out_channels=CHANNELS, num_outs=3, end_level=2)
    cfg.rpn_head = head_config(**head)
    for name in ("train_cfg", "test_cfg"):
        cfg[name].rpn = cfg.rpn_head.pop(name)
    if "roi_head" in cfg:
        cfg.roi_head.bbox_roi_extractor.update(out_channels=CHANNELS, featmap_strides=STRIDES)
        cfg.roi_head.bbox_head.update(in_channels=CHANNELS, fc_out_channels=16, num_classes=3)
        cfg.train_cfg.rpn_proposal.update(max_per_img=50)
    return cfg


def build_head(*args, seed=0, std=0.1, **kwargs):
    """A head with weights large enough to move the anchors."""
    head = MODELS.build(head_config(*args, **kwargs))
    torch.manual_seed(seed)
    for parameter in head.parameters():
        torch.nn.init.normal_(parameter, std=std)
    return head


def features(height=64, width=96, images=2, seed=0):
    """Maps of an input of ``height x width`` pixels."""
    generator = torch.Generator().manual_seed(seed)
    return [
        torch.randn(images, CHANNELS, -(-height // s), -(-width // s), generator=generator)
        for s in STRIDES
    ]


BOXES = ([[8.0, 8, 40, 40], [30, 10, 90, 60]], [[20.0, 20, 60, 50]])


def samples(*boxes, size=(64, 96), ignored=()):
    """Data samples of images of one size, with the objects of each."""
    made = []
    for index, of_image in enumerate(boxes or BOXES):
        one = DetDataSample(
            metainfo={
                "img_shape": size,
                "batch_input_shape": size,
                "scale_factor": (2.0, 2.0),
                "img_path": f"{index}.jpg",
            }
        )
        tensor = torch.tensor(of_image, dtype=torch.float32).reshape(-1, 4)
        one.gt_instances = InstanceData(
            bboxes=tensor, labels=torch.zeros(len(tensor), dtype=torch.long)
        )
        regions = torch.tensor(ignored, dtype=torch.float32).reshape(-1, 4)
        one.ignored_instances = InstanceData(
            bboxes=regions, labels=torch.zeros(len(regions), dtype=torch.long)
        )
        made.append(one)
    return made
