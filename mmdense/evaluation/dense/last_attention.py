"""Queries and keys of the last block of a vision transformer.

Fused attention does not return its weights. So a hook stores the input of the attention layer, and
queries and keys are computed again from this input.

Letters: B images, L tokens, D channels of a token, h heads, d channels of a head, H and W positions
of the patches.
"""

from typing import Any, NamedTuple

import mmcv.cnn.bricks.transformer
import torch
import torch.nn.functional as F
from mmpretrain.models.utils import MultiheadAttention
from torch import Tensor, nn

from mmdense.evaluation.dense.patches import giving_patches
from mmdense.ssl.tokens import tokens_of

__all__ = ["NoAttentionError", "QueriesAndKeys", "last_attention", "last_queries_and_keys"]

_OF_MMCV = mmcv.cnn.bricks.transformer.MultiheadAttention  # used by MMSegmentation's transformer


class NoAttentionError(ValueError):
    """The backbone is not a supported vision transformer; the message has the reason."""


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


@torch.no_grad()
def last_queries_and_keys(backbone: Any, inputs: Tensor) -> QueriesAndKeys:
    """Run a backbone and return the queries and keys of its last block.

    Args:
        backbone: In eval mode.
        inputs: Normalised images. [B, 3, S, S]

    Raises:
        NoAttentionError: As :func:`last_attention`, or the attention is not over all tokens.
    """
    attention = last_attention(backbone)
    kept: list[Tensor] = []
    handle = attention.register_forward_pre_hook(lambda _, inputs: kept.append(inputs[0]))
    try:
        with giving_patches(backbone):
            grid = tokens_of(backbone, inputs).grid
    finally:
        handle.remove()
    if not kept or kept[-1].ndim != 3:
        raise NoAttentionError(
            f"the last block of {type(backbone).__name__} does not attend over all tokens"
        )
    # MMSegmentation's transformer has a class token or none.
    extra = getattr(backbone, "num_extra_tokens", getattr(backbone, "with_cls_token", False))
    return QueriesAndKeys(*_queries_and_keys(attention, kept[-1]), int(extra), grid)


def last_attention(backbone: nn.Module) -> nn.Module:
    """Return the attention layer of the last block.

    Raises:
        NoAttentionError: The backbone has no list ``layers`` of blocks with ``attn``, or its
            attention is not a plain softmax over queries times keys.
    """
    layers = getattr(backbone, "layers", None)
    last = layers[-1] if isinstance(layers, nn.ModuleList | nn.Sequential) and layers else None
    attention = getattr(last, "attn", None)
    if isinstance(attention, MultiheadAttention | _OF_MMCV):
        return attention
    raise NoAttentionError(
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
