"""Semantic FPN on ADE20K, from a self-supervised ResNet-50, fully fine-tuned.

Paper: Panoptic FPN's semantic branch, arXiv:1901.02446, with MMSegmentation's schedule.
Command: mmdense train configs/downstream/semantic_fpn_r50_40k_ade20k.py --init CHECKPOINT
Machine: 4 GPUs with 4 images each. Not run here.
Expected: depends on the checkpoint. Not run here.
Vary: --auto-scale-lr scales the learning rate with the batch size. Mixed precision: --amp.
"""

_base_ = [
    "mmseg::_base_/models/fpn_r50.py",
    "../_base_/datasets/ade20k_semantic.py",
    "mmseg::_base_/schedules/schedule_40k.py",
    "mmseg::_base_/default_runtime.py",
]
custom_imports = dict(imports=["mmdense"], allow_failed_imports=False)

model = dict(
    pretrained=None,
    data_preprocessor=dict(size=_base_.crop_size),
    backbone=dict(type="ResNet", init_cfg=None),  # the plain stem, with one 7 x 7 convolution
    decode_head=dict(num_classes=150),
)
auto_scale_lr = dict(enable=False, base_batch_size=16)

expected = []
