"""Faster R-CNN on Cascade RPN on BCCD blood cells, from a self-supervised ViT of six layers.

Paper: Cascade RPN, arXiv:1909.06720, with its changes to the RoI head; otherwise same as its base
    config, reduced for two cores.
Command: mmdense train configs/detection/faster_rcnn_cascade_rpn_vit_ti_bccd.py --init CHECKPOINT
Machine: two CPU cores; 9 core-minutes, from the CPU time of a step (1.6 s).
Expected: no score yet.
Vary: as in its base config.
"""

_base_ = ["./faster_rcnn_vit_ti_bccd.py", "../_base_/models/rcnn_on_cascade_rpn.py"]
custom_imports = dict(
    imports=["mmdense", "mmpretrain.models", "mmseg.models", "projects.cascade_rpn"],
    allow_failed_imports=False,
)

model = _base_.rcnn_on_cascade_rpn
model.rpn_head.update(in_channels=64, feat_channels=64)
optim_wrapper = dict(clip_grad=dict(max_norm=35, norm_type=2))

expected = []
