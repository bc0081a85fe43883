"""Mask R-CNN on a simple feature pyramid on COCO, from a self-supervised ViT-B/16.

Paper: ViTDet, arXiv:2203.16527; how it deviates stands in its base.
Command: python tools/train.py configs/downstream/mask_rcnn_vit_b_simple_1x_coco.py
    --init CHECKPOINT --allow cls_token (windows have no place for a class token)
Machine: 8 GPUs with 2 images each. Not run here.
Expected: it depends on the checkpoint, and was not run here.
Vary: as its base.
"""

_base_ = "./mask_rcnn_vit_s_simple_1x_coco.py"

model = dict(
    backbone=_base_.vit.base.windows,
    neck=dict(in_channels=_base_.vit.base.width),
)

expected = []
