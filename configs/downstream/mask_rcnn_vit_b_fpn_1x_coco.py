"""Mask R-CNN with FPN on COCO, from a self-supervised ViT-B/16: four maps, rescaled.

Paper: ViT, arXiv:2010.11929; the four rescaled maps as XCiT, arXiv:2106.09681, has them.
Command: python tools/train.py configs/downstream/mask_rcnn_vit_b_fpn_1x_coco.py --init CHECKPOINT
Machine: 8 GPUs with 2 images each. Not run here.
Expected: it depends on the checkpoint, and was not run here.
Vary: as its base.
"""

_base_ = "./mask_rcnn_vit_s_fpn_1x_coco.py"

width = _base_.vit.base.width
model = dict(
    backbone=_base_.vit.base.maps,
    neck=[
        dict(_base_.model.neck[0], embed_dim=width),
        dict(_base_.model.neck[1], in_channels=[width] * 4),
    ],
)

expected = []
