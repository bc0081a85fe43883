"""Mask R-CNN with FPN on COCO, from a self-supervised ResNet-50, fully fine-tuned.

Paper: MoCo, arXiv:1911.05722, section 4.2.
Command: mmdense train configs/downstream/mask_rcnn_r50_fpn_1x_coco.py --init CHECKPOINT
Machine: 8 GPUs with 2 images each, as published. Not run here.
Expected: depends on the checkpoint. Not run here.
Vary: --auto-scale-lr scales the learning rate with the batch size. Mixed precision: --amp.
    24 epochs, or a frozen backbone: docs/transfer.md.
"""

_base_ = [
    "mmdet::mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py",
    "../_base_/finetune/whole_resnet.py",
    "../_base_/finetune/short_sides.py",
]
custom_imports = dict(imports=["mmdense"], allow_failed_imports=False)

model = dict(
    backbone=_base_.whole_resnet.backbone,
    neck=dict(norm_cfg=_base_.whole_resnet.norm),
    roi_head=dict(
        bbox_head=_base_.whole_resnet.box_head,
        mask_head=dict(norm_cfg=_base_.whole_resnet.norm),
    ),
)
_base_.train_pipeline[2] = _base_.short_sides.coco
train_dataloader = dict(dataset=dict(pipeline=_base_.train_pipeline))

expected = []
