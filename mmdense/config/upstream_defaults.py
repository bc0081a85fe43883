"""Settings that a config of OpenMMLab leaves to its own tools, or that need a GPU."""

from typing import Any

from mmengine.config import Config
from mmengine.model.utils import _BatchNormXd

from mmdense.registry import MODELS

__all__ = ["LOADERS", "fill_upstream_defaults", "replace_sync_bn"]

MODELS.register_module(name="BatchNormXd", module=_BatchNormXd)

LOADERS = ("train_dataloader", "val_dataloader", "test_dataloader")


def replace_sync_bn(node: Any) -> int:
    """Replace every ``type='SyncBN'`` below a node of a config by BatchNorm; return the count.

    That of MMEngine takes maps and vectors, as SyncBN does: a neck has it on vectors.
    """
    if isinstance(node, list | tuple):
        return sum(replace_sync_bn(entry) for entry in node)
    if not isinstance(node, dict):
        return 0
    found = int(node.get("type") == "SyncBN")
    if found:
        node["type"] = "mmdense.BatchNormXd"
    return found + sum(replace_sync_bn(value) for value in node.values())


def fill_upstream_defaults(cfg: Config) -> None:
    """Add settings that OpenMMLab's train.py adds; remove keys that its runner does not accept.

    MMPretrain's configs leave the collate function to that tool. Configs inherited as
    ``mmpretrain::...`` note their scope in it, and no function takes that as an argument.
    """
    for name in LOADERS:
        loader = cfg.get(name)
        if not isinstance(loader, dict):
            continue
        if cfg.get("default_scope") == "mmpretrain":
            loader.setdefault("collate_fn", {"type": "default_collate"})
        if isinstance(loader.get("collate_fn"), dict):
            loader["collate_fn"].pop("_scope_", None)
