"""Registries with the scope ``mmdense``, children of the registries of MMEngine.

Use them in a config with ``type='mmdense.Name'``. Classes with the same name in other scopes do not
change. The modules in ``locations`` are imported at the first look-up, so configs need no import
for each of them.
"""

from mmengine import registry as root
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


DATA_SAMPLERS = _child(root.DATA_SAMPLERS, "mmdense.data.shards.sampler")
DATASETS = _child(
    root.DATASETS,
    "mmdense.data.sets.camvid_dataset",
    "mmdense.data.checks.checked_coco_dataset",
    "mmdense.data.sets.prepared_images",
    "mmdense.data.few_labels",
    "mmdense.data.shards.dataset",
    "mmdense.data.checks.skip_broken",
)
FUNCTIONS = _child(root.FUNCTIONS, "mmdense.data.views.image_batch")
HOOKS = _child(
    root.HOOKS,
    "mmdense.collapse.collapse_hook",
    "mmdense.engine.broken_images",
    "mmdense.engine.non_finite",
    "mmdense.engine.prediction_images",
    "mmdense.engine.preemption",
    "mmdense.engine.progress",
    "mmdense.engine.speed",
    "mmdense.evaluation.dense.dense_hook",
    "mmdense.evaluation.probe_hooks",
    "mmdense.records.record_hook",
    "mmdense.ssl.teacher",
    "mmdense.transfer.apply",
)
LOOPS = _child(root.LOOPS, "mmdense.engine.loops")
METRICS = _child(root.METRICS, "mmdense.evaluation.proposal_recall")
MODELS = _child(
    root.MODELS,
    "mmdense.data.views.multi_view_preprocessor",
    "mmdense.config.upstream_defaults",
    "mmdense.necks.simple_pyramid",
    "mmdense.ssl.dino",
    "mmdense.ssl.dino_neck",
    "mmdense.ssl.siamese",
)
OPTIM_WRAPPERS = _child(root.OPTIM_WRAPPERS, "mmdense.engine.speed")
OPTIM_WRAPPER_CONSTRUCTORS = _child(
    root.OPTIM_WRAPPER_CONSTRUCTORS, "mmdense.engine.layer_decay", "mmdense.ssl.teacher"
)
STRATEGIES = _child(root.STRATEGIES, "mmdense.engine.fsdp")
TASK_UTILS = _child(root.TASK_UTILS)
TRANSFORMS = _child(
    root.TRANSFORMS,
    "mmdense.data.load_image",
    "mmdense.data.views.image_batch",
)
VISBACKENDS = _child(root.VISBACKENDS, "mmdense.engine.safe_vis_backend")
