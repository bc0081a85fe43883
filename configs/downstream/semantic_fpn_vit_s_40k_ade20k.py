"""Semantic FPN on ADE20K, from a self-supervised ViT-S/16: four maps, rescaled.

Paper: Panoptic FPN's semantic branch, arXiv:1901.02446; AdamW at 1e-4 and a polynomial decay as
    in PVT, arXiv:2102.12122.
Command: mmdense train configs/downstream/semantic_fpn_vit_s_40k_ade20k.py --init CHECKPOINT
Machine: 4 GPUs with 4 images each. Not run here.
Expected: depends on the checkpoint. Not run here.
Vary: --auto-scale-lr scales the learning rate with the batch size. Mixed precision: --amp.
    ViT-B, and a frozen ViT-S: variants of suite_ade20k.py.
"""

_base_ = [
    "./semantic_fpn_r50_40k_ade20k.py",
    "../_base_/models/vit.py",
    "../_base_/finetune/whole_vit.py",
]
custom_imports = dict(imports=["mmdense", "mmpretrain.models"], allow_failed_imports=False)

model = dict(
    backbone=_base_.vit.small.maps,
    neck=[_base_.vit.small.rescaled, dict(_base_.vit.small.fpn, num_outs=4)],
    test_cfg=dict(mode="slide", crop_size=_base_.crop_size, stride=(341, 341)),
)
optim_wrapper = _base_.whole_vit
param_scheduler = [
    dict(type="LinearLR", start_factor=1e-6, by_epoch=False, begin=0, end=1500),
    dict(type="PolyLR", eta_min=0.0, power=0.9, begin=1500, end=40000, by_epoch=False),
]

expected = []
