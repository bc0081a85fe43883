"""Mask R-CNN with Cascade RPN on COCO, on a self-supervised ViT-B/16 with four rescaled maps, 2x.

Paper: as its base.
Command: python tools/train.py configs/downstream/mask_rcnn_vit_b_fpn_cascade_rpn_2x_coco.py
    --init CHECKPOINT
Machine: 8 GPUs with 2 images each. Not run here.
Expected: it depends on the checkpoint, and was not run here.
Vary: as its base.
"""

_base_ = ["./mask_rcnn_vit_b_fpn_cascade_rpn_1x_coco.py", "../_base_/schedules/epochs_24.py"]

train_cfg = _base_.epochs_24.train_cfg
param_scheduler = _base_.epochs_24.param_scheduler

expected = []
