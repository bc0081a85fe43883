# SelfPatch (arXiv:2206.07990) on a ViT-S/16: DINO as in dino.py, and a loss on patches.
# A smaller ViT: `model = _base_.vit_ti`
_base_ = "dino.py"

model = dict(
    type="mmdense.SelfPatch",
    patch_neck=_base_.model.neck,
    patch_prototypes=4096,
    patch_weight=0.1,
    k=4,
)
vit_ti = dict(
    backbone=dict(arch="deit-tiny"),
    pool=dict(channels=192, heads=3),
    neck=dict(in_channels=192),
    patch_neck=dict(in_channels=192),
)
