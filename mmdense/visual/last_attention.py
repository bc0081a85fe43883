"""Queries and keys of the last block of a host's vision transformer.

Fused attention gives no weights away. So a hook keeps what goes into the attention, and its own
layers make queries and keys of that again.

Letters: B images, L tokens, D channels of a token, h heads, d channels of a head.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import mmcv.cnn.bricks.transformer
import torch
import torch.nn.functional as F
from mmpretrain.models.utils import MultiheadAttention
from torch import Tensor, nn

from mmdense.visual.drawn import NothingToDraw

__all__ = ["QueriesAndKeys", "last_queries_and_keys"]

_OF_MMCV = mmcv.cnn.bricks.transformer.MultiheadAttention  # MMSegmentation's transformer has it


class QueriesAndKeys(NamedTuple):
    """Of the last attention.

    Attributes:
        queries: [B, h, L, d]
        keys: [B, h, L, d]
        extra: Tokens before those of the patches; the first is the class token.
    """

    queries: Tensor
    keys: Tensor
    extra: int


@torch.no_grad()
def last_queries_and_keys(backbone: nn.Module, run: Callable[[], Any]) -> QueriesAndKeys:
    """Run a backbone, and read the queries and keys of its last block.

    Args:
        backbone: In eval mode.
        run: Calls the backbone.

    Raises:
        NothingToDraw: The backbone has no list ``layers`` of blocks with ``attn``, or an attention
            whose weights are more than a softmax over queries times keys.
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
        raise NothingToDraw(f"{name} has no blocks of attention (`layers` with `attn` in each)")
    if not isinstance(attention, MultiheadAttention | _OF_MMCV):
        raise NothingToDraw(
            f"the blocks of {name} attend by {type(attention).__name__}; known are "
            "MultiheadAttention of MMPretrain and of MMCV"
        )
    return attention


def _queries_and_keys(attention: Any, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Both [B, h, L, d]."""
    if isinstance(attention, MultiheadAttention):
        weight, bias = attention.qkv.weight, attention.qkv.bias
    else:
        tokens = tokens if attention.batch_first else tokens.transpose(0, 1)  # [B, L, D]
        weight, bias = attention.attn.in_proj_weight, attention.attn.in_proj_bias
    both = F.linear(tokens, weight, bias).chunk(3, dim=-1)[:2]  # [B, L, D] each
    heads = [one.unflatten(-1, (attention.num_heads, -1)).transpose(1, 2) for one in both]
    return heads[0], heads[1]  # [B, h, L, d]


def _extra_tokens(backbone: Any) -> int:
    """MMPretrain counts its extra tokens; MMSegmentation's have a class token or none."""
    extra = getattr(backbone, "num_extra_tokens", None)
    return int(getattr(backbone, "with_cls_token", False)) if extra is None else int(extra)
