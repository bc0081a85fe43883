"""Attention of the class token of a vision transformer over the patches.

DINO (Caron et al. 2021, arXiv:2104.14294, figure 1) shows the attention of the class token in the
last block. It is computed from queries and keys, because fused attention does not return it.

Letters: h heads, L tokens, E extra tokens before the patches, d channels of a head.
"""

import torch
from torch import Tensor


@torch.no_grad()
def class_attention(queries: Tensor, keys: Tensor, *, extra: int) -> Tensor:
    """Return the attention of the class token over the patches, for each head.

    Without a class token, the mean query of all patches is used.

    Args:
        queries: Queries of all tokens. [h, L, d]
        keys: Keys of all tokens. [h, L, d]
        extra: E; the first extra token is the class token. 0 means no class token.

    Returns:
        From 0 to 1; a row sums to 1 minus the attention on the extra tokens. float32 [h, L - E]

    Raises:
        ValueError: The shapes differ, or no patch is left.
    """
    if queries.ndim != 3 or queries.shape != keys.shape:
        raise ValueError(
            f"queries {tuple(queries.shape)} and keys {tuple(keys.shape)} must both be [h, L, d]"
        )
    if not 0 <= extra < queries.shape[1]:
        raise ValueError(f"extra is {extra}; it must be from 0 to {queries.shape[1] - 1}")
    queries, keys = queries.float(), keys.float()
    asking = queries[:, :1] if extra else queries.mean(dim=1, keepdim=True)  # [h, 1, d]
    logits = asking @ keys.transpose(1, 2) / queries.shape[-1] ** 0.5  # [h, 1, L]
    return torch.softmax(logits, dim=-1)[:, 0, extra:]  # [h, L - E]
