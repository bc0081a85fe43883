"""Cascade RPN on COCO: proposals.

Paper: Cascade RPN, arXiv:1909.06720.
Command: mmdense train configs/cascade_rpn/cascade_rpn_r50_caffe_fpn_1x_coco.py
Machine: 8 GPUs with 2 images each, as published; no time is published. Not run here.
Expected: below, class-agnostic AR of proposals, from the table of the paper.
Vary: --auto-scale-lr scales the learning rate with the batch size.
    ResNet-101: --cfg-options model.backbone.depth=101
    model.backbone.init_cfg.checkpoint=open-mmlab://detectron2/resnet101_caffe
"""

_base_ = [
    "mmdet::rpn/rpn_r50-caffe_fpn_1x_coco.py",
    "../_base_/models/cascade_rpn.py",
]
custom_imports = dict(imports=["mmdense", "projects.cascade_rpn"], allow_failed_imports=False)

model = dict(
    rpn_head=dict(_delete_=True, **_base_.cascade_rpn.alone),
    train_cfg=dict(rpn=_base_.cascade_rpn.train),
    test_cfg=dict(
        rpn=dict(nms_pre=2000, max_per_img=2000, nms=dict(type="nms", iou_threshold=0.8))
    ),
)
optim_wrapper = dict(clip_grad=dict(max_norm=35, norm_type=2))
val_evaluator = dict(
    _delete_=True,
    type="mmdense.ProposalRecall",
    ann_file="data/coco/annotations/instances_val2017.json",
)
test_evaluator = val_evaluator

_paper = "NeurIPS 2019 poster, COCO val2017"
expected = [
    dict(paper=_paper, metric="proposals/AR100", value=0.611, tolerance=0.01),
    dict(paper=_paper, metric="proposals/AR300", value=0.676, tolerance=0.01),
    dict(paper=_paper, metric="proposals/AR1000", value=0.717, tolerance=0.01),
]
