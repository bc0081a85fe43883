"""UPerNet on ADE20K, from a self-supervised ViT-S/16: four maps, rescaled, with layer decay.

As that of ViT-B, but for the layer decay: 0.75, with which MAE (appendix A) fine-tunes its ViT-B
for classification. No source gives one for ViT-S here.

Paper: UPerNet, arXiv:1807.10221, as MAE, arXiv:2111.06377, and BEiT, arXiv:2106.08254, use it.
Command: python tools/train.py configs/downstream/upernet_vit_s_160k_ade20k.py --init CHECKPOINT
Machine: 8 GPUs with 2 images each. Not run here.
Expected: it depends on the checkpoint, and was not run here.
Vary: as its base.
"""

_base_ = "./upernet_vit_b_160k_ade20k.py"

width = _base_.vit.small.width
model = dict(
    backbone=dict(_base_.vit.small.maps, out_indices=(3, 5, 7, 11)),
    neck=dict(embed_dim=width),
    decode_head=dict(in_channels=[width] * 4, channels=width),
    auxiliary_head=dict(in_channels=width),
)
optim_wrapper = dict(paramwise_cfg=dict(layer_decay_rate=0.75))

expected = []
