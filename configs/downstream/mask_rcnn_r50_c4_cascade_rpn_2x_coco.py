"""Mask R-CNN with Cascade RPN on COCO, on the C4 map of a self-supervised ResNet-50, 24 epochs.

Paper: as its base.
Command: python tools/train.py configs/downstream/mask_rcnn_r50_c4_cascade_rpn_2x_coco.py
    --init CHECKPOINT
Machine: 8 GPUs with 2 images each. Not run here.
Expected: it depends on the checkpoint, and was not run here.
Vary: as its base.
"""

_base_ = ["./mask_rcnn_r50_c4_cascade_rpn_1x_coco.py", "../_base_/schedules/epochs_24.py"]

train_cfg = _base_.epochs_24.train_cfg
param_scheduler = _base_.epochs_24.param_scheduler

expected = []
