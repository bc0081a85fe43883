"""Faster R-CNN on BCCD blood cells, from a self-supervised ViT-S/16: four maps, rescaled.

Paper: ViT, arXiv:2010.11929; the four rescaled maps as in XCiT, arXiv:2106.09681; the rest
    as its base, reduced for two cores.
Command: mmdense train configs/detection/faster_rcnn_vit_s_bccd.py --init CHECKPOINT
Machine: two CPU cores, 20 minutes. It was trained for a few steps only.
Expected: depends on the checkpoint. It was not trained to the end.
Vary: without --init, weights are random; max_epochs, the learning rate.
"""

_base_ = [
    "./faster_rcnn_r18_bccd.py",
    "../_base_/models/vit.py",
    "../_base_/finetune/whole_vit.py",
]
custom_imports = dict(
    imports=["mmdense", "mmpretrain.models", "mmseg.models"], allow_failed_imports=False
)

model = dict(
    backbone=_base_.vit.small.maps,
    neck=[
        dict(_base_.vit.small.rescaled, norm_cfg=dict(type="BN", requires_grad=True)),
        dict(_base_.vit.small.fpn, out_channels=64),
    ],
)
optim_wrapper = _base_.whole_vit

expected = []
