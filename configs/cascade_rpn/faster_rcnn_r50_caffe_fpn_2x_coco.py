"""Faster R-CNN with Cascade RPN on COCO, 24 epochs.

Paper: Cascade RPN, arXiv:1909.06720.
Command: python tools/train.py configs/cascade_rpn/faster_rcnn_r50_caffe_fpn_2x_coco.py
Machine: 8 GPUs with 2 images each, as published; no time is published. Not run here.
Expected: no figure is published, and it was not run here.
Vary: as its base.
"""

_base_ = "./faster_rcnn_r50_caffe_fpn_1x_coco.py"

max_epochs = 24
train_cfg = dict(max_epochs=max_epochs)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.001, by_epoch=False, begin=0, end=500),
    dict(
        type="MultiStepLR", begin=0, end=max_epochs, by_epoch=True, milestones=[16, 22], gamma=0.1
    ),
]

expected = []
