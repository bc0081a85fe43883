# Runtime settings of all segmentors, in addition to MMSegmentation's; training counts in epochs.
_base_ = "mmseg::_base_/default_runtime.py"
custom_imports = dict(imports=["mmdense", "mmpretrain.models"], allow_failed_imports=False)
default_hooks = dict(
    timer=dict(type="IterTimerHook"),
    logger=dict(type="LoggerHook", interval=10),
    param_scheduler=dict(type="ParamSchedulerHook"),
    checkpoint=dict(type="CheckpointHook", interval=1, max_keep_ckpts=1),
    sampler_seed=dict(type="DistSamplerSeedHook"),
    broken_images=dict(type="mmdense.BrokenImagesHook"),
)
log_processor = dict(by_epoch=True, window_size=20)
custom_hooks = [dict(type="mmdense.PredictionPicturesHook")]
randomness = dict(seed=0)
