"""Weights with the right shape and another meaning: attention heads, strides, normalisation.

A weight of 384 x 384 does not show whether it has six or eight heads. This is known from the config
that MMEngine saves in a checkpoint, and from the widths of published vision transformers.
"""

import ast
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from mmengine.registry import MODELS
from torch import Tensor, nn

from mmdense.transfer.find import FoundBackbone

__all__ = ["SilentMismatch", "find_silent_mismatches", "saved_model"]

# Heads of all published ViTs of DeiT, DINO, DINOv2, MAE and iBOT, by width.
_HEADS = {192: 3, 384: 6, 768: 12, 1024: 16, 1280: 16, 1536: 24}
_HEADS_OF_MOCO_V3 = {384: 12, 768: 12}  # its small model has heads of 32 channels
_TOLERANCE = 0.5  # of pixel values from 0 to 255
_CONFIG = "config in the file"


class SilentMismatch(NamedTuple):
    """A setting that differs and is not visible in the weights."""

    kind: str  # 'heads', 'style' or 'normalisation'
    setting: str
    trained: Any  # value in the training of the checkpoint
    built: Any  # value in the model
    evidence: str  # source of `trained`

    def __str__(self) -> str:
        """Describe the mismatch in one sentence."""
        return (
            f"trained with {self.setting}={self.trained!r} ({self.evidence}), the model has "
            f"{self.built!r}: the shapes match, but the outputs differ"
        )


def find_silent_mismatches(
    content: Mapping[str, Any], found: FoundBackbone, backbone: nn.Module, model: Any
) -> list[SilentMismatch]:
    """Return the settings that differ between a file and the target, if the file has them.

    ``model`` is the model of the backbone, for its ``data_preprocessor``; it may be ``None``.
    """
    saved = saved_model(content)
    mismatches = (
        _heads(saved, found, backbone),
        _style(saved, backbone),
        _normalisation(saved, getattr(model, "data_preprocessor", None)),
    )
    return [mismatch for mismatch in mismatches if mismatch is not None]


def saved_model(content: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return ``model`` and ``data_preprocessor`` of the saved config, without executing it.

    The result is empty if there is none. Values that are not literals are omitted.
    """
    meta = content.get("meta")
    text = meta.get("cfg") if isinstance(meta, Mapping) else None
    try:
        statements = ast.parse(text).body if isinstance(text, str) else []
    except SyntaxError:
        return {}
    found = {
        statement.targets[0].id: _literal(statement.value)
        for statement in statements
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)
    }
    names = ("model", "data_preprocessor")
    return {name: found[name] for name in names if isinstance(found.get(name), dict)}


def _literal(node: ast.expr) -> Any:
    """The value of ``dict(...)``, lists, tuples and constants; ``None`` for anything else."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "dict":
        return {item.arg: _literal(item.value) for item in node.keywords if item.arg}
    if isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        return {_literal(key): _literal(value) for key, value in pairs if key is not None}
    if isinstance(node, ast.List | ast.Tuple):
        return [_literal(item) for item in node.elts]
    try:
        return ast.literal_eval(node)
    except ValueError:
        return None


def _heads(
    saved: dict[str, Any], found: FoundBackbone, backbone: nn.Module
) -> SilentMismatch | None:
    if found.scheme.family != "vit":
        return None
    numbers = (getattr(part, "num_heads", None) for part in backbone.modules())
    built = next((number for number in numbers if isinstance(number, int)), None)
    trained, evidence = _saved_heads(saved.get("model", {}).get("backbone")), _CONFIG
    if trained is None:
        # A patch embedding is the only weight of a ViT with four dimensions.
        width = next(value.shape[0] for value in found.weights.values() if value.ndim == 4)
        moco_v3 = "base_encoder" in found.location or "momentum_encoder" in found.location
        trained = (_HEADS_OF_MOCO_V3 if moco_v3 else _HEADS).get(width)
        evidence = f"as all published ViTs of {width} channels"
    if built is None or trained is None or built == trained:
        return None
    return SilentMismatch("heads", "num_heads", trained, built, evidence)


def _saved_heads(backbone: Any) -> int | None:
    """Heads of a backbone config that sets them or names an architecture of upstream."""
    if not isinstance(backbone, dict):
        return None
    arch = backbone.get("arch")
    if isinstance(arch, str):
        zoo = getattr(MODELS.get(str(backbone.get("type"))), "arch_zoo", {})
        arch = zoo.get(arch)
    heads = arch.get("num_heads") if isinstance(arch, dict) else backbone.get("num_heads")
    return heads if isinstance(heads, int) else None


def _style(saved: dict[str, Any], backbone: nn.Module) -> SilentMismatch | None:
    """Where a ResNet strides: in its first 1 x 1 convolution (caffe) or in the 3 x 3 (pytorch)."""
    trained = (saved.get("model", {}).get("backbone") or {}).get("style")
    built = getattr(backbone, "style", None)
    if trained is None or built is None or trained == built:
        return None
    return SilentMismatch("style", "style", trained, built, _CONFIG)


def _normalisation(saved: dict[str, Any], preprocessor: Any) -> SilentMismatch | None:
    theirs = saved.get("model", {}).get("data_preprocessor") or saved.get("data_preprocessor") or {}
    for name in ("mean", "std"):
        ours = getattr(preprocessor, name, None)
        if not isinstance(ours, Tensor) or not isinstance(theirs.get(name), list):
            continue
        built, trained = ours.flatten().cpu(), torch.tensor(theirs[name], dtype=torch.float)
        if trained.shape != built.shape or (trained - built).abs().max() > _TOLERANCE:
            rounded = [round(value, 2) for value in built.tolist()]
            return SilentMismatch("normalisation", name, theirs[name], rounded, _CONFIG)
    return None
