"""Semantic FPN on ADE20K, from a self-supervised ViT-B/16: four maps, rescaled.

Paper: as its base.
Command: python tools/train.py configs/downstream/semantic_fpn_vit_b_40k_ade20k.py --init CHECKPOINT
Machine: 4 GPUs with 4 images each. Not run here.
Expected: it depends on the checkpoint, and was not run here.
Vary: as its base.
"""

_base_ = "./semantic_fpn_vit_s_40k_ade20k.py"

width = _base_.vit.base.width
model = dict(
    backbone=_base_.vit.base.maps,
    neck=[
        dict(_base_.model.neck[0], embed_dim=width),
        dict(_base_.model.neck[1], in_channels=[width] * 4),
    ],
)

expected = []
