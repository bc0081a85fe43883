"""Faster R-CNN with FPN on Pascal VOC, from a self-supervised ResNet-50, fully fine-tuned.

MoCo's detectors for VOC have C4 and dilated C5 maps; this is its protocol with FPN. Difficult boxes
are not used for training, unlike in its code.

Paper: MoCo, arXiv:1911.05722, section 4.2.1.
Command: mmdense train configs/downstream/faster_rcnn_r50_fpn_24k_voc0712.py
    --init CHECKPOINT
Machine: 8 GPUs with 2 images each, as published. Not run here.
Expected: depends on the checkpoint. Not run here.
Vary: --auto-scale-lr scales the learning rate with the batch size. Mixed precision: --amp.
"""

_base_ = [
    "mmdet::_base_/models/faster-rcnn_r50_fpn.py",
    "../_base_/finetune/whole_resnet.py",
    "../_base_/finetune/voc0712_24k.py",
]
custom_imports = dict(imports=["mmdense"], allow_failed_imports=False)

model = dict(
    backbone=_base_.whole_resnet.backbone,
    neck=dict(norm_cfg=_base_.whole_resnet.norm),
    roi_head=dict(bbox_head=dict(num_classes=20, **_base_.whole_resnet.box_head)),
)

expected = []
