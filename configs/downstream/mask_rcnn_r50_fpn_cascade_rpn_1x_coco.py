"""Mask R-CNN with Cascade RPN on COCO, on a self-supervised ResNet-50 and its FPN.

Paper: Cascade RPN, arXiv:1909.06720; otherwise same as its base config.
Command: mmdense train configs/downstream/mask_rcnn_r50_fpn_cascade_rpn_1x_coco.py
    --init CHECKPOINT
Machine: 8 GPUs with 2 images each. Not run here.
Expected: depends on the checkpoint. Not run here.
Vary: same as its base config.
"""

_base_ = ["./mask_rcnn_r50_fpn_1x_coco.py", "../_base_/models/rcnn_on_cascade_rpn.py"]
custom_imports = dict(
    imports=[*_base_.custom_imports.imports, "projects.cascade_rpn"], allow_failed_imports=False
)

model = _base_.rcnn_on_cascade_rpn
optim_wrapper = dict(clip_grad=dict(max_norm=35, norm_type=2))

expected = []
