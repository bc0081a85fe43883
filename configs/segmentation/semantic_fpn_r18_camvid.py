"""Semantic FPN on CamVid road scenes.

Paper: Panoptic FPN's semantic branch, arXiv:1901.02446, reduced for two cores.
Command: mmdense train configs/segmentation/semantic_fpn_r18_camvid.py --init CHECKPOINT
Machine: two CPU cores, 7 to 9 minutes, while other programs ran.
Expected: below, from the record of configs/pipelines/camvid.py.
Vary: without --init, weights are random; max_epochs, the learning rate, the width of the model.
"""

_base_ = [
    "../_base_/models/semantic_fpn_r18_w32.py",
    "../_base_/datasets/camvid_semantic.py",
    "../_base_/schedules/adamw.py",
    "../_base_/runtime_segmentation.py",
]

model = dict(decode_head=dict(num_classes=11))
train_dataloader = dict(batch_size=8)
max_epochs = 8
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=max_epochs, val_interval=4)

_record = "pipelines/2026-11-22_camvid"
expected = [
    dict(record=_record, metric="segment_ssl/mIoU", value=31.44, tolerance=3.0),
]
