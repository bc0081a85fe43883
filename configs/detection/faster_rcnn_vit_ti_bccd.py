"""Faster R-CNN on BCCD blood cells, from a self-supervised ViT of six layers.

Paper: ViT, arXiv:2010.11929; the four rescaled maps as in XCiT, arXiv:2106.09681; the rest
    as its base, reduced for two cores.
Command: mmdense train configs/detection/faster_rcnn_vit_ti_bccd.py --init CHECKPOINT
Machine: two CPU cores; 7 core-minutes, from the CPU time of a step (1.2 s).
Expected: see configs/pipelines/selfpatch_study.py, which starts from
    configs/selfpatch/*_vit_ti_unlabelled.py.
Vary: without --init, weights are random; max_epochs, the learning rate.
    Frozen backbone: model.backbone.frozen_stages=6 model.backbone.drop_path_rate=0
"""

_base_ = "./faster_rcnn_vit_s_bccd.py"

model = dict(
    backbone=_base_.vit.six_layers.maps,
    neck=[
        dict(_base_.vit.six_layers.rescaled, norm_cfg=dict(type="BN", requires_grad=True)),
        dict(_base_.vit.six_layers.fpn, out_channels=64),
    ],
)
optim_wrapper = dict(optimizer=dict(lr=3e-4))  # between those of a new and of a pretrained ViT

expected = []
