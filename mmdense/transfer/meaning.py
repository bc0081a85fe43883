"""Weights of equal shapes with another meaning: attention heads, strides, normalised pictures.

Nothing in a weight of 384 x 384 says whether six heads or eight read it. What a file can tell
otherwise is looked up here: the config that MMEngine saves, and the widths that all published
vision transformers share. Statistics of pictures are known from MMEngine's files alone.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

import torch
from mmengine.registry import MODELS
from torch import Tensor, nn

from mmdense.transfer.source import Source

__all__ = ["doubts", "saved_model"]

# Heads of every published ViT of DeiT, DINO, DINOv2, MAE, iBOT and SelfPatch, by its width.
_HEADS = {192: 3, 384: 6, 768: 12, 1024: 16, 1280: 16, 1536: 24}
_HEADS_OF_MOCO_V3 = {384: 12, 768: 12}  # its small model has heads of 32 channels
_CLOSE = 0.5  # of pixel values from 0 to 255


def doubts(content: Mapping[str, Any], source: Source, backbone: nn.Module, model: Any) -> dict:
    """Tell what has equal shapes and another meaning, as far as the file can tell.

    Args:
        content: of the file.
        source: the backbone in it.
        backbone: to be filled.
        model: which the backbone is part of, for its ``data_preprocessor``; may be ``None``.

    Returns:
        A sentence for each kind: ``'heads'``, ``'style'``, ``'normalisation'``.
    """
    saved = saved_model(content)
    found = {
        "heads": _heads(saved, source, backbone),
        "style": _style(saved, backbone),
        "normalisation": _normalisation(saved, getattr(model, "data_preprocessor", None)),
    }
    return {kind: text for kind, text in found.items() if text}


def saved_model(content: Mapping[str, Any]) -> dict[str, Any]:
    """``model`` and ``data_preprocessor`` of the config that MMEngine saved; nothing of it is run.

    Returns:
        Empty if there is none. Values that are no literals are left out.
    """
    meta = content.get("meta")
    text = meta.get("cfg") if isinstance(meta, Mapping) else None
    if not isinstance(text, str):
        return {}
    try:
        statements = ast.parse(text).body
    except SyntaxError:
        return {}
    found = {}
    for statement in statements:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            name = statement.targets[0].id
            if name in ("model", "data_preprocessor"):
                found[name] = _literal(statement.value)
    return {name: value for name, value in found.items() if isinstance(value, dict)}


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


def _heads(saved: dict[str, Any], source: Source, backbone: nn.Module) -> str:
    if source.dialect is None or source.dialect.family != "vit":
        return ""
    numbers = (getattr(part, "num_heads", None) for part in backbone.modules())
    ours = next((number for number in numbers if isinstance(number, int)), None)
    width = _width(source.weights)
    theirs = _saved_heads(saved.get("model", {}).get("backbone"))
    said = "its config says"
    if theirs is None:
        small_moco = "base_encoder" in source.place or "momentum_encoder" in source.place
        theirs = (_HEADS_OF_MOCO_V3 if small_moco else _HEADS).get(width)
        said = f"published ViTs of {width} channels have"
    if ours is None or theirs is None or ours == theirs:
        return ""
    return (
        f"{said} {theirs} attention heads, {type(backbone).__name__} has {ours}: the weights fit, "
        "and mean something else"
    )


def _width(weights: Mapping[str, Tensor]) -> int:
    """Channels of a vision transformer: what its patches are embedded in."""
    return next(value.shape[0] for value in weights.values() if value.ndim == 4)


def _saved_heads(backbone: Any) -> int | None:
    """Heads of a backbone of a config, where it says them or names an architecture of the host."""
    if not isinstance(backbone, dict):
        return None
    arch = backbone.get("arch")
    if isinstance(arch, str):
        zoo = getattr(MODELS.get(str(backbone.get("type"))), "arch_zoo", {})
        arch = zoo.get(arch)
    heads = arch.get("num_heads") if isinstance(arch, dict) else backbone.get("num_heads")
    return heads if isinstance(heads, int) else None


def _style(saved: dict[str, Any], backbone: nn.Module) -> str:
    """Where a ResNet strides: in its first 1 x 1 convolution (caffe) or in the 3 x 3 (pytorch)."""
    theirs = (saved.get("model", {}).get("backbone") or {}).get("style")
    ours = getattr(backbone, "style", None)
    if theirs is None or ours is None or theirs == ours:
        return ""
    return f"its config says style={theirs!r}, {type(backbone).__name__} has style={ours!r}"


def _normalisation(saved: dict[str, Any], preprocessor: Any) -> str:
    theirs = saved.get("model", {}).get("data_preprocessor") or saved.get("data_preprocessor") or {}
    for name in ("mean", "std"):
        ours = getattr(preprocessor, name, None)
        if not isinstance(ours, Tensor) or not isinstance(theirs.get(name), list):
            continue
        found, expected = ours.flatten().cpu(), torch.tensor(theirs[name], dtype=torch.float)
        if expected.shape != found.shape or (expected - found).abs().max() > _CLOSE:
            fed = [round(value, 2) for value in found.tolist()]
            return f"trained on pictures of {name} {theirs[name]}, fed with {name} {fed}"
    return ""
