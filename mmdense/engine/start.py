"""What a training starts from: pretrained weights, strictly, after every initialiser."""

from collections.abc import Sequence
from typing import Any

from mmengine.config import Config

__all__ = ["start_from", "take_strict_init"]


def start_from(cfg: Config, checkpoint: str | None, allow: Sequence[str]) -> None:
    """Start from pretrained weights, strictly.

    Those of ``checkpoint`` fill the backbone; those of ``load_from`` in the config the whole model,
    or its backbone where the file holds no more; those of an ``init_cfg`` of type
    ``StrictPretrained`` the part that it belongs to.

    Args:
        cfg: to change.
        checkpoint: file or address.
        allow: what may differ, see :func:`~mmdense.transfer.apply.load_backbone`.
    """
    hooks = take_strict_init(cfg.model)
    if cfg.get("load_from"):
        hooks.append({"checkpoint": cfg.load_from, "module": ""})
        cfg.load_from = None
    if checkpoint:
        hooks.append({"checkpoint": checkpoint})
    for hook in hooks:
        hook["type"] = "mmdense.LoadBackboneHook"
        hook["allow"] = [*hook.get("allow", []), *allow]
    cfg.custom_hooks = [*cfg.get("custom_hooks", []), *hooks]


def take_strict_init(model: dict[str, Any], path: str = "") -> list[dict[str, Any]]:
    """Take every ``StrictPretrained`` out of the config of a model.

    Returns:
        The arguments of hooks that load the same when everything else has been initialised.
    """
    hooks = []
    for key, part in list(model.items()):
        if not isinstance(part, dict):
            continue
        if key == "init_cfg" and part.get("type") == "StrictPretrained":
            options = {name: value for name, value in part.items() if name != "type"}
            hooks.append({"module": path, **options})
            model[key] = None
        else:
            hooks += take_strict_init(part, f"{path}.{key}".lstrip("."))
    return hooks
