"""Faster R-CNN with Cascade RPN on COCO, mixed precision.

Paper: Cascade RPN, arXiv:1909.06720.
Command: python tools/train.py configs/cascade_rpn/faster_rcnn_r50_caffe_fpn_amp_1x_coco.py
Machine: 8 GPUs with 2 images each, as published; no time is published. Not run here.
Expected: no figure is published, and it was not run here.
Vary: as its base.
"""

_base_ = "./faster_rcnn_r50_caffe_fpn_1x_coco.py"

optim_wrapper = dict(type="mmdense.BFloat16OptimWrapper")

expected = []
