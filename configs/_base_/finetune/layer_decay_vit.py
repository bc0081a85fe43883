# A vision transformer with layer-wise learning-rate decay:
# BEiT (arXiv:2106.08254), MAE (arXiv:2111.06377). A config sets `paramwise_cfg.layer_decay_rate`.
# `optim_wrapper = dict(_base_.layer_decay_vit, paramwise_cfg=...)`, or this and an override below.
_base_ = "whole_vit.py"

layer_decay_vit = dict(
    _base_.whole_vit,
    constructor="mmdense.LayerDecay",
    paramwise_cfg=dict(_base_.whole_vit.paramwise_cfg, layer_decay_rate=0.65),
)
