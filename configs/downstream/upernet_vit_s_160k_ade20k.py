"""UPerNet on ADE20K, from a self-supervised ViT-S/16: four maps, rescaled, with layer decay.

Same as upernet_vit_b_160k_ade20k.py except for the layer decay of 0.75, which MAE (appendix A) uses
for ViT-B in classification. There is no published value for ViT-S on ADE20K.

Paper: UPerNet, arXiv:1807.10221, as in MAE, arXiv:2111.06377, and BEiT, arXiv:2106.08254.
Command: mmdense train configs/downstream/upernet_vit_s_160k_ade20k.py --init CHECKPOINT
Machine: 8 GPUs with 2 images each. Not run here.
Expected: depends on the checkpoint. Not run here.
Vary: same as its base config.
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
