"""Mask R-CNN on the C4 map on COCO, from a self-supervised ResNet-50, 24 epochs.

Paper: MoCo, arXiv:1911.05722, section 4.2.
Command: python tools/train.py configs/downstream/mask_rcnn_r50_c4_2x_coco.py --init CHECKPOINT
Machine: 8 GPUs with 2 images each, as published. Not run here.
Expected: it depends on the checkpoint, and was not run here.
Vary: as its base.
"""

_base_ = ["./mask_rcnn_r50_c4_1x_coco.py", "../_base_/schedules/epochs_24.py"]

train_cfg = _base_.epochs_24.train_cfg
param_scheduler = _base_.epochs_24.param_scheduler

expected = []
