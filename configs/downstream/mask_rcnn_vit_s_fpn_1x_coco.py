"""Mask R-CNN with FPN on COCO, from a self-supervised ViT-S/16: four maps, rescaled.

Paper: ViT, arXiv:2010.11929; XCiT, arXiv:2106.09681.
Command: mmdense train configs/downstream/mask_rcnn_vit_s_fpn_1x_coco.py --init CHECKPOINT
Machine: 8 GPUs with 2 images each. Not run here.
Expected: depends on the checkpoint. Not run here.
Vary: --auto-scale-lr scales the learning rate with the batch size. Mixed precision: --amp.
    ViT-B, and Cascade RPN: variants of suite_coco.py. 24 epochs: docs/transfer.md.
"""

_base_ = [
    "mmdet::mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py",
    "../_base_/models/vit.py",
    "../_base_/finetune/whole_vit.py",
    "../_base_/finetune/short_sides.py",
]
custom_imports = dict(
    imports=["mmdense", "mmpretrain.models", "mmseg.models"], allow_failed_imports=False
)

model = dict(backbone=_base_.vit.small.maps, neck=[_base_.vit.small.rescaled, _base_.vit.small.fpn])
_base_.train_pipeline[2] = _base_.short_sides.coco
train_dataloader = dict(dataset=dict(pipeline=_base_.train_pipeline))
optim_wrapper = _base_.whole_vit

expected = []
