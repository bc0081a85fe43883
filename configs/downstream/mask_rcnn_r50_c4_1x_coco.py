"""Mask R-CNN on the C4 map on COCO, from a self-supervised ResNet-50, all of it trained.

The last stage of the ResNet works on each region, in the RoI head; --init fills it, too. A norm
stands behind it, as in MoCo's code. That code takes the statistics of BatchNorm anew before a test
(PreciseBN); here they are the running ones.

Paper: MoCo, arXiv:1911.05722, section 4.2.
Command: python tools/train.py configs/downstream/mask_rcnn_r50_c4_1x_coco.py --init CHECKPOINT
Machine: 8 GPUs with 2 images each, as published. Not run here.
Expected: it depends on the checkpoint, and was not run here.
Vary: the learning rate follows the images in a batch: --auto-scale-lr. Mixed precision: --amp.
    Cascade RPN: a variant of suite_coco.py. 24 epochs: docs/transfer.md.
"""

_base_ = [
    "mmdet::mask_rcnn/mask-rcnn_r50-caffe-c4_1x_coco.py",
    "../_base_/finetune/whole_resnet.py",
    "../_base_/finetune/short_sides.py",
]
custom_imports = dict(imports=["mmdense", "mmpretrain.models"], allow_failed_imports=False)

model = dict(
    data_preprocessor=dict(
        mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True
    ),
    backbone=_base_.whole_resnet.backbone,
    roi_head=dict(
        shared_head=dict(
            type="ResLayerExtraNorm",
            style="pytorch",
            norm_cfg=_base_.whole_resnet.norm,
            norm_eval=False,
        )
    ),
)
_base_.train_pipeline[2] = _base_.short_sides.coco
train_dataloader = dict(dataset=dict(pipeline=_base_.train_pipeline))

expected = []
