"""Image of the attention in the last block of a vision transformer, for each head.

Fused attention does not return its weights. So a hook stores the input of the attention layer, and
queries and keys are computed again from this input.

Letters: B images, L tokens, D channels of a token, h heads, d channels of a head, H and W positions
of the patches.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import matplotlib
import mmcv.cnn.bricks.transformer
import numpy as np
import torch
import torch.nn.functional as F
from mmpretrain.models.utils import MultiheadAttention
from torch import Tensor, nn

from mmdense.visual.attention import class_attention
from mmdense.visual.chosen_images import ImageSource, evenly_spaced, network_input
from mmdense.visual.drawn import Drawn, NothingToDraw
from mmdense.visual.feature_maps import feature_map
from mmdense.visual.grid import Cell, draw_grid, faded, fitted, side_by_side

__all__ = ["QueriesAndKeys", "draw_attention", "last_queries_and_keys"]

_IMAGES, _HEADS = 6, 12  # maximum numbers
_COLUMNS = 8  # maximum number of columns in a row with several images
_COVER = 0.65  # opacity of the colours over the image
_OF_MMCV = mmcv.cnn.bricks.transformer.MultiheadAttention  # used by MMSegmentation's transformer


class QueriesAndKeys(NamedTuple):
    """Queries and keys of the last block.

    Attributes:
        queries: [B, h, L, d]
        keys: [B, h, L, d]
        extra: Number of tokens before the patch tokens; the first is the class token.
    """

    queries: Tensor
    keys: Tensor
    extra: int


def draw_attention(backbone: nn.Module, preprocess: nn.Module, source: ImageSource) -> Drawn:
    """Draw the attention of the class token over the patches, after DINO (arXiv:2104.14294).

    Args:
        backbone: In eval mode.
        preprocess: Normalises images.
        source: Images to draw.

    Raises:
        NothingToDraw: The backbone is not a supported vision transformer.
    """
    images = [source[index] for index in evenly_spaced(len(source), _IMAGES)]
    groups, heads, patches, extra = [], 0, 0, 0
    for image in images:
        planes, extra = _attention_planes(backbone, network_input([image], preprocess))
        heads, patches = len(planes), planes[0].numel()
        groups.append(_cells(image.picture, image.name, planes[:_HEADS]))
    headings = ["image", *(f"head {number}" for number in range(1, len(groups[0])))]
    number = min(_per_row(len(headings)), len(groups))
    sheet = draw_grid(side_by_side(groups, number), headings * number, group=len(headings))
    asking = "the class token" if extra else "the mean query of the patches (no class token)"
    shown = (
        f"the first {_HEADS} of its {heads} heads"
        if heads > _HEADS
        else f"its {heads} head" + "s" * (heads > 1)
    )
    caption = (
        f"Attention of {asking} over the patches in the last block of the backbone, "
        f"{type(backbone).__name__}: {shown} side by side, on {source.describe(len(groups))}. "
        "Yellow is the maximum of a head over the patches of an image; its value is printed below. "
        f"Dark violet is no attention. Uniform attention over {patches} patches would be "
        f"{100 / patches:.1f} % each. In a well-trained model, heads attend to objects or to their "
        "parts. A head with uniform attention has not specialised. As in DINO (arXiv:2104.14294, "
        "figure 1)."
    )
    return Drawn(sheet, "Attention of the last block", caption)


@torch.no_grad()
def last_queries_and_keys(backbone: nn.Module, run: Callable[[], Any]) -> QueriesAndKeys:
    """Run a backbone and return the queries and keys of its last block.

    Args:
        backbone: In eval mode.
        run: Function that calls the backbone.

    Raises:
        NothingToDraw: The backbone has no list ``layers`` of blocks with ``attn``, or its
            attention is not a plain softmax over queries times keys.
    """
    attention = _last_attention(backbone)
    kept: list[Tensor] = []
    handle = attention.register_forward_pre_hook(lambda _, inputs: kept.append(inputs[0]))
    try:
        run()
    finally:
        handle.remove()
    if not kept or kept[-1].ndim != 3:
        raise NothingToDraw(
            f"the last block of {type(backbone).__name__} does not attend over all tokens"
        )
    queries, keys = _queries_and_keys(attention, kept[-1])
    return QueriesAndKeys(queries, keys, _extra_tokens(backbone))


def _last_attention(backbone: nn.Module) -> nn.Module:
    layers = getattr(backbone, "layers", None)
    name = type(backbone).__name__
    last = layers[-1] if isinstance(layers, nn.ModuleList | nn.Sequential) and layers else None
    attention = getattr(last, "attn", None)
    if attention is None:
        raise NothingToDraw(
            f"{name} has no attention blocks (a list `layers` of blocks with `attn`)"
        )
    if not isinstance(attention, MultiheadAttention | _OF_MMCV):
        raise NothingToDraw(
            f"{name} uses {type(attention).__name__}; MultiheadAttention of MMPretrain and of MMCV "
            "are supported"
        )
    return attention


def _queries_and_keys(attention: Any, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Return queries and keys, each [B, h, L, d]."""
    if isinstance(attention, MultiheadAttention):
        weight, bias = attention.qkv.weight, attention.qkv.bias
    else:
        tokens = tokens if attention.batch_first else tokens.transpose(0, 1)  # [B, L, D]
        weight, bias = attention.attn.in_proj_weight, attention.attn.in_proj_bias
    both = F.linear(tokens, weight, bias).chunk(3, dim=-1)[:2]  # [B, L, D] each
    heads = [one.unflatten(-1, (attention.num_heads, -1)).transpose(1, 2) for one in both]
    return heads[0], heads[1]  # [B, h, L, d]


def _extra_tokens(backbone: Any) -> int:
    """Return the number of extra tokens; MMSegmentation has a class token or none."""
    extra = getattr(backbone, "num_extra_tokens", None)
    return int(getattr(backbone, "with_cls_token", False)) if extra is None else int(extra)


def _attention_planes(backbone: nn.Module, inputs: Tensor) -> tuple[Tensor, int]:
    """Return the attention over the patches, [h, H, W], and the number of extra tokens."""
    maps: list[Tensor] = []
    found = last_queries_and_keys(backbone, lambda: maps.append(feature_map(backbone, inputs)))
    weights = class_attention(found.queries[0], found.keys[0], extra=found.extra)  # [h, H W]
    return weights.unflatten(1, maps[0].shape[2:]), found.extra  # [h, H, W]


def _per_row(columns: int) -> int:
    """Return the number of images in a row, if each takes so many columns."""
    return max(1, _COLUMNS // columns)


def _cells(picture: np.ndarray, name: str, planes: Tensor) -> list[Cell]:
    columns = (1 + len(planes)) * _per_row(1 + len(planes))
    shown = fitted(picture, columns)
    cells = [Cell(shown, (name,))]
    for plane in planes.cpu().numpy():
        strength = plane / max(plane.max(), 1e-12)
        colours = matplotlib.colormaps["viridis"](strength)[..., :3]  # [H, W, 3]
        small = (colours * 255).round().astype(np.uint8)
        heat = fitted(small, columns, like=picture.shape).astype(np.float32)
        mixed = _COVER * heat + (1 - _COVER) * faded(shown)
        cells.append(Cell(mixed.round().astype(np.uint8), (f"maximum {100 * plane.max():.1f} %",)))
    return cells
