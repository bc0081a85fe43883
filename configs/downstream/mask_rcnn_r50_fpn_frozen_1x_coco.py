"""Mask R-CNN with FPN on COCO, on a self-supervised ResNet-50 that stays as it is.

How much the features are worth as they are: only FPN and the heads learn.

Paper: MoCo, arXiv:1911.05722, for all but the frozen backbone.
Command: python tools/train.py configs/downstream/mask_rcnn_r50_fpn_frozen_1x_coco.py
    --init CHECKPOINT
Machine: 8 GPUs with 2 images each. Not run here.
Expected: it depends on the checkpoint, and was not run here.
Vary: as its base.
"""

_base_ = ["./mask_rcnn_r50_fpn_1x_coco.py", "../_base_/finetune/frozen_resnet.py"]

model = dict(backbone=_base_.frozen_resnet)

expected = []
