"""UPerNet on ADE20K, from a self-supervised ViT-B/16: four maps, rescaled, with layer decay.

Schedule, maps and the layer decay of 0.65 are those of MMSegmentation's configs of MAE.

Paper: UPerNet, arXiv:1807.10221, as in MAE, arXiv:2111.06377, and BEiT, arXiv:2106.08254.
Command: mmdense train configs/downstream/upernet_vit_b_160k_ade20k.py --init CHECKPOINT
Machine: 8 GPUs with 2 images each. Not run here.
Expected: depends on the checkpoint. Not run here.
Vary: --auto-scale-lr scales the learning rate with the batch size. Mixed precision: --amp.
    optim_wrapper.paramwise_cfg.layer_decay_rate: the best value depends on the pretraining.
"""

_base_ = [
    "./upernet_r50_160k_ade20k.py",
    "../_base_/models/vit.py",
    "../_base_/finetune/layer_decay_vit.py",
]
custom_imports = dict(imports=["mmdense", "mmpretrain.models"], allow_failed_imports=False)

width = _base_.vit.base.width
model = dict(
    backbone=dict(_base_.vit.base.maps, out_indices=(3, 5, 7, 11)),
    neck=_base_.vit.base.rescaled,
    decode_head=dict(in_channels=[width] * 4, channels=width),
    auxiliary_head=dict(in_channels=width),
    test_cfg=dict(mode="slide", crop_size=_base_.crop_size, stride=(341, 341)),
)
train_dataloader = dict(batch_size=2)
optim_wrapper = _base_.layer_decay_vit
param_scheduler = [
    dict(type="LinearLR", start_factor=1e-6, by_epoch=False, begin=0, end=1500),
    dict(type="PolyLR", eta_min=0.0, power=1.0, begin=1500, end=160000, by_epoch=False),
]

expected = []
