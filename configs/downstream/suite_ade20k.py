"""ADE20K with every segmentor here whose backbone the checkpoint fills.

Paper: Panoptic FPN's semantic branch, arXiv:1901.02446; UPerNet, arXiv:1807.10221.
Command: python tools/downstream.py CHECKPOINT --suite configs/downstream/suite_ade20k.py
Machine: 4 to 8 GPUs; each training as long as its config says. Not run here.
Expected: no figure; it was not run here.
Vary: --gpus 8, --labels 1 5 10 100, --seeds.
"""

_base = "configs/downstream/{}_ade20k.py"


def _row(config, label):
    return dict(name=config, label=label, base=_base.format(config), init="CHECKPOINT")


name = "downstream_ade20k"
slug = "downstream"
task = "segmentation"
seeds = [0]
data = [dict(name="ade20k")]
variants = [
    _row("semantic_fpn_r50_40k", "ResNet-50, Semantic FPN, 40k"),
    _row("upernet_r50_160k", "ResNet-50, UPerNet, 160k"),
    _row("semantic_fpn_vit_s_40k", "ViT-S, Semantic FPN, 40k"),
    _row("semantic_fpn_vit_s_frozen_40k", "ViT-S frozen, Semantic FPN, 40k"),
    _row("upernet_vit_s_160k", "ViT-S, UPerNet, 160k"),
    _row("semantic_fpn_vit_b_40k", "ViT-B, Semantic FPN, 40k"),
    _row("upernet_vit_b_160k", "ViT-B, UPerNet, 160k"),
]
metrics = [
    dict(metric="mIoU", label="mIoU", scale=1),
    dict(metric="mAcc", label="mAcc", scale=1),
    dict(metric="aAcc", label="aAcc", scale=1),
]

expected = []
