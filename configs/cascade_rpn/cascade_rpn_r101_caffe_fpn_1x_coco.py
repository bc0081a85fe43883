"""Cascade RPN on COCO, ResNet-101.

Paper: Cascade RPN, arXiv:1909.06720.
Command: python tools/train.py configs/cascade_rpn/cascade_rpn_r101_caffe_fpn_1x_coco.py
Machine: 8 GPUs with 2 images each, as published; no time is published. Not run here.
Expected: no figure is published, and it was not run here.
Vary: as its base.
"""

_base_ = "./cascade_rpn_r50_caffe_fpn_1x_coco.py"

model = dict(
    backbone=dict(
        depth=101,
        init_cfg=dict(type="Pretrained", checkpoint="open-mmlab://detectron2/resnet101_caffe"),
    )
)

expected = []
