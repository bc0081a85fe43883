"""Image of the attention in the last block of a vision transformer, for each head.

Fused attention does not return its weights. So a hook stores the input of the attention layer, and
queries and keys are computed again from this input.

Letters: B images, L tokens, D channels of a token, h heads, d channels of a head, H and W positions
of the patches.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import matplotlib
import mmcv.cnn.bricks.transformer
import numpy as np
import torch
import torch.nn.functional as F
from mmpretrain.models.utils import MultiheadAttention
from torch import Tensor, nn

from mmdense.visual.attention import class_attention
from mmdense.visual.chosen_images import ChosenImage, ImageSource, network_input
from mmdense.visual.drawn import Drawn, NothingToDraw
from mmdense.visual.feature_maps import feature_map
from mmdense.visual.grid import Cell, draw_grid, faded, fitted

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
        grid: H and W.
    """

    queries: Tensor
    keys: Tensor
    extra: int
    grid: tuple[int, int]


def draw_attention(backbone: nn.Module, preprocess: nn.Module, source: ImageSource) -> Drawn:
    """Draw the attention of the class token over the patches, after DINO (arXiv:2104.14294).

    The backbone is in eval mode.

    Raises:
        NothingToDraw: The backbone is not a supported vision transformer.
    """
    images = source.spread(_IMAGES)
    planes: list[np.ndarray] = []
    for image in images:
        found = last_queries_and_keys(backbone, network_input([image], preprocess))
        weights = class_attention(found.queries[0], found.keys[0], extra=found.extra)  # [h, H W]
        planes.append(weights.unflatten(1, found.grid).cpu().numpy())  # [h, H, W]
    heads, patches = len(planes[0]), planes[0][0].size
    headings = ["image", *(f"head {number + 1}" for number in range(min(heads, _HEADS)))]
    columns = len(headings) * max(1, _COLUMNS // len(headings))
    cells = [
        cell
        for image, plane in zip(images, planes)
        for cell in _cells(image, plane[:_HEADS], columns)
    ]
    sheet = draw_grid(cells, columns, headings)
    asking = "the class token" if found.extra else "the mean query of the patches (no class token)"
    shown = (
        f"the first {_HEADS} of its {heads} heads"
        if heads > _HEADS
        else f"its {heads} head" + "s" * (heads > 1)
    )
    caption = (
        f"Attention of {asking} over the patches in the last block of the backbone, "
        f"{type(backbone).__name__}: {shown} side by side, on {source.describe(len(images))}. "
        "Yellow is the maximum of a head over the patches of an image; its value is printed below. "
        f"Dark violet is no attention. Uniform attention over {patches} patches would be "
        f"{100 / patches:.1f} % each. In a well-trained model, heads attend to objects or to their "
        "parts. A head with uniform attention has not specialised. As in DINO (arXiv:2104.14294, "
        "figure 1)."
    )
    return Drawn(sheet, "Attention of the last block", caption)


@torch.no_grad()
def last_queries_and_keys(backbone: Any, inputs: Tensor) -> QueriesAndKeys:
    """Run a backbone and return the queries and keys of its last block.

    Args:
        backbone: In eval mode.
        inputs: Normalised images. [B, 3, S, S]

    Raises:
        NothingToDraw: The backbone has no list ``layers`` of blocks with ``attn``, or its
            attention is not a plain softmax over queries times keys.
    """
    attention = _last_attention(backbone)
    kept: list[Tensor] = []
    handle = attention.register_forward_pre_hook(lambda _, inputs: kept.append(inputs[0]))
    try:
        grid = feature_map(backbone, inputs).shape[2:]
    finally:
        handle.remove()
    if not kept or kept[-1].ndim != 3:
        raise NothingToDraw(
            f"the last block of {type(backbone).__name__} does not attend over all tokens"
        )
    # MMSegmentation's transformer has a class token or none.
    extra = getattr(backbone, "num_extra_tokens", getattr(backbone, "with_cls_token", False))
    return QueriesAndKeys(*_queries_and_keys(attention, kept[-1]), int(extra), (grid[0], grid[1]))


def _last_attention(backbone: nn.Module) -> nn.Module:
    layers = getattr(backbone, "layers", None)
    last = layers[-1] if isinstance(layers, nn.ModuleList | nn.Sequential) and layers else None
    attention = getattr(last, "attn", None)
    if isinstance(attention, MultiheadAttention | _OF_MMCV):
        return attention
    raise NothingToDraw(
        f"{type(backbone).__name__} "
        + (
            "has no attention blocks (a list `layers` of blocks with `attn`)"
            if attention is None
            else f"uses {type(attention).__name__}; MultiheadAttention of MMPretrain and of MMCV "
            "are supported"
        )
    )


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


def _cells(image: ChosenImage, planes: np.ndarray, columns: int) -> list[Cell]:
    """Return the image, and the attention of each head over it; planes are [h, H, W]."""
    shown = fitted(image.image, columns)
    cells = [Cell(shown, (image.name,))]
    for plane in planes:
        strength = plane / max(plane.max(), 1e-12)
        colours = matplotlib.colormaps["viridis"](strength, bytes=True)[..., :3]  # [H, W, 3]
        heat = fitted(colours, columns, like=image.image.shape)
        mixed = cv2.addWeighted(heat, _COVER, faded(shown), 1 - _COVER, 0)
        cells.append(Cell(mixed, (f"maximum {100 * plane.max():.1f} %",)))
    return cells
