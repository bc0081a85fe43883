"""Mask R-CNN with Cascade RPN on COCO.

Paper: Cascade RPN, arXiv:1909.06720; Mask R-CNN, arXiv:1703.06870.
Command: mmdense train configs/cascade_rpn/mask_rcnn_r50_caffe_fpn_1x_coco.py
Machine: 8 GPUs with 2 images each, as published; no time is published. Not run here.
Expected: no score is published. Not run here.
Vary: --auto-scale-lr scales the learning rate with the batch size.
"""

_base_ = [
    "mmdet::mask_rcnn/mask-rcnn_r50-caffe_fpn_1x_coco.py",
    "../_base_/models/rcnn_on_cascade_rpn.py",
]
custom_imports = dict(imports=["mmdense", "projects.cascade_rpn"], allow_failed_imports=False)

model = _base_.rcnn_on_cascade_rpn
optim_wrapper = dict(clip_grad=dict(max_norm=35, norm_type=2))

expected = []
