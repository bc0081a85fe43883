# Runtime settings of all detectors, in addition to MMDetection's.
_base_ = "mmdet::_base_/default_runtime.py"
custom_imports = dict(
    imports=["mmdense", "mmpretrain.models", "projects.cascade_rpn"], allow_failed_imports=False
)
default_hooks = dict(
    logger=dict(interval=10),
    checkpoint=dict(max_keep_ckpts=1),
    broken_images=dict(type="mmdense.BrokenImagesHook"),
)
custom_hooks = [dict(type="mmdense.PredictionPicturesHook")]
randomness = dict(seed=0)
