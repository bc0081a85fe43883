"""Class attention: a learned token collects the patches of an image, or of a neighbourhood.

Touvron et al. 2021, "Going deeper with Image Transformers", section 3; used by SelfPatch without
LayerScale.

Letters: B images, N patches, D channels, h heads, d = D / h, k neighbours of a patch.
"""

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmengine.model.weight_init import trunc_normal_
from torch import Tensor, nn

from mmdense.registry import MODELS

__all__ = ["ClassAttentionPool"]


class ClassAttentionBlock(nn.Module):
    """Attention with the token as the only query, then an MLP on the token."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(channels, eps=1e-6)
        self.q = nn.Linear(channels, channels)
        self.k = nn.Linear(channels, channels)
        self.v = nn.Linear(channels, channels)
        self.proj = nn.Linear(channels, channels)
        self.norm2 = nn.LayerNorm(channels, eps=1e-6)
        self.mlp = nn.Sequential(
            nn.Linear(channels, 4 * channels), nn.GELU(), nn.Linear(4 * channels, channels)
        )

    def forward(self, token: Tensor, patches: Tensor) -> Tensor:
        """Return the token after it has collected the patches, [B, D].

        Args:
            token: [B, D]
            patches: Without the norm of this block. [B, N, D]
        """
        rows = self.norm1(torch.cat([token[:, None], patches], dim=1))  # [B, 1 + N, D]
        query = self._split(self.q(rows[:, :1]))  # [B, h, 1, d]
        found = F.scaled_dot_product_attention(
            query, self._split(self.k(rows)), self._split(self.v(rows))
        )
        return self._update(token, found.transpose(1, 2).flatten(1))

    def on_neighbours(
        self, tokens: Tensor, patches: Tensor, index: Tensor, exists: Tensor
    ) -> Tensor:
        """Return one token for each patch after it has collected the patch's neighbours, [B, N, D].

        Keys and values are computed once for each patch, and not for each neighbourhood.

        Args:
            tokens: [B, N, D]
            patches: Without the norm of this block. [B, N, D]
            index: Places of the neighbours. [B, N, k]
            exists: Which of them count. [B, N, k]
        """
        own, rows = self.norm1(tokens), self.norm1(patches)
        query = self.q(own).unflatten(-1, (self.heads, -1))  # [B, N, h, d]
        keys = self._neighbourhood(self.k(own), self.k(rows), index)  # [B, N, 1 + k, h, d]
        scores = (query[:, :, None] * keys).sum(dim=-1) * query.shape[-1] ** -0.5
        exists = F.pad(exists, (1, 0), value=True)  # [B, N, 1 + k]; the token's own key
        scores = scores.masked_fill(~exists[..., None], -torch.inf)  # [B, N, 1 + k, h]
        weights = scores.softmax(dim=2)[..., None]
        values = self._neighbourhood(self.v(own), self.v(rows), index)
        found = (weights * values).sum(dim=2).flatten(2)  # [B, N, D]
        return self._update(tokens, found)

    def _neighbourhood(self, own: Tensor, rows: Tensor, index: Tensor) -> Tensor:
        places = index.flatten(1)[..., None].expand(-1, -1, rows.shape[-1])  # [B, N k, D]
        near = rows.gather(1, places).unflatten(1, index.shape[1:])  # [B, N, k, D]
        return torch.cat([own[:, :, None], near], dim=2).unflatten(-1, (self.heads, -1))

    def _update(self, token: Tensor, found: Tensor) -> Tensor:
        token = token + self.proj(found)
        return token + self.mlp(self.norm2(token))

    def _split(self, rows: Tensor) -> Tensor:
        return rows.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # [B, h, L, d]


@MODELS.register_module()
class ClassAttentionPool(BaseModule):
    """A learned token that collects patches in class-attention blocks, and a LayerNorm.

    SelfPatch uses one pool for the image (all patches) and for a neighbourhood (k of 8).

    Args:
        channels: D of the backbone.
        heads: h of the backbone.
        blocks: Number of blocks; the patches are the same in all of them.

    Raises:
        ValueError: The heads do not divide the channels.
    """

    def __init__(self, *, channels: int, heads: int, blocks: int = 2) -> None:
        super().__init__()
        if channels % heads:
            raise ValueError(f"ClassAttentionPool: {heads} heads do not divide {channels} channels")
        self.token = nn.Parameter(torch.zeros(channels))
        self.blocks = nn.ModuleList(ClassAttentionBlock(channels, heads) for _ in range(blocks))
        self.norm = nn.LayerNorm(channels, eps=1e-6)

    def init_weights(self) -> None:
        """Draw token and weights from a normal distribution of deviation 0.02."""
        trunc_normal_(self.token, std=0.02)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)

    def forward(self, patches: Tensor) -> Tensor:
        """Return one vector for each image, [B, D].

        Args:
            patches: [B, N, D]
        """
        token = self.token.expand(len(patches), -1)
        for block in self.blocks:
            token = block(token, patches)
        return self.norm(token)

    def on_neighbours(self, patches: Tensor, index: Tensor, exists: Tensor) -> Tensor:
        """Return one vector for each patch, from its neighbours only, [B, N, D].

        Args:
            patches: [B, N, D]
            index: Places of the neighbours. [B, N, k]
            exists: Which of them count. [B, N, k]
        """
        tokens = self.token.expand_as(patches)
        for block in self.blocks:
            tokens = block.on_neighbours(tokens, patches, index, exists)
        return self.norm(tokens)
