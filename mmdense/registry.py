"""Registries with the scope ``mmdense``, children of MMEngine's.

A config says ``type='mmdense.Name'``; whatever the host registers under the same name stays
untouched. ``locations`` are the modules that register: they are imported at the first look-up, so
no config has to import them one by one.
"""

from mmengine import registry as host
from mmengine.registry import Registry

__all__ = [
    "DATASETS",
    "DATA_SAMPLERS",
    "FUNCTIONS",
    "HOOKS",
    "LOOPS",
    "METRICS",
    "MODELS",
    "OPTIM_WRAPPERS",
    "OPTIM_WRAPPER_CONSTRUCTORS",
    "STRATEGIES",
    "TASK_UTILS",
    "TRANSFORMS",
    "VISBACKENDS",
]


def _child(parent: Registry, *locations: str) -> Registry:
    return Registry(parent.name, parent=parent, scope="mmdense", locations=list(locations))


DATA_SAMPLERS = _child(host.DATA_SAMPLERS, "mmdense.data.shards.sampler")
DATASETS = _child(
    host.DATASETS,
    "mmdense.data.sets.camvid_dataset",
    "mmdense.data.checks.checked_coco_dataset",
    "mmdense.data.sets.prepared_images",
    "mmdense.data.few_labels",
    "mmdense.data.shards.dataset",
    "mmdense.data.checks.skip_broken",
)
FUNCTIONS = _child(host.FUNCTIONS, "mmdense.data.views.image_batch")
HOOKS = _child(
    host.HOOKS,
    "mmdense.collapse.collapse_hook",
    "mmdense.engine.broken_images",
    "mmdense.engine.non_finite",
    "mmdense.engine.prediction_images",
    "mmdense.engine.preemption",
    "mmdense.engine.progress",
    "mmdense.engine.speed",
    "mmdense.evaluation.knn_hook",
    "mmdense.evaluation.linear_probe_hook",
    "mmdense.records.record_hook",
    "mmdense.transfer.apply",
)
LOOPS = _child(host.LOOPS, "mmdense.engine.loops")
METRICS = _child(host.METRICS, "mmdense.evaluation.proposal_recall")
MODELS = _child(
    host.MODELS,
    "mmdense.data.views.multi_view_preprocessor",
    "mmdense.config.upstream_defaults",
    "mmdense.necks.simple_pyramid",
    "mmdense.ssl.siamese",
)
OPTIM_WRAPPERS = _child(host.OPTIM_WRAPPERS, "mmdense.engine.speed")
OPTIM_WRAPPER_CONSTRUCTORS = _child(host.OPTIM_WRAPPER_CONSTRUCTORS, "mmdense.engine.layer_decay")
STRATEGIES = _child(host.STRATEGIES, "mmdense.engine.fsdp")
TASK_UTILS = _child(host.TASK_UTILS)
TRANSFORMS = _child(
    host.TRANSFORMS,
    "mmdense.data.load_image",
    "mmdense.data.views.image_batch",
)
VISBACKENDS = _child(host.VISBACKENDS, "mmdense.engine.safe_vis_backend")
