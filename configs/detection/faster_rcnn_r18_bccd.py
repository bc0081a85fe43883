"""Faster R-CNN on BCCD blood cells.

Paper: Faster R-CNN with FPN, arXiv:1506.01497 and arXiv:1612.03144, reduced for two cores.
Command: mmdense train configs/detection/faster_rcnn_r18_bccd.py --init CHECKPOINT
Machine: two CPU cores, 6 minutes, while other programs ran.
Expected: below, from the record of configs/pipelines/bccd.py.
Vary: without --init, weights are random; max_epochs, the learning rate, the width of the model.
"""

_base_ = [
    "../_base_/models/faster_rcnn_r18_w32_fpn64.py",
    "../_base_/datasets/bccd_detection.py",
    "../_base_/schedules/adamw.py",
    "../_base_/runtime_detection.py",
]

model = dict(roi_head=dict(bbox_head=dict(num_classes=3)))
train_dataloader = dict(batch_size=4)
max_epochs = 6
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=max_epochs, val_interval=3)

_record = "pipelines/2026-11-22_bccd"
expected = [
    dict(record=_record, metric="detect_ssl/coco/bbox_mAP", value=0.48, tolerance=0.05),
]
