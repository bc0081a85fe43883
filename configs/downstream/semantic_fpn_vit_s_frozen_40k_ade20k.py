"""Semantic FPN on ADE20K, on a self-supervised ViT-S/16 that stays as it is.

How much the features are worth as they are: only the pyramid and the head learn.

Paper: as its base, for all but the frozen backbone.
Command: python tools/train.py configs/downstream/semantic_fpn_vit_s_frozen_40k_ade20k.py
    --init CHECKPOINT
Machine: 4 GPUs with 4 images each. Not run here.
Expected: it depends on the checkpoint, and was not run here.
Vary: as its base.
"""

_base_ = ["./semantic_fpn_vit_s_40k_ade20k.py", "../_base_/finetune/frozen_vit.py"]

model = dict(backbone=_base_.frozen_vit)

expected = []
