"""Semantic FPN on CamVid road scenes with EfficientNet-Lite0: supervised weights for comparison.

Paper: EfficientNet, arXiv:1905.11946, in its Lite variant; Panoptic FPN, arXiv:1901.02446.
Command: mmdense train configs/segmentation/semantic_fpn_lite0_camvid.py --init CHECKPOINT
Machine: one CPU core, 9 minutes. Needs pip install timm.
Expected: below, with supervised weights, from the record of configs/pipelines/transfer_study.py.
Vary: without --init, weights are random; its weights: configs/_base_/models/efficientnet_lite0.py.
"""

_base_ = ["./semantic_fpn_r18_camvid.py", "../_base_/models/efficientnet_lite0.py"]

model = _base_.lite0

_record = "downstream/2026-11-28_transfer_study"
expected = [
    dict(record=_record, metric="camvid_lite0_100/mIoU/mean", value=41.8767, tolerance=2.0),
]
