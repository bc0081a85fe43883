"""Semantic FPN on CamVid road scenes, from a self-supervised ViT of six layers.

Paper: Panoptic FPN's semantic branch, arXiv:1901.02446; the four rescaled maps as in XCiT,
    arXiv:2106.09681; otherwise same as its base config, reduced for two cores.
Command: mmdense train configs/segmentation/semantic_fpn_vit_ti_camvid.py --init CHECKPOINT
Machine: two CPU cores; 17 core-minutes, from the CPU time of a step (2.6 s).
Expected: see configs/pipelines/selfpatch_study.py, which starts from
    configs/selfpatch/*_vit_ti_unlabelled.py.
Vary: without --init, weights are random; max_epochs, the learning rate.
    Frozen backbone: model.backbone.frozen_stages=6 model.backbone.drop_path_rate=0
"""

_base_ = "./semantic_fpn_vit_s_camvid.py"

model = dict(
    backbone=_base_.vit.six_layers.maps,
    neck=[
        dict(_base_.vit.six_layers.rescaled, norm_cfg=dict(type="BN", requires_grad=True)),
        dict(_base_.vit.six_layers.fpn, out_channels=64, num_outs=4),
    ],
)
optim_wrapper = dict(optimizer=dict(lr=3e-4))  # between those of a new and of a pretrained ViT

expected = []
