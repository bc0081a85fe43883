"""How much the class token of a vision transformer looks at each patch.

DINO (Caron et al. 2021, arXiv:2104.14294, figure 1) shows the attention of the class token in the
last block. It is computed from queries and keys, since fused attention never keeps it.

Letters: h heads, L tokens, E extra tokens before the patches, d channels of a head.
"""

import torch
from torch import Tensor

__all__ = ["class_attention"]


@torch.no_grad()
def class_attention(queries: Tensor, keys: Tensor, *, extra: int) -> Tensor:
    """Attention of the class token over the patches, each head by itself.

    Without a class token the mean query of all patches takes its place.

    Args:
        queries: Of all tokens. [h, L, d]
        keys: Of all tokens. [h, L, d]
        extra: E; the first of them is the class token. With 0 there is none.

    Returns:
        From 0 to 1; a row sums to 1 less what falls on the extra tokens. float32 [h, L - E]

    Raises:
        ValueError: The shapes differ, or no patch is left.
    """
    if queries.ndim != 3 or queries.shape != keys.shape:
        raise ValueError(
            f"queries {tuple(queries.shape)} and keys {tuple(keys.shape)} must both be [h, L, d]"
        )
    if not 0 <= extra < queries.shape[1]:
        raise ValueError(f"of {queries.shape[1]} tokens, {extra} cannot be extra ones")
    queries, keys = queries.float(), keys.float()
    asking = queries[:, :1] if extra else queries.mean(dim=1, keepdim=True)  # [h, 1, d]
    logits = asking @ keys.transpose(1, 2) / queries.shape[-1] ** 0.5  # [h, 1, L]
    return torch.softmax(logits, dim=-1)[:, 0, extra:]  # [h, L - E]
