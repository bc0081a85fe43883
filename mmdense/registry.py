"""Registries with the scope ``mmdense``, children of MMEngine's.

A config says ``type='mmdense.Name'``; whatever the host registers under the same name stays
untouched. ``locations`` are the modules that register: they are imported at the first look-up, so
no config has to import them one by one.
"""

from mmengine import registry as host
from mmengine.registry import Registry

__all__ = ["DATASETS", "HOOKS", "MODELS", "OPTIM_WRAPPERS", "VISBACKENDS"]


def _child(parent: Registry, *locations: str) -> Registry:
    return Registry(parent.name, parent=parent, scope="mmdense", locations=list(locations))


DATASETS = _child(host.DATASETS, "mmdense.data.camvid_dataset", "mmdense.data.cifar_dataset")
HOOKS = _child(
    host.HOOKS,
    "mmdense.engine.channels_last",
    "mmdense.engine.prediction_pictures",
    "mmdense.engine.progress_line",
    "mmdense.records.record_hook",
    "mmdense.transfer.backbone",
)
MODELS = _child(host.MODELS, "mmdense.data.two_view_preprocessor")
OPTIM_WRAPPERS = _child(host.OPTIM_WRAPPERS, "mmdense.engine.autocast")
VISBACKENDS = _child(host.VISBACKENDS, "mmdense.engine.safe_vis_backend")
