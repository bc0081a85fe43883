"""Mask R-CNN with Cascade RPN on COCO, on the C4 map of a self-supervised ResNet-50.

The paper has no C4. Its one anchor a cell, on five levels, covers five sizes; the one level of C4
gets five square anchors of the same sizes, 32 to 512 pixels, and 64 channels for each.

Paper: Cascade RPN, arXiv:1909.06720; the rest as its base.
Command: python tools/train.py configs/downstream/mask_rcnn_r50_c4_cascade_rpn_1x_coco.py
    --init CHECKPOINT
Machine: 8 GPUs with 2 images each. Not run here.
Expected: it depends on the checkpoint, and was not run here.
Vary: as its base.
"""

_base_ = ["./mask_rcnn_r50_c4_1x_coco.py", "../_base_/models/rcnn_on_cascade_rpn.py"]
custom_imports = dict(
    imports=[*_base_.custom_imports.imports, "projects.cascade_rpn"], allow_failed_imports=False
)

model = _base_.rcnn_on_cascade_rpn
model.rpn_head.update(
    in_channels=1024,
    feat_channels=320,
    anchor_generator=dict(
        type="mmdet.AnchorGenerator", scales=[2, 4, 8, 16, 32], ratios=[1.0], strides=[16]
    ),
)
optim_wrapper = dict(clip_grad=dict(max_norm=35, norm_type=2))

expected = []
