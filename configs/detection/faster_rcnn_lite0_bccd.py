"""Faster R-CNN on BCCD blood cells with EfficientNet-Lite0: supervised weights for comparison.

Paper: EfficientNet, arXiv:1905.11946, in its Lite variant; Faster R-CNN with FPN, arXiv:1506.01497.
Command: mmdense train configs/detection/faster_rcnn_lite0_bccd.py --init CHECKPOINT
Machine: one CPU core, 4 minutes. Needs pip install timm.
Expected: below, with supervised weights, from the record of configs/pipelines/transfer_study.py.
Vary: without --init, weights are random; its weights: configs/_base_/models/efficientnet_lite0.py.
"""

_base_ = ["./faster_rcnn_r18_bccd.py", "../_base_/models/efficientnet_lite0.py"]

model = _base_.lite0

_record = "downstream/2026-11-28_transfer_study"
expected = [
    dict(record=_record, metric="bccd_lite0_100/coco/bbox_mAP/mean", value=0.53, tolerance=0.03),
]
