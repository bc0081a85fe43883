"""Semantic FPN on CamVid road scenes.

Paper: Panoptic FPN's semantic branch, arXiv:1901.02446, at a size for two cores.
Command: python tools/train.py configs/segmentation/semantic_fpn_r18_camvid.py --init CHECKPOINT
Machine: two CPU cores, 5 minutes.
Expected: below, from the record of configs/pipelines/camvid.py.
Vary: without --init it starts at random; max_epochs, the learning rate, the model's widths.
"""

_base_ = [
    "../_base_/models/semantic_fpn_r18_w32.py",
    "../_base_/datasets/camvid_semantic.py",
    "../_base_/schedules/adamw.py",
    "mmseg::_base_/default_runtime.py",
]
custom_imports = dict(imports=["mmdense", "mmpretrain.models"], allow_failed_imports=False)

model = dict(decode_head=dict(num_classes=11))
train_dataloader = dict(batch_size=8)
max_epochs = 8
param_scheduler = [
    dict(
        type="LinearLR",
        start_factor=0.01,
        by_epoch=True,
        begin=0,
        end=1,
        convert_to_iter_based=True,
    ),
    dict(
        type="CosineAnnealingLR",
        by_epoch=True,
        begin=1,
        end=max_epochs,
        eta_min_ratio=0.01,
        convert_to_iter_based=True,
    ),
]
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=max_epochs, val_interval=4)
default_hooks = dict(
    timer=dict(type="IterTimerHook"),
    logger=dict(type="LoggerHook", interval=10),
    param_scheduler=dict(type="ParamSchedulerHook"),
    checkpoint=dict(type="CheckpointHook", interval=1, max_keep_ckpts=1),
    sampler_seed=dict(type="DistSamplerSeedHook"),
)
log_processor = dict(by_epoch=True, window_size=20)
custom_hooks = [dict(type="mmdense.PredictionPicturesHook")]
randomness = dict(seed=0)

expected = []
