"""Semantic FPN on Collage (generated images).

Paper: Panoptic FPN's semantic branch, arXiv:1901.02446, reduced for two cores.
Command: mmdense train configs/segmentation/semantic_fpn_r18_collage.py --init CHECKPOINT
Machine: two CPU cores, 1.3 to 1.8 minutes.
Expected: below, from the record of configs/pipelines/collage_demo.py.
Vary: without --init, weights are random; max_epochs, the learning rate, the width of the model.
"""

_base_ = [
    "../_base_/models/semantic_fpn_r18_w32.py",
    "../_base_/datasets/collage_semantic.py",
    "../_base_/schedules/adamw.py",
    "../_base_/runtime_segmentation.py",
]

model = dict(decode_head=dict(num_classes=11))
train_dataloader = dict(batch_size=8)
max_epochs = 3
optim_wrapper = dict(optimizer=dict(lr=1e-3))
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=max_epochs, val_interval=3)

_record = "pipelines/2026-11-22_collage_demo_monitored"
expected = [
    dict(record=_record, metric="segment_ssl/mIoU", value=7.56, tolerance=3.0),
]
