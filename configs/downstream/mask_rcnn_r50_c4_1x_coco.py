"""Mask R-CNN on the C4 map on COCO, from a self-supervised ResNet-50, fully fine-tuned.

The last stage of the ResNet is in the RoI head, followed by a BatchNorm as in MoCo's code; --init
also loads this stage. Deviation: MoCo's code recomputes BatchNorm statistics before a test
(PreciseBN); this config uses the running statistics.

Paper: MoCo, arXiv:1911.05722, section 4.2.
Command: mmdense train configs/downstream/mask_rcnn_r50_c4_1x_coco.py --init CHECKPOINT
Machine: 8 GPUs with 2 images each, as published. Not run here.
Expected: depends on the checkpoint. Not run here.
Vary: --auto-scale-lr scales the learning rate with the batch size. Mixed precision: --amp.
    Cascade RPN: a variant of suite_coco.py. 24 epochs: docs/transfer.md.
"""

_base_ = [
    "mmdet::mask_rcnn/mask-rcnn_r50-caffe-c4_1x_coco.py",
    "../_base_/finetune/whole_resnet.py",
    "../_base_/finetune/short_sides.py",
]
custom_imports = dict(imports=["mmdense", "mmpretrain.models"], allow_failed_imports=False)

model = dict(
    data_preprocessor=_base_.whole_resnet.c4.data_preprocessor,
    backbone=_base_.whole_resnet.backbone,
    roi_head=dict(
        shared_head=_base_.whole_resnet.c4.shared_head,
    ),
)
_base_.train_pipeline[2] = _base_.short_sides.coco
train_dataloader = dict(dataset=dict(pipeline=_base_.train_pipeline))

expected = []
