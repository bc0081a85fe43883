"""Faster R-CNN with Cascade RPN on COCO.

Paper: Cascade RPN, arXiv:1909.06720.
Command: mmdense train configs/cascade_rpn/faster_rcnn_r50_caffe_fpn_1x_coco.py
Machine: 8 GPUs with 2 images each, as published; no time is published. Not run here.
Expected: below, from the table of the paper (300 proposals, COCO test-dev).
Vary: --auto-scale-lr scales the learning rate with the batch size. Mixed precision: --amp.
    ResNet-101: --cfg-options model.backbone.depth=101
    model.backbone.init_cfg.checkpoint=open-mmlab://detectron2/resnet101_caffe
    24 epochs: --cfg-options train_cfg.max_epochs=24 param_scheduler.1.end=24
    param_scheduler.1.milestones=[16,22]
"""

_base_ = [
    "mmdet::faster_rcnn/faster-rcnn_r50-caffe_fpn_1x_coco.py",
    "../_base_/models/rcnn_on_cascade_rpn.py",
]
custom_imports = dict(imports=["mmdense", "projects.cascade_rpn"], allow_failed_imports=False)

model = _base_.rcnn_on_cascade_rpn
optim_wrapper = dict(clip_grad=dict(max_norm=35, norm_type=2))

_paper = "NeurIPS 2019 poster, test-dev"
expected = [
    dict(paper=_paper, metric="coco/bbox_mAP", value=0.406, tolerance=0.01),
    dict(paper=_paper, metric="coco/bbox_mAP_75", value=0.445, tolerance=0.01),
]
