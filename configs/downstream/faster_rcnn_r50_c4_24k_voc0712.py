"""Faster R-CNN on the C4 map on Pascal VOC, from a self-supervised ResNet-50, fully fine-tuned.

The last stage of the ResNet is in the RoI head, followed by a BatchNorm as in MoCo's code; --init
also loads this stage. Deviations: MoCo's code recomputes BatchNorm statistics before a test
(PreciseBN) and trains on difficult boxes; this config does neither.

Paper: MoCo, arXiv:1911.05722, section 4.2.1.
Command: mmdense train configs/downstream/faster_rcnn_r50_c4_24k_voc0712.py
    --init CHECKPOINT
Machine: 8 GPUs with 2 images each, as published. Not run here.
Expected: depends on the checkpoint. Not run here.
Vary: --auto-scale-lr scales the learning rate with the batch size. Mixed precision: --amp.
"""

_base_ = [
    "mmdet::_base_/models/faster-rcnn_r50-caffe-c4.py",
    "../_base_/finetune/whole_resnet.py",
    "../_base_/finetune/voc0712_24k.py",
]
custom_imports = dict(imports=["mmdense", "mmpretrain.models"], allow_failed_imports=False)

model = dict(
    data_preprocessor=_base_.whole_resnet.c4.data_preprocessor,
    backbone=_base_.whole_resnet.backbone,
    roi_head=dict(
        shared_head=dict(_base_.whole_resnet.c4.shared_head, init_cfg=None),
        bbox_head=dict(num_classes=20),
    ),
)

expected = []
