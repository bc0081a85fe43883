"""Mask R-CNN with Cascade RPN on COCO, Swin-T.

Paper: Cascade RPN, arXiv:1909.06720; Swin Transformer, arXiv:2103.14030.
Command: mmdense train configs/cascade_rpn/mask_rcnn_swin_t_fpn_1x_coco.py
Machine: 8 GPUs with 2 images each. Not run here.
Expected: no score is published. Not run here.
Vary: same as its base config.
"""

_base_ = "./mask_rcnn_r50_caffe_fpn_1x_coco.py"

model = dict(
    backbone=dict(
        _delete_=True,
        type="mmpretrain.SwinTransformer",
        arch="tiny",
        drop_path_rate=0.2,
        pad_small_map=True,
        out_indices=(0, 1, 2, 3),
        init_cfg=dict(
            type="Pretrained",
            checkpoint="https://download.openmmlab.com/mmclassification/v0/swin-transformer/"
            "swin_tiny_224_b16x64_300e_imagenet_20210616_090925-66df6be6.pth",
            prefix="backbone.",
        ),
    ),
    neck=dict(in_channels=[96, 192, 384, 768]),
    data_preprocessor=dict(
        mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True
    ),
)
optim_wrapper = dict(
    _delete_=True,
    type="OptimWrapper",
    optimizer=dict(type="AdamW", lr=1e-4, betas=(0.9, 0.999), weight_decay=0.05),
    paramwise_cfg=dict(norm_decay_mult=0.0, bias_decay_mult=0.0),
    clip_grad=dict(max_norm=35, norm_type=2),
)

expected = []
