"""Mask R-CNN with Cascade RPN on COCO, ViT-S/16 with four rescaled maps.

Paper: Cascade RPN, arXiv:1909.06720; ViT, arXiv:2010.11929.
Command: mmdense train configs/cascade_rpn/mask_rcnn_vit_s_fpn_1x_coco.py
Machine: 8 GPUs with 2 images each. Not run here.
Expected: no score is published. Not run here.
Vary: same as its base config.
"""

_base_ = "./mask_rcnn_r50_caffe_fpn_1x_coco.py"
custom_imports = dict(
    imports=["mmdense", "projects.cascade_rpn", "mmpretrain.models", "mmseg.models"],
    allow_failed_imports=False,
)

# The four maps have one stride, 16; they are rescaled to 4, 8, 16 and 32 before the FPN. All
# images have one size, because the position embedding has one.
size = (1024, 1024)
model = dict(
    backbone=dict(
        _delete_=True,
        type="mmpretrain.VisionTransformer",
        arch="deit-small",
        img_size=size,
        patch_size=16,
        out_indices=(2, 5, 8, 11),
        out_type="featmap",
        final_norm=False,
        drop_path_rate=0.1,
    ),
    neck=[
        dict(
            type="mmseg.Feature2Pyramid",
            embed_dim=384,
            rescales=[4, 2, 1, 0.5],
            norm_cfg=dict(type="GN", num_groups=32),
        ),
        dict(type="FPN", in_channels=[384] * 4, out_channels=256, num_outs=5),
    ],
    data_preprocessor=dict(
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_size_divisor=1024,
    ),
)
_base_.train_pipeline[2].scale = size
_base_.test_pipeline[1].scale = size
train_dataloader = dict(dataset=dict(pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader
optim_wrapper = dict(
    _delete_=True,
    type="OptimWrapper",
    optimizer=dict(type="AdamW", lr=1e-4, betas=(0.9, 0.999), weight_decay=0.05),
    paramwise_cfg=dict(
        norm_decay_mult=0.0, bias_decay_mult=0.0, custom_keys={"pos_embed": dict(decay_mult=0.0)}
    ),
    clip_grad=dict(max_norm=35, norm_type=2),
)

expected = []
