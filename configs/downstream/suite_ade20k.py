"""ADE20K with every segmentor whose backbone fits the checkpoint.

Paper: Panoptic FPN's semantic branch, arXiv:1901.02446; UPerNet, arXiv:1807.10221.
Command: mmdense downstream CHECKPOINT --suite configs/downstream/suite_ade20k.py
Machine: 4 to 8 GPUs; see each config for the time. Not run here.
Expected: no score. Not run here.
Vary: --gpus 8, --labels 1 5 10 100, --seeds; --variants NAME... trains only these.
"""

_base_ = "../_base_/models/vit.py"


def _row(config, label, name=None, **model):
    return dict(
        name=name or config,
        label=label,
        base=f"configs/downstream/{config}_ade20k.py",
        changes=dict(model=model),
        init="CHECKPOINT",
    )


_semantic_fpn_vit = "semantic_fpn_vit_s_40k"
_vit_b = _base_.vit.base.to_dict()
name = "downstream_ade20k"
slug = "downstream"
task = "segmentation"
seeds = [0]
data = [dict(name="ade20k")]
variants = [
    _row("semantic_fpn_r50_40k", "ResNet-50, Semantic FPN, 40k"),
    _row("upernet_r50_160k", "ResNet-50, UPerNet, 160k"),
    _row(_semantic_fpn_vit, "ViT-S, Semantic FPN, 40k"),
    _row(
        _semantic_fpn_vit,
        "ViT-S frozen, Semantic FPN, 40k",
        name="semantic_fpn_vit_s_frozen_40k",
        # All twelve layers without stochastic depth, so that the features of an image are fixed.
        backbone=dict(frozen_stages=12, drop_path_rate=0.0),
    ),
    _row("upernet_vit_s_160k", "ViT-S, UPerNet, 160k"),
    _row(
        _semantic_fpn_vit,
        "ViT-B, Semantic FPN, 40k",
        name="semantic_fpn_vit_b_40k",
        backbone=_vit_b["maps"],
        neck=[_vit_b["rescaled"], dict(_vit_b["fpn"], num_outs=4)],
    ),
    _row("upernet_vit_b_160k", "ViT-B, UPerNet, 160k"),
]
metrics = [
    dict(metric="mIoU", label="mIoU", scale=1),
    dict(metric="mAcc", label="mAcc", scale=1),
    dict(metric="aAcc", label="aAcc", scale=1),
]

expected = []
