"""Mask R-CNN on a simple feature pyramid on COCO, from a self-supervised ViT-S/16.

As in ViTDet: the last map only, attention in windows, layer norms and four convolutions in the
heads, layer decay. Deviations: ViTDet trains for 100 epochs with large-scale jitter and 64 images
in a batch; this config trains for 12 epochs on images of one size with a batch size of 16. ViTDet
has no ViT-S; the layer decay is that of its ViT-B.

Paper: ViTDet, arXiv:2203.16527.
Command: mmdense train configs/downstream/mask_rcnn_vit_s_simple_1x_coco.py
    --init CHECKPOINT --allow cls_token (windowed attention has no class token)
Machine: 8 GPUs with 2 images each. Not run here.
Expected: depends on the checkpoint. Not run here.
Vary: --auto-scale-lr scales the learning rate with the batch size. Mixed precision: --amp.
    ViT-B, and Cascade RPN: variants of suite_coco.py.
"""

_base_ = [
    "mmdet::mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py",
    "../_base_/models/vit.py",
    "../_base_/finetune/layer_decay_vit.py",
]
custom_imports = dict(imports=["mmdense", "mmpretrain.models"], allow_failed_imports=False)

size = (1024, 1024)
norm = dict(type="mmpretrain.LN2d")
model = dict(
    data_preprocessor=dict(pad_size_divisor=1024),
    backbone=_base_.vit.small.windows,
    neck=dict(
        _delete_=True,
        type="mmdense.SimpleFeaturePyramid",
        in_channels=_base_.vit.small.width,
        out_channels=256,
        num_outs=5,
    ),
    rpn_head=dict(num_convs=2),
    roi_head=dict(
        bbox_head=dict(type="Shared4Conv1FCBBoxHead", conv_out_channels=256, norm_cfg=norm),
        mask_head=dict(norm_cfg=norm),
    ),
)
_base_.train_pipeline[2].scale = size
_base_.test_pipeline[1].scale = size
train_dataloader = dict(dataset=dict(pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader
optim_wrapper = _base_.layer_decay_vit
optim_wrapper.paramwise_cfg.layer_decay_rate = 0.7

expected = []
