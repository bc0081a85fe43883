"""Semantic FPN on CamVid road scenes, from a self-supervised ViT-S/16: four maps, rescaled.

Paper: Panoptic FPN's semantic branch, arXiv:1901.02446; the four rescaled maps as in XCiT,
    arXiv:2106.09681; otherwise same as its base config, reduced for two cores.
Command: mmdense train configs/segmentation/semantic_fpn_vit_s_camvid.py --init CHECKPOINT
Machine: two CPU cores, 40 minutes. It was trained for a few steps only.
Expected: depends on the checkpoint. It was not trained to the end.
Vary: without --init, weights are random; max_epochs, the learning rate.
"""

_base_ = [
    "./semantic_fpn_r18_camvid.py",
    "../_base_/models/vit.py",
    "../_base_/finetune/whole_vit.py",
]
custom_imports = dict(imports=["mmdense", "mmpretrain.models"], allow_failed_imports=False)

model = dict(
    backbone=_base_.vit.small.maps,
    neck=[
        dict(_base_.vit.small.rescaled, norm_cfg=dict(type="BN", requires_grad=True)),
        dict(_base_.vit.small.fpn, out_channels=64, num_outs=4),
    ],
)
optim_wrapper = _base_.whole_vit

expected = []
